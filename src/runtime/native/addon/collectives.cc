// Sums over devices through NCCL.
//
// Invariant: making communicators, which waits for all of them, runs on another thread; what is started runs in streams.
#include "arguments.h"
#include "functions.h"
#include "job.h"

namespace tigon {

namespace {

Napi::Value add(Napi::Env env, const ContextPointer& context, Opaque handle) {
  const auto made = std::make_shared<Communicator>(context, handle);
  return Napi::Number::New(env, State::of(env).communicators.add(made));
}

class InitializeAllJob final : public Job {
 public:
  InitializeAllJob(Napi::Env env, std::vector<ContextPointer> contexts)
      : Job(env), contexts_(std::move(contexts)), made_(contexts_.size(), nullptr) {}

 protected:
  std::optional<Failure> run() override {
    std::vector<int> devices;
    for (const auto& context : contexts_) devices.push_back(context->device);
    const int count = static_cast<int>(devices.size());
    const int code = nccl.CommInitAll(made_.data(), count, devices.data());
    if (code != SUCCESS) return ncclFailure(code, "ncclCommInitAll");
    return std::nullopt;
  }
  Napi::Value finish() override {
    auto result = Napi::Array::New(Env());
    for (uint32_t i = 0; i < made_.size(); i++) result.Set(i, add(Env(), contexts_[i], made_[i]));
    return result;
  }

 private:
  std::vector<ContextPointer> contexts_;
  std::vector<Opaque> made_;
};

class InitializeRankJob final : public Job {
 public:
  InitializeRankJob(Napi::Env env, ContextPointer context, NcclId id, int rank, int ranks)
      : Job(env), context_(std::move(context)), id_(id), rank_(rank), ranks_(ranks) {}

 protected:
  std::optional<Failure> run() override {
    const int used = context_->use();
    if (used != SUCCESS) return driverFailure(driver, used, "cuCtxSetCurrent");
    const int code = nccl.CommInitRank(&made_, ranks_, id_, rank_);
    if (code != SUCCESS) return ncclFailure(code, "ncclCommInitRank");
    return std::nullopt;
  }
  Napi::Value finish() override { return add(Env(), context_, made_); }

 private:
  ContextPointer context_;
  NcclId id_;
  int rank_, ranks_;
  Opaque made_ = nullptr;
};

// Whatever else there is needs a communicator, which needs this.
void needNccl(Napi::Env env) {
  if (nccl.GetVersion == nullptr) refuse(env, "nccl", "NCCL was not opened", "ncclInvalidUsage");
}

// ncclCommunicators([context, ...])
Napi::Value ncclCommunicators(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "communicators");
  needNccl(info.Env());
  std::vector<ContextPointer> contexts;
  for (const uint64_t number : arguments.wholes(0)) {
    contexts.push_back(arguments.state().contexts.find(static_cast<double>(number)));
    if (contexts.back() == nullptr)
      refuse(info.Env(), "communicators", "a context is closed", "CUDA_ERROR_CONTEXT_IS_DESTROYED");
  }
  return (new InitializeAllJob(info.Env(), std::move(contexts)))->start();
}

// ncclUniqueId()
Napi::Value ncclUniqueId(const Napi::CallbackInfo& info) {
  needNccl(info.Env());
  NcclId id;
  checkNccl(info.Env(), nccl.GetUniqueId(&id), "ncclGetUniqueId");
  auto bytes = Napi::Uint8Array::New(info.Env(), sizeof id);
  std::copy(id.bytes, id.bytes + sizeof id.bytes, bytes.Data());
  return bytes;
}

// ncclCommunicator(context, id, rank, ranks)
Napi::Value ncclCommunicator(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "communicator");
  needNccl(info.Env());
  const auto context = arguments.context(0);
  const Bytes bytes = arguments.bytes(1);
  NcclId id;
  if (bytes.size != sizeof id)
    refuse(info.Env(), "communicator", "an id is 128 bytes", "ncclInvalidArgument");
  std::copy(bytes.data, bytes.data + bytes.size, id.bytes);
  const int rank = static_cast<int>(arguments.small(2)), ranks = static_cast<int>(arguments.small(3));
  return (new InitializeRankJob(info.Env(), context, id, rank, ranks))->start();
}

// ncclDestroy(communicator)
Napi::Value ncclDestroy(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "destroy");
  arguments.remove(0, arguments.state().communicators, "communicator");
  return info.Env().Undefined();
}

// ncclGroupStart()
Napi::Value ncclGroupStart(const Napi::CallbackInfo& info) {
  needNccl(info.Env());
  checkNccl(info.Env(), nccl.GroupStart(), "ncclGroupStart");
  return info.Env().Undefined();
}

// ncclGroupEnd()
Napi::Value ncclGroupEnd(const Napi::CallbackInfo& info) {
  needNccl(info.Env());
  checkNccl(info.Env(), nccl.GroupEnd(), "ncclGroupEnd");
  return info.Env().Undefined();
}

struct Part {
  std::shared_ptr<Communicator> communicator;
  Opaque stream;
  void* to;
  void* from;
  size_t count;
  int element;
};

// Arguments: communicator, stream, to, from, count, element (the library's number).
Part partOf(const Arguments& arguments) {
  auto communicator = arguments.find(0, arguments.state().communicators, "communicator");
  check(arguments.env(), communicator->context->use(), "cuCtxSetCurrent");
  const Opaque stream = arguments.stream(1, communicator->context);
  return {std::move(communicator), stream,           arguments.pointer(2),
          arguments.pointer(3),    arguments.whole(4), static_cast<int>(arguments.small(5))};
}

// ncclAllReduce(communicator, stream, to, from, count, element, operator)
Napi::Value ncclAllReduce(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "allReduce");
  const Part part = partOf(arguments);
  const int code = nccl.AllReduce(part.from, part.to, part.count, part.element,
                                  static_cast<int>(arguments.small(6)), part.communicator->handle,
                                  part.stream);
  checkNccl(info.Env(), code, "ncclAllReduce", part.communicator->handle);
  return info.Env().Undefined();
}

// ncclBroadcast(communicator, stream, to, from, count, element, root)
Napi::Value ncclBroadcast(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "broadcast");
  const Part part = partOf(arguments);
  const int code = nccl.Broadcast(part.from, part.to, part.count, part.element,
                                  static_cast<int>(arguments.small(6)), part.communicator->handle,
                                  part.stream);
  checkNccl(info.Env(), code, "ncclBroadcast", part.communicator->handle);
  return info.Env().Undefined();
}

}  // namespace

void exportNccl(Napi::Env env, Napi::Object exports) {
  exportAs<ncclCommunicators>(env, exports, "ncclCommunicators");
  exportAs<ncclUniqueId>(env, exports, "ncclUniqueId");
  exportAs<ncclCommunicator>(env, exports, "ncclCommunicator");
  exportAs<ncclDestroy>(env, exports, "ncclDestroy");
  exportAs<ncclGroupStart>(env, exports, "ncclGroupStart");
  exportAs<ncclGroupEnd>(env, exports, "ncclGroupEnd");
  exportAs<ncclAllReduce>(env, exports, "ncclAllReduce");
  exportAs<ncclBroadcast>(env, exports, "ncclBroadcast");
}

}  // namespace tigon
