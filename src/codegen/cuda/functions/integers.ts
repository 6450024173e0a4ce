/**
 * Integers that wrap around, division that rounds down, conversions that saturate, random bits.
 *
 * Invariant: nothing overflows a signed integer, which C++ leaves undefined; dividing by zero gives 0; out of range gives
 * the nearest number of the range, NaN gives 0.
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
      lines.push(`x += y;`, `y = (y << ${r} | y >> ${32 - r}) ^ x;`);
    lines.push(`x += k${(block + 1) % 3};`, `y += k${(block + 2) % 3} + ${block + 1}u;`);
  }
  // the last word of the counter is not asked for
  lines.pop();
  return `
DEVICE unsigned threefry(unsigned k0, unsigned k1, unsigned c0, unsigned c1) {
  const unsigned k2 = k0 ^ k1 ^ 0x1bd11bdau;
  unsigned x = c0 + k0;
  unsigned y = c1 + k1;
${lines.map((l) => `  ${l}`).join('\n')}
  return x;
}`;
};

/** Sums and products that wrap, order, shifts and division of integers of one size. */
const ofSize = (int: string, unsigned: string, bits: 32 | 64): readonly string[] => {
  const u = bits === 32 ? 'u' : 'ull';
  const zero = bits === 32 ? '0' : '0ll';
  const last = bits - 1;
  return [
    `
DEVICE ${int} wrapped_sum(${int} x, ${int} y) { return (${int})((${unsigned})x + (${unsigned})y); }`,
    `
DEVICE ${int} wrapped_difference(${int} x, ${int} y) { return (${int})((${unsigned})x - (${unsigned})y); }`,
    `
DEVICE ${int} wrapped_product(${int} x, ${int} y) { return (${int})((${unsigned})x * (${unsigned})y); }`,
    `
DEVICE ${int} size_of(${int} x) { return x < 0 ? wrapped_difference(${zero}, x) : x; }`,
    `
DEVICE ${int} sign(${int} x) { return (x > 0) - (x < 0); }`,
    `
DEVICE ${unsigned} sign(${unsigned} x) { return x != 0${u} ? 1${u} : 0${u}; }`,
    `
DEVICE ${int} minimum(${int} x, ${int} y) { return x < y ? x : y; }`,
    `
DEVICE ${unsigned} minimum(${unsigned} x, ${unsigned} y) { return x < y ? x : y; }`,
    `
DEVICE ${int} maximum(${int} x, ${int} y) { return x > y ? x : y; }`,
    `
DEVICE ${unsigned} maximum(${unsigned} x, ${unsigned} y) { return x > y ? x : y; }`,
    `
DEVICE ${int} shift_left(${int} x, ${int} by) { return (${int})((${unsigned})x << (by & ${last})); }`,
    `
DEVICE ${unsigned} shift_left(${unsigned} x, ${unsigned} by) { return x << (by & ${last}${u}); }`,
    `
DEVICE ${int} shift_right(${int} x, ${int} by) { return x >> (by & ${last}); }`,
    `
DEVICE ${unsigned} shift_right(${unsigned} x, ${unsigned} by) { return x >> (by & ${last}${u}); }`,
    // the quotient by -1 may be out of range
    `
DEVICE ${int} floordiv(${int} x, ${int} y) {
  if (y == 0) return 0;
  if (y == -1) return wrapped_difference(${zero}, x);
  const ${int} quotient = x / y;
  return quotient * y != x && (x ^ y) < 0 ? quotient - 1 : quotient;
}`,
    `
DEVICE ${unsigned} floordiv(${unsigned} x, ${unsigned} y) { return y == 0${u} ? 0${u} : x / y; }`,
    `
DEVICE ${int} mod(${int} x, ${int} y) {
  if (y == 0 || y == -1) return 0;
  const ${int} rest = x % y;
  return rest != 0 && (rest ^ y) < 0 ? rest + y : rest;
}`,
    `
DEVICE ${unsigned} mod(${unsigned} x, ${unsigned} y) { return y == 0${u} ? 0${u} : x % y; }`,
  ];
};

interface Integer {
  readonly name: string;
  readonly type: string;
  readonly least: string;
  readonly greatest: string;
  /** The first power of two above them. */
  readonly above: string;
}
const WHOLE: readonly Integer[] = [
  {
    name: 'to_int',
    type: 'int',
    least: '-0x7fffffff - 1',
    greatest: '0x7fffffff',
    above: '2147483648.0',
  },
  {
    name: 'to_unsigned',
    type: 'unsigned',
    least: '0u',
    greatest: '0xffffffffu',
    above: '4294967296.0',
  },
  {
    name: 'to_long',
    type: 'long long',
    least: '-0x7fffffffffffffffll - 1',
    greatest: '0x7fffffffffffffffll',
    above: '9223372036854775808.0',
  },
  {
    name: 'to_unsigned_long',
    type: 'unsigned long long',
    least: '0ull',
    greatest: '0xffffffffffffffffull',
    above: '18446744073709551616.0',
  },
];

/** From floats: saturating, NaN to 0. */
const fromFloat = ({ name, type, least, greatest, above }: Integer, float: string): string => {
  const f = float === 'float' ? 'f' : '';
  const signed = least.startsWith('-');
  const below = signed ? `\n  if (x <= -${above}${f}) return ${least};` : '';
  const rest = signed ? `x == x ? (${type})x : 0` : `x > 0.0${f} ? (${type})x : ${least}`;
  return `
DEVICE ${type} ${name}(${float} x) {
  if (x >= ${above}${f}) return ${greatest};${below}
  return ${rest};
}`;
};

/** From integers that go further up, or further down. */
const downTo = ({ name, type, greatest }: Integer, from: string): string => `
DEVICE ${type} ${name}(${from} x) { return x > ${greatest} ? ${greatest} : (${type})x; }`;
const upFrom = ({ name, type, least }: Integer, from: string): string => `
DEVICE ${type} ${name}(${from} x) { return x < 0 ? ${least} : (${type})x; }`;
const between = ({ name, type, least, greatest }: Integer, from: string): string => `
DEVICE ${type} ${name}(${from} x) {
  return x < ${least} ? ${least} : x > ${greatest} ? ${greatest} : (${type})x;
}`;

const [INT, UNSIGNED, LONG, UNSIGNED_LONG] = WHOLE as readonly [Integer, Integer, Integer, Integer];

/** To what is kept in an int: narrower, but none of its bits are others' in memory. */
const toNarrow = (name: string, least: number, greatest: number): readonly string[] => [
  `
DEVICE int ${name}(float x) { return x >= ${greatest}.0f ? ${greatest} : x > ${least}.0f ? (int)x : ${least === 0 ? '0' : `x == x ? ${least} : 0`}; }`,
  `
DEVICE int ${name}(int x) { return x < ${least} ? ${least} : x > ${greatest} ? ${greatest} : x; }`,
  `
DEVICE int ${name}(unsigned x) { return x > ${greatest}u ? ${greatest} : (int)x; }`,
];

export const integerFunctions: readonly string[] = [
  ...ofSize('int', 'unsigned', 32),
  ...ofSize('long long', 'unsigned long long', 64),
  ...WHOLE.flatMap((to) => [fromFloat(to, 'float'), fromFloat(to, 'double')]),
  downTo(INT, 'unsigned'),
  downTo(INT, 'unsigned long long'),
  between(INT, 'long long'),
  upFrom(UNSIGNED, 'int'),
  between({ ...UNSIGNED, least: '0' }, 'long long'),
  downTo(UNSIGNED, 'unsigned long long'),
  downTo(LONG, 'unsigned long long'),
  upFrom(UNSIGNED_LONG, 'int'),
  upFrom(UNSIGNED_LONG, 'long long'),
  ...toNarrow('to_char', -128, 127),
  ...toNarrow('to_byte', 0, 255),
  ...toNarrow('to_short', -32768, 32767),
  ...toNarrow('to_word', 0, 65535),
  // for arrays whose elements are of one type, then of another
  `
DEVICE int bits_int(unsigned bits) { return (int)bits; }`,
  `
DEVICE unsigned int_bits(int x) { return (unsigned)x; }`,
  threefry(),
];
