// The functions of NVRTC, the compiler of CUDA C++ as a library, declared by ourselves.
//
// Invariant: parameters agree with nvrtc.h (check.cc, where a toolkit is present); GetErrorString alone returns text.
#pragma once
#include "driver.h"

#define TIGON_COMPILER_FUNCTIONS(X)                                                                \
  X(Version, "nvrtcVersion", true, int*, int*)                                                     \
  X(GetNumSupportedArchs, "nvrtcGetNumSupportedArchs", false, int*)                                \
  X(GetSupportedArchs, "nvrtcGetSupportedArchs", false, int*)                                      \
  X(CreateProgram, "nvrtcCreateProgram", true, Opaque*, const char*, const char*, int,             \
    const char* const*, const char* const*)                                                        \
  X(DestroyProgram, "nvrtcDestroyProgram", true, Opaque*)                                          \
  X(CompileProgram, "nvrtcCompileProgram", true, Opaque, int, const char* const*)                  \
  X(GetPTXSize, "nvrtcGetPTXSize", true, Opaque, size_t*)                                          \
  X(GetPTX, "nvrtcGetPTX", true, Opaque, char*)                                                    \
  X(GetCUBINSize, "nvrtcGetCUBINSize", true, Opaque, size_t*)                                      \
  X(GetCUBIN, "nvrtcGetCUBIN", true, Opaque, char*)                                                \
  X(GetProgramLogSize, "nvrtcGetProgramLogSize", true, Opaque, size_t*)                            \
  X(GetProgramLog, "nvrtcGetProgramLog", true, Opaque, char*)

namespace tigon {

struct Compiler {
  const char* (*GetErrorString)(int) = nullptr;
#define X(member, symbol, required, ...) Function<__VA_ARGS__> member = nullptr;
  TIGON_COMPILER_FUNCTIONS(X)
#undef X
};

}  // namespace tigon
