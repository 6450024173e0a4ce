/**
 * Four neighbours in memory as a vector: at once where they are aligned, else one by one; floats of 16 bits widened and
 * narrowed, bytes as ints or bools.
 *
 * Invariant: what is `apart` may start anywhere; all else starts at a multiple of its size.
 */

const LANES = ['x', 'y', 'z', 'w'] as const;

/** Vectors whose lanes are what memory holds. */
const plain = (type: string, vector: string): readonly string[] => [
  `
DEVICE ${vector} load4(const ${type}* at) { return *(const ${vector}*)at; }`,
  `
DEVICE ${vector} load4_apart(const ${type}* at) { return {at[0], at[1], at[2], at[3]}; }`,
  `
DEVICE void store4(${type}* at, ${vector} x) { *(${vector}*)at = x; }`,
  `
DEVICE void store4_apart(${type}* at, ${vector} x) {
${LANES.map((lane, i) => `  at[${i}] = x.${lane};`).join('\n')}
}`,
];

/** Vectors of something wider than what memory holds. */
const packed = (
  name: string,
  {
    stored,
    four,
    vector,
  }: { readonly stored: string; readonly four: string; readonly vector: string },
  wide: (x: string) => string,
  narrow: (x: string) => string,
  pair?: string,
): readonly string[] => [
  `
DEVICE ${vector} load4_${name}(const ${stored}* at) {
  const ${four} q = *(const ${four}*)at;
  return {${LANES.map((lane) => wide(`q.${lane}`)).join(', ')}};
}`,
  `
DEVICE ${vector} load4_${name}_apart(const ${stored}* at) {
  return {${LANES.map((_, i) => wide(`at[${i}]`)).join(', ')}};
}`,
  `
DEVICE void store4_${name}(${stored}* at, ${vector} x) {
  ${
    pair === undefined
      ? `*(${four}*)at = {${LANES.map((lane) => narrow(`x.${lane}`)).join(', ')}}`
      : `*(uint2*)at = {${pair}(x.x, x.y), ${pair}(x.z, x.w)}`
  };
}`,
  `
DEVICE void store4_${name}_apart(${stored}* at, ${vector} x) {
${LANES.map((lane, i) => `  at[${i}] = ${narrow(`x.${lane}`)};`).join('\n')}
}`,
];

const HALVES = { stored: 'unsigned short', four: 'ushort4', vector: 'float4' };
const BYTES = { stored: 'unsigned char', four: 'uchar4' };
const byte = (x: string): string => `(unsigned char)${x}`;
const short = (x: string): string => `(unsigned short)${x}`;

export const memoryFunctions: readonly string[] = [
  ...plain('float', 'float4'),
  ...plain('int', 'int4'),
  ...plain('unsigned', 'uint4'),
  ...packed(
    'half',
    HALVES,
    (x) => `half_of(${x})`,
    (x) => `half_bits(${x})`,
    'half_pair',
  ),
  ...packed(
    'bfloat',
    HALVES,
    (x) => `bfloat_of(${x})`,
    (x) => `bfloat_bits(${x})`,
    'bfloat_pair',
  ),
  ...packed('byte', { ...BYTES, vector: 'int4' }, (x) => x, byte),
  ...packed('char', { ...BYTES, vector: 'int4' }, (x) => `(signed char)${x}`, byte),
  ...packed('word', { ...HALVES, vector: 'int4' }, (x) => x, short),
  ...packed('short', { ...HALVES, vector: 'int4' }, (x) => `(short)${x}`, short),
  ...packed('bool', { ...BYTES, vector: 'bool4' }, (x) => `${x} != 0`, byte),
];
