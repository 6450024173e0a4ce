/**
 * Starts compilers that wait, and asks them.
 *
 * Invariant: a compiler that did not answer once is not asked again.
 */
#include "waiting.h"
#include <cerrno>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "programs.h"

namespace emulated {
namespace {

class WaitingCompiler {
  std::mutex mutex;
  int channel = -1;
  pid_t process = -1;

 public:
  explicit WaitingCompiler(const std::vector<std::string>& words) {
    const std::string preloaded = ownFolder() + "/libwaiting-compiler.so";
    int ends[2];
    if (access(preloaded.c_str(), R_OK) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) return;
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    for (int output : {1, 2}) posix_spawn_file_actions_addopen(&files, output, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, ends[1], WAITING_CHANNEL);
    process = spawned(words, files, {"LD_PRELOAD=" + preloaded});
    posix_spawn_file_actions_destroy(&files);
    close(ends[1]);
    channel = ends[0];
  }

  /** With what it took, which is then known to belong to this process. */
  ~WaitingCompiler() {
    if (channel >= 0) close(channel);
    while (process > 0 && waitpid(process, nullptr, 0) < 0 && errno == EINTR) {}
  }

  bool compiles(const std::string& request) {
    const std::lock_guard<std::mutex> alone(mutex);
    int status = -1;
    if (channel < 0) return false;
    if (send(channel, request.data(), request.size(), MSG_NOSIGNAL) == ssize_t(request.size()) &&
        recv(channel, &status, sizeof status, 0) == sizeof status)
      return status == 0;
    close(channel);
    channel = -1;
    return false;
  }
};

WaitingCompiler& waiting(const std::vector<std::string>& words) {
  static std::mutex mutex;
  static std::map<std::vector<std::string>, WaitingCompiler> all;
  const std::lock_guard<std::mutex> alone(mutex);
  return all.try_emplace(words, words).first->second;
}

}  // namespace

bool compileWaiting(
    const std::vector<std::string>& words, const std::string& unit, const std::string& assembly, const std::string& log) {
  std::vector<std::string> all = words;
  all.insert(all.end(), {"-S", "-o", "-", ownFolder() + "/include/unit.cc"});
  const char end = 0;
  return waiting(all).compiles(unit + end + assembly + end + log);
}

}  // namespace emulated
