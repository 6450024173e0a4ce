// Copies: from and to the host, within a device, between devices; and filling with a byte.
//
// Invariant: memory of the host is read before `upload` returns or pinned by us, and written only if pinned by us, so that
// no copy under way reaches memory that JavaScript may collect.
#include <algorithm>
#include "arguments.h"
#include "functions.h"

namespace tigon {

namespace {

// upload(context, stream, to, from, bytes)
Napi::Value upload(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "upload");
  const Napi::Env env = info.Env();
  const auto context = arguments.context(0);
  const Opaque stream = arguments.stream(1, context);
  const Address to = arguments.address(2);
  const Bytes from = arguments.bytes(3);
  const size_t bytes = arguments.whole(4);
  if (bytes > from.size)
    refuse(env, "upload", std::to_string(bytes) + " bytes from a view of " +
                              std::to_string(from.size));
  if (bytes == 0) return env.Undefined();
  if (arguments.state().isPinned(reinterpret_cast<uintptr_t>(from.data), bytes)) {
    CALL(env, MemcpyHtoDAsync, to, from.data, bytes, stream);
  } else {
    const auto result = context->staging.upload(to, from.data, bytes, stream);
    check(env, result.code, result.call);
  }
  return env.Undefined();
}

// download(context, stream, to, from, bytes)
Napi::Value download(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "download");
  const Napi::Env env = info.Env();
  const auto context = arguments.context(0);
  const Opaque stream = arguments.stream(1, context);
  const size_t bytes = arguments.whole(4);
  if (!arguments.state().isPinned(arguments.whole(2), bytes))
    refuse(env, "download", "downloads go to pinned memory, and not past its end");
  if (bytes > 0)
    CALL(env, MemcpyDtoHAsync, arguments.pointer(2), arguments.address(3), bytes, stream);
  return env.Undefined();
}

// copy(context, stream, to, from, bytes)
Napi::Value copy(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "copy");
  const Napi::Env env = info.Env();
  const auto context = arguments.context(0);
  const Opaque stream = arguments.stream(1, context);
  const size_t bytes = arguments.whole(4);
  if (bytes > 0)
    CALL(env, MemcpyDtoDAsync, arguments.address(2), arguments.address(3), bytes, stream);
  return env.Undefined();
}

// Lets `reader` reach memory of `owner` by itself, where the two devices can.
void grant(Napi::Env env, Context& owner, const Context& reader) {
  if (std::find(owner.peers.begin(), owner.peers.end(), reader.device) != owner.peers.end()) return;
  int can = 0;
  if (driver.DeviceCanAccessPeer != nullptr)
    CALL(env, DeviceCanAccessPeer, &can, reader.device, owner.device);
  if (can != 0 && owner.pool != nullptr && driver.MemPoolSetAccess != nullptr) {
    const MemoryAccess access{LOCATION_DEVICE, reader.device, ACCESS_READ_WRITE};
    CALL(env, MemPoolSetAccess, owner.pool, &access, 1);
  } else if (can != 0 && owner.pool == nullptr && driver.CtxEnablePeerAccess != nullptr) {
    check(env, reader.use(), "cuCtxSetCurrent");
    const int code = driver.CtxEnablePeerAccess(owner.handle, 0);
    if (code != PEER_ACCESS_ALREADY_ENABLED) check(env, code, "cuCtxEnablePeerAccess");
  }
  owner.peers.push_back(reader.device);
}

// copyPeer(context, stream, to, toContext, from, bytes)
Napi::Value copyPeer(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "copyPeer");
  const Napi::Env env = info.Env();
  const auto target = arguments.context(3);
  const auto context = arguments.context(0);
  const Opaque stream = arguments.stream(1, context);
  const size_t bytes = arguments.whole(5);
  need(env, driver.MemcpyPeerAsync, "cuMemcpyPeerAsync", "4.0");
  if (target->device != context->device) {
    grant(env, *target, *context);
    grant(env, *context, *target);
    check(env, context->use(), "cuCtxSetCurrent");
  }
  if (bytes > 0)
    CALL(env, MemcpyPeerAsync, arguments.address(2), target->handle, arguments.address(4),
         context->handle, bytes, stream);
  return env.Undefined();
}

// fill(context, stream, to, byte, bytes)
Napi::Value fill(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "fill");
  const Napi::Env env = info.Env();
  const auto context = arguments.context(0);
  const Opaque stream = arguments.stream(1, context);
  const size_t bytes = arguments.whole(4);
  const auto byte = static_cast<unsigned char>(arguments.small(3));
  if (bytes > 0) CALL(env, MemsetD8Async, arguments.address(2), byte, bytes, stream);
  return env.Undefined();
}

}  // namespace

void exportCopies(Napi::Env env, Napi::Object exports) {
  exportAs<upload>(env, exports, "upload");
  exportAs<download>(env, exports, "download");
  exportAs<copy>(env, exports, "copy");
  exportAs<copyPeer>(env, exports, "copyPeer");
  exportAs<fill>(env, exports, "fill");
}

}  // namespace tigon
