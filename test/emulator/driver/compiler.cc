/**
 * Compiles units with g++, for this machine's processor, with `include/kernel.h` in front.
 *
 * Invariant: what was compiled once is not compiled again, in no process: results are kept under the hash of everything
 * that they depend on, and a file of them is there whole or not at all.
 */
#include "compiler.h"
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>
#include "entries.h"
#include "image.h"
#include "programs.h"
#include "settings.h"
#include "waiting.h"

namespace emulated {
namespace {

/** Options that NVRTC knows and that change nothing here. */
constexpr const char* IGNORED[] = {"--fmad=",   "-fmad=",    "--std=",      "-std=",        "--restrict",          "-restrict",
                                   "-lineinfo", "--generate-line-info", "--minimal", "-default-device", "--device-as-default-execution-space",
                                   "--maxrregcount=", "--dopt=", "-dopt=",  "--ptxas-options", "--split-compile=", "--no-cache", "-no-cache"};

bool startsWith(const std::string& text, const char* start) { return text.compare(0, strlen(start), start) == 0; }

/** 128 bits, far more than the units of all runs need to be told apart. */
std::string hashOf(const std::vector<std::string>& parts) {
  unsigned long long a = 0xcbf29ce484222325ull, b = 0x9e3779b97f4a7c15ull;
  for (const std::string& part : parts)
    for (size_t i = 0; i <= part.size(); i++) {
      const unsigned char byte = i < part.size() ? (unsigned char)part[i] : 0;
      a = (a ^ byte) * 0x100000001b3ull;
      b = (b + byte + 1) * 0xd6e8feb86659fd93ull;
      b ^= b >> 32;
    }
  char text[40];
  snprintf(text, sizeof text, "%016llx%016llx", a, b);
  return text;
}

constexpr const char* LINKED[] = {"--hash-style=gnu", "-znoseparate-code", "-s", "--build-id=none"};

/**
 * How a unit is compiled: so that every operation rounds as it is written, and quickly. Most kernels run once, on little:
 * what an optimizer would take is more than it would save, except for checks of each access.
 */
std::vector<std::string> compiler(const Options& options) {
  std::vector<std::string> words = {
      "g++",       "-std=c++17",     conduct().check ? "-O1" : "-O0", "-w",
      "-pipe",     "-shared",        "-fPIC",         "-nostdlib",
      "-nostdinc", "-nostdinc++",    "-fno-exceptions", "-fno-rtti",
      "-fno-asynchronous-unwind-tables", "-fno-stack-protector", "-U_FORTIFY_SOURCE", "-fcf-protection=none",
      "-fvisibility=hidden", "-fno-strict-aliasing", "-ffp-contract=off", "-fno-math-errno",
      "-fno-trapping-math", "-fwrapv", "-fsanitize=alignment", "-fsanitize-undefined-trap-on-error", "-fno-threadsafe-statics", "-fdiagnostics-color=never"};
  for (const char* option : LINKED) words.push_back(std::string("-Wl,") + option);
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2")) words.push_back("-mavx2"), words.push_back("-mfma");
#else
  words.erase(std::remove(words.begin(), words.end(), "-fcf-protection=none"), words.end());
#endif
  if (conduct().check) {
    words.push_back("-fsanitize=thread");
    words.push_back("--param=tsan-instrument-func-entry-exit=0");
  }
  words.insert(words.end(), options.flags.begin(), options.flags.end());
  return words;
}

/** Headers in front of a unit: what only newer devices have is there for those alone. */
std::vector<std::string> headersOf(const Options& options) {
  const std::string folder = ownFolder() + "/include/";
  std::vector<std::string> all = {folder + "kernel.h"};
  if (options.exact && access((folder + "bulk.h").c_str(), R_OK) == 0) all.push_back(folder + "bulk.h");
  return all;
}

/** Makes a shared library of `base`.cc: in steps with a compiler that waits, else with g++, which also says what is wrong. */
bool makeLibrary(const std::string& base, const std::vector<std::string>& words) {
  const std::string unit = base + ".cc", assembly = base + ".s", object = base + ".o", library = base + ".so", log = base + ".log";
  std::vector<std::string> link = {"ld", "-shared", object, "-o", library};
  link.insert(link.end(), std::begin(LINKED), std::end(LINKED));
  if (compileWaiting(words, unit, assembly, log) && runProgram({"as", assembly, "-o", object}, log) && runProgram(link, log))
    return true;
  std::vector<std::string> all = words;
  all.insert(all.end(), {unit, "-o", library});
  return runProgram(all, log);
}

}  // namespace

bool parseOption(const std::string& option, Options& all) {
  for (const char* flag : {"--gpu-architecture=", "-arch=", "-gpu-architecture="}) {
    if (!startsWith(option, flag)) continue;
    const std::string value = option.substr(strlen(flag));
    const size_t at = value.find('_');
    if (at == std::string::npos) return false;
    all.portable = startsWith(value, "compute_");
    all.exact = value.back() == 'a';
    all.architecture = unsigned(atoi(value.c_str() + at + 1));
    return all.architecture >= 50;
  }
  if (startsWith(option, "-D")) {
    all.flags.push_back(option);
    return true;
  }
  if (startsWith(option, "--define-macro=")) {
    all.flags.push_back("-D" + option.substr(15));
    return true;
  }
  for (const char* known : IGNORED)
    if (startsWith(option, known)) return true;
  return false;
}

bool compile(Program& program, const Options& options) {
  static std::atomic<unsigned> count{0};
  std::vector<std::string> words = compiler(options);
  std::vector<std::string> key = words;
  for (const std::string& header : headersOf(options)) {
    words.insert(words.end(), {"-include", header});
    key.emplace_back();
    readFile(header, key.back());
  }
  key.push_back(program.name);
  key.push_back(program.source);
  key.push_back(std::to_string(options.architecture * 4 + options.exact * 2 + options.portable));
  const std::string folder = settings().cache.empty() ? "/tmp" : settings().cache;
  const std::string kept = folder + "/" + hashOf(key) + ".unit";
  if (!settings().cache.empty() && readFile(kept, program.image)) {
    utimensat(AT_FDCWD, kept.c_str(), nullptr, 0);  // it is still of use
    return true;
  }
  const std::string base = folder + "/tigon-unit." + std::to_string(getpid()) + "." + std::to_string(count++);
  const std::string text = "#line 1 \"" + program.name + "\"\n" + program.source + entriesOf(program.source);
  if (!writeFile(base + ".cc", text)) {
    program.log = "the emulator cannot write to " + folder;
    return false;
  }
  const bool done = makeLibrary(base, words);
  readFile(base + ".log", program.log);
  std::string library;
  const bool read = done && readFile(base + ".so", library);
  for (const char* end : {".cc", ".s", ".o", ".so", ".log"}) unlink((base + end).c_str());
  if (!read) return false;
  ImageHeader header{};
  memcpy(header.magic, IMAGE_MAGIC, sizeof header.magic);
  header.architecture = options.architecture;
  header.exact = options.exact;
  header.portable = options.portable;
  header.bytes = library.size();
  program.image.assign(reinterpret_cast<const char*>(&header), sizeof header);
  program.image += library;
  if (!settings().cache.empty() && writeFile(base + ".new", program.image)) rename((base + ".new").c_str(), kept.c_str());
  return true;
}

}  // namespace emulated
