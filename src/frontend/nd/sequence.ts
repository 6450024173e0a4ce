/**
 * Sequences of lengths of their own in one array: what comes after the end, the last step, the order turned around.
 *
 * Invariant: arrays are [time, batch, …] or [batch, time, …]; lengths are whole numbers of any dtype, cut off at the ends.
 */
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { iota } from '../../ir/graph/ops/leaf.ts';
import { takeAlong } from '../../ir/graph/ops/take.ts';
import { showType } from '../../ir/type.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { checkFits } from './filled.ts';

interface SequenceAttrs {
  readonly axis: number;
  readonly value: number;
}

/** The step of time and the length of each element's own sequence, in the shape of the array. */
const timing = (
  name: string,
  b: GraphBuilder,
  x: Node,
  lengths: Node,
  axis: number,
): { readonly time: Node; readonly length: Node } => {
  const { shape } = x.type;
  const batch = 1 - axis;
  if (shape.length < 2 || lengths.type.shape.length !== 1 || lengths.type.size !== shape[batch])
    throw new TigonError(
      'shape',
      `${name}: x ${showType(x.type)} · lengths ${showType(lengths.type)}`,
      `lengths has one number for each element of axis ${batch}`,
    );
  const time = b.emit(iota, [], { axis, dtype: 'int32', shape });
  const given = b.cast(lengths, 'int32');
  const length = b.op('min', given, b.lit(shape[axis]!, given));
  return { time, length: b.broadcast(length, shape, [batch]) };
};

const masking: Fragment<SequenceAttrs> = fragment<SequenceAttrs>(
  'sequenceMask',
  (b, [x, lengths], { axis, value }) => {
    const { time, length } = timing('sequenceMask', b, x!, lengths!, axis);
    return b.op('select', b.op('lt', time, length), x!, b.lit(value, x!));
  },
);
const lasting: Fragment<SequenceAttrs> = fragment<SequenceAttrs>(
  'sequenceLast',
  (b, [x, lengths], { axis }) => {
    const { shape } = x!.type;
    const { length } = timing('sequenceLast', b, x!, lengths!, axis);
    if (shape[axis] === 0)
      throw new TigonError('shape', `sequenceLast: ${showType(x!.type)} has no steps`);
    const one = shape.map((d, i) => (i === axis ? 1 : d));
    const at = b.slice(
      length,
      shape.map(() => 0),
      one,
      shape.map(() => 1),
    );
    const found = b.emit(takeAlong, [x!, b.op('sub', at, b.lit(1, at))], { axis });
    return b.reshape(
      found,
      shape.filter((_, i) => i !== axis),
    );
  },
);
const reversing: Fragment<SequenceAttrs> = fragment<SequenceAttrs>(
  'sequenceReverse',
  (b, [x, lengths], { axis }) => {
    const { time, length } = timing('sequenceReverse', b, x!, lengths!, axis);
    const mirrored = b.op('sub', b.op('sub', length, b.lit(1, length)), time);
    const from = b.op('select', b.op('lt', time, length), mirrored, time);
    return b.emit(takeAlong, [x!, from], { axis });
  },
);

export interface SequenceOptions {
  /** The axis of time, 0 (default) or 1; the other one is the batch. */
  readonly axis?: 0 | 1;
}
export interface SequenceMaskOptions extends SequenceOptions {
  /** What to put after the end. Default 0. */
  readonly value?: number;
}
const sequence = (
  f: Fragment<SequenceAttrs>,
  x: NDArray,
  lengths: NDArray,
  options: SequenceMaskOptions | undefined,
): NDArray => {
  const axis = options?.axis ?? 0;
  if (axis !== 0 && axis !== 1)
    throw failure('option', `${f.name}: axis is ${shown(axis)}`, 'time is axis 0 or 1');
  checkArray(f.name, x);
  const value = options?.value ?? 0;
  checkFits(`${f.name}: value`, value, x.dtype);
  return call(f, [x, lengths], { attrs: { axis, value }, key: `${axis}/${value}` });
};
/**
 * `x` [time, batch, …] (or [batch, time, …] with axis 1) with a number in place of what comes after each sequence's own
 * length. Any dtype, which stays; `lengths` [batch] of any dtype: fractions are cut off.
 *
 * @throws {ShapeError} unless there is one length for each element of the batch
 * @throws {ValueError} for a `value` that the dtype of `x` does not hold
 * @throws {OptionError} unless `axis` is 0 or 1
 *
 * @example
 * nd.sequenceMask(nd.ones([3, 2]), nd.array([1, 2]));   // [[1, 1], [0, 1], [0, 0]]
 */
export const sequenceMask = (
  x: NDArray,
  lengths: NDArray,
  options?: SequenceMaskOptions,
): NDArray => {
  checkOptions('sequenceMask', options, ['axis', 'value']);
  return sequence(masking, x, lengths, options);
};
/**
 * The last step of each sequence of `x` [time, batch, …] (or [batch, time, …] with axis 1): [batch, …]; of length 0 the
 * first step. Any dtype, which stays; `lengths` [batch] of any dtype: fractions are cut off.
 *
 * @throws {ShapeError} unless there is one length for each element of the batch, and for no steps
 * @throws {OptionError} unless `axis` is 0 or 1
 *
 * @example
 * nd.sequenceLast(nd.array([[1, 2], [3, 4], [5, 6]]), nd.array([1, 3]));   // [1, 6]
 */
export const sequenceLast = (x: NDArray, lengths: NDArray, options?: SequenceOptions): NDArray => {
  checkOptions('sequenceLast', options, ['axis']);
  return sequence(lasting, x, lengths, options);
};
/**
 * The steps of each sequence of `x` [time, batch, …] (or [batch, time, …] with axis 1) in reverse order; what comes
 * after its length stays. Any dtype, which stays; `lengths` [batch] of any dtype: fractions are cut off.
 *
 * @throws {ShapeError} unless there is one length for each element of the batch
 * @throws {OptionError} unless `axis` is 0 or 1
 *
 * @example
 * nd.sequenceReverse(nd.array([[1, 2], [3, 4], [5, 6]]), nd.array([2, 3]));   // [[3, 6], [1, 4], [5, 2]]
 */
export const sequenceReverse = (
  x: NDArray,
  lengths: NDArray,
  options?: SequenceOptions,
): NDArray => {
  checkOptions('sequenceReverse', options, ['axis']);
  return sequence(reversing, x, lengths, options);
};
