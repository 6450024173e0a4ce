// Modules, their kernels, and launching them.
//
// Invariant: a kernel holds its module, so that a graph with the kernel outlives `unloadModule`.
#include "functions.h"
#include "launch.h"

namespace tigon {

Shape shapeOf(const Arguments& arguments, size_t first) {
  return {{arguments.small(first), arguments.small(first + 1), arguments.small(first + 2)},
          arguments.small(first + 3),
          arguments.small(first + 4),
          arguments.small(first + 5)};
}

LaunchAttributeValue clusterOf(unsigned blocks) {
  LaunchAttributeValue value{};
  value.cluster = {blocks, 1, 1};
  return value;
}

void allowCluster(Napi::Env env, Kernel& kernel, unsigned blocks) {
  constexpr unsigned portable = 8;
  if (blocks <= portable || kernel.largeClusters) return;
  CALL(env, FuncSetAttribute, kernel.handle, function_attribute::NON_PORTABLE_CLUSTERS, 1);
  kernel.largeClusters = true;
}

namespace {

// loadModule(context, image)
Napi::Value loadModule(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "loadModule");
  const Napi::Env env = info.Env();
  const auto context = arguments.context(0);
  const Bytes image = arguments.bytes(1);
  // PTX is text, which has to end.
  std::vector<unsigned char> ended(image.data, image.data + image.size);
  ended.push_back(0);
  std::vector<char> log(size_t{16} << 10, '\0');
  int options[] = {JIT_ERROR_LOG, JIT_ERROR_LOG_BYTES};
  void* values[] = {log.data(), reinterpret_cast<void*>(log.size())};
  Opaque handle = nullptr;
  const int code = driver.ModuleLoadDataEx(&handle, ended.data(), 2, options, values);
  if (code != SUCCESS) {
    Failure failure = driverFailure(driver, code, "cuModuleLoadDataEx");
    log.back() = '\0';
    failure.log = log.data();
    raise(env, failure);
  }
  const auto made = std::make_shared<Module>(context, handle);
  return Napi::Number::New(env, arguments.state().modules.add(made));
}

// unloadModule(module)
Napi::Value unloadModule(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "unloadModule");
  State& state = arguments.state();
  const auto module = arguments.find(0, state.modules, "module");
  state.kernels.removeIf([&](const Kernel& kernel) { return kernel.module == module; });
  state.modules.remove(arguments.number(0));
  return info.Env().Undefined();
}

// kernel(context, module, name)
Napi::Value kernel(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "kernel");
  const Napi::Env env = info.Env();
  const auto context = arguments.context(0);
  State& state = arguments.state();
  const auto module = arguments.find(1, state.modules, "module", context);
  const std::string name = arguments.text(2);
  Opaque handle = nullptr;
  const int code = driver.ModuleGetFunction(&handle, module->handle, name.c_str());
  if (code != SUCCESS) {
    Failure failure = driverFailure(driver, code, "cuModuleGetFunction");
    failure.detail += ": kernel " + name;
    raise(env, failure);
  }
  auto result = Napi::Object::New(env);
  const auto set = [&](const char* key, int attribute) {
    int value = 0;
    CALL(env, FuncGetAttribute, &value, attribute, handle);
    result.Set(key, value);
  };
  set("registers", function_attribute::REGISTERS);
  set("localBytes", function_attribute::LOCAL_BYTES);
  set("sharedBytes", function_attribute::SHARED_BYTES);
  set("constantBytes", function_attribute::CONSTANT_BYTES);
  set("threads", function_attribute::THREADS);
  result.Set("handle",
             state.kernels.add(std::make_shared<Kernel>(module, handle)));
  return result;
}

// allowShared(context, kernel, bytes)
Napi::Value allowShared(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "allowShared");
  const auto context = arguments.context(0);
  const auto kernel = arguments.find(1, arguments.state().kernels, "kernel", context);
  CALL(info.Env(), FuncSetAttribute, kernel->handle,
       function_attribute::MOST_DYNAMIC_SHARED_BYTES, static_cast<int>(arguments.small(2)));
  return info.Env().Undefined();
}

// launch(context, stream, kernel, args, gridX, gridY, gridZ, threads, sharedBytes, cluster)
Napi::Value launch(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "launch");
  const Napi::Env env = info.Env();
  const auto context = arguments.context(0);
  const Opaque stream = arguments.stream(1, context);
  const auto kernel = arguments.find(2, arguments.state().kernels, "kernel", context);
  Packed packed(arguments.bytes(3));
  const Shape shape = shapeOf(arguments, 4);
  const auto& grid = shape.grid;
  if (shape.cluster <= 1) {
    CALL(env, LaunchKernel, kernel->handle, grid[0], grid[1], grid[2], shape.threads, 1, 1,
         shape.sharedBytes, stream, nullptr, packed.list());
    return env.Undefined();
  }
  need(env, driver.LaunchKernelEx, "cuLaunchKernelEx", "12.0");
  allowCluster(env, *kernel, shape.cluster);
  LaunchAttribute attribute{LAUNCH_CLUSTER, {}, clusterOf(shape.cluster)};
  const LaunchConfig config{{grid[0], grid[1], grid[2]}, {shape.threads, 1, 1},
                            shape.sharedBytes, stream, &attribute, 1};
  CALL(env, LaunchKernelEx, &config, kernel->handle, nullptr, packed.list());
  return env.Undefined();
}

}  // namespace

void exportModules(Napi::Env env, Napi::Object exports) {
  exportAs<loadModule>(env, exports, "loadModule");
  exportAs<unloadModule>(env, exports, "unloadModule");
  exportAs<kernel>(env, exports, "kernel");
  exportAs<allowShared>(env, exports, "allowShared");
  exportAs<launch>(env, exports, "launch");
}

}  // namespace tigon
