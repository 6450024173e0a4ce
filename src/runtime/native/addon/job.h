// Work on another thread that a promise stands for.
//
// Invariant: `run` touches nothing of JavaScript; `finish` runs on the thread of JavaScript and may fail, too.
#pragma once
#include <napi.h>
#include <optional>
#include "errors.h"

namespace tigon {

class Job : public Napi::AsyncWorker {
 public:
  explicit Job(Napi::Env env) : AsyncWorker(env), deferred_(env) {}

  // The job deletes itself when it is done.
  Napi::Promise start() {
    const Napi::Promise promise = deferred_.Promise();
    Queue();
    return promise;
  }

 protected:
  virtual std::optional<Failure> run() = 0;
  virtual Napi::Value finish() = 0;

 private:
  void Execute() final { failure_ = run(); }

  void OnOK() final {
    try {
      if (failure_)
        deferred_.Reject(errorOf(Env(), *failure_).Value());
      else
        deferred_.Resolve(finish());
    } catch (const Napi::Error& error) {
      deferred_.Reject(error.Value());
    }
  }

  Napi::Promise::Deferred deferred_;
  std::optional<Failure> failure_;
};

}  // namespace tigon
