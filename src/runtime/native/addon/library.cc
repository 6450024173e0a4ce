// Opening libraries by dlopen, whose functions are then found by their exported names.
//
// Invariant: what was opened and refused is closed only before any function of it was called.
#include "library.h"
#include <dlfcn.h>
#include <climits>
#include <cstdlib>

namespace tigon {

Driver driver;
Compiler compiler;
Nccl nccl;
std::mutex loading;

Library openLibrary(const std::string& path) {
  Library library;
  library.handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library.handle == nullptr) {
    const char* reason = dlerror();
    library.problem = reason == nullptr ? "cannot be opened" : reason;
  }
  return library;
}

void closeLibrary(const Library& library) {
  if (library.handle != nullptr) dlclose(library.handle);
}

void* findSymbol(const Library& library, const char* name) { return dlsym(library.handle, name); }

std::string pathOf(const void* function, const std::string& otherwise) {
  Dl_info info;
  if (dladdr(function, &info) == 0 || info.dli_fname == nullptr) return otherwise;
  char resolved[PATH_MAX];
  return realpath(info.dli_fname, resolved) == nullptr ? info.dli_fname : resolved;
}

namespace {

template <class Pointer>
void find(const Library& library, Pointer& into, const char* name, bool required,
          std::string& missing) {
  into = reinterpret_cast<Pointer>(findSymbol(library, name));
  if (into != nullptr || !required) return;
  if (!missing.empty()) missing += ' ';
  missing += name;
}

}  // namespace

#define X(member, symbol, required, ...) find(library, table.member, symbol, required, missing);

std::string findAll(const Library& library, Driver& table) {
  std::string missing;
  TIGON_DRIVER_FUNCTIONS(X)
  return missing;
}

std::string findAll(const Library& library, Compiler& table) {
  std::string missing;
  find(library, table.GetErrorString, "nvrtcGetErrorString", true, missing);
  TIGON_COMPILER_FUNCTIONS(X)
  return missing;
}

std::string findAll(const Library& library, Nccl& table) {
  std::string missing;
  find(library, table.GetErrorString, "ncclGetErrorString", true, missing);
  find(library, table.GetLastError, "ncclGetLastError", false, missing);
  TIGON_NCCL_FUNCTIONS(X)
  return missing;
}

#undef X

}  // namespace tigon
