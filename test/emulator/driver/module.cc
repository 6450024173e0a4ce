/**
 * Modules: images that the stand-in compiler made, loaded as shared libraries.
 *
 * Invariant: an image is what it would be on a GPU: bytes that any process can keep and load, for one architecture.
 */
#include <cstdio>
#include <cstring>
#include <deque>
#include <dlfcn.h>
#include <set>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include "image.h"
#include "launch.h"
#include "settings.h"
#include "stream.h"

namespace emulated {

struct Module {
  Device* device;
  void* library;
  const Kernel* kernels;
  unsigned count;
  std::deque<Function> functions;
};

namespace {

std::set<Module*> modules;
std::set<void*> functions;

/** Kernels' libraries call the driver: they find it only if its names are everybody's. */
void shareNames() {
  static const bool done = [] {
    Dl_info own;
    return dladdr(reinterpret_cast<void*>(&shareNames), &own) && dlopen(own.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
  }();
  (void)done;
}

/** The library of an image, from memory: files would be left behind. */
void* open(const ImageHeader& header) {
  shareNames();
  const int file = memfd_create("kernels", MFD_CLOEXEC);
  if (file < 0) return nullptr;
  const char* bytes = reinterpret_cast<const char*>(&header + 1);
  void* library = nullptr;
  if (write(file, bytes, header.bytes) == ssize_t(header.bytes)) {
    // the loader takes what has the name of a library that is there for that one, and numbers of files come again
    static unsigned loaded = 0;
    std::string path = "/proc/self/";
    for (unsigned rest = ++loaded; rest > 0; rest >>= 1) path += rest & 1 ? "./" : "/";
    library = dlopen((path + "fd/" + std::to_string(file)).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) fprintf(stderr, "emulated CUDA: %s\n", dlerror());
  }
  close(file);
  return library;
}

/** A cubin runs on devices of its major version that are not older; one that ends in `a` on exactly its own. */
bool fits(const ImageHeader& header) {
  const unsigned own = unsigned(settings().capability);
  if (header.portable && !header.exact) return header.architecture <= own;
  return header.exact ? header.architecture == own
                      : header.architecture / 10 == own / 10 && header.architecture <= own;
}

int load(void** made, const void* image) {
  return onDevice([&](Device& device) -> int {
    const ImageHeader& header = *static_cast<const ImageHeader*>(image);
    if (memcmp(header.magic, IMAGE_MAGIC, sizeof header.magic)) return INVALID_IMAGE;
    if (!fits(header)) return NO_BINARY_FOR_GPU;
    void* library = open(header);
    if (!library) return INVALID_IMAGE;
    Module* module = new Module;
    module->device = &device;
    module->library = library;
    module->kernels = static_cast<const Kernel*>(dlsym(library, "tigon_emulated_kernels"));
    module->count = *static_cast<const unsigned*>(dlsym(library, "tigon_emulated_kernel_count"));
    modules.insert(module);
    *made = module;
    return SUCCESS;
  });
}

}  // namespace

bool isFunction(Device& device, void* handle) {
  return functions.count(handle) && static_cast<Function*>(handle)->device == &device;
}

}  // namespace emulated

using namespace emulated;

API cuModuleLoadData(void** made, const void* image) { return load(made, image); }

API cuModuleLoadDataEx(void** made, const void* image, unsigned, int*, void**) { return load(made, image); }

API cuModuleUnload(void* handle) {
  return onDevice([&](Device& device) -> int {
    Module* module = static_cast<Module*>(handle);
    if (!modules.count(module)) return INVALID_HANDLE;
    runAll(device);
    modules.erase(module);
    for (Function& function : module->functions) functions.erase(&function);
    dlclose(module->library);
    delete module;
    return SUCCESS;
  });
}

API cuModuleGetFunction(void** made, void* handle, const char* name) {
  return onDevice([&](Device& device) -> int {
    Module* module = static_cast<Module*>(handle);
    if (!modules.count(module)) return INVALID_HANDLE;
    for (Function& known : module->functions)
      if (!strcmp(known.kernel->name, name)) {
        *made = &known;
        return SUCCESS;
      }
    for (unsigned i = 0; i < module->count; i++) {
      if (strcmp(module->kernels[i].name, name)) continue;
      Function function;
      function.module = module;
      function.kernel = &module->kernels[i];
      function.device = &device;
      module->functions.push_back(function);
      functions.insert(*made = &module->functions.back());
      return SUCCESS;
    }
    return NOT_FOUND;
  });
}

API cuFuncGetAttribute(int* value, int which, void* handle) {
  return onDevice([&](Device& device) -> int {
    if (!isFunction(device, handle)) return INVALID_HANDLE;
    const Function& function = *static_cast<Function*>(handle);
    switch (which) {
      case FUNCTION_THREADS: *value = int(function.kernel->threads); return SUCCESS;
      case FUNCTION_SHARED_BYTES: *value = int(function.kernel->sharedBytes); return SUCCESS;
      case FUNCTION_CONSTANT_BYTES: *value = 0; return SUCCESS;
      case FUNCTION_LOCAL_BYTES: *value = 0; return SUCCESS;
      case FUNCTION_REGISTERS: *value = 32; return SUCCESS;
      case FUNCTION_DYNAMIC_SHARED_BYTES: *value = int(function.sharedBytes); return SUCCESS;
      default: return INVALID_VALUE;
    }
  });
}

API cuFuncSetAttribute(void* handle, int which, int value) {
  return onDevice([&](Device& device) -> int {
    if (!isFunction(device, handle)) return INVALID_HANDLE;
    if (which != FUNCTION_DYNAMIC_SHARED_BYTES || value < 0 || unsigned(value) > sharedLimit()) return INVALID_VALUE;
    static_cast<Function*>(handle)->sharedBytes = unsigned(value);
    return SUCCESS;
  });
}
