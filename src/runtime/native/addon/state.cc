// Looking up and dropping what one thread of JavaScript has open.
//
// Invariant: pinned memory is freed after its ArrayBuffer lost it, so that no JavaScript reaches freed bytes.
#include "state.h"
#include "errors.h"

namespace tigon {

bool State::isPinned(uintptr_t address, size_t bytes) const {
  auto entry = pinned.upper_bound(address);
  if (entry == pinned.begin()) return false;
  --entry;
  const size_t offset = address - entry->first;
  return offset <= entry->second.bytes && bytes <= entry->second.bytes - offset;
}

void State::unpin(Napi::Env, std::map<uintptr_t, Pinned>::iterator entry) {
  const ContextPointer context = entry->second.context;
  entry->second.buffer.Value().Detach();
  const auto address = reinterpret_cast<void*>(entry->first);
  pinned.erase(entry);
  context->use();
  driver.MemFreeHost(address);
}

void State::clear(Napi::Env env, const Context& context) {
  const auto ours = [&](const auto& object) { return object.context.get() == &context; };
  communicators.removeIf(ours);
  execs.removeIf(ours);
  graphs.removeIf(ours);
  kernels.removeIf(ours);
  modules.removeIf(ours);
  events.removeIf(ours);
  streams.removeIf(ours);
  for (auto entry = pinned.begin(); entry != pinned.end();) {
    const auto next = std::next(entry);
    if (entry->second.context.get() == &context) unpin(env, entry);
    entry = next;
  }
}

// The thread of JavaScript is gone: its buffers with it.
State::~State() {
  for (auto& [address, entry] : pinned) {
    entry.context->use();
    driver.MemFreeHost(reinterpret_cast<void*>(address));
  }
}

}  // namespace tigon
