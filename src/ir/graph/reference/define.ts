/**
 * What an op means, apart from how it is compiled: its value in double precision, and examples to hold every other way
 * to compute it against. Only interpreters and tests load this.
 *
 * Invariant: uses nothing of an op's lowering, so that the two check each other.
 */
import { type Shape, stridesOf, type TensorType, tensor } from '../../type.ts';
import type { Attrs, Node, Op, Values } from '../graph.ts';
import { sizeOf } from '../ops/define.ts';

/** A case for the generated op tests: forward, gradient and hybridized on every device. */
export interface OpExample {
  readonly inputs: readonly TensorType[];
  readonly attrs?: Attrs;
  /** Range of the random inputs (float: default [-2, 2]; integers: default [0, 4)). One entry per input. */
  readonly range?: readonly (readonly [number, number])[];
  /** Set when finite differences do not apply (kinks, integer results). */
  readonly gradient?: false;
  /** Set when the op takes symmetric matrices: of its input it is given half the sum with the transposed one. */
  readonly symmetric?: true;
}

export interface Reference<A extends Attrs = Attrs> {
  readonly op: Op<A>;
  /** The value, in double precision; the caller rounds to the result's dtype. Absent for what only decomposes. */
  evaluate?(inputs: readonly Values[], node: Node<A>): Values;
  readonly examples: readonly OpExample[];
}

/** The reference of `op`. */
export const defineReference = <A extends Attrs>(
  op: Op<A>,
  reference: Omit<Reference<A>, 'op'>,
): Reference => ({ op, ...reference }) as Reference<A> as Reference;

/** Calls `visit` with each multi-index of `shape` in row-major order; the array is reused between calls. */
export const forEachIndex = (
  shape: Shape,
  visit: (index: readonly number[], flat: number) => void,
): void => {
  const size = sizeOf(shape);
  const index = new Array<number>(shape.length).fill(0);
  for (let flat = 0; flat < size; flat++) {
    visit(index, flat);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      if (index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
};

/** Dot product of a multi-index and strides. */
export const offsetOf = (index: readonly number[], strides: readonly number[]): number => {
  let offset = 0;
  for (let i = 0; i < index.length; i++) offset += index[i]! * strides[i]!;
  return offset;
};

/** Result values of `shape`, each computed from its multi-index. */
export const tabulate = (
  shape: Shape,
  value: (index: readonly number[], flat: number) => number,
): Float64Array => {
  const out = new Float64Array(sizeOf(shape));
  forEachIndex(shape, (index, flat) => {
    out[flat] = value(index, flat);
  });
  return out;
};

/** A reader of dense values by multi-index. */
export const reader = (
  values: Float64Array,
  shape: Shape,
): ((index: readonly number[]) => number) => {
  const strides = stridesOf(shape);
  return (index) => values[offsetOf(index, strides)]!;
};

/** Shorthands for examples. */
export const f32 = (...shape: number[]): TensorType => tensor('float32', shape);
export const u32 = (...shape: number[]): TensorType => tensor('uint32', shape);
export const i32 = (...shape: number[]): TensorType => tensor('int32', shape);
export const bf16 = (...shape: number[]): TensorType => tensor('bfloat16', shape);
export const bool = (...shape: number[]): TensorType => tensor('bool', shape);
