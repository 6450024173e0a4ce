// The stand-in's modules, kernels and graphs.
//
// Invariant: of the nodes of a graph that may run the last one added runs first, so that a dependency that was not passed
// on shows in the result.
#include <cstdlib>
#include <map>
#include <set>
#include <vector>
#include "fake.h"

using namespace fake;
using tigon::CopyNode;
using tigon::FillNode;
using tigon::KernelNode;

namespace {
struct Node {
  std::vector<Node*> before;
  std::function<void()> work;
  const void* kernel = nullptr;
  Launch launch{};
};
struct Graph {
  std::vector<Node*> nodes;
  ~Graph() {
    for (Node* node : nodes) delete node;
  }
};
struct Exec {
  std::vector<Node*> order;
  std::map<Node*, std::function<void()>> work;
};

std::function<void()> workOf(const Launch& launch) {
  return [=] { run(launch); };
}
std::function<void()> workOf(const CopyNode& copy) {
  return [=] {
    std::memcpy(reinterpret_cast<void*>(copy.to.device), reinterpret_cast<void*>(copy.from.device),
                copy.widthBytes * copy.height * copy.depth);
  };
}
std::function<void()> workOf(const FillNode& fill) {
  return [=] {
    for (size_t i = 0; i < fill.width; i++)
      std::memcpy(reinterpret_cast<char*>(fill.to) + i * fill.elementBytes, &fill.value, fill.elementBytes);
  };
}
Launch launchOf(const KernelNode& node, unsigned cluster) {
  return {static_cast<const char*>(node.function), {node.grid[0], node.grid[1], node.grid[2]}, node.block[0],
          node.sharedBytes, cluster, packedOf(node.extra)};
}

int add(Opaque* made, Opaque graph, const Opaque* before, size_t count, Node* node) {
  if (const int code = state()) return delete node, code;
  for (size_t i = 0; i < count; i++) node->before.push_back(static_cast<Node*>(before[i]));
  static_cast<Graph*>(graph)->nodes.push_back(node);
  return *made = node, 0;
}
}  // namespace

extern "C" {

int cuModuleLoadDataEx(Opaque* module, const void* image, unsigned count, int* options, void** values) {
  if (const int code = state()) return code;
  if (std::strncmp(static_cast<const char*>(image), "fake", 4) == 0)
    return *module = std::malloc(1), fake::count("modules", 1), 0;
  if (count > 0 && options[0] == 5) std::strcpy(static_cast<char*>(values[0]), "linker: this is no image");
  return INVALID_IMAGE;
}
int cuModuleUnload(Opaque module) { return std::free(module), count("modules", -1), state(); }
int cuModuleGetFunction(Opaque* function, Opaque, const char* name) {
  static std::set<std::string> known = {"add", "double", "shape", "fault"};
  const auto found = known.find(name);
  if (found == known.end()) return NOT_FOUND;
  return *function = const_cast<char*>(found->c_str()), state();
}
int cuFuncGetAttribute(int* value, int attribute, Opaque) { return *value = 100 + attribute, state(); }
int cuFuncSetAttribute(Opaque, int attribute, int value) {
  return attribute == 8 && value > 227 * 1024 ? INVALID_VALUE : state();
}
int cuLaunchKernel(Opaque function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned, unsigned,
                   unsigned shared, Opaque, void**, void** extra) {
  if (const int code = state()) return code;
  if (threads > 1024) return INVALID_VALUE;
  const Launch launch{static_cast<const char*>(function), {x, y, z}, threads, shared, 1, packedOf(extra)};
  return later(workOf(launch)), 0;
}
int cuLaunchKernelEx(const tigon::LaunchConfig* config, Opaque function, void**, void** extra) {
  if (const int code = state()) return code;
  if (config->attributeCount != 1 || config->attributes[0].id != 4) return INVALID_VALUE;
  const Launch launch{static_cast<const char*>(function), {config->grid[0], config->grid[1], config->grid[2]},
                      config->block[0], config->sharedBytes, config->attributes[0].value.cluster.x, packedOf(extra)};
  return later(workOf(launch)), 0;
}
int cuTensorMapEncodeTiled(tigon::TensorMap* map, int element, unsigned rank, void* address, const uint64_t* sizes,
                           const uint64_t* strides, const uint32_t* box, const uint32_t* steps, int interleave,
                           int swizzle, int promotion, int fill) {
  const uint64_t all[] = {static_cast<uint64_t>(element), rank, reinterpret_cast<uint64_t>(address), sizes[0],
                          sizes[rank - 1], rank > 1 ? strides[rank - 2] : 0, box[0], box[rank - 1], steps[0],
                          static_cast<uint64_t>(interleave), static_cast<uint64_t>(swizzle),
                          static_cast<uint64_t>(promotion), static_cast<uint64_t>(fill), 0, 0, 0};
  std::memcpy(map, all, sizeof all);
  return state();
}

int cuGraphCreate(Opaque* graph, unsigned) { return *graph = new Graph, count("graphs", 1), state(); }
int cuGraphDestroy(Opaque graph) {
  delete static_cast<Graph*>(graph);
  return count("graphs", -1), state();
}
int cuGraphAddKernelNode_v2(Opaque* made, Opaque graph, const Opaque* before, size_t n, const KernelNode* params) {
  const auto node = new Node;
  node->kernel = params->function;
  node->launch = launchOf(*params, 1);
  node->work = workOf(node->launch);
  return add(made, graph, before, n, node);
}
int cuGraphAddMemcpyNode(Opaque* made, Opaque graph, const Opaque* before, size_t n, const CopyNode* params, Opaque) {
  const auto node = new Node;
  node->work = workOf(*params);
  return add(made, graph, before, n, node);
}
int cuGraphAddMemsetNode(Opaque* made, Opaque graph, const Opaque* before, size_t n, const FillNode* params, Opaque) {
  const auto node = new Node;
  node->work = workOf(*params);
  return add(made, graph, before, n, node);
}
int cuGraphKernelNodeSetAttribute(Opaque handle, int id, const tigon::LaunchAttributeValue* value) {
  if (id != 4) return INVALID_VALUE;
  const auto node = static_cast<Node*>(handle);
  node->launch.cluster = value->cluster.x;
  node->work = workOf(node->launch);
  return state();
}
int cuGraphInstantiateWithFlags(Opaque* made, Opaque handle, unsigned long long) {
  if (is("no-instances")) return OUT_OF_MEMORY;
  if (const int code = state()) return code;
  const auto exec = new Exec;
  const auto graph = static_cast<Graph*>(handle);
  std::set<Node*> done;
  while (done.size() < graph->nodes.size())
    for (auto node = graph->nodes.rbegin(); node != graph->nodes.rend(); ++node) {
      bool free = done.count(*node) == 0;
      for (Node* before : (*node)->before) free = free && done.count(before) != 0;
      if (!free) continue;
      done.insert(*node);
      exec->order.push_back(*node);
      exec->work[*node] = (*node)->work;
      break;
    }
  return *made = exec, count("execs", 1), 0;
}
int cuGraphExecDestroy(Opaque exec) {
  doAll();
  delete static_cast<Exec*>(exec);
  return count("execs", -1), state();
}
int cuGraphExecKernelNodeSetParams_v2(Opaque exec, Opaque handle, const KernelNode* params) {
  const auto node = static_cast<Node*>(handle);
  if (params->block[0] > 1024) return UPDATE_FAILURE;
  static_cast<Exec*>(exec)->work[node] = workOf(launchOf(*params, node->launch.cluster));
  return state();
}
int cuGraphExecMemcpyNodeSetParams(Opaque exec, Opaque node, const CopyNode* params, Opaque) {
  static_cast<Exec*>(exec)->work[static_cast<Node*>(node)] = workOf(*params);
  return state();
}
int cuGraphExecMemsetNodeSetParams(Opaque exec, Opaque node, const FillNode* params, Opaque) {
  static_cast<Exec*>(exec)->work[static_cast<Node*>(node)] = workOf(*params);
  return state();
}
int cuGraphLaunch(Opaque handle, Opaque) {
  if (const int code = state()) return code;
  const auto exec = static_cast<Exec*>(handle);
  for (Node* node : exec->order) later(exec->work[node]);
  return 0;
}
}
