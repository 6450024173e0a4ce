// The ring of pinned memory that uploads go through.
//
// Invariant: a piece lies in one stretch; the bytes it skips at the ring's end count as its own.
#include "staging.h"
#include <algorithm>
#include <cstring>

namespace tigon {

namespace {
constexpr Staging::Result done{SUCCESS, ""};
}

Staging::Result Staging::upload(Address to, const unsigned char* from, size_t bytes,
                                Opaque stream) {
  if (ring_ == nullptr) {
    void* memory = nullptr;
    const int code = driver.MemHostAlloc(&memory, RING_BYTES, 0);
    if (code != SUCCESS) return {code, "cuMemHostAlloc"};
    ring_ = static_cast<unsigned char*>(memory);
  }
  for (size_t at = 0; at < bytes; at += PIECE_BYTES) {
    const Result result =
        uploadPiece(to + at, from + at, std::min(PIECE_BYTES, bytes - at), stream);
    if (result.code != SUCCESS) return result;
  }
  return done;
}

Staging::Result Staging::uploadPiece(Address to, const unsigned char* from, size_t bytes,
                                     Opaque stream) {
  const size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  size_t start = 0;
  const Result room = makeRoom(rounded, start);
  if (room.code != SUCCESS) return room;
  Opaque event = nullptr;
  const Result made = makeEvent(event);
  if (made.code != SUCCESS) return made;
  std::memcpy(ring_ + start, from, bytes);
  const int copied = driver.MemcpyHtoDAsync(to, ring_ + start, bytes, stream);
  const int recorded = copied == SUCCESS ? driver.EventRecord(event, stream) : SUCCESS;
  if (copied != SUCCESS || recorded != SUCCESS) {
    events_.push_back(event);
    // A copy under way whose end cannot be known: its bytes are waited for.
    if (copied == SUCCESS) driver.StreamSynchronize(stream);
    return copied != SUCCESS ? Result{copied, "cuMemcpyHtoDAsync"}
                             : Result{recorded, "cuEventRecord"};
  }
  head_ = start + rounded;
  pieces_.push_back({head_, event});
  return done;
}

// Drops pieces that are done, and waits for the oldest ones while there is no room.
Staging::Result Staging::makeRoom(size_t bytes, size_t& start) {
  for (;;) {
    while (!pieces_.empty()) {
      const int code = driver.EventQuery(pieces_.front().event);
      if (code == NOT_READY) break;
      if (code != SUCCESS) return {code, "cuEventQuery"};
      tail_ = pieces_.front().end;
      events_.push_back(pieces_.front().event);
      pieces_.pop_front();
    }
    if (pieces_.empty()) head_ = tail_ = 0;
    const bool wrapped = !pieces_.empty() && head_ <= tail_;
    if (!wrapped && RING_BYTES - head_ >= bytes) {
      start = head_;
      return done;
    }
    // One byte is left free, so that a full ring differs from an empty one.
    const size_t from = wrapped ? head_ : 0;
    if (tail_ > from + bytes) {
      start = from;
      return done;
    }
    const int code = driver.EventSynchronize(pieces_.front().event);
    if (code != SUCCESS) return {code, "cuEventSynchronize"};
  }
}

Staging::Result Staging::makeEvent(Opaque& event) {
  if (events_.empty()) {
    const int code = driver.EventCreate(&event, EVENT_BLOCKING | EVENT_NO_TIMING);
    return {code, "cuEventCreate"};
  }
  event = events_.back();
  events_.pop_back();
  return done;
}

void Staging::release() {
  for (const Piece& piece : pieces_) {
    driver.EventSynchronize(piece.event);
    driver.EventDestroy(piece.event);
  }
  for (const Opaque event : events_) driver.EventDestroy(event);
  if (ring_ != nullptr) driver.MemFreeHost(ring_);
}

}  // namespace tigon
