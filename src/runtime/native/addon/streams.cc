// Streams and events, and waiting for them.
//
// Invariant: waiting without blocking JavaScript is for an event, on another thread, which sleeps meanwhile.
#include "arguments.h"
#include "functions.h"
#include "job.h"

namespace tigon {

namespace {

class WaitJob final : public Job {
 public:
  WaitJob(Napi::Env env, std::shared_ptr<Event> event) : Job(env), event_(std::move(event)) {}

 protected:
  std::optional<Failure> run() override {
    // The current context is one of each thread.
    int code = event_->context->use();
    if (code != SUCCESS) return driverFailure(driver, code, "cuCtxSetCurrent");
    code = driver.EventSynchronize(event_->handle);
    if (code != SUCCESS) return driverFailure(driver, code, "cuEventSynchronize");
    return std::nullopt;
  }
  Napi::Value finish() override { return Env().Undefined(); }

 private:
  std::shared_ptr<Event> event_;
};

std::shared_ptr<Event> makeEvent(Napi::Env env, const ContextPointer& context, bool timing) {
  Opaque handle = nullptr;
  CALL(env, EventCreate, &handle, EVENT_BLOCKING | (timing ? 0 : EVENT_NO_TIMING));
  return std::make_shared<Event>(context, handle);
}

Napi::Value waitFor(Napi::Env env, const std::shared_ptr<Event>& event) {
  if (driver.EventQuery(event->handle) == SUCCESS) {
    const auto deferred = Napi::Promise::Deferred::New(env);
    deferred.Resolve(env.Undefined());
    return deferred.Promise();
  }
  return (new WaitJob(env, event))->start();
}

Napi::Value yesUnlessBusy(Napi::Env env, int code, const char* call) {
  if (code != NOT_READY) check(env, code, call);
  return Napi::Boolean::New(env, code == SUCCESS);
}

// stream(context)
Napi::Value stream(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "stream");
  const auto context = arguments.context(0);
  Opaque handle = nullptr;
  CALL(info.Env(), StreamCreate, &handle, STREAM_NON_BLOCKING);
  const auto made = std::make_shared<Stream>(context, handle);
  return Napi::Number::New(info.Env(), arguments.state().streams.add(made));
}

// destroyStream(stream)
Napi::Value destroyStream(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "destroyStream");
  arguments.remove(0, arguments.state().streams, "stream");
  return info.Env().Undefined();
}

// synchronize(context, stream)
Napi::Value synchronize(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "synchronize");
  const auto context = arguments.context(0);
  CALL(info.Env(), StreamSynchronize, arguments.stream(1, context));
  return info.Env().Undefined();
}

// synchronizeAsync(context, stream)
Napi::Value synchronizeAsync(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "synchronizeAsync");
  const Napi::Env env = info.Env();
  const auto context = arguments.context(0);
  const Opaque stream = arguments.stream(1, context);
  const auto end = makeEvent(env, context, false);
  CALL(env, EventRecord, end->handle, stream);
  return waitFor(env, end);
}

// ready(context, stream)
Napi::Value ready(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "ready");
  const auto context = arguments.context(0);
  const int code = driver.StreamQuery(arguments.stream(1, context));
  return yesUnlessBusy(info.Env(), code, "cuStreamQuery");
}

// event(context, timing)
Napi::Value event(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "event");
  const auto made = makeEvent(info.Env(), arguments.context(0), arguments.yes(1));
  return Napi::Number::New(info.Env(), arguments.state().events.add(made));
}

// destroyEvent(event)
Napi::Value destroyEvent(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "destroyEvent");
  arguments.remove(0, arguments.state().events, "event");
  return info.Env().Undefined();
}

// record(context, event, stream)
Napi::Value record(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "record");
  const auto context = arguments.context(0);
  const auto event = arguments.find(1, arguments.state().events, "event", context);
  CALL(info.Env(), EventRecord, event->handle, arguments.stream(2, context));
  return info.Env().Undefined();
}

// wait(context, stream, event)
Napi::Value wait(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "wait");
  const auto context = arguments.context(0);
  const Opaque stream = arguments.stream(1, context);
  const auto event = arguments.find(2, arguments.state().events, "event");
  CALL(info.Env(), StreamWaitEvent, stream, event->handle, 0);
  return info.Env().Undefined();
}

// eventReady(context, event)
Napi::Value eventReady(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "eventReady");
  const auto context = arguments.context(0);
  const auto event = arguments.find(1, arguments.state().events, "event", context);
  return yesUnlessBusy(info.Env(), driver.EventQuery(event->handle), "cuEventQuery");
}

// eventAsync(context, event)
Napi::Value eventAsync(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "eventAsync");
  const auto context = arguments.context(0);
  return waitFor(info.Env(), arguments.find(1, arguments.state().events, "event", context));
}

// elapsed(context, from, to)
Napi::Value elapsed(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "elapsed");
  const auto context = arguments.context(0);
  const auto from = arguments.find(1, arguments.state().events, "event", context);
  const auto to = arguments.find(2, arguments.state().events, "event", context);
  float milliseconds = 0;
  CALL(info.Env(), EventElapsedTime, &milliseconds, from->handle, to->handle);
  return Napi::Number::New(info.Env(), static_cast<double>(milliseconds));
}

}  // namespace

void exportStreams(Napi::Env env, Napi::Object exports) {
  exportAs<stream>(env, exports, "stream");
  exportAs<destroyStream>(env, exports, "destroyStream");
  exportAs<synchronize>(env, exports, "synchronize");
  exportAs<synchronizeAsync>(env, exports, "synchronizeAsync");
  exportAs<ready>(env, exports, "ready");
  exportAs<event>(env, exports, "event");
  exportAs<destroyEvent>(env, exports, "destroyEvent");
  exportAs<record>(env, exports, "record");
  exportAs<wait>(env, exports, "wait");
  exportAs<eventReady>(env, exports, "eventReady");
  exportAs<eventAsync>(env, exports, "eventAsync");
  exportAs<elapsed>(env, exports, "elapsed");
}

}  // namespace tigon
