/**
 * Float functions over numbers of all kinds: what they are applied to, and how far off results are from doubles.
 *
 * Invariant: errors are in units of the last place; infinities, NaN and signs of zero have to be right.
 */
import { type ScalarOp, scalarOps } from '../../src/ir/scalar.ts';
import * as b from '../../src/ir/thread/build.ts';
import type { TExpr, ThreadBuffer, ThreadKernel } from '../../src/ir/thread/thread.ts';

const COUNT = 1 << 16;
export const THREADS: number = 64;

/** Units in the last place; none smaller than the least number that the device keeps. */
const ulpOf = (y: number, least: number): number =>
  Math.max(least, 2 ** (Math.floor(Math.log2(Math.abs(y))) - 23));

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const SPECIAL = [
  ...[0, -0, inf, -inf, nan, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 88.72, 88.73, 89, 104, -87, -88],
  ...[-103, -104, -105, 1e-45, -1e-45, 1.2e-38, 3.4e38, -3.4e38, 16777217, 1e9, 1e15, -1e30],
  ...[
    0.1,
    -0.3,
    Math.PI,
    Math.PI / 2,
    6e7,
    7e7,
    0.625,
    0.9219,
    10,
    -18,
    127,
    128,
    -149,
    -150,
    8191.5,
    8192.5,
  ],
];

/** Bit patterns of all kinds, small numbers, the range of exp, all magnitudes, special numbers. */
const samples = (seed: number): Float32Array => {
  const values = new Float32Array(COUNT);
  const bits = new Uint32Array(values.buffer);
  let state = seed;
  const random = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let t = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    t = Math.imul(t ^ (t >>> 15), 0x735a2d97);
    return ((t ^ (t >>> 15)) >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < COUNT; i++) {
    const kind = i & 3;
    if (kind === 0) bits[i] = random() * 2 ** 32;
    else if (kind === 1) values[i] = (random() - 0.5) * 4;
    else if (kind === 2) values[i] = (random() - 0.5) * 220;
    else values[i] = (random() - 0.5) * 2 * 10 ** (random() * 20 - 12);
  }
  values.set(SPECIAL);
  return values;
};

/** A kernel that applies an expression of vectors to arrays: four numbers a thread. */
export const mapKernel = (
  f: (...x: TExpr[]) => TExpr,
  arity: number,
  elements: number,
): ThreadKernel => {
  const buffer = (name: string, access: ThreadBuffer['access']): ThreadBuffer => ({
    name,
    dtype: 'float32',
    space: 'global',
    access,
    elements,
  });
  const reads = Array.from({ length: arity }, (_, i) => buffer(`x${i}`, 'read'));
  const out = buffer('out', 'write');
  const workgroup = b.register('group', b.regType('i32'));
  const local = b.register('thread', b.regType('i32'));
  const thread = b.add(b.mul(b.get(workgroup), b.i32(THREADS)), b.get(local));
  const at = b.mul(thread, b.i32(4));
  return {
    name: 'map',
    buffers: [...reads, out],
    workgroup,
    local,
    grid: elements / (4 * THREADS),
    threads: THREADS,
    body: [b.storeTo(out, at, f(...reads.map((r) => b.loadFrom(r, at, 4))))],
    cost: { flops: elements, bytes: elements },
    notes: [],
  };
};

/** An op as a kernel, and what it is applied to. */
export const mathCase = (
  op: ScalarOp,
): { readonly kernel: ThreadKernel; readonly inputs: readonly Float32Array[] } => {
  const { arity } = scalarOps[op];
  const inputs = Array.from({ length: arity }, (_, i) => samples(i + 1));
  if (arity === 2) {
    const n = SPECIAL.length;
    for (let i = 0; i < n * n; i++) {
      inputs[0]![1000 + i] = SPECIAL[i % n]!;
      inputs[1]![1000 + i] = SPECIAL[Math.floor(i / n)]!;
    }
  }
  return { kernel: mapKernel((...x) => b.operate(op, ...x), arity, COUNT), inputs };
};

export interface Errors {
  /** The greatest one, and where. */
  readonly ulp: number;
  readonly at: string;
  /** Some of what is no matter of rounding. */
  readonly wrong: readonly string[];
}

/** Errors of results; `subnormals`: whether the device keeps numbers below the normal range. */
export const errorsOf = (
  op: ScalarOp,
  inputs: readonly Float32Array[],
  got: Float32Array,
  subnormals: boolean,
): Errors => {
  const { value } = scalarOps[op];
  const least = subnormals ? 2 ** -149 : 2 ** -126;
  let ulp = 0;
  let at = '';
  const wrong: string[] = [];
  for (let i = 0; i < COUNT; i++) {
    const x = inputs.map((a) => a[i]!);
    if (!subnormals && x.some((v) => v !== 0 && Math.abs(v) < 2 ** -126)) continue;
    const want = value(...x);
    const single = Math.fround(want);
    if (Number.isFinite(single) && Number.isFinite(got[i]!)) {
      const error = Math.abs(got[i]! - want) / ulpOf(want, least);
      if (error > ulp) {
        ulp = error;
        at = `${op}(${x}) = ${got[i]}, not ${want}`;
      }
    } else if (!Object.is(got[i], single)) {
      // the last step before infinity may fall on either side
      const edge = Math.abs(want) > 3.4028e38 && Math.abs(got[i]!) > 3.4028e38;
      if (!edge) wrong.push(`${op}(${x}) = ${got[i]}, not ${want}`);
    }
  }
  return { ulp, at, wrong: wrong.slice(0, 5) };
};

/** Odd functions, which keep the sign of zero. */
export const ODD: readonly ScalarOp[] = [
  'expm1',
  'log1p',
  'sin',
  'tan',
  'tanh',
  'erf',
  'sqrt',
  'sign',
];
/** 0 and -0 in turn. */
export const zeros = (): Float32Array =>
  Float32Array.from({ length: 4 * THREADS }, (_, i) => (i % 2 === 0 ? 0 : -0));
