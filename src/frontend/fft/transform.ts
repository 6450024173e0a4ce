/**
 * Discrete Fourier transforms of any length, of the last axis before the one of the two parts.
 *
 * Short lengths are products with a matrix of roots of unity, parts and all: one product of real matrices. A length that
 * such a number divides is done in two rounds with factors between them (J. Cooley and J. Tukey, 1965); a length with
 * large prime factors alone as a convolution of a length that is a power of two (L. Bluestein, 1970).
 * Invariant: roots of unity are those of double precision, rounded once, or computed from whole numbers reduced to an
 * eighth of a turn, in the dtype of what is transformed.
 */
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { dot } from '../../ir/graph/ops/dot.ts';
import { iota, literal } from '../../ir/graph/ops/leaf.ts';
import { pad } from '../../ir/graph/ops/slice.ts';
import { complexOf, conjugated, multiplied } from './complex.ts';

/** Lengths that are one product. */
const LONGEST = 32;
/** Tables of more factors are computed where they are used. */
const LARGEST_TABLE = 4096;

/** `exp(i · turns · 2π)`. */
const rootAt = (part: number, of: number): readonly [number, number] => {
  const angle = (2 * Math.PI * (part % of)) / of;
  return [Math.cos(angle), Math.sin(angle)];
};

/** Numbers of the dtype of `like`. */
const table = (
  b: GraphBuilder,
  values: readonly number[],
  shape: readonly number[],
  like: Node,
): Node => {
  const { dtype } = like.type;
  const rounded = dtype === 'float64' ? values : values.map(Math.fround);
  return b.emit(literal, [], { values: rounded, dtype, shape });
};

/** The transform [..., n, 2], forwards (`sign` -1) or backwards (1), not scaled. */
export const transformOf = (b: GraphBuilder, z: Node, sign: 1 | -1): Node => {
  const n = z.type.shape.at(-2)!;
  if (n <= 1) return z;
  if (n <= LONGEST) return direct(b, z, sign);
  const p = largestFactor(n);
  return p === 1 ? byConvolution(b, z, sign) : inTwoRounds(b, z, p, sign);
};

/** The greatest divisor that is done in one product. */
const largestFactor = (n: number): number => {
  for (let p = LONGEST; p > 1; p--) if (n % p === 0) return p;
  return 1;
};

/** Sums over axis `from` (and parts) of `z` with roots of unity: that axis goes, the transformed one comes last. */
const productWithRoots = (b: GraphBuilder, z: Node, from: number, sign: 1 | -1): Node => {
  const n = z.type.shape[from]!;
  const values: number[] = [];
  for (let j = 0; j < n; j++)
    for (const isImaginary of [false, true])
      for (let k = 0; k < n; k++) {
        const [re, sine] = rootAt(j * k, n);
        const im = sign * sine;
        values.push(...(isImaginary ? [-im, re] : [re, im]));
      }
  const roots = table(b, values, [n, 2, n, 2], z);
  return b.emit(dot, [z, roots], {
    aBatch: [],
    bBatch: [],
    aContract: [from, z.type.shape.length - 1],
    bContract: [0, 1],
  });
};

const direct = (b: GraphBuilder, z: Node, sign: 1 | -1): Node =>
  productWithRoots(b, z, z.type.shape.length - 2, sign);

/** Swaps the two axes before the last one. */
const swapped = (b: GraphBuilder, z: Node): Node => {
  const axes = z.type.shape.map((_, i) => i);
  const rank = axes.length;
  return b.transpose(z, [...axes.slice(0, -3), rank - 2, rank - 3, rank - 1]);
};

/** With elements `j · q + k` at (j, k): transforms of j, factors, transforms of k. */
const inTwoRounds = (b: GraphBuilder, z: Node, p: number, sign: 1 | -1): Node => {
  const { shape } = z.type;
  const batch = shape.slice(0, -2);
  const n = shape.at(-2)!;
  const q = n / p;
  const cut = b.reshape(z, [...batch, p, q, 2]);
  const first = productWithRoots(b, cut, batch.length, sign);
  const turned = multiplied(b, first, b.broadcastTo(factorsOf(b, q, p, sign, z), first.type.shape));
  const second = transformOf(b, swapped(b, turned), sign);
  return b.reshape(swapped(b, second), shape);
};

/** `exp(sign · 2πi · j · k / (q · p))` at (j, k). */
const factorsOf = (b: GraphBuilder, q: number, p: number, sign: 1 | -1, like: Node): Node => {
  const n = q * p;
  if (n <= LARGEST_TABLE) {
    const values: number[] = [];
    for (let j = 0; j < q; j++)
      for (let k = 0; k < p; k++) {
        const [re, im] = rootAt(j * k, n);
        values.push(re, sign * im);
      }
    return table(b, values, [q, p, 2], like);
  }
  const [j, k] = [0, 1].map((axis) => b.emit(iota, [], { axis, dtype: 'int32', shape: [q, p] }));
  return rootsOf(b, b.op('mul', j!, k!), n, sign, like);
};

/** `exp(sign · 2πi · part / of)` for whole numbers 0 to `of`, in the dtype of `like`. */
export const rootsOf = (
  b: GraphBuilder,
  part: Node,
  of: number,
  sign: 1 | -1,
  like: Node,
): Node => {
  // in quarters of a turn: the nearest whole number of them, and what is left
  const quarters = b.op('mul', part, b.lit(4, part));
  const nearest = b.op('floordiv', b.op('add', quarters, b.lit(of >> 1, part)), b.lit(of, part));
  const rest = b.op('sub', quarters, b.op('mul', nearest, b.lit(of, part)));
  const small = b.cast(rest, like.type.dtype);
  const angle = b.op('mul', small, b.lit(Math.PI / 2 / of, small));
  const [cosine, sine] = [b.op('cos', angle), b.op('sin', angle)];
  const turns = b.op('mod', nearest, b.lit(4, nearest));
  const is = (k: number): Node => b.op('eq', turns, b.lit(k, turns));
  const neg = (x: Node): Node => b.op('neg', x);
  const choose = (at: readonly Node[]): Node =>
    b.op(
      'select',
      is(0),
      at[0]!,
      b.op('select', is(1), at[1]!, b.op('select', is(2), at[2]!, at[3]!)),
    );
  const re = choose([cosine, neg(sine), neg(cosine), sine]);
  const im = choose([sine, cosine, neg(sine), neg(cosine)]);
  return complexOf(b, re, sign === 1 ? im : neg(im));
};

/**
 * Since `2 j k = j² + k² - (j - k)²`, the transform is a convolution with chirps `exp(πi k² / n)`, between two products
 * with them.
 */
const byConvolution = (b: GraphBuilder, z: Node, sign: 1 | -1): Node => {
  const { shape } = z.type;
  const n = shape.at(-2)!;
  const length = 2 ** Math.ceil(Math.log2(2 * n - 1));
  const chirp = (k: number): readonly [number, number] => {
    const [re, im] = rootAt((k * k) % (2 * n), 2 * n);
    return [re, sign * im];
  };
  const places = Array.from({ length: n }, (_, k) => k);
  const own = b.broadcastTo(table(b, places.flatMap(chirp), [n, 2], z), shape);
  const kernel = Array.from({ length }, (_, k) => {
    const at = Math.min(k, length - k);
    const [re, im] = at < n ? chirp(at) : [0, 0];
    return [re, -im];
  });
  const zeros = shape.map(() => 0);
  const padded = b.emit(pad, [multiplied(b, z, own)], {
    low: zeros,
    high: [...zeros.slice(2), length - n, 0],
    interior: zeros,
    value: 0,
  });
  const spectrum = transformOf(b, padded, -1);
  const factors = transformOf(b, table(b, kernel.flat(), [length, 2], z), -1);
  const whole = multiplied(b, spectrum, b.broadcastTo(factors, spectrum.type.shape));
  // backwards is forwards of the conjugate
  const back = conjugated(b, transformOf(b, conjugated(b, whole), -1));
  const cut = b.slice(
    back,
    zeros,
    [...shape.slice(0, -2), n, 2],
    shape.map(() => 1),
  );
  const result = multiplied(b, cut, own);
  return b.op('mul', result, b.lit(1 / length, result));
};
