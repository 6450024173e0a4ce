/**
 * Other programs, and files that are shared with them.
 *
 * Invariant: a program that could not be started is one that failed.
 */
#pragma once
#include <spawn.h>
#include <string>
#include <sys/types.h>
#include <vector>

namespace emulated {

/** Starts a program; `variables` come on top of those of this process. No process if it cannot be started. */
pid_t spawned(
    const std::vector<std::string>& words, const posix_spawn_file_actions_t&, const std::vector<std::string>& variables = {});
/** Runs a program; what it says goes to a file. */
bool runProgram(const std::vector<std::string>& words, const std::string& log);

/** Where this library is. */
std::string ownFolder();
bool readFile(const std::string& path, std::string& into);
bool writeFile(const std::string& path, const std::string& text);

}  // namespace emulated
