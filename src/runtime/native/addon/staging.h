// Uploads from memory that the device cannot read by itself: through a ring of pinned memory.
//
// The driver may or may not read such memory before an asynchronous copy returns; arrays of JavaScript change and move
// afterwards, so their bytes are taken at once.
//
// Invariant: bytes of the ring between `head_` and the oldest piece's start are free; pieces end in the order in which
// they began, each when its event was reached.
#pragma once
#include <cstddef>
#include <deque>
#include <vector>
#include "library.h"

namespace tigon {

class Staging {
 public:
  // The context is current. Waits only when the ring is full of bytes that the device has not read yet. Gives the result
  // and the name of the call that gave it.
  struct Result {
    int code;
    const char* call;
  };
  Result upload(Address to, const unsigned char* from, size_t bytes, Opaque stream);
  void release();

 private:
  struct Piece {
    size_t end;
    Opaque event;
  };

  Result uploadPiece(Address to, const unsigned char* from, size_t bytes, Opaque stream);
  Result makeRoom(size_t bytes, size_t& start);
  Result makeEvent(Opaque& event);

  static constexpr size_t RING_BYTES = size_t{16} << 20;
  static constexpr size_t PIECE_BYTES = size_t{2} << 20;
  static constexpr size_t ALIGNMENT = 256;
  unsigned char* ring_ = nullptr;
  size_t head_ = 0;
  size_t tail_ = 0;
  std::deque<Piece> pieces_;
  std::vector<Opaque> events_;
};

}  // namespace tigon
