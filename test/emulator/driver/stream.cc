/**
 * The driver's calls about streams and events.
 *
 * Invariant: a question whether work is done is answered with no once, and the work is done by then: both answers are
 * seen, and who asks again gets on.
 */
#include "stream.h"
#include <chrono>
#include <map>
#include <set>

namespace emulated {
namespace {

/** More than a driver keeps: then it waits. */
constexpr size_t MOST = 1024;

std::map<void*, std::shared_ptr<Stream>> all;
std::set<Event*> events;

double milliseconds() {
  using namespace std::chrono;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

void step(Stream& stream) {
  const std::function<void()> work = std::move(stream.waiting.front());
  stream.waiting.pop_front();
  // what a lost device has left to do is not done
  if (!stream.device->broken) work();
  stream.done++;
}

bool isEvent(void* handle) { return events.count(static_cast<Event*>(handle)) > 0; }

}  // namespace

std::shared_ptr<Stream> streamOf(Device& device, void* handle) {
  if (!handle) {
    if (!device.defaultStream) {
      device.defaultStream = std::make_shared<Stream>();
      device.defaultStream->device = &device;
      device.defaultStream->blocking = true;
    }
    return device.defaultStream;
  }
  auto one = all.find(handle);
  return one == all.end() || one->second->device != &device ? nullptr : one->second;
}

void enqueue(const std::shared_ptr<Stream>& stream, std::function<void()> work) {
  Device& device = *stream->device;
  if (stream == device.defaultStream) {
    for (const auto& other : device.streams)
      if (other->blocking) runAll(other);
  } else if (stream->blocking && device.defaultStream) {
    runAll(device.defaultStream);
  }
  stream->waiting.push_back(std::move(work));
  stream->queued++;
  stream->asked = false;
  if (stream->waiting.size() > MOST) runAll(stream);
}

void makeRoom(const std::shared_ptr<Stream>& stream) {
  if (stream->waiting.size() > MOST / 2) runAll(stream);
}

void runUntil(const Moment& moment) {
  while (moment.stream->done < moment.position) step(*moment.stream);
}

void runAll(const std::shared_ptr<Stream>& stream) { runUntil({stream, stream->queued, nullptr}); }

void runAll(Device& device) {
  if (device.defaultStream) runAll(device.defaultStream);
  for (const auto& stream : device.streams) runAll(stream);
}

}  // namespace emulated

using namespace emulated;

API cuStreamCreate(void** made, unsigned flags) {
  return onDevice([&](Device& device) {
    auto stream = std::make_shared<Stream>();
    stream->device = &device;
    stream->blocking = !(flags & STREAM_NON_BLOCKING);
    device.streams.insert(stream);
    all[stream.get()] = stream;
    *made = stream.get();
    return SUCCESS;
  });
}

API cuStreamCreateWithPriority(void** made, unsigned flags, int) { return cuStreamCreate(made, flags); }

API cuStreamDestroy_v2(void* handle) {
  std::lock_guard<std::recursive_mutex> guard(lock());
  auto one = all.find(handle);
  if (one == all.end()) return INVALID_HANDLE;
  const std::shared_ptr<Stream> stream = one->second;
  runAll(stream);
  stream->device->streams.erase(stream);
  all.erase(handle);
  return SUCCESS;
}

API cuStreamSynchronize(void* handle) {
  return onDevice([&](Device& device) -> int {
    const auto stream = streamOf(device, handle);
    if (!stream) return INVALID_HANDLE;
    runAll(stream);
    return SUCCESS;
  });
}

API cuStreamQuery(void* handle) {
  return onDevice([&](Device& device) -> int {
    const auto stream = streamOf(device, handle);
    if (!stream) return INVALID_HANDLE;
    if (stream->done == stream->queued || stream->asked) {
      runAll(stream);
      return SUCCESS;
    }
    stream->asked = true;
    return NOT_READY;
  });
}

API cuStreamWaitEvent(void* handle, void* what, unsigned) {
  return onDevice([&](Device& device) -> int {
    const auto stream = streamOf(device, handle);
    if (!stream || !isEvent(what)) return INVALID_HANDLE;
    const Event& event = *static_cast<Event*>(what);
    // one that nobody recorded is no event to wait for
    if (event.recorded) enqueue(stream, [moment = event.moment] { runUntil(moment); });
    return SUCCESS;
  });
}

API cuEventCreate(void** made, unsigned flags) {
  return onDevice([&](Device& device) {
    Event* event = new Event;
    event->device = &device;
    event->timing = !(flags & EVENT_WITHOUT_TIMING);
    events.insert(event);
    *made = event;
    return SUCCESS;
  });
}

API cuEventDestroy_v2(void* handle) {
  std::lock_guard<std::recursive_mutex> guard(lock());
  if (!isEvent(handle)) return INVALID_HANDLE;
  events.erase(static_cast<Event*>(handle));
  delete static_cast<Event*>(handle);
  return SUCCESS;
}

API cuEventRecord(void* handle, void* streamHandle) {
  return onDevice([&](Device& device) -> int {
    const auto stream = streamOf(device, streamHandle);
    if (!stream || !isEvent(handle)) return INVALID_HANDLE;
    Event& event = *static_cast<Event*>(handle);
    if (event.device != &device) return INVALID_HANDLE;
    auto time = std::make_shared<double>(0);
    enqueue(stream, [time] { *time = milliseconds(); });
    event.recorded = true;
    event.asked = false;
    event.moment = {stream, stream->queued, time};
    return SUCCESS;
  });
}

API cuEventSynchronize(void* handle) {
  return onDevice([&](Device&) -> int {
    if (!isEvent(handle)) return INVALID_HANDLE;
    Event& event = *static_cast<Event*>(handle);
    if (event.recorded) runUntil(event.moment);
    return SUCCESS;
  });
}

API cuEventQuery(void* handle) {
  return onDevice([&](Device&) -> int {
    if (!isEvent(handle)) return INVALID_HANDLE;
    Event& event = *static_cast<Event*>(handle);
    if (!event.recorded || event.moment.stream->done >= event.moment.position) return SUCCESS;
    if (event.asked) {
      runUntil(event.moment);
      return SUCCESS;
    }
    event.asked = true;
    return NOT_READY;
  });
}

API cuEventElapsedTime(float* result, void* from, void* to) {
  return onDevice([&](Device&) -> int {
    if (!isEvent(from) || !isEvent(to)) return INVALID_HANDLE;
    const Event& first = *static_cast<Event*>(from);
    const Event& second = *static_cast<Event*>(to);
    if (!first.timing || !second.timing || !first.recorded || !second.recorded) return INVALID_HANDLE;
    for (const Event* event : {&first, &second})
      if (event->moment.stream->done < event->moment.position) return NOT_READY;
    *result = float(*second.moment.time - *first.moment.time);
    return SUCCESS;
  });
}
API cuEventElapsedTime_v2(float* result, void* from, void* to) { return cuEventElapsedTime(result, from, to); }
