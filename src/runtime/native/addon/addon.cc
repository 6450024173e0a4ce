// The add-on's entry: makes the state of a thread of JavaScript and exports all functions.
//
// Invariant: loading it opens no library and touches no device.
#include <napi.h>
#include "functions.h"
#include "state.h"

namespace {

Napi::Value setErrorMaker(const Napi::CallbackInfo& info) {
  tigon::State::of(info.Env()).makeError = Napi::Persistent(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

Napi::Object start(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new tigon::State());
  tigon::exportAs<setErrorMaker>(env, exports, "setErrorMaker");
  tigon::exportLibraries(env, exports);
  tigon::exportDevices(env, exports);
  tigon::exportCompiler(env, exports);
  tigon::exportMemory(env, exports);
  tigon::exportCopies(env, exports);
  tigon::exportStreams(env, exports);
  tigon::exportModules(env, exports);
  tigon::exportTensorMaps(env, exports);
  tigon::exportGraphs(env, exports);
  tigon::exportNccl(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(tigon, start)
