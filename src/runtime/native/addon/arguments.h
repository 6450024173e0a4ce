// Arguments from JavaScript, as C++ wants them.
//
// Invariant: whatever JavaScript passes, the result is a valid value or an error; never a number cut to another one.
#pragma once
#include <napi.h>
#include <memory>
#include <string>
#include <vector>
#include "errors.h"
#include "state.h"

namespace tigon {

struct Bytes {
  unsigned char* data;
  size_t size;
};

class Arguments {
 public:
  Arguments(const Napi::CallbackInfo& info, const char* call) : info_(info), call_(call) {}

  Napi::Env env() const { return info_.Env(); }
  State& state() const { return State::of(env()); }
  const char* call() const { return call_; }

  // An integer from 0 to 2^53: a size or an address.
  uint64_t whole(size_t index) const;
  unsigned small(size_t index) const;
  Address address(size_t index) const { return whole(index); }
  void* pointer(size_t index) const { return reinterpret_cast<void*>(whole(index)); }
  bool yes(size_t index) const { return info_[index].ToBoolean(); }
  std::string text(size_t index) const { return info_[index].ToString(); }
  Bytes bytes(size_t index) const;
  std::vector<uint64_t> wholes(size_t index) const;
  std::vector<std::string> texts(size_t index) const;
  double number(size_t index) const { return info_[index].ToNumber().DoubleValue(); }

  // The context, made current on this thread.
  ContextPointer context(size_t index) const;
  // A stream of this context; null for the default one.
  Opaque stream(size_t index, const ContextPointer& context) const;

  template <class T>
  std::shared_ptr<T> find(size_t index, const Handles<T>& handles, const char* what) const {
    const auto& found = handles.find(number(index));
    if (found == nullptr) unknown(what);
    return found;
  }

  // The object, which has to belong to the context.
  template <class T>
  std::shared_ptr<T> find(size_t index, const Handles<T>& handles, const char* what,
                          const ContextPointer& context) const {
    auto found = find(index, handles, what);
    if (found->context != context) foreign(what);
    return found;
  }

  // Takes it out of the table; true when there was one.
  template <class T>
  void remove(size_t index, Handles<T>& handles, const char* what) const {
    if (handles.remove(number(index)) == nullptr) unknown(what);
  }

 private:
  [[noreturn]] void unknown(const char* what) const;
  [[noreturn]] void foreign(const char* what) const;

  const Napi::CallbackInfo& info_;
  const char* call_;
};

}  // namespace tigon
