/**
 * Starts programs, reads and writes files.
 *
 * Invariant: programs read nothing from the terminal and find no files of this process.
 */
#include "programs.h"
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace emulated {
namespace {

/** Whether `old`, as `name=value`, is among new ones with another value. */
bool isSet(const std::vector<std::string>& variables, const char* old) {
  for (const std::string& variable : variables)
    if (!strncmp(variable.c_str(), old, variable.find('=') + 1)) return true;
  return false;
}

}  // namespace

pid_t spawned(
    const std::vector<std::string>& words, const posix_spawn_file_actions_t& files, const std::vector<std::string>& variables) {
  std::vector<char*> all, environment;
  for (const std::string& word : words) all.push_back(const_cast<char*>(word.c_str()));
  all.push_back(nullptr);
  for (const std::string& variable : variables) environment.push_back(const_cast<char*>(variable.c_str()));
  for (char** old = environ; *old; old++)
    if (!isSet(variables, *old)) environment.push_back(*old);
  environment.push_back(nullptr);
  pid_t child;
  return posix_spawnp(&child, all[0], &files, nullptr, all.data(), environment.data()) == 0 ? child : -1;
}

bool runProgram(const std::vector<std::string>& words, const std::string& log) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  const pid_t child = spawned(words, files);
  posix_spawn_file_actions_destroy(&files);
  int status = -1;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::string ownFolder() {
  Dl_info own;
  dladdr(reinterpret_cast<void*>(&ownFolder), &own);
  const std::string path = own.dli_fname;
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

bool readFile(const std::string& path, std::string& into) {
  FILE* file = fopen(path.c_str(), "rb");
  if (!file) return false;
  char buffer[65536];
  size_t got;
  into.clear();
  while ((got = fread(buffer, 1, sizeof buffer, file)) > 0) into.append(buffer, got);
  fclose(file);
  return true;
}

bool writeFile(const std::string& path, const std::string& text) {
  FILE* file = fopen(path.c_str(), "wb");
  if (!file) return false;
  const bool whole = fwrite(text.data(), 1, text.size(), file) == text.size();
  return (fclose(file) == 0) && whole;
}

}  // namespace emulated
