// Failures of the libraries, thrown as JavaScript errors.
//
// Invariant: every error is made by the function that TypeScript handed over, from the library's own name for what
// happened, the function that failed and, where there is one, the log; what to say to people is decided there.
#pragma once
#include <napi.h>
#include <string>
#include "library.h"

namespace tigon {

struct Failure {
  std::string code;
  std::string call;
  std::string detail;
  std::string log;
};

Failure driverFailure(const Driver& table, int result, const char* call);
Failure compilerFailure(int result, const char* call);
Failure ncclFailure(int result, const char* call, Opaque communicator = nullptr);

Napi::Error errorOf(Napi::Env env, const Failure& failure);
[[noreturn]] void raise(Napi::Env env, const Failure& failure);
// For what we find wrong ourselves, with the name that the driver has for it.
[[noreturn]] void refuse(Napi::Env env, const char* call, const std::string& detail,
                         const char* code = "CUDA_ERROR_INVALID_VALUE");

void check(Napi::Env env, int result, const char* call);
void checkCompiler(Napi::Env env, int result, const char* call);
void checkNccl(Napi::Env env, int result, const char* call, Opaque communicator = nullptr);
// For functions that older drivers lack.
template <class Pointer>
void need(Napi::Env env, Pointer function, const char* call, const char* since) {
  if (function == nullptr)
    refuse(env, call, std::string("this driver lacks the function, which came with CUDA ") + since,
           "CUDA_ERROR_NOT_SUPPORTED");
}

// CALL(env, MemFree, address): calls the driver; a result other than success becomes an error.
#define CALL(env, member, ...) \
  ::tigon::check(env, ::tigon::driver.member(__VA_ARGS__), "cu" #member)

}  // namespace tigon
