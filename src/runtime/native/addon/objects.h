// What handles stand for. Each object destroys itself, in its context, when the last one who needs it lets go.
//
// Invariant: whatever work on another thread or another object needs is held by a shared pointer, never by a handle.
#pragma once
#include <memory>
#include <utility>
#include <vector>
#include "library.h"
#include "staging.h"

namespace tigon {

// The primary context of a device, retained once for each opening.
struct Context {
  int device;
  Opaque handle;
  // The pool that allocations in the order of streams come from; null where the device has none.
  Opaque pool = nullptr;
  Staging staging;
  // Devices that were granted access to our memory.
  std::vector<int> peers;

  Context(int device, Opaque handle) : device(device), handle(handle) {}
  Context(const Context&) = delete;
  ~Context();
  // Makes it the context of this thread; other libraries in the process may have made theirs so.
  int use() const { return driver.CtxSetCurrent(handle); }
};

using ContextPointer = std::shared_ptr<Context>;

struct Owned {
  ContextPointer context;
  Opaque handle;

  Owned(ContextPointer context, Opaque handle) : context(std::move(context)), handle(handle) {}
  Owned(const Owned&) = delete;
};

struct Stream : Owned {
  using Owned::Owned;
  ~Stream();
};

struct Event : Owned {
  using Owned::Owned;
  ~Event();
};

struct Module : Owned {
  using Owned::Owned;
  ~Module();
};

// Ends with its module.
struct Kernel : Owned {
  std::shared_ptr<Module> module;
  // Whether clusters of more than eight blocks were allowed.
  bool largeClusters = false;

  Kernel(std::shared_ptr<Module> module, Opaque handle)
      : Owned(module->context, handle), module(std::move(module)) {}
};

enum class NodeKind { kernel, copy, fill };

struct Node {
  Opaque handle;
  NodeKind kind;
  // Kernel nodes alone: what was added, which updates have to agree with.
  std::shared_ptr<Kernel> kernel;
  unsigned cluster = 1;
};

struct Graph : Owned {
  std::vector<Node> nodes;

  using Owned::Owned;
  ~Graph();
};

struct Exec : Owned {
  // Holds the kernels' modules as well.
  std::shared_ptr<Graph> graph;

  Exec(std::shared_ptr<Graph> graph, Opaque handle)
      : Owned(graph->context, handle), graph(std::move(graph)) {}
  ~Exec();
};

struct Communicator : Owned {
  using Owned::Owned;
  ~Communicator();
};

}  // namespace tigon
