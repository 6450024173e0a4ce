/**
 * Stacks that one processor switches between, so that threads of a block can wait for each other.
 *
 * Invariant: a fiber that is given back was left for good: it starts anew when it is taken again.
 */
#pragma once

namespace emulated {

struct Fiber {
  void* stackPointer;
  char* stack;
};

namespace fibers {

/** One that will call `enter` when it is switched to. `enter` never returns. */
Fiber* take(void (*enter)());
void give(Fiber*);
/** Of all fibers, whatever they were doing: none of them goes on. */
void giveAll();
/** Goes on at `to`; `from` remembers where it was. */
inline void change(void** from, void* to);
/** Whether the address lies in the page that no stack may reach. */
bool isGuard(const void*);
/** Whether the address lies in some fiber's stack. */
bool isStack(const void*);

}  // namespace fibers
}  // namespace emulated

extern "C" void tigon_emulated_change(void** from, void* to);
inline void emulated::fibers::change(void** from, void* to) { tigon_emulated_change(from, to); }
