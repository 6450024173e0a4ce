/**
 * Every scalar op and conversion on integers of 64 bits, with what BigInts give: numbers beyond 2^53 too.
 *
 * Invariant: a case is one kernel over all combinations of the numbers below.
 */
import type { DType } from '../../src/ir/dtype.ts';
import { SCALAR_OPS, type ScalarOp, scalarOps } from '../../src/ir/scalar.ts';
import * as b from '../../src/ir/thread/build.ts';
import {
  registerOf,
  type TExpr,
  type ThreadBuffer,
  type ThreadKernel,
} from '../../src/ir/thread/thread.ts';
import { encode } from '../support/wasm.ts';

type Long = 'int64' | 'uint64';
const LEAST = -(2n ** 63n);
const MOST = 2n ** 63n - 1n;
const VALUES: Readonly<Record<Long, readonly bigint[]>> = {
  int64: [0n, 1n, -1n, 2n, -3n, 7n, 63n, 100n, -100n, 2n ** 32n + 5n, 2n ** 53n + 1n, LEAST, MOST],
  uint64: [
    0n,
    1n,
    2n,
    3n,
    7n,
    63n,
    100n,
    2n ** 32n + 5n,
    2n ** 53n + 1n,
    2n ** 63n,
    2n ** 64n - 1n,
  ],
};

const floorQuotient = (x: bigint, y: bigint): bigint => {
  if (y === 0n) return 0n;
  const q = x / y;
  return q * y !== x && x < 0n !== y < 0n ? q - 1n : q;
};

/** `x`, no less than the one and then no more than the other. */
const clamp = (x: bigint, least: bigint, most: bigint): bigint =>
  x < least ? least : x > most ? most : x;

/** What integers have of the table; wrapped afterwards. */
const meanings: { readonly [op in ScalarOp]?: (x: bigint, y: bigint) => bigint | boolean } = {
  neg: (x) => -x,
  abs: (x) => (x < 0n ? -x : x),
  sign: (x) => (x > 0n ? 1n : x < 0n ? -1n : 0n),
  relu: (x) => (x > 0n ? x : 0n),
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  floordiv: floorQuotient,
  mod: (x, y) => (y === 0n ? 0n : x - floorQuotient(x, y) * y),
  min: (x, y) => clamp(x, x, y),
  max: (x, y) => clamp(x, y, x),
  eq: (x, y) => x === y,
  ne: (x, y) => x !== y,
  lt: (x, y) => x < y,
  le: (x, y) => x <= y,
  gt: (x, y) => x > y,
  ge: (x, y) => x >= y,
  and: (x, y) => x & y,
  or: (x, y) => x | y,
  xor: (x, y) => x ^ y,
  shl: (x, y) => x << (y & 63n),
  shr: (x, y) => x >> (y & 63n),
};

export interface LongCase {
  readonly title: string;
  readonly kernel: ThreadKernel;
  /** Bytes of each buffer; the last one is the result. */
  readonly contents: readonly Uint8Array[];
  readonly want: Uint8Array;
}

const bytesOfLongs = (values: readonly bigint[]): Uint8Array =>
  new Uint8Array(BigInt64Array.from(values, (x) => BigInt.asIntN(64, x)).buffer);

interface Column {
  readonly dtype: DType;
  readonly bytes: Uint8Array;
}

const caseOf = (
  title: string,
  count: number,
  inputs: readonly Column[],
  result: Column,
  make: (args: readonly TExpr[]) => TExpr,
): LongCase => {
  const buffer = (name: string, dtype: DType, access: ThreadBuffer['access']): ThreadBuffer => ({
    name,
    dtype,
    space: 'global',
    access,
    elements: count,
  });
  const reads = inputs.map((x, i) => buffer(`x${i}`, x.dtype, 'read'));
  const out = buffer('out', result.dtype, 'write');
  const i = b.register('i', b.regType('i32'));
  const value = make(reads.map((r) => b.loadFrom(r, b.get(i))));
  return {
    title,
    kernel: {
      name: 'long',
      buffers: [...reads, out],
      workgroup: b.register('group', b.regType('i32')),
      local: b.register('local', b.regType('i32')),
      grid: 1,
      threads: 1,
      body: [b.forOf(i, b.i32(0), b.i32(count), 1, [b.storeTo(out, b.get(i), value)])],
      cost: { flops: 1, bytes: 1 },
      notes: [],
    },
    contents: [...inputs.map((x) => x.bytes), new Uint8Array(result.bytes.length)],
    want: result.bytes,
  };
};

const ofOp = (op: ScalarOp, dtype: Long): LongCase[] => {
  const meaning = meanings[op];
  if (meaning === undefined) return [];
  const { arity, dtype: typing } = scalarOps[op];
  const result = typing(...new Array<DType>(arity).fill(dtype));
  if (result === undefined) return [];
  const rows = VALUES[dtype].flatMap((x) =>
    arity === 1 ? [[x]] : VALUES[dtype].map((y) => [x, y]),
  );
  const inputs = Array.from({ length: arity }, (_, i) => ({
    dtype,
    bytes: bytesOfLongs(rows.map((r) => r[i]!)),
  }));
  const found = rows.map(([x, y]) => meaning(x!, y ?? 0n));
  const bytes =
    result === 'bool' ? Uint8Array.from(found, Number) : bytesOfLongs(found.map((x) => BigInt(x)));
  const type = b.regType(registerOf(result));
  return [
    caseOf(`${op} of ${dtype}`, rows.length, inputs, { dtype: result, bytes }, (args) => ({
      kind: 'op',
      op,
      type,
      args,
    })),
  ];
};

/** Between the two, to 32 bits, and to floats: each rounded once. */
const conversions = (from: Long): LongCase[] => {
  const values = [...VALUES[from], 2n ** 24n + 1n, 2n ** 62n + 2n ** 38n + 1n];
  const results: readonly Column[] = [
    { dtype: 'int64', bytes: bytesOfLongs(values.map((x) => clamp(x, LEAST, MOST))) },
    { dtype: 'uint64', bytes: bytesOfLongs(values.map((x) => clamp(x, 0n, 2n ** 64n - 1n))) },
    {
      dtype: 'int32',
      bytes: encode(
        'int32',
        values.map((x) => Number(clamp(x, -(2n ** 31n), 2n ** 31n - 1n))),
      ),
    },
    {
      dtype: 'uint32',
      bytes: encode(
        'uint32',
        values.map((x) => Number(clamp(x, 0n, 2n ** 32n - 1n))),
      ),
    },
    { dtype: 'float64', bytes: encode('float64', values.map(Number)) },
    { dtype: 'float32', bytes: encode('float32', values.map(nearestFloat)) },
    { dtype: 'bool', bytes: Uint8Array.from(values, (x) => Number(x !== 0n)) },
  ];
  const input = { dtype: from, bytes: bytesOfLongs(values) };
  return results.map((result) =>
    caseOf(`cast ${from} to ${result.dtype}`, values.length, [input], result, ([arg]) => ({
      kind: 'cast',
      type: b.regType(registerOf(result.dtype)),
      to: result.dtype,
      arg: arg!,
    })),
  );
};

/** Rounded once, half to even: a double on the way would round before. */
const nearestFloat = (x: bigint): number => {
  const size = x < 0n ? -x : x;
  const shift = BigInt(Math.max(0, size.toString(2).length - 24));
  const kept = size >> shift;
  const rest = 2n * (size - (kept << shift));
  const unit = 1n << shift;
  const up = rest > unit || (rest === unit && kept % 2n === 1n && shift > 0n);
  return Number((kept + BigInt(up)) << shift) * (x < 0n ? -1 : 1);
};

/** All cases. */
export const longCases = (): readonly LongCase[] =>
  (['int64', 'uint64'] as const).flatMap((dtype) => [
    ...SCALAR_OPS.flatMap((op) => ofOp(op, dtype)),
    ...conversions(dtype),
  ]);
