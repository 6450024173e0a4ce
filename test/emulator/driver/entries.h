/**
 * Finds the kernels of a unit in its text.
 *
 * Invariant: every kernel is found, and nothing else.
 */
#pragma once
#include <string>

namespace emulated {

/** What to put behind a unit, so that the driver can call its kernels. */
std::string entriesOf(const std::string& source);

}  // namespace emulated
