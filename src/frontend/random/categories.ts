/**
 * Categories: which of several, with given probabilities, and how often each in many tries.
 *
 * Invariant: probabilities lie along the last axis and need not sum to 1; what has probability 0 is never drawn. No
 * gradients.
 */
import { type DType, summedIn } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { writing } from '../../ir/graph/ops/formula.ts';
import { iota } from '../../ir/graph/ops/leaf.ts';
import { argmax, reduceMax } from '../../ir/graph/ops/reduce.ts';
import { type Shape, showType } from '../../ir/type.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import { checkDtype, checkShape } from '../nd/creation.ts';
import type { NDArray } from '../ndarray.ts';
import { shown } from '../options.ts';
import { checkDrawOptions, KEY, type RandomOptions, stretch } from './draw.ts';
import { openUnit, sourceOf } from './source.ts';
import { drawOperands } from './state.ts';

export interface CategoryOptions extends RandomOptions {
  /** The array holds logarithms of probabilities, up to a constant. Default false. */
  readonly logits?: boolean;
}
interface Attrs {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly logits: boolean;
}

const categoriesOf = (name: string, p: Node): number => {
  const count = p.type.shape[p.type.shape.length - 1];
  if (count !== undefined && count > 0) return count;
  throw new TigonError(
    'shape',
    `${name}: ${showType(p.type)} has no categories`,
    'probabilities lie along the last axis',
  );
};

/** The largest of `log p + gumbel` is category k with probability p[k]. */
const chosen: Fragment<Attrs> = fragment<Attrs>(
  'random.categorical',
  (b, [low, high, draw, p], { shape, dtype, logits }) => {
    const many = [...shape, categoriesOf('random.categorical', p!)];
    const inner = summedIn(p!.type.dtype);
    const weights = stretch(b, 'random.categorical', p!, many, inner);
    const f = writing(b, weights);
    const u = openUnit(sourceOf(b, [low!, high!, draw!], many, inner));
    const noise = f('neg', f('log', f('neg', f('log', u))));
    const scores = f('add', logits ? weights : f('log', weights), noise);
    return b.cast(b.emit(argmax, [scores], { axes: [shape.length] }), dtype);
  },
  { scalars: KEY },
);

const OPTIONS = ['dtype', 'device', 'logits'];
const checked = (name: string, shape: Shape, p: NDArray, options?: CategoryOptions): Attrs => {
  checkDrawOptions(name, options, OPTIONS);
  checkShape(name, shape);
  checkArray(name, p);
  if (p.ndim === 0)
    throw failure('shape', `${name}: ${showType(p.type)} has no axis of probabilities`);
  const dtype = checkDtype(name, options?.dtype ?? 'int32');
  return { shape, dtype, logits: options?.logits ?? false };
};

/**
 * Numbers of categories in an array of `shape`: k with probability `p[..., k]`, which need not sum to 1 (`logits`:
 * logarithms of such). The axes of `p` before the last broadcast to the shape. int32 unless said otherwise, for `p` of
 * any dtype; no gradients.
 *
 * @throws {ShapeError} for a `p` without axes or categories, and axes that do not stretch to the shape
 * @throws {ValueError} if `p` is no array; its values are not looked at
 *
 * @example
 * random.categorical([3], nd.array([0, 0, 1])).array();   // [2, 2, 2]
 */
export const categorical = (shape: Shape, p: NDArray, options?: CategoryOptions): NDArray => {
  const attrs = checked('random.categorical', shape, p, options);
  return call(chosen, [...drawOperands(p.device, 1), p], {
    attrs,
    key: `${shape.join('.')}/${attrs.dtype}/${attrs.logits}`,
  });
};

/** Sums along the last axis up to each place: the last of them is the whole. */
const sumsUpTo = (b: GraphBuilder, x: Node): Node => {
  const { shape } = x.type;
  const [rank, count] = [shape.length, shape[shape.length - 1]!];
  const square = [...shape, count];
  const [at, from] = [rank - 1, rank].map((axis) =>
    b.emit(iota, [], { axis, dtype: 'int32', shape: square }),
  );
  const terms = b.broadcast(x, square, [...shape.slice(0, -1).keys(), rank]);
  return b.sum(b.op('select', b.op('le', from!, at!), terms, b.lit(0, terms)), [rank]);
};

interface TryAttrs extends Attrs {
  readonly tries: number;
}
/** Which category each uniform number falls into: how many sums of probabilities it has passed. */
const counted: Fragment<TryAttrs> = fragment<TryAttrs>(
  'random.multinomial',
  (b, [low, high, draw, p], { shape, dtype, logits, tries }) => {
    const name = 'random.multinomial';
    const rank = shape.length;
    const lead = [...shape.keys()];
    const count = categoriesOf(name, p!);
    const inner = summedIn(p!.type.dtype);
    const own = stretch(b, name, p!, [...shape, count], inner);
    const sums = sumsUpTo(b, logits ? b.op('exp', own) : own);
    const total = b.emit(reduceMax, [sums], { axes: [rank] });
    const many = [...shape, tries];
    const u = openUnit(sourceOf(b, [low!, high!, draw!], many, inner));
    const at = b.op('mul', u, b.broadcast(total, many, lead));

    const pairs = [...many, count];
    const passed = b.op(
      'ge',
      b.broadcast(at, pairs, [...lead, rank]),
      b.broadcast(sums, pairs, [...lead, rank + 1]),
    );
    // rounding may put a number at the very end: it falls into the last category that is not empty
    const full = b.op('ge', sums, b.broadcast(total, sums.type.shape, lead));
    const last = b.emit(argmax, [b.cast(full, 'uint8')], { axes: [rank] });
    const category = b.op(
      'min',
      b.sum(b.cast(passed, 'int32'), [rank + 1]),
      b.broadcast(last, many, lead),
    );
    const position = b.emit(iota, [], { axis: rank + 1, dtype: 'int32', shape: pairs });
    const hit = b.op('eq', b.broadcast(category, pairs, [...lead, rank]), position);
    return b.cast(b.sum(b.cast(hit, 'int32'), [rank]), dtype);
  },
  { scalars: KEY },
);

/**
 * How often each category comes in `tries` tries: `p` [..., categories], which need not sum to 1 (`logits`: logarithms
 * of such), gives counts [...shape, categories]. The axes of `p` before the last broadcast to the shape. int32 unless
 * said otherwise, for `p` of any dtype; no gradients.
 *
 * @throws {ValueError} unless `tries` is an integer ≥ 0 and `p` an array; its values are not looked at
 * @throws {ShapeError} for a `p` without axes or categories, and axes that do not stretch to the shape
 *
 * @example
 * random.multinomial([2], 5, nd.array([0, 1])).array();   // [[0, 5], [0, 5]]
 */
export const multinomial = (
  shape: Shape,
  tries: number,
  p: NDArray,
  options?: CategoryOptions,
): NDArray => {
  const attrs = checked('random.multinomial', shape, p, options);
  if (!Number.isInteger(tries) || tries < 0)
    throw failure('value', `random.multinomial: tries is ${shown(tries)}`, 'pass an integer ≥ 0');
  return call(counted, [...drawOperands(p.device, 1), p], {
    attrs: { ...attrs, tries },
    key: `${shape.join('.')}/${attrs.dtype}/${attrs.logits}/${tries}`,
  });
};
