/**
 * Functions of doubles: the nearest doubles by mpmath for chosen operands (`test/fixtures/make_doubles.py`), and
 * JavaScript's own functions over bit patterns of all kinds.
 *
 * Invariant: errors are in units of the last place; infinities, NaN, zeros and their signs have to be right.
 */
import { readFileSync } from 'node:fs';
import type { ScalarOp } from '../../src/ir/scalar.ts';
import { scalarOps } from '../../src/ir/scalar.ts';
import * as b from '../../src/ir/thread/build.ts';
import type { ThreadBuffer, ThreadKernel } from '../../src/ir/thread/thread.ts';

const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/doubles.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, readonly (readonly number[])[]>>;

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const SPECIAL = [
  ...[0, -0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, inf, -inf, nan, 5e-324, -5e-324, 1e-310, 2.3e-308],
  ...[1.7e308, -1.7e308, 709.7, 709.79, -745, -745.2, -39, 22, 6, 2 ** 20, 2 ** 53 + 2, 2 ** 64],
  ...[0.1, -0.3, 1 + 2 ** -52, 1 - 2 ** -53, Math.PI, Math.PI / 4, 1e22, 1e300],
];
const RANDOM = 1024;

/** All bit patterns, small numbers, the range of exp, all magnitudes. */
const samples = (seed: number, count: number): number[] => {
  const word = new DataView(new ArrayBuffer(8));
  let state = seed;
  const bits = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let t = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    t = Math.imul(t ^ (t >>> 15), 0x735a2d97);
    return (t ^ (t >>> 15)) >>> 0;
  };
  const random = (): number => (bits() + bits() / 2 ** 32) / 2 ** 32;
  return Array.from({ length: count }, (_, i) => {
    word.setUint32(0, bits());
    word.setUint32(4, bits());
    if ((i & 3) === 0) return word.getFloat64(0);
    if ((i & 3) === 1) return (random() - 0.5) * 4;
    if ((i & 3) === 2) return (random() - 0.5) * 1500;
    return (random() - 0.5) * 2 * 10 ** (random() * 20 - 12);
  });
};

export interface DoubleCase {
  readonly kernel: ThreadKernel;
  /** Bytes of each buffer; the last one is the result. */
  readonly contents: readonly Uint8Array[];
  /** Greatest errors (in what mpmath has, against JavaScript), and some of what is no matter of rounding. */
  errors(got: Float64Array): {
    readonly exact: number;
    readonly near: number;
    readonly wrong: readonly string[];
  };
}

/** JavaScript's functions, where they are as exact as doubles allow. */
const references: { readonly [op in ScalarOp]?: (...x: number[]) => number } = {
  // through e^x where e^-x overflows
  sigmoid: (x) => (x! < 0 ? Math.exp(x!) / (1 + Math.exp(x!)) : 1 / (1 + Math.exp(-x!))),
};

export const doubleCase = (op: ScalarOp): DoubleCase => {
  const { arity, value } = scalarOps[op];
  const reference = references[op] ?? value;
  const rows = fixture[op] ?? [];
  const operands: number[][] = rows.map((row) => row.slice(0, arity));
  if (arity === 1) operands.push(...[...SPECIAL, ...samples(1, RANDOM)].map((x) => [x]));
  else {
    operands.push(...SPECIAL.flatMap((x) => SPECIAL.map((y) => [x, y])));
    const second = samples(2, RANDOM);
    samples(1, RANDOM).forEach((x, i) => {
      operands.push([x, second[i]!], [Math.abs(x), second[i]! / 100]);
    });
  }
  const count = operands.length;
  const buffer = (name: string, access: ThreadBuffer['access']): ThreadBuffer => ({
    name,
    dtype: 'float64',
    space: 'global',
    access,
    elements: count,
  });
  const reads = Array.from({ length: arity }, (_, i) => buffer(`x${i}`, 'read'));
  const out = buffer('out', 'write');
  const i = b.register('i', b.regType('i32'));
  const result = b.operate(op, ...reads.map((r) => b.loadFrom(r, b.get(i))));
  const bytes = (x: readonly number[]): Uint8Array => new Uint8Array(Float64Array.from(x).buffer);
  return {
    kernel: {
      name: op,
      buffers: [...reads, out],
      workgroup: b.register('group', b.regType('i32')),
      local: b.register('local', b.regType('i32')),
      grid: 1,
      threads: 1,
      body: [b.forOf(i, b.i32(0), b.i32(count), 1, [b.storeTo(out, b.get(i), result)])],
      cost: { flops: 1, bytes: 1 },
      notes: [],
    },
    contents: [
      ...reads.map((_, n) => bytes(operands.map((x) => x[n]!))),
      bytes(operands.map(() => 0)),
    ],
    errors: (got) => {
      const greatest = [0, 0];
      const wrong: string[] = [];
      operands.forEach((x, n) => {
        const known = n < rows.length;
        const want = known ? rows[n]!.at(-1)! : reference(...x);
        const g = got[n]!;
        const kind = known ? 0 : 1;
        if (Number.isFinite(want) && want !== 0 && Number.isFinite(g))
          greatest[kind] = Math.max(greatest[kind]!, Math.abs(g - want) / unitOf(want));
        else if (!Object.is(g, want)) wrong.push(`${op}(${x}) = ${g}, not ${want}`);
      });
      return { exact: greatest[0]!, near: greatest[1]!, wrong: wrong.slice(0, 5) };
    },
  };
};

const unitOf = (y: number): number =>
  Math.max(2 ** -1074, 2 ** (Math.floor(Math.log2(Math.abs(y))) - 52));
