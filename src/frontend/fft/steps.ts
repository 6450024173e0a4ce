/**
 * A transform as a list of steps, one for each axis, and what all functions check of their arguments.
 *
 * Invariant: complex arrays are [..., 2] (see complex.ts), axes are counted without the last one of these; transforms
 * are computed in float32, of float64 in float64, and come back in the dtype given, of integers in float32. All are
 * linear, and so are their gradients.
 */
import { type DType, isFloat } from '../../ir/dtype.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { showType } from '../../ir/type.ts';
import { call, checkArray, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkChoice, shown } from '../options.ts';
import { fromReal, scaled, sized, toReal } from './real.ts';
import { transformOf } from './transform.ts';

/** Where transforms are divided by their length `n`: backwards (default), by its root both ways, or forwards. */
export type FftNorm = 'backward' | 'ortho' | 'forward';

/** From complex to complex numbers, or with real ones on one side. */
export type Kind = 'complex' | 'fromReal' | 'toReal';
/** -1 forwards, 1 backwards. */
export type Sign = 1 | -1;

export interface Step {
  readonly axis: number;
  readonly n: number;
  readonly kind: Kind;
}
interface Attrs {
  readonly steps: readonly Step[];
  readonly sign: Sign;
  readonly norm: FftNorm;
}

/** Moves an axis behind those up to `last`, or back from there. */
const moved = (b: GraphBuilder, x: Node, axis: number, last: number, back: boolean): Node => {
  const axes = x.type.shape.map((_, i) => i);
  const order = [
    ...axes.filter((a) => a !== axis && a <= last),
    axis,
    ...axes.filter((a) => a > last),
  ];
  if (!back) return b.transpose(x, order);
  const inverse = new Array<number>(order.length);
  order.forEach((a, i) => {
    inverse[a] = i;
  });
  return b.transpose(x, inverse);
};

/** Divided by the length, or its root, as the norm has it. */
const scaleOf = (n: number, sign: Sign, norm: FftNorm): number => {
  if (norm === 'ortho') return 1 / Math.sqrt(n);
  return (norm === 'backward') === (sign === 1) ? 1 / n : 1;
};

const resultOf = (dtype: DType): DType => (isFloat(dtype) ? dtype : 'float32');

const transforms = fragment<Attrs>('fft', (b, [x], { steps, sign, norm }) => {
  let value = b.cast(x!, x!.type.dtype === 'float64' ? 'float64' : 'float32');
  for (const { axis, n, kind } of steps) {
    const rank = value.type.shape.length;
    const lastOf = (isComplex: boolean, r: number): number => r - (isComplex ? 2 : 1);
    const before = moved(b, value, axis, lastOf(kind !== 'fromReal', rank), false);
    let after: Node;
    if (kind === 'complex') after = transformOf(b, sized(b, before, rank - 2, n), sign);
    else if (kind === 'fromReal') after = fromReal(b, sized(b, before, rank - 1, n));
    else after = toReal(b, before, n);
    const done = moved(b, after, axis, lastOf(kind !== 'toReal', after.type.shape.length), true);
    value = scaled(b, done, scaleOf(n, sign, norm));
  }
  return b.cast(value, resultOf(x!.type.dtype));
});

const NORMS: readonly FftNorm[] = ['backward', 'ortho', 'forward'];

/** The transform that these steps make, one after the other. */
export const transformed = (
  name: string,
  x: NDArray,
  steps: readonly Step[],
  sign: Sign,
  given: FftNorm | undefined,
): NDArray => {
  const norm = checkChoice(name, 'norm', given ?? 'backward', NORMS);
  const attrs: Attrs = { steps, sign, norm };
  return call(transforms, [x], { attrs, key: JSON.stringify(attrs) });
};

/** A length to transform, checked. */
export const checkLength = (name: string, n: number): number => {
  if (Number.isInteger(n) && n >= 1) return n;
  throw failure('value', `${name}: n is ${shown(n)}`, 'an integer, 1 at least');
};

/** The rank without the axis of the two parts, checked. */
export const rankOf = (name: string, x: NDArray, kind: Kind): number => {
  checkArray(name, x);
  if (kind === 'fromReal') return x.ndim;
  if (x.shape.at(-1) !== 2)
    throw failure(
      'shape',
      `${name}: ${showType(x.type)} holds no complex numbers`,
      'they are floats along a last axis of size 2: nd.fft.complex(x) makes them; rfft transforms real arrays',
    );
  return x.ndim - 1;
};
