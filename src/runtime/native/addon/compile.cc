// From CUDA C++ to an image for `loadModule`.
//
// Invariant: one program of the compiler for each call, destroyed on every way out; several threads may compile at once.
#include "arguments.h"
#include "functions.h"
#include "job.h"

namespace tigon {

namespace {

struct Request {
  std::string source;
  std::string name;
  std::vector<std::string> options;
};

struct Result {
  std::vector<unsigned char> image;
  std::string log;
};

class Program {
 public:
  Program() = default;
  Program(const Program&) = delete;
  ~Program() {
    if (handle != nullptr) compiler.DestroyProgram(&handle);
  }
  Opaque handle = nullptr;
};

std::string logOf(Opaque program) {
  size_t size = 0;
  if (compiler.GetProgramLogSize(program, &size) != SUCCESS || size == 0) return "";
  std::string log(size, '\0');
  if (compiler.GetProgramLog(program, &log[0]) != SUCCESS) return "";
  return log.substr(0, log.find('\0'));
}

std::optional<Failure> imageOf(Opaque program, std::vector<unsigned char>& image) {
  // There is a cubin exactly when a real architecture was asked for.
  size_t size = 0;
  const bool real = compiler.GetCUBINSize(program, &size) == SUCCESS && size > 0;
  if (!real) {
    const int code = compiler.GetPTXSize(program, &size);
    if (code != SUCCESS) return compilerFailure(code, "nvrtcGetPTXSize");
  }
  image.resize(size);
  const auto into = reinterpret_cast<char*>(image.data());
  const int code = real ? compiler.GetCUBIN(program, into) : compiler.GetPTX(program, into);
  if (code != SUCCESS) return compilerFailure(code, real ? "nvrtcGetCUBIN" : "nvrtcGetPTX");
  return std::nullopt;
}

std::optional<Failure> compileInto(const Request& request, Result& result) {
  Program program;
  int code = compiler.CreateProgram(&program.handle, request.source.c_str(), request.name.c_str(),
                                    0, nullptr, nullptr);
  if (code != SUCCESS) return compilerFailure(code, "nvrtcCreateProgram");
  std::vector<const char*> options;
  for (const auto& option : request.options) options.push_back(option.c_str());
  code = compiler.CompileProgram(program.handle, static_cast<int>(options.size()), options.data());
  result.log = logOf(program.handle);
  if (code != SUCCESS) {
    Failure failure = compilerFailure(code, "nvrtcCompileProgram");
    failure.log = result.log;
    return failure;
  }
  return imageOf(program.handle, result.image);
}

Napi::Value describe(Napi::Env env, const Result& result) {
  auto image = Napi::Uint8Array::New(env, result.image.size());
  std::copy(result.image.begin(), result.image.end(), image.Data());
  auto record = Napi::Object::New(env);
  record.Set("image", image);
  record.Set("log", result.log);
  return record;
}

class CompileJob final : public Job {
 public:
  CompileJob(Napi::Env env, Request request) : Job(env), request_(std::move(request)) {}

 protected:
  std::optional<Failure> run() override { return compileInto(request_, result_); }
  Napi::Value finish() override { return describe(Env(), result_); }

 private:
  Request request_;
  Result result_;
};

Request requestOf(const Arguments& arguments) {
  if (compiler.CompileProgram == nullptr)
    refuse(arguments.env(), arguments.call(), "no compiler was opened", "NVRTC_ERROR_INVALID_INPUT");
  return {arguments.text(0), arguments.text(1), arguments.texts(2)};
}

// compile(source, name, options)
Napi::Value compile(const Napi::CallbackInfo& info) {
  Result result;
  const auto failure = compileInto(requestOf(Arguments(info, "compile")), result);
  if (failure) raise(info.Env(), *failure);
  return describe(info.Env(), result);
}

// compileAsync(source, name, options)
Napi::Value compileAsync(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "compileAsync");
  return (new CompileJob(info.Env(), requestOf(arguments)))->start();
}

}  // namespace

void exportCompiler(Napi::Env env, Napi::Object exports) {
  exportAs<compile>(env, exports, "compile");
  exportAs<compileAsync>(env, exports, "compileAsync");
}

}  // namespace tigon
