/**
 * What the stand-in compiler gives out and modules are loaded from: a header, then a shared library.
 *
 * Invariant: the header says how long the library is, because the driver is not told.
 */
#pragma once

namespace emulated {

constexpr char IMAGE_MAGIC[8] = {'T', 'I', 'G', 'O', 'N', 'E', 'M', 'U'};

struct ImageHeader {
  char magic[8];
  /** 80 is 8.0. */
  unsigned architecture;
  /** Whether it was compiled for what only this architecture has (`sm_90a`). */
  unsigned exact;
  /** Whether it stands for PTX, which newer devices take too. */
  unsigned portable;
  unsigned padding;
  unsigned long long bytes;
};

}  // namespace emulated
