/**
 * Makes of g++ a compiler that waits: preloaded, it holds the compiler back where it opens the unit, after it has started and
 * read the headers in front. Each request then is a copy of the process, which goes on with a unit of its own.
 *
 * Most of what a small unit costs is the start: this one happens once. Invariant: what is compiled is what g++ would have
 * compiled by itself; programs that do not open the unit notice nothing.
 */
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../driver/waiting.h"

namespace {

using emulated::WAITING_CHANNEL;

void write(const char* path, int as) {
  const int file = openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(file, as);
  close(file);
}

/** The tables of the processor that GCC otherwise makes for the first function; other compilers make them when they like. */
void makeTables() {
  if (void* make = dlsym(RTLD_DEFAULT, "_Z14initialize_rtlv")) reinterpret_cast<void (*)()>(make)();
}

/** The unit, in each copy of the process; the process itself does nothing else any more. */
int unitToCome() {
  makeTables();
  char request[3 * 4096 + 3];
  for (;;) {
    const ssize_t bytes = recv(WAITING_CHANNEL, request, sizeof request - 1, 0);
    if (bytes <= 0) _exit(0);
    request[bytes] = 0;
    const char* unit = request;
    const char* assembly = unit + strlen(unit) + 1;
    const char* log = assembly + strlen(assembly) + 1;
    const pid_t copy = fork();
    if (copy == 0) {
      close(WAITING_CHANNEL);
      write(assembly, 1);
      write(log, 2);
      return openat(AT_FDCWD, unit, O_RDONLY | O_CLOEXEC);
    }
    int status = -1;
    while (copy > 0 && waitpid(copy, &status, 0) < 0 && errno == EINTR) {}
    if (send(WAITING_CHANNEL, &status, sizeof status, MSG_NOSIGNAL) < 0) _exit(0);
  }
}

int openFile(const char* path, int flags, mode_t mode) {
  return strcmp(path, emulated::UNIT_TO_COME) ? openat(AT_FDCWD, path, flags, mode) : unitToCome();
}

mode_t modeIn(int flags, va_list rest) { return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; }

}  // namespace

#define OPEN(name)                                 \
  extern "C" int name(const char* path, int flags, ...) { \
    va_list rest;                                  \
    va_start(rest, flags);                         \
    const mode_t mode = modeIn(flags, rest);       \
    va_end(rest);                                  \
    return openFile(path, flags, mode);            \
  }
OPEN(open)
OPEN(open64)
