/**
 * Transforms between real numbers and half of their spectrum, of the last axis (of complex arrays the one before the
 * two parts). The other half mirrors it.
 *
 * Invariant: an even length is transformed as half as many complex numbers; nothing is scaled by the length.
 */
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { concat } from '../../ir/graph/ops/concat.ts';
import { iota } from '../../ir/graph/ops/leaf.ts';
import { pad, sliceAxis } from '../../ir/graph/ops/slice.ts';
import { complexOf, conjugated, multiplied, partsOf } from './complex.ts';
import { rootsOf, transformOf } from './transform.ts';

/** `x` with `n` elements along an axis. */
export const sized = (b: GraphBuilder, x: Node, axis: number, n: number): Node => {
  const { shape } = x.type;
  const given = shape[axis]!;
  if (given >= n) return sliceAxis(b, x, axis, 0, n);
  const zeros = shape.map(() => 0);
  const high = zeros.with(axis, n - given);
  return b.emit(pad, [x], { low: zeros, high, interior: zeros, value: 0 });
};

export const scaled = (b: GraphBuilder, x: Node, by: number): Node =>
  by === 1 ? x : b.op('mul', x, b.lit(by, x));

/** The numbers at places `-k mod n` along the axis before the last, for k from 0 to `count - 1`. */
const reversed = (b: GraphBuilder, z: Node, count: number): Node => {
  const axis = z.type.shape.length - 2;
  const n = z.type.shape[axis]!;
  const first = sliceAxis(b, z, axis, 0, 1);
  const begin = z.type.shape.map((_, i) => (i === axis ? n - 1 : 0));
  const end = z.type.shape.map((d, i) => (i === axis ? 0 : d));
  const step = z.type.shape.map((_, i) => (i === axis ? -1 : 1));
  const rest = b.slice(z, begin, end, step);
  const round = b.emit(concat, count > n ? [first, rest, first] : [first, rest], { axis });
  return sliceAxis(b, round, axis, 0, count);
};

/** `exp(sign · 2πi · k / n)` for each place k of complex numbers [..., count, 2]. */
const turnsFor = (b: GraphBuilder, z: Node, n: number, sign: 1 | -1): Node => {
  const { shape } = z.type;
  const k = b.emit(iota, [], { axis: 0, dtype: 'int32', shape: [shape.at(-2)!] });
  return b.broadcastTo(rootsOf(b, k, n, sign, z), shape);
};

/** `i · z`, or `-i · z`. */
const quarterTurn = (b: GraphBuilder, z: Node, sign: 1 | -1): Node => {
  const [re, im] = partsOf(b, z);
  return sign === 1 ? complexOf(b, b.op('neg', im), re) : complexOf(b, im, b.op('neg', re));
};

/** Half of the spectrum of real numbers [..., n]: with two neighbours as one complex number, a transform half as long. */
export const fromReal = (b: GraphBuilder, x: Node): Node => {
  const batch = x.type.shape.slice(0, -1);
  const n = x.type.shape.at(-1)!;
  const count = Math.floor(n / 2) + 1;
  if (n % 2 === 1 || n === 0) {
    const whole = transformOf(b, complexOf(b, x, b.lit(0, x)), -1);
    return sliceAxis(b, whole, batch.length, 0, count);
  }
  const z = transformOf(b, b.reshape(x, [...batch, n / 2, 2]), -1);
  const other = conjugated(b, reversed(b, z, count));
  const axis = batch.length;
  const own = b.emit(concat, [z, sliceAxis(b, z, axis, 0, 1)], { axis });
  const even = b.op('add', own, other);
  const odd = quarterTurn(b, b.op('sub', own, other), -1);
  const turned = multiplied(b, odd, turnsFor(b, odd, n, -1));
  return scaled(b, b.op('add', even, turned), 0.5);
};

/** Real numbers [..., n] from half of their spectrum, not scaled. What cannot be there (see irfft) is left out. */
export const toReal = (b: GraphBuilder, given: Node, n: number): Node => {
  const batch = given.type.shape.slice(0, -2);
  const axis = batch.length;
  const count = Math.floor(n / 2) + 1;
  const half = sized(b, given, axis, count);
  const [re, im] = partsOf(b, half);
  const k = b.emit(iota, [], { axis, dtype: 'int32', shape: re.type.shape });
  const isReal = (at: number): Node => b.op('eq', k, b.lit(at, k));
  const alone = n % 2 === 0 ? b.op('or', isReal(0), isReal(n / 2)) : isReal(0);
  const z = complexOf(b, re, b.op('select', alone, b.lit(0, im), im));
  if (n % 2 === 1) {
    const rest = sliceAxis(b, z, axis, 1, count);
    const begin = rest.type.shape.map((d, i) => (i === axis ? d - 1 : 0));
    const end = rest.type.shape.map((d, i) => (i === axis ? -1 : d));
    const step = rest.type.shape.map((_, i) => (i === axis ? -1 : 1));
    const mirrored = count === 1 ? [] : [conjugated(b, b.slice(rest, begin, end, step))];
    return partsOf(b, transformOf(b, b.emit(concat, [z, ...mirrored], { axis }), 1))[0];
  }
  const own = sliceAxis(b, z, axis, 0, n / 2);
  const begin = z.type.shape.map((_, i) => (i === axis ? n / 2 : 0));
  const end = z.type.shape.map((d, i) => (i === axis ? 0 : d));
  const step = z.type.shape.map((_, i) => (i === axis ? -1 : 1));
  const other = conjugated(b, b.slice(z, begin, end, step));
  const even = b.op('add', own, other);
  const odd = multiplied(b, b.op('sub', own, other), turnsFor(b, own, n, 1));
  const packed = transformOf(b, b.op('add', even, quarterTurn(b, odd, 1)), 1);
  return b.reshape(packed, [...batch, n]);
};
