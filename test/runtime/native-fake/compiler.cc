// A libnvrtc whose image is the text itself behind a mark; it finds an error in texts with the word `wrong`.
//
// Invariant: a real architecture gives a cubin, all else PTX, as with NVRTC.
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

namespace {
struct Program {
  std::string source, name, log, image;
  bool real = false;
};
bool is(const char* word) {
  const char* words = std::getenv("FAKE_CUDA");
  return words != nullptr && std::strstr(words, word) != nullptr;
}
}  // namespace

extern "C" {
const char* nvrtcGetErrorString(int code) { return code == 6 ? "NVRTC_ERROR_COMPILATION" : "NVRTC_ERROR_INVALID_INPUT"; }
int nvrtcVersion(int* major, int* minor) { return *major = is("thirteen") ? 13 : 12, *minor = 2, 0; }
int nvrtcGetNumSupportedArchs(int* count) { return *count = 2, 0; }
int nvrtcGetSupportedArchs(int* list) { return list[0] = 80, list[1] = 90, 0; }
int nvrtcCreateProgram(void** program, const char* source, const char* name, int, const char* const*, const char* const*) {
  return *program = new Program{source, name, "", ""}, 0;
}
int nvrtcDestroyProgram(void** program) {
  delete static_cast<Program*>(*program);
  return *program = nullptr, 0;
}
int nvrtcCompileProgram(void* handle, int count, const char* const* options) {
  if (is("slow")) std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const auto program = static_cast<Program*>(handle);
  for (int i = 0; i < count; i++) program->real = program->real || std::strstr(options[i], "=sm_") != nullptr;
  if (program->source.find("wrong") != std::string::npos)
    return program->log = program->name + "(1): error: identifier \"wrong\" is undefined\n", 6;
  if (program->source.find("odd") != std::string::npos) program->log = "warning: odd\n";
  return program->image = (program->real ? "fake cubin " : "fake ptx ") + program->source, 0;
}
int nvrtcGetCUBINSize(void* handle, size_t* size) {
  const auto program = static_cast<Program*>(handle);
  return *size = program->real ? program->image.size() : 0, 0;
}
int nvrtcGetPTXSize(void* handle, size_t* size) { return *size = static_cast<Program*>(handle)->image.size(), 0; }
int nvrtcGetCUBIN(void* handle, char* to) {
  const auto& image = static_cast<Program*>(handle)->image;
  return std::memcpy(to, image.data(), image.size()), 0;
}
int nvrtcGetPTX(void* handle, char* to) { return nvrtcGetCUBIN(handle, to); }
int nvrtcGetProgramLogSize(void* handle, size_t* size) { return *size = static_cast<Program*>(handle)->log.size() + 1, 0; }
int nvrtcGetProgramLog(void* handle, char* to) { return std::strcpy(to, static_cast<Program*>(handle)->log.c_str()), 0; }
}
