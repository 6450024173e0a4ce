// How results of the three libraries become failures, and failures errors.
//
// Invariant: the names come from the libraries, so that codes newer than we are have names, too.
#include "errors.h"
#include "state.h"

namespace tigon {

Failure driverFailure(const Driver& table, int result, const char* call) {
  const char* name = nullptr;
  const char* text = nullptr;
  table.GetErrorName(result, &name);
  table.GetErrorString(result, &text);
  return {name == nullptr ? "CUDA_ERROR_" + std::to_string(result) : name, call,
          text == nullptr ? "" : text, ""};
}

Failure compilerFailure(int result, const char* call) {
  const char* name = compiler.GetErrorString(result);
  return {name == nullptr ? "NVRTC_ERROR_" + std::to_string(result) : name, call, "", ""};
}

Failure ncclFailure(int result, const char* call, Opaque communicator) {
  constexpr int known = sizeof(NCCL_RESULTS) / sizeof(*NCCL_RESULTS);
  const char* text = nccl.GetErrorString(result);
  const char* log = nccl.GetLastError == nullptr ? nullptr : nccl.GetLastError(communicator);
  const bool named = result >= 0 && result < known;
  return {named ? NCCL_RESULTS[result] : "ncclResult " + std::to_string(result), call,
          text == nullptr ? "" : text, log == nullptr ? "" : log};
}

Napi::Error errorOf(Napi::Env env, const Failure& failure) {
  const Napi::Value made = State::of(env).makeError.Call(
      {Napi::String::New(env, failure.code), Napi::String::New(env, failure.call),
       Napi::String::New(env, failure.detail), Napi::String::New(env, failure.log)});
  return Napi::Error(env, made);
}

void raise(Napi::Env env, const Failure& failure) { throw errorOf(env, failure); }

void refuse(Napi::Env env, const char* call, const std::string& detail, const char* code) {
  raise(env, {code, call, detail, ""});
}

void check(Napi::Env env, int result, const char* call) {
  if (result != SUCCESS) raise(env, driverFailure(driver, result, call));
}

void checkCompiler(Napi::Env env, int result, const char* call) {
  if (result != SUCCESS) raise(env, compilerFailure(result, call));
}

void checkNccl(Napi::Env env, int result, const char* call, Opaque communicator) {
  if (result != SUCCESS) raise(env, ncclFailure(result, call, communicator));
}

}  // namespace tigon
