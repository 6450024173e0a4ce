// How objects end.
//
// Invariant: nothing here throws or reports: a context that a kernel broke refuses to destroy its objects one by one, and
// drops them all with itself.
#include "objects.h"

namespace tigon {

Context::~Context() {
  use();
  staging.release();
  driver.DevicePrimaryCtxRelease(device);
}

Stream::~Stream() {
  context->use();
  driver.StreamDestroy(handle);
}

Event::~Event() {
  context->use();
  driver.EventDestroy(handle);
}

Module::~Module() {
  context->use();
  driver.ModuleUnload(handle);
}

Graph::~Graph() {
  context->use();
  driver.GraphDestroy(handle);
}

Exec::~Exec() {
  context->use();
  driver.GraphExecDestroy(handle);
}

Communicator::~Communicator() {
  context->use();
  nccl.CommDestroy(handle);
}

}  // namespace tigon
