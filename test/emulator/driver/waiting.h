/**
 * Compilers that have started before there is anything to compile (`waiting/compiler.cc`).
 *
 * Invariant: one per list of words and process of ours; they end with the process.
 */
#pragma once
#include <string>
#include <vector>

namespace emulated {

/** Named by `include/unit.cc`; there is no such file. */
constexpr const char* UNIT_TO_COME = "/tigon/unit-to-come";
/** The descriptor where a waiting compiler gets requests: paths of the unit, of what to make of it, and of its complaints. */
constexpr int WAITING_CHANNEL = 3;

/**
 * Makes assembly of a unit with the compiler that `words` start. False if it is not to be had or refuses the unit: g++ by
 * itself then says why.
 */
bool compileWaiting(
    const std::vector<std::string>& words, const std::string& unit, const std::string& assembly, const std::string& log);

}  // namespace emulated
