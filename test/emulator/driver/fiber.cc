/**
 * Fibers by hand: saving the registers that a call preserves takes nanoseconds, where ucontext makes a system call.
 *
 * Invariant: the start of a stack differs from one fiber to the next: equal offsets would all compete for the same lines
 * of the first cache.
 */
#include "fiber.h"
#include <cstring>
#include <sys/mman.h>
#include <vector>

#if defined(__x86_64__)
asm(R"(
.pushsection .text
.hidden tigon_emulated_change
.globl tigon_emulated_change
.type tigon_emulated_change,@function
tigon_emulated_change:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  retq
.popsection
)");
#elif defined(__aarch64__)
asm(R"(
.pushsection .text
.hidden tigon_emulated_change
.globl tigon_emulated_change
.type tigon_emulated_change,%function
tigon_emulated_change:
  sub sp, sp, #160
  stp x19, x20, [sp]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.popsection
)");
#else
#error "the emulator switches stacks on x86-64 and aarch64"
#endif

namespace emulated::fibers {
namespace {

constexpr size_t PAGE = 4096;
constexpr size_t STACK = 256 << 10;
constexpr size_t COLOURS = 64;
constexpr size_t LINE = 64;
/** More than a block, or a cluster of blocks, can have threads. */
constexpr size_t MOST = 16 * 1024;

char* region() {
  static char* const all = static_cast<char*>(
      mmap(nullptr, MOST * STACK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  return all;
}

std::vector<Fiber*> every, idle;

Fiber* make() {
  Fiber* fiber = new Fiber;
  fiber->stack = region() + every.size() * STACK;
  mprotect(fiber->stack + PAGE, STACK - PAGE, PROT_READ | PROT_WRITE);
  every.push_back(fiber);
  return fiber;
}

}  // namespace

Fiber* take(void (*enter)()) {
  Fiber* fiber;
  if (idle.empty()) {
    fiber = make();
  } else {
    fiber = idle.back();
    idle.pop_back();
  }
  const size_t number = size_t(fiber->stack - region()) / STACK;
  void** top = reinterpret_cast<void**>(fiber->stack + STACK - number * 13 % COLOURS * LINE);
#if defined(__x86_64__)
  *--top = nullptr;  // where `enter` would return to; the stack is aligned as after a call
  *--top = reinterpret_cast<void*>(enter);
  for (int i = 0; i < 6; i++) *--top = nullptr;
#else
  top -= 20;
  memset(top, 0, 160);
  top[11] = reinterpret_cast<void*>(enter);
#endif
  fiber->stackPointer = top;
  return fiber;
}

void give(Fiber* fiber) { idle.push_back(fiber); }

void giveAll() { idle = every; }

bool isStack(const void* address) {
  const char* at = static_cast<const char*>(address);
  return at >= region() && at < region() + MOST * STACK;
}

bool isGuard(const void* address) {
  return isStack(address) && size_t(static_cast<const char*>(address) - region()) % STACK < PAGE;
}

}  // namespace emulated::fibers
