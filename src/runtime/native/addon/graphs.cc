// Graphs: built node by node with the dependencies they have, made runnable, updated, launched.
//
// Invariant: a node depends on nodes before it; updates keep a node's kind, kernel and cluster, as the driver demands.
#include "functions.h"
#include "launch.h"

namespace tigon {

namespace {

std::vector<Opaque> nodesBefore(const Arguments& arguments, const Graph& graph, size_t index) {
  std::vector<Opaque> before;
  for (const uint64_t place : arguments.wholes(index)) {
    if (place >= graph.nodes.size())
      refuse(arguments.env(), arguments.call(),
             "node " + std::to_string(graph.nodes.size()) + " comes after node " +
                 std::to_string(place) + ", which is not there yet");
    before.push_back(graph.nodes[place].handle);
  }
  return before;
}

KernelNode kernelNode(const Kernel& kernel, const Shape& shape, Packed& packed) {
  return {kernel.handle,
          {shape.grid[0], shape.grid[1], shape.grid[2]},
          {shape.threads, 1, 1},
          shape.sharedBytes,
          nullptr,
          packed.list(),
          nullptr,
          nullptr};
}

// A copy of one row has no pitch: it could be longer than pitches may be.
CopyEnd endAt(Address address) {
  CopyEnd end{};
  end.memoryType = MEMORY_DEVICE;
  end.device = address;
  return end;
}

// Arguments from `first`: to, from, bytes.
CopyNode copyNode(const Arguments& arguments, size_t first) {
  return {endAt(arguments.address(first + 1)), endAt(arguments.address(first)),
          arguments.whole(first + 2), 1, 1};
}

// Arguments from `first`: to, byte, bytes. Whole words are filled as such, which is faster.
FillNode fillNode(const Arguments& arguments, size_t first) {
  const Address to = arguments.address(first);
  const unsigned byte = arguments.small(first + 1) & 0xff;
  const size_t bytes = arguments.whole(first + 2);
  const bool words = (to | bytes) % 4 == 0;
  return words ? FillNode{to, 0, byte * 0x01010101u, 4, bytes / 4, 1}
               : FillNode{to, 0, byte, 1, bytes, 1};
}

// graphCreate(context)
Napi::Value graphCreate(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "graph");
  const auto context = arguments.context(0);
  Opaque handle = nullptr;
  CALL(info.Env(), GraphCreate, &handle, 0);
  const auto made = std::make_shared<Graph>(context, handle);
  return Napi::Number::New(info.Env(), arguments.state().graphs.add(made));
}

// graphKernel(context, graph, after, kernel, args, gridX, gridY, gridZ, threads, sharedBytes, cluster)
Napi::Value graphKernel(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "graph");
  const Napi::Env env = info.Env();
  const auto context = arguments.context(0);
  State& state = arguments.state();
  const auto graph = arguments.find(1, state.graphs, "graph", context);
  const auto before = nodesBefore(arguments, *graph, 2);
  const auto kernel = arguments.find(3, state.kernels, "kernel", context);
  Packed packed(arguments.bytes(4));
  const Shape shape = shapeOf(arguments, 5);
  const KernelNode node = kernelNode(*kernel, shape, packed);
  Opaque handle = nullptr;
  CALL(env, GraphAddKernelNode, &handle, graph->handle, before.data(), before.size(), &node);
  graph->nodes.push_back({handle, NodeKind::kernel, kernel, shape.cluster});
  if (shape.cluster > 1) {
    need(env, driver.GraphKernelNodeSetAttribute, "cuGraphKernelNodeSetAttribute", "11.0");
    allowCluster(env, *kernel, shape.cluster);
    const LaunchAttributeValue cluster = clusterOf(shape.cluster);
    CALL(env, GraphKernelNodeSetAttribute, handle, LAUNCH_CLUSTER, &cluster);
  }
  return env.Undefined();
}

// graphCopy(context, graph, after, to, from, bytes)
Napi::Value graphCopy(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "graph");
  const auto context = arguments.context(0);
  const auto graph = arguments.find(1, arguments.state().graphs, "graph", context);
  const auto before = nodesBefore(arguments, *graph, 2);
  const CopyNode node = copyNode(arguments, 3);
  Opaque handle = nullptr;
  CALL(info.Env(), GraphAddMemcpyNode, &handle, graph->handle, before.data(), before.size(), &node,
       context->handle);
  graph->nodes.push_back({handle, NodeKind::copy, nullptr, 1});
  return info.Env().Undefined();
}

// graphFill(context, graph, after, to, byte, bytes)
Napi::Value graphFill(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "graph");
  const auto context = arguments.context(0);
  const auto graph = arguments.find(1, arguments.state().graphs, "graph", context);
  const auto before = nodesBefore(arguments, *graph, 2);
  const FillNode node = fillNode(arguments, 3);
  Opaque handle = nullptr;
  CALL(info.Env(), GraphAddMemsetNode, &handle, graph->handle, before.data(), before.size(), &node,
       context->handle);
  graph->nodes.push_back({handle, NodeKind::fill, nullptr, 1});
  return info.Env().Undefined();
}

// instantiate(context, graph)
Napi::Value instantiate(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "instantiate");
  const auto context = arguments.context(0);
  State& state = arguments.state();
  const auto graph = arguments.find(1, state.graphs, "graph", context);
  Opaque handle = nullptr;
  CALL(info.Env(), GraphInstantiate, &handle, graph->handle, 0);
  const auto made = std::make_shared<Exec>(graph, handle);
  return Napi::Number::New(info.Env(), state.execs.add(made));
}

struct Target {
  ContextPointer context;
  std::shared_ptr<Exec> exec;
  Node node;
};

// Arguments: context, exec, graph, index.
Target targetOf(const Arguments& arguments, NodeKind kind) {
  const auto context = arguments.context(0);
  State& state = arguments.state();
  const auto exec = arguments.find(1, state.execs, "runnable graph", context);
  const auto graph = arguments.find(2, state.graphs, "graph", context);
  const unsigned index = arguments.small(3);
  if (exec->graph != graph)
    refuse(arguments.env(), "setNode", "the runnable graph was made from another graph");
  if (index >= graph->nodes.size())
    refuse(arguments.env(), "setNode",
           "there is no node " + std::to_string(index) + " of " +
               std::to_string(graph->nodes.size()));
  if (graph->nodes[index].kind != kind)
    refuse(arguments.env(), "setNode", "node " + std::to_string(index) + " is of another kind",
           "CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE");
  return {context, exec, graph->nodes[index]};
}

// setKernel(context, exec, graph, index, kernel, args, gridX, gridY, gridZ, threads, sharedBytes, cluster)
Napi::Value setKernel(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "setNode");
  const Napi::Env env = info.Env();
  const Target target = targetOf(arguments, NodeKind::kernel);
  const auto kernel = arguments.find(4, arguments.state().kernels, "kernel", target.context);
  Packed packed(arguments.bytes(5));
  const Shape shape = shapeOf(arguments, 6);
  if (kernel->handle != target.node.kernel->handle || shape.cluster != target.node.cluster)
    refuse(env, "setNode", "a node keeps its kernel and its cluster",
           "CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE");
  const KernelNode node = kernelNode(*kernel, shape, packed);
  CALL(env, GraphExecKernelNodeSetParams, target.exec->handle, target.node.handle, &node);
  return env.Undefined();
}

// setCopy(context, exec, graph, index, to, from, bytes)
Napi::Value setCopy(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "setNode");
  const Target target = targetOf(arguments, NodeKind::copy);
  const CopyNode node = copyNode(arguments, 4);
  CALL(info.Env(), GraphExecMemcpyNodeSetParams, target.exec->handle, target.node.handle, &node,
       target.context->handle);
  return info.Env().Undefined();
}

// setFill(context, exec, graph, index, to, byte, bytes)
Napi::Value setFill(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "setNode");
  const Target target = targetOf(arguments, NodeKind::fill);
  const FillNode node = fillNode(arguments, 4);
  CALL(info.Env(), GraphExecMemsetNodeSetParams, target.exec->handle, target.node.handle, &node,
       target.context->handle);
  return info.Env().Undefined();
}

// launchGraph(context, exec, stream)
Napi::Value launchGraph(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "launchGraph");
  const auto context = arguments.context(0);
  const auto exec = arguments.find(1, arguments.state().execs, "runnable graph", context);
  CALL(info.Env(), GraphLaunch, exec->handle, arguments.stream(2, context));
  return info.Env().Undefined();
}

// destroyGraph(graph)
Napi::Value destroyGraph(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "destroyGraph");
  arguments.remove(0, arguments.state().graphs, "graph");
  return info.Env().Undefined();
}

// destroyExec(exec)
Napi::Value destroyExec(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "destroyExec");
  arguments.remove(0, arguments.state().execs, "runnable graph");
  return info.Env().Undefined();
}

}  // namespace

void exportGraphs(Napi::Env env, Napi::Object exports) {
  exportAs<graphCreate>(env, exports, "graphCreate");
  exportAs<graphKernel>(env, exports, "graphKernel");
  exportAs<graphCopy>(env, exports, "graphCopy");
  exportAs<graphFill>(env, exports, "graphFill");
  exportAs<instantiate>(env, exports, "instantiate");
  exportAs<setKernel>(env, exports, "setKernel");
  exportAs<setCopy>(env, exports, "setCopy");
  exportAs<setFill>(env, exports, "setFill");
  exportAs<launchGraph>(env, exports, "launchGraph");
  exportAs<destroyGraph>(env, exports, "destroyGraph");
  exportAs<destroyExec>(env, exports, "destroyExec");
}

}  // namespace tigon
