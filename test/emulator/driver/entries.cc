/**
 * A small scanner: `KERNEL(threads, name)` (also `SUMMING_KERNEL`) of units like ours, `__global__ … name(` of any other.
 *
 * Invariant: comments, strings and definitions of macros hold no kernels.
 */
#include "entries.h"
#include <cctype>
#include <vector>

namespace emulated {
namespace {

struct Entry {
  std::string name, threads;
};

struct Scanner {
  const std::string& text;
  size_t at = 0;

  bool ends() const { return at >= text.size(); }
  bool sees(const char* word) const { return text.compare(at, std::string(word).size(), word) == 0; }
  static bool isWord(char c) { return isalnum((unsigned char)c) || c == '_'; }

  void skipTo(const char* end) {
    const size_t found = text.find(end, at);
    at = found == std::string::npos ? text.size() : found + std::string(end).size();
  }

  void skipDirective() {
    while (!ends() && text[at] != '\n') at += text[at] == '\\' ? 2 : 1;
  }

  void skipString() {
    const char quote = text[at++];
    while (!ends() && text[at] != quote) at += text[at] == '\\' ? 2 : 1;
    at++;
  }

  /** What is no word is skipped; the next word, or nothing at the end. */
  std::string word() {
    while (!ends()) {
      if (sees("//")) skipTo("\n");
      else if (sees("/*")) skipTo("*/");
      else if (text[at] == '#') skipDirective();
      else if (text[at] == '"' || text[at] == '\'') skipString();
      else if (isWord(text[at])) break;
      else at++;
    }
    const size_t start = at;
    while (!ends() && isWord(text[at])) at++;
    return text.substr(start, at - start);
  }

  bool opens() {
    while (!ends() && isspace((unsigned char)text[at])) at++;
    return !ends() && text[at] == '(';
  }

  /** What stands in parentheses that open here, up to the end or a comma at this level. */
  std::string inParentheses() {
    const size_t start = ++at;
    for (int depth = 0; !ends(); at++) {
      if (text[at] == '(') depth++;
      if (text[at] == ',' && depth == 0) break;
      if (text[at] == ')' && depth-- == 0) break;
    }
    return text.substr(start, at - start);
  }
};

std::vector<Entry> entries(const std::string& source) {
  std::vector<Entry> all;
  Scanner scan{source};
  for (std::string word = scan.word(); !word.empty(); word = scan.word()) {
    if ((word == "KERNEL" || word == "SUMMING_KERNEL") && scan.opens()) {
      scan.inParentheses();
      const std::string name = scan.word();
      all.push_back({name, "tigon_emulated_threads_" + name});
    } else if (word == "__global__") {
      std::string threads = "1024";
      for (std::string next = scan.word(); !next.empty(); next = scan.word()) {
        if (!scan.opens()) continue;
        if (next != "__launch_bounds__") {
          all.push_back({next, threads});
          break;
        }
        threads = scan.inParentheses();
        scan.skipTo(")");
      }
    }
  }
  return all;
}

}  // namespace

std::string entriesOf(const std::string& source) {
  const std::vector<Entry> all = entries(source);
  std::string text = "\n#define EXPORTED extern \"C\" __attribute__((visibility(\"default\"))) const\n";
  text += "EXPORTED unsigned tigon_emulated_kernel_count = " + std::to_string(all.size()) + ";\n";
  text += "EXPORTED TigonKernel tigon_emulated_kernels[] = {\n";
  for (const Entry& one : all) text += "  TIGON_EMULATED_ENTRY(" + one.name + ", " + one.threads + "),\n";
  return text + "  {}\n};\n";
}

}  // namespace emulated
