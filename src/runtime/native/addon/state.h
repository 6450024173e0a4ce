// What one thread of JavaScript has open: its handles, its pinned memory, the maker of its errors.
//
// Invariant: everything here ends with that thread (a worker, or the process), its users first.
#pragma once
#include <napi.h>
#include <map>
#include "handles.h"
#include "objects.h"

namespace tigon {

struct Pinned {
  ContextPointer context;
  size_t bytes;
  Napi::Reference<Napi::ArrayBuffer> buffer;
};

struct State {
  Napi::FunctionReference makeError;
  Handles<Context> contexts;
  Handles<Stream> streams;
  Handles<Event> events;
  Handles<Module> modules;
  Handles<Kernel> kernels;
  Handles<Graph> graphs;
  Handles<Exec> execs;
  Handles<Communicator> communicators;
  // By address.
  std::map<uintptr_t, Pinned> pinned;

  static State& of(Napi::Env env) { return *env.GetInstanceData<State>(); }

  // Whether all these bytes lie in memory that was pinned here.
  bool isPinned(uintptr_t address, size_t bytes) const;
  // Frees pinned memory; its ArrayBuffer has no bytes afterwards.
  void unpin(Napi::Env env, std::map<uintptr_t, Pinned>::iterator entry);
  // Drops all that belongs to a context.
  void clear(Napi::Env env, const Context& context);
  ~State();
};

}  // namespace tigon
