/**
 * A stand-in for NVRTC's interface.
 *
 * Invariant: results are its own numbers, and texts.
 */
#include <cstring>
#include "abi.h"
#include "compiler.h"
#include "settings.h"

namespace emulated {
namespace {

enum NvrtcResult : int {
  NVRTC_SUCCESS = 0,
  NVRTC_INVALID_INPUT = 3,
  NVRTC_INVALID_PROGRAM = 4,
  NVRTC_INVALID_OPTION = 5,
  NVRTC_COMPILATION = 6,
};

}  // namespace
}  // namespace emulated

using namespace emulated;

/** Checked units are not what others are: programs that keep images keep them apart by the version. */
API nvrtcVersion(int* major, int* minor) {
  *major = 12;
  *minor = conduct().check ? 9 : 8;
  return NVRTC_SUCCESS;
}

API nvrtcGetNumSupportedArchs(int* count) {
  *count = 2;
  return NVRTC_SUCCESS;
}

API nvrtcGetSupportedArchs(int* architectures) {
  architectures[0] = 80;
  architectures[1] = 90;
  return NVRTC_SUCCESS;
}

extern "C" EXPORT const char* nvrtcGetErrorString(int code) {
  switch (code) {
    case NVRTC_SUCCESS: return "NVRTC_SUCCESS";
    case NVRTC_INVALID_INPUT: return "NVRTC_ERROR_INVALID_INPUT";
    case NVRTC_INVALID_PROGRAM: return "NVRTC_ERROR_INVALID_PROGRAM";
    case NVRTC_INVALID_OPTION: return "NVRTC_ERROR_INVALID_OPTION";
    case NVRTC_COMPILATION: return "NVRTC_ERROR_COMPILATION";
    default: return "NVRTC_ERROR unknown";
  }
}

API nvrtcCreateProgram(void** made, const char* source, const char* name, int headerCount, const char* const*, const char* const*) {
  if (headerCount) return NVRTC_INVALID_INPUT;
  Program* program = new Program;
  program->source = source;
  program->name = name && *name ? name : "default_program";
  *made = program;
  return NVRTC_SUCCESS;
}

API nvrtcDestroyProgram(void** handle) {
  delete static_cast<Program*>(*handle);
  *handle = nullptr;
  return NVRTC_SUCCESS;
}

API nvrtcCompileProgram(void* handle, int count, const char* const* given) {
  Program& program = *static_cast<Program*>(handle);
  Options options;
  for (int i = 0; i < count; i++)
    if (!parseOption(given[i], options)) {
      program.log = std::string("unrecognized option ") + given[i] + " found";
      return NVRTC_INVALID_OPTION;
    }
  program.portable = options.portable;
  return compile(program, options) ? NVRTC_SUCCESS : NVRTC_COMPILATION;
}

API nvrtcGetProgramLogSize(void* handle, size_t* bytes) {
  *bytes = static_cast<Program*>(handle)->log.size() + 1;
  return NVRTC_SUCCESS;
}
API nvrtcGetProgramLog(void* handle, char* log) {
  const std::string& text = static_cast<Program*>(handle)->log;
  memcpy(log, text.c_str(), text.size() + 1);
  return NVRTC_SUCCESS;
}

API nvrtcGetCUBINSize(void* handle, size_t* bytes) {
  const Program& program = *static_cast<Program*>(handle);
  *bytes = program.portable ? 0 : program.image.size();
  return NVRTC_SUCCESS;
}
API nvrtcGetCUBIN(void* handle, char* image) {
  const Program& program = *static_cast<Program*>(handle);
  if (program.portable) return NVRTC_INVALID_PROGRAM;
  memcpy(image, program.image.data(), program.image.size());
  return NVRTC_SUCCESS;
}

API nvrtcGetPTXSize(void* handle, size_t* bytes) {
  *bytes = static_cast<Program*>(handle)->image.size();
  return NVRTC_SUCCESS;
}
API nvrtcGetPTX(void* handle, char* image) {
  const std::string& text = static_cast<Program*>(handle)->image;
  memcpy(image, text.data(), text.size());
  return NVRTC_SUCCESS;
}
