/**
 * Graphs of explicit nodes. A launch runs them in an order that their dependencies allow and chance picks, another one
 * each time, so that a dependency that is missing shows.
 *
 * Invariant: what was instantiated is a copy: nodes that are set later, or a graph that is destroyed, do not change it.
 */
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <vector>
#include "device.h"
#include "launch.h"
#include "settings.h"
#include "stream.h"
#include "transfer.h"

namespace emulated {
namespace {

struct Node {
  enum { Kernel, Copy, Fill } kind;
  KernelParameters given{};  // with `work`, the arguments taken out of it
  Work work;
  Address to = 0, from = 0;
  unsigned value = 0, elementBytes = 1;
  size_t count = 0;
  std::vector<Node*> after;
};

struct Graph {
  Device* device;
  std::vector<std::unique_ptr<Node>> nodes;
};

struct Runnable {
  Device* device;
  std::vector<Node> nodes;
  std::vector<std::vector<size_t>> after;
  /** By the node of the graph that it was made from. */
  std::map<const void*, size_t> places;
};

std::set<Graph*> graphs;
/** The handle of what can be launched. Launches that wait in streams hold what it was then. */
struct Executable {
  std::shared_ptr<Runnable> now;
};

std::set<Executable*> executables;
Dice orders(1);

Executable* executableOf(Device& device, void* handle) {
  Executable* one = static_cast<Executable*>(handle);
  return executables.count(one) && one->now->device == &device ? one : nullptr;
}

Graph* graphOf(Device& device, void* handle) {
  Graph* graph = static_cast<Graph*>(handle);
  return graphs.count(graph) && graph->device == &device ? graph : nullptr;
}

bool holds(const Graph& graph, const void* node) {
  for (const auto& one : graph.nodes)
    if (one.get() == node) return true;
  return false;
}

template <class Make>
int addNode(void** made, void* graphHandle, void* const* after, size_t count, Make make) {
  return onDevice([&](Device& device) -> int {
    Graph* graph = graphOf(device, graphHandle);
    if (!graph) return INVALID_VALUE;
    auto node = std::make_unique<Node>();
    for (size_t i = 0; i < count; i++) {
      if (!holds(*graph, after[i])) return INVALID_VALUE;
      node->after.push_back(static_cast<Node*>(after[i]));
    }
    const int result = make(device, *node);
    if (result != SUCCESS) return result;
    *made = node.get();
    graph->nodes.push_back(std::move(node));
    return SUCCESS;
  });
}

template <class Make>
int setNode(void* handle, void* node, int kind, Make make) {
  return onDevice([&](Device& device) -> int {
    Executable* one = executableOf(device, handle);
    if (!one) return INVALID_VALUE;
    auto place = one->now->places.find(node);
    if (place == one->now->places.end() || one->now->nodes[place->second].kind != kind) return INVALID_VALUE;
    if (one->now.use_count() > 1) one->now = std::make_shared<Runnable>(*one->now);
    return make(device, one->now->nodes[place->second]);
  });
}

int makeKernel(Device& device, const KernelParameters& given, unsigned cluster, Node& node) {
  node.kind = Node::Kernel;
  node.given = given;
  return makeWork(device, given, cluster, node.work);
}

/** The end that the parameters of a copy name, when it is plain memory. */
bool endOf(const CopyEnd& given, Place& place) {
  if (given.x || given.y || given.z || given.level) return false;
  switch (given.type) {
    case HOST: place = {nullptr, Address(given.host)}; return true;
    case DEVICE: place = {owner(given.device), given.device}; return place.device != nullptr;
    case UNIFIED: place = placeOf(given.device); return true;
    case ARRAY: return false;
  }
  return false;
}

int makeCopy(const CopyParameters& given, Node& node) {
  Place to, from;
  if (given.height != 1 || given.depth != 1) return NOT_SUPPORTED;
  if (!endOf(given.to, to) || !endOf(given.from, from)) return INVALID_VALUE;
  if (!isSomewhere(to, given.width) || !isSomewhere(from, given.width)) return INVALID_VALUE;
  node.kind = Node::Copy;
  node.to = to.address;
  node.from = from.address;
  node.count = given.width;
  return SUCCESS;
}

int makeFill(const FillParameters& given, Node& node) {
  if (given.height != 1) return NOT_SUPPORTED;
  if (given.elementBytes != 1 && given.elementBytes != 2 && given.elementBytes != 4) return INVALID_VALUE;
  const Place to = placeOf(given.to);
  if (!to.device || !isSomewhere(to, given.width * given.elementBytes)) return INVALID_VALUE;
  node.kind = Node::Fill;
  node.to = given.to;
  node.value = given.value;
  node.elementBytes = given.elementBytes;
  node.count = given.width;
  return SUCCESS;
}

void runNode(Device& device, const Node& node) {
  switch (node.kind) {
    case Node::Kernel: return runWork(device, node.work);
    case Node::Copy: return copyNow(device, placeOf(node.to), placeOf(node.from), node.count);
    case Node::Fill: return fillNow(device, node.to, node.value, node.elementBytes, node.count);
  }
}

void runGraph(Device& device, const Runnable& runnable) {
  std::vector<size_t> waits(runnable.nodes.size()), ready;
  std::vector<std::vector<size_t>> before(runnable.nodes.size());
  for (size_t i = 0; i < runnable.nodes.size(); i++) {
    waits[i] = runnable.after[i].size();
    for (size_t other : runnable.after[i]) before[other].push_back(i);
    if (waits[i] == 0) ready.push_back(i);
  }
  while (!ready.empty() && !device.broken) {
    std::swap(ready[orders.below(unsigned(ready.size()))], ready.back());
    const size_t next = ready.back();
    ready.pop_back();
    runNode(device, runnable.nodes[next]);
    for (size_t later : before[next])
      if (--waits[later] == 0) ready.push_back(later);
  }
}

}  // namespace
}  // namespace emulated

using namespace emulated;

API cuGraphCreate(void** made, unsigned) {
  return onDevice([&](Device& device) {
    Graph* graph = new Graph{&device, {}};
    graphs.insert(graph);
    *made = graph;
    return SUCCESS;
  });
}

API cuGraphDestroy(void* handle) {
  std::lock_guard<std::recursive_mutex> guard(lock());
  if (!graphs.erase(static_cast<Graph*>(handle))) return INVALID_VALUE;
  delete static_cast<Graph*>(handle);
  return SUCCESS;
}

API cuGraphAddKernelNode_v2(void** made, void* graph, void* const* after, size_t count, const KernelParameters* given) {
  return addNode(made, graph, after, count, [&](Device& device, Node& node) { return makeKernel(device, *given, 1, node); });
}

/** The attribute that is known is the cluster. */
API cuGraphKernelNodeSetAttribute(void* handle, int attribute, const void* value) {
  return onDevice([&](Device&) -> int {
    if (attribute != int(ATTRIBUTE_CLUSTER)) return NOT_SUPPORTED;
    Node& node = *static_cast<Node*>(handle);
    const unsigned* cluster = static_cast<const unsigned*>(value);
    if (node.kind != Node::Kernel || cluster[1] != 1 || cluster[2] != 1) return INVALID_VALUE;
    if (!cluster[0] || cluster[0] > 8 || node.work.grid.x % cluster[0] || settings().capability < 90) return INVALID_VALUE;
    node.work.cluster = cluster[0];
    return SUCCESS;
  });
}

API cuGraphAddMemcpyNode(void** made, void* graph, void* const* after, size_t count, const CopyParameters* given, void*) {
  return addNode(made, graph, after, count, [&](Device&, Node& node) { return makeCopy(*given, node); });
}

API cuGraphAddMemsetNode(void** made, void* graph, void* const* after, size_t count, const FillParameters* given, void*) {
  return addNode(made, graph, after, count, [&](Device&, Node& node) { return makeFill(*given, node); });
}

API cuGraphInstantiateWithFlags(void** made, void* handle, unsigned long long) {
  return onDevice([&](Device& device) -> int {
    Graph* graph = graphOf(device, handle);
    if (!graph) return INVALID_VALUE;
    auto runnable = std::make_shared<Runnable>();
    runnable->device = &device;
    for (const auto& node : graph->nodes) {
      runnable->places[node.get()] = runnable->nodes.size();
      runnable->nodes.push_back(*node);
    }
    for (const auto& node : graph->nodes) {
      std::vector<size_t> after;
      for (const Node* other : node->after) after.push_back(runnable->places.at(other));
      runnable->after.push_back(std::move(after));
    }
    Executable* one = new Executable{std::move(runnable)};
    executables.insert(one);
    *made = one;
    return SUCCESS;
  });
}

API cuGraphExecDestroy(void* handle) {
  std::lock_guard<std::recursive_mutex> guard(lock());
  Executable* one = static_cast<Executable*>(handle);
  if (!executables.erase(one)) return INVALID_VALUE;
  delete one;
  return SUCCESS;
}

API cuGraphExecKernelNodeSetParams_v2(void* handle, void* node, const KernelParameters* given) {
  return setNode(handle, node, Node::Kernel, [&](Device& device, Node& one) -> int {
    if (given->function != one.given.function) return INVALID_VALUE;
    return makeKernel(device, *given, one.work.cluster, one);
  });
}

API cuGraphExecMemcpyNodeSetParams(void* handle, void* node, const CopyParameters* given, void*) {
  return setNode(handle, node, Node::Copy, [&](Device&, Node& one) { return makeCopy(*given, one); });
}

API cuGraphExecMemsetNodeSetParams(void* handle, void* node, const FillParameters* given, void*) {
  return setNode(handle, node, Node::Fill, [&](Device&, Node& one) { return makeFill(*given, one); });
}

API cuGraphLaunch(void* handle, void* streamHandle) {
  return onDevice([&](Device& device) -> int {
    const Executable* one = executableOf(device, handle);
    const auto stream = streamOf(device, streamHandle);
    if (!one) return INVALID_VALUE;
    if (!stream) return INVALID_HANDLE;
    enqueue(stream, [&device, runnable = one->now] { runGraph(device, *runnable); });
    return SUCCESS;
  });
}
