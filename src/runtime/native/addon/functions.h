// What the add-on exports, by the file that has it.
//
// Invariant: each function is called by one place in TypeScript, which checks nothing that is checked here.
#pragma once
#include <napi.h>

namespace tigon {

void exportLibraries(Napi::Env env, Napi::Object exports);
void exportDevices(Napi::Env env, Napi::Object exports);
void exportCompiler(Napi::Env env, Napi::Object exports);
void exportMemory(Napi::Env env, Napi::Object exports);
void exportCopies(Napi::Env env, Napi::Object exports);
void exportStreams(Napi::Env env, Napi::Object exports);
void exportModules(Napi::Env env, Napi::Object exports);
void exportTensorMaps(Napi::Env env, Napi::Object exports);
void exportGraphs(Napi::Env env, Napi::Object exports);
void exportNccl(Napi::Env env, Napi::Object exports);

// Exports a function of (arguments) -> value under its name, which also names it in errors about arguments.
template <Napi::Value (*function)(const Napi::CallbackInfo&)>
void exportAs(Napi::Env env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<function>(env, name));
}

}  // namespace tigon
