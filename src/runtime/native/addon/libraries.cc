// Trying a file as the driver, the compiler or NCCL.
//
// Each function gives a record: `path`, and either what the library says of itself or `problem` and `detail`, from which
// TypeScript, which knows where else to look, makes a message.
// Invariant: a library is kept only when it has all functions we need and answers.
#include "arguments.h"
#include "functions.h"

namespace tigon {

namespace {

struct Opened {
  std::string path;
  int version = 0;
};

Opened openedDriver, openedCompiler, openedNccl;

Napi::Object problem(Napi::Env env, const char* kind, const std::string& detail) {
  auto result = Napi::Object::New(env);
  result.Set("problem", kind);
  result.Set("detail", detail);
  return result;
}

Napi::Object describe(Napi::Env env, const Opened& opened) {
  auto result = Napi::Object::New(env);
  result.Set("path", opened.path);
  result.Set("version", opened.version);
  return result;
}

// Files that `first` needs by their bare names: loaded beforehand, they are found wherever they lie.
void preload(const std::vector<std::string>& paths) {
  for (const auto& path : paths) openLibrary(path);
}

// openDriver(path)
Napi::Value openDriver(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = Arguments(info, "openDriver").text(0);
  const std::lock_guard<std::mutex> lock(loading);
  if (!openedDriver.path.empty()) return describe(env, openedDriver);
  const Library library = openLibrary(path);
  if (library.handle == nullptr) return problem(env, "absent", library.problem);
  Driver table;
  const std::string missing = findAll(library, table);
  int version = 0;
  if (table.DriverGetVersion != nullptr) table.DriverGetVersion(&version);
  if (!missing.empty()) {
    if (version == 0) closeLibrary(library);
    auto result = problem(env, "old", missing);
    result.Set("version", version);
    return result;
  }
  const int started = table.Init(0);
  if (started != SUCCESS) {
    const Failure failure = driverFailure(table, started, "cuInit");
    auto result = problem(env, "refuses", failure.detail);
    result.Set("code", failure.code);
    result.Set("file", pathOf(reinterpret_cast<const void*>(table.Init), path));
    return result;
  }
  driver = table;
  openedDriver = {pathOf(reinterpret_cast<const void*>(table.Init), path), version};
  return describe(env, openedDriver);
}

// openCompiler(path, beforehand, driverVersion): drivers load nothing from compilers of a later major version
Napi::Value openCompiler(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Arguments arguments(info, "openCompiler");
  const std::string path = arguments.text(0);
  const std::lock_guard<std::mutex> lock(loading);
  if (openedCompiler.path.empty()) {
    preload(arguments.texts(1));
    const Library library = openLibrary(path);
    if (library.handle == nullptr) return problem(env, "absent", library.problem);
    Compiler table;
    const std::string missing = findAll(library, table);
    int major = 0, minor = 0;
    if (!missing.empty() || table.Version(&major, &minor) != SUCCESS) {
      closeLibrary(library);
      return problem(env, "old", missing);
    }
    if (major > static_cast<int>(arguments.small(2)) / 1000) {
      closeLibrary(library);
      auto result = problem(env, "new", "");
      result.Set("version", major * 1000 + minor * 10);
      return result;
    }
    compiler = table;
    openedCompiler = {pathOf(reinterpret_cast<const void*>(table.Version), path),
                      major * 1000 + minor * 10};
  }
  auto result = describe(env, openedCompiler);
  int count = 0;
  auto architectures = Napi::Array::New(env);
  if (compiler.GetNumSupportedArchs != nullptr && compiler.GetSupportedArchs != nullptr &&
      compiler.GetNumSupportedArchs(&count) == SUCCESS && count > 0) {
    std::vector<int> list(static_cast<size_t>(count));
    if (compiler.GetSupportedArchs(list.data()) == SUCCESS)
      for (int i = 0; i < count; i++) architectures.Set(static_cast<uint32_t>(i), list[i]);
  }
  result.Set("architectures", architectures);
  return result;
}

// openNccl(path)
Napi::Value openNccl(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = Arguments(info, "openNccl").text(0);
  const std::lock_guard<std::mutex> lock(loading);
  if (!openedNccl.path.empty()) return describe(env, openedNccl);
  const Library library = openLibrary(path);
  if (library.handle == nullptr) return problem(env, "absent", library.problem);
  Nccl table;
  const std::string missing = findAll(library, table);
  int version = 0;
  if (!missing.empty() || table.GetVersion(&version) != SUCCESS) {
    closeLibrary(library);
    return problem(env, "old", missing);
  }
  nccl = table;
  openedNccl = {pathOf(reinterpret_cast<const void*>(table.GetVersion), path), version};
  return describe(env, openedNccl);
}

}  // namespace

void exportLibraries(Napi::Env env, Napi::Object exports) {
  exportAs<openDriver>(env, exports, "openDriver");
  exportAs<openCompiler>(env, exports, "openCompiler");
  exportAs<openNccl>(env, exports, "openNccl");
}

}  // namespace tigon
