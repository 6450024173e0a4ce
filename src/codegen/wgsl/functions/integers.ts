/**
 * Integer division that rounds down, conversions that saturate, random bits.
 *
 * Invariant: dividing by zero gives 0; out of range gives the nearest number of the range, NaN gives 0.
 */

const ROTATIONS = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;

/** 20 rounds; after every fourth the next two of three keys come in. */
const threefry = (): string => {
  const lines: string[] = [];
  for (let block = 0; block < 5; block++) {
    for (const r of ROTATIONS[block % 2]!)
      lines.push(`x += y;`, `y = ((y << $U(${r}u)) | (y >> $U(${32 - r}u))) ^ x;`);
    lines.push(`x += k${(block + 1) % 3};`, `y += k${(block + 2) % 3} + ${block + 1}u;`);
  }
  return `
fn threefry_$U(k0: $U, k1: $U, c0: $U, c1: $U) -> $U {
  let k2 = k0 ^ k1 ^ $U(0x1bd11bdau);
  var x = c0 + k0;
  var y = c1 + k1;
${lines.map((l) => `  ${l}`).join('\n')}
  return x;
}`;
};

export const integerFunctions: readonly string[] = [
  `
fn floordiv_$I(x: $I, y: $I) -> $I {
  let q = x / y;
  let r = x - q * y;
  let low = (r != $I(0)) & ((r ^ y) < $I(0));
  return select(q - select($I(0), $I(1), low), $I(0), y == $I(0));
}`,
  `
fn floordiv_$U(x: $U, y: $U) -> $U {
  return select(x / y, $U(0u), y == $U(0u));
}`,
  `
fn mod_$I(x: $I, y: $I) -> $I {
  let r = x % y;
  let other = (r != $I(0)) & ((r ^ y) < $I(0));
  return select(r + select($I(0), y, other), $I(0), y == $I(0));
}`,
  `
fn mod_$U(x: $U, y: $U) -> $U {
  return select(x % y, $U(0u), y == $U(0u));
}`,
  `
fn truncate_$I(x: $F) -> $I {
  let inside = $I(clamp(x, $F(-2147483648.0), $F(2147483520.0)));
  let above = select(inside, $I(0x7fffffff), x >= $F(2147483648.0));
  return select(above, $I(0), isnan_$F(x));
}`,
  `
fn truncate_$U(x: $F) -> $U {
  let inside = $U(clamp(x, $F(0.0), $F(4294967040.0)));
  let above = select(inside, $U(0xffffffffu), x >= $F(4294967296.0));
  return select(above, $U(0u), isnan_$F(x));
}`,
  threefry(),
];
