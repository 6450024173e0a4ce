/**
 * Choosing elements: by position, by range, by arrays of positions, by condition.
 *
 * Invariant: positions in keys are checked where their values can be seen, and clamped to the axis where they cannot
 *.
 */
import { type DType, promote } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import { pad as padOp } from '../../ir/graph/ops/slice.ts';
import { showType } from '../../ir/type.ts';
import { call, type Fragment, fragment } from '../call.ts';
import { failure, inName } from '../callsite.ts';
import { isNDArray, type NDArray, type Operand } from '../ndarray.ts';
import { increased, picked, scalarFor, written } from './advanced.ts';
import { add, broadcastShapes, notOperand } from './arithmetic.ts';
import { positionsIn } from './array-keys.ts';
import { fits } from './filled.ts';
import type { Edge, Index } from './keys.ts';
import { region, type Selection, selection } from './selection.ts';
import { reshape } from './shape.ts';

/**
 * A part of `x`, one index per axis; axes left out are taken whole. Arrays of integers are positions to take, arrays of
 * booleans choose where they are true (their number has to be known: not while tracing).
 *
 * Shapes: as in NumPy: positions remove their axis, ranges keep it, `null` adds one of size 1, arrays put theirs in its
 * place. The dtype of `x` stays; parts that only positions and ranges name are views of the same memory.
 *
 * @throws {ShapeError} for more indices than axes, masks of other sizes, arrays that do not broadcast
 * @throws {ValueError} for positions out of range (in arrays: where they can be seen), and what is no index
 * @throws {DTypeError} for arrays of floats as positions
 * @throws {TraceError} for a mask that is computed in the function being traced
 * @throws {DeviceError} for a mask on a device that cannot be read without waiting
 *
 * @example
 * const m = nd.array([[1, 2, 3], [4, 5, 6]]);
 * m.slice(':', [0, 2]);   // [[1, 2], [4, 5]]
 * m.slice('...', nd.array([2, 0], { dtype: 'int32' }));   // [[3, 1], [6, 4]]
 * m.slice(m.gt(2));   // [3, 4, 5, 6]
 */
export const slice = (x: NDArray, ...specs: Index[]): NDArray => read('slice', x, specs);

const read = (name: string, x: NDArray, specs: readonly Index[]): NDArray => {
  const part = selection(name, x, specs, positionsIn);
  const y = region(x, part);
  return part.arrays.length === 0 ? y : picked(y, part.arrays, part.picked);
};

/**
 * The element or part of `x` at a key, as {@link slice}: `x.at(1)`, `x.at(0, -1)`, `x.at(rows, columns)`.
 *
 * Shapes, dtypes and errors are those of {@link slice}.
 *
 * @see {@link slice}
 *
 * @example
 * const rows = nd.array([0, 1], { dtype: 'int32' });
 * const columns = nd.array([2, 0], { dtype: 'int32' });
 * nd.array([[1, 2, 3], [4, 5, 6]]).at(rows, columns);   // [3, 4]
 */
export const at = (x: NDArray, ...specs: Index[]): NDArray => read('at', x, specs);

interface SetAttrs {
  readonly begin: readonly number[];
  readonly high: readonly number[];
  readonly step: readonly number[];
  readonly backward: readonly boolean[];
  readonly counts: readonly number[];
  /** The shape that values are broadcast to: without axes that a position removed, with new ones. */
  readonly open: readonly number[];
}
const setting: Fragment<SetAttrs> = fragment<SetAttrs>('set', (b, [x, value], attrs) => {
  const { dtype, shape } = x!.type;
  const full = b.reshape(b.broadcastTo(b.cast(value!, dtype), attrs.open), attrs.counts);
  const turned = attrs.backward.includes(true)
    ? b.slice(
        full,
        attrs.counts.map((n, i) => (attrs.backward[i] ? n - 1 : 0)),
        attrs.counts.map((n, i) => (attrs.backward[i] ? -1 : n)),
        attrs.backward.map((r) => (r ? -1 : 1)),
      )
    : full;
  const spread = {
    low: attrs.begin,
    high: attrs.high,
    interior: attrs.step.map((s) => s - 1),
    value: 0,
  };
  const mask = b.emit(padOp, [b.full(1, 'bool', attrs.counts)], spread);
  if (mask.type.shape.some((d, i) => d !== shape[i]))
    throw new TigonError('shape', `set: the part does not lie in ${showType(x!.type)}`);
  return b.op('select', mask, b.emit(padOp, [turned], spread), x!);
});

/** What `set` and `indexAdd` take as a key: one index, or a list with one for each axis. */
export type Key = Exclude<Index, readonly [Edge?, Edge?, Edge?]> | readonly Index[];
const listOf = (key: Key): readonly Index[] =>
  Array.isArray(key) ? (key as readonly Index[]) : [key as Index];

const setRegion = (x: NDArray, part: Selection, value: Operand): NDArray => {
  const counts = part.begin.map((b, i) =>
    Math.max(0, Math.ceil((part.end[i]! - b) / part.step[i]!)),
  );
  if (counts.includes(0)) return x;
  const backward = part.step.map((s) => s < 0);
  const step = part.step.map(Math.abs);
  const first = part.begin.map((b, i) => (backward[i] ? b - (counts[i]! - 1) * step[i]! : b));
  const attrs: SetAttrs = {
    begin: first,
    high: x.shape.map((d, i) => d - 1 - first[i]! - (counts[i]! - 1) * step[i]!),
    step,
    backward,
    counts,
    open: part.open,
  };
  return call(setting, [x, value], {
    attrs,
    key: JSON.stringify(attrs),
    scalars: [undefined, scalarFor(x, value)],
  });
};

/**
 * `x` with the part at `key` replaced by `value` (broadcast, converted to the dtype of `x`). `x` itself stays as it is.
 * `key`: one index, or a list with one for each axis, as for {@link slice}. Where arrays of positions name a place more
 * than once, the last value counts. One array of booleans works while tracing too, with values that broadcast to `x`.
 * Shape and dtype stay.
 *
 * @throws {ShapeError} when the value does not broadcast to the part, and for keys as {@link slice} does
 * @throws {ValueError} for keys as {@link slice} does
 * @throws {DTypeError} for keys as {@link slice} does
 *
 * @example
 * nd.set(nd.zeros([2, 3]), [0, [0, 2]], 7);   // [[7, 7, 0], [0, 0, 0]]
 * nd.set(nd.array([1, -2, 3]), nd.array([false, true, false]), 0);   // [1, 0, 3]
 */
export const set = (x: NDArray, key: Key, value: Operand): NDArray => {
  if (isNDArray(key) && key.dtype === 'bool' && spreads(value, x))
    return where(leading(key, x), value, x);
  const part = selection('set', x, listOf(key), positionsIn);
  if (part.arrays.length === 0) return setRegion(x, part, value);
  return setRegion(x, part, written(region(x, part), part.arrays, value, part.picked));
};

const spreads = (value: Operand, x: NDArray): boolean =>
  typeof value === 'number' ||
  (isNDArray(value) &&
    value.ndim <= x.ndim &&
    value.shape.every((d, i) => d === 1 || d === x.shape[x.ndim - value.ndim + i]));

/** A mask over the first axes of `x`, so that it broadcasts. */
const leading = (mask: NDArray, x: NDArray): NDArray => {
  if (mask.ndim > x.ndim || mask.shape.some((d, i) => d !== x.shape[i]))
    throw failure(
      'shape',
      `set: the mask ${showType(mask.type)} does not fit ${showType(x.type)}`,
      'a mask has the sizes of the first axes of the array',
    );
  return mask.ndim === x.ndim
    ? mask
    : reshape(mask, [...mask.shape, ...new Array<number>(x.ndim - mask.ndim).fill(1)]);
};

/**
 * `x` with `value` (broadcast) added to the part at `key`, as for {@link set}; where arrays of positions name a place more
 * than once, all values are added. Shape and dtype stay; of booleans: whether one was true.
 *
 * @throws {ShapeError} when the value does not broadcast to the part, and for keys as {@link slice} does
 * @throws {ValueError} for keys as {@link slice} does
 * @throws {DTypeError} for keys as {@link slice} does
 *
 * @example
 * nd.indexAdd(nd.zeros([3]), nd.array([0, 2, 0], { dtype: 'int32' }), 1);   // [2, 0, 1]
 */
export const indexAdd = (x: NDArray, key: Key, value: Operand): NDArray => {
  const part = selection('indexAdd', x, listOf(key), positionsIn);
  const old = region(x, part);
  return setRegion(
    x,
    part,
    part.arrays.length === 0
      ? inName('indexAdd', 'add', () => add(old, value))
      : increased(old, part.arrays, value, part.picked),
  );
};

const choosing: Fragment = fragment('where', (b, [c, x, y]) => {
  const dtype = promote(x!.type.dtype, y!.type.dtype);
  const shape = broadcastShapes('where', [c!, x!, y!]);
  const [mask, p, q] = [b.cast(c!, 'bool'), b.cast(x!, dtype), b.cast(y!, dtype)].map((n) =>
    b.broadcastTo(n, shape),
  );
  return b.op('select', mask!, p!, q!);
});
/**
 * `x` where `condition` is true (not 0), else `y`; all three broadcast. Inside hybridized functions this is `if` by value.
 * Dtypes of `x` and `y` promote; a number takes that of the other if it can hold it, else float32.
 *
 * @throws {ShapeError} unless the shapes broadcast
 * @throws {ValueError} unless `condition` is an array and `x` and `y` are arrays or numbers
 *
 * @example nd.where(nd.array([1, 0, 1]), nd.array([1, 2, 3]), 0);   // [1, 0, 3]
 */
export const where = (condition: NDArray, x: Operand, y: Operand): NDArray => {
  for (const v of [x, y]) if (typeof v !== 'number' && !isNDArray(v)) throw notOperand('where', v);
  const like = isNDArray(x) ? x : isNDArray(y) ? y : undefined;
  const dtypeFor = (v: Operand): DType =>
    typeof v !== 'number'
      ? v.dtype
      : like !== undefined && fits(v, like.dtype)
        ? like.dtype
        : 'float32';
  return call(choosing, [condition, x, y], {
    attrs: {},
    key: '',
    scalars: [undefined, dtypeFor(x), dtypeFor(y)],
  });
};

export {
  gather,
  type OneHotOptions,
  oneHot,
  type PickOptions,
  pick,
  type TakeOptions,
  take,
} from './picks.ts';
