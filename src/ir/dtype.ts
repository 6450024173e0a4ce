/**
 * Element types: the one table of names, sizes and promotion rules that every level shares.
 *
 * Invariant: `int64` is no storage type here; 64-bit labels are range-checked and kept as int32 at the border.
 */

export const DTYPES = [
  'bool',
  'uint8',
  'int32',
  'uint32',
  'float16',
  'bfloat16',
  'float32',
] as const;
/** An element type that an array can be stored in. */
export type DType = (typeof DTYPES)[number];

interface DTypeRow {
  /** Spelling in the `.tg` text format and in messages. */
  readonly short: string;
  readonly bytes: number;
  readonly kind: 'bool' | 'int' | 'uint' | 'float';
  /** Rank in promotion: the larger of two wins; two of one rank meet in float32. */
  readonly rank: number;
}

const dtypeTable: Readonly<Record<DType, DTypeRow>> = {
  bool: { short: 'bool', bytes: 1, kind: 'bool', rank: 0 },
  uint8: { short: 'u8', bytes: 1, kind: 'uint', rank: 1 },
  uint32: { short: 'u32', bytes: 4, kind: 'uint', rank: 2 },
  int32: { short: 'i32', bytes: 4, kind: 'int', rank: 3 },
  float16: { short: 'f16', bytes: 2, kind: 'float', rank: 4 },
  bfloat16: { short: 'bf16', bytes: 2, kind: 'float', rank: 4 },
  float32: { short: 'f32', bytes: 4, kind: 'float', rank: 5 },
};

const byShort = new Map<string, DType>(DTYPES.map((d) => [dtypeTable[d].short, d]));

export const shortName = (dtype: DType): string => dtypeTable[dtype].short;
export const dtypeFromShort = (name: string): DType | undefined => byShort.get(name);
export const bytesOf = (dtype: DType): number => dtypeTable[dtype].bytes;
export const isFloat = (dtype: DType): boolean => dtypeTable[dtype].kind === 'float';
export const isInteger = (dtype: DType): boolean =>
  dtypeTable[dtype].kind === 'int' || dtypeTable[dtype].kind === 'uint';

/** Floats that are computed in float32 and rounded when they are stored. */
export const isNarrowFloat = (dtype: DType): boolean => isFloat(dtype) && bytesOf(dtype) < 4;

/**
 * The dtype of `a op b`: bool < uint8 < uint32 < int32 < float16 and bfloat16 < float32. Neither of the two of 16 bits
 * holds the other, so they give float32. (uint32 with int32 gives int32: there is no wider integer to go to.)
 */
export const promote = (a: DType, b: DType): DType => {
  const [x, y] = [dtypeTable[a].rank, dtypeTable[b].rank];
  if (x === y) return a === b ? a : 'float32';
  return x > y ? a : b;
};
