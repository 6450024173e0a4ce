/**
 * Signals and failures of kernels, turned into results.
 *
 * Invariant: signal handlers are ours only while a kernel runs, and only for the thread that runs it: whoever had them
 * before (V8 catches some) gets all others.
 */
#include "fault.h"
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <pthread.h>
#include <sys/mman.h>
#include "memory.h"
#include "scheduler.h"

namespace emulated {
namespace {

constexpr int SIGNALS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
constexpr int COUNT = sizeof SIGNALS / sizeof *SIGNALS;
constexpr size_t SIGNAL_STACK = 64 << 10;

jmp_buf landing;
Fault pending;
pthread_t runner;
volatile bool running = false;
struct sigaction before[COUNT];
int caught;
void* faultAddress;

void forward(int signal, siginfo_t* info, void* context) {
  for (int i = 0; i < COUNT; i++) {
    if (SIGNALS[i] != signal) continue;
    const struct sigaction& other = before[i];
    if (other.sa_flags & SA_SIGINFO) return other.sa_sigaction(signal, info, context);
    if (other.sa_handler == SIG_IGN) return;
    if (other.sa_handler != SIG_DFL) return other.sa_handler(signal);
    sigaction(signal, &other, nullptr);  // the default: it happens again, and ends the process
  }
}

void onSignal(int signal, siginfo_t* info, void* context) {
  if (!running || !pthread_equal(runner, pthread_self())) return forward(signal, info, context);
  caught = signal;
  faultAddress = info->si_addr;
  longjmp(landing, 1);
}

/** A kernel's stacks are small, and may be what overflowed. */
void useSignalStack() {
  static thread_local struct Stack {
    stack_t own{}, other{};
    Stack() {
      own.ss_sp = mmap(nullptr, SIGNAL_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      own.ss_size = SIGNAL_STACK;
      sigaltstack(nullptr, &other);
      if (other.ss_flags & SS_DISABLE) sigaltstack(&own, nullptr);
    }
    ~Stack() {
      if (other.ss_flags & SS_DISABLE) sigaltstack(&other, nullptr);
      munmap(own.ss_sp, SIGNAL_STACK);
    }
  } stack;
}

Fault ofSignal() {
  const std::string where = scheduler::place();
  char text[512];
  if (caught == SIGFPE) return {LAUNCH_FAILED, where + ": a division of integers by zero"};
  // units are compiled to trap before such an access
  if (caught == SIGILL || caught == SIGTRAP)
    return {MISALIGNED_ADDRESS, where + ": an access to an address that is no multiple of its size"};
  if (scheduler::isStackGuard(faultAddress)) return {LAUNCH_FAILED, where + ": the stack of a thread overflowed"};
  snprintf(text, sizeof text, ": an access to %p, %s", faultAddress, describe(Address(faultAddress)).c_str());
  return {ILLEGAL_ADDRESS, where + text};
}

}  // namespace

void fail(Result code, const char* format, ...) {
  char text[1024];
  va_list rest;
  va_start(rest, format);
  vsnprintf(text, sizeof text, format, rest);
  va_end(rest);
  pending = {code, scheduler::place() + ": " + text};
  caught = 0;
  longjmp(landing, 1);
}

Fault guarded(const std::function<void()>& body) {
  useSignalStack();
  struct sigaction ours {};
  ours.sa_sigaction = onSignal;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (int i = 0; i < COUNT; i++) sigaction(SIGNALS[i], &ours, &before[i]);
  runner = pthread_self();
  Fault fault;
  if (_setjmp(landing) == 0) {
    running = true;
    body();
    running = false;
  } else {
    running = false;
    fault = caught ? ofSignal() : pending;
  }
  for (int i = 0; i < COUNT; i++) sigaction(SIGNALS[i], &before[i], nullptr);
  return fault;
}

}  // namespace emulated
