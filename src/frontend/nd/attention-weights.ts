/**
 * The shares that attention gives to keys, as an array: to look at, or to drop some of in training.
 *
 * Invariant: the same numbers that `scaledDotProductAttention` mixes values with, which never holds them all; a query that
 * may attend to nothing gives zeros.
 */
import { TigonError } from '../../ir/errors.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { softmax } from '../../ir/graph/ops/composite.ts';
import { dot } from '../../ir/graph/ops/dot.ts';
import { iota } from '../../ir/graph/ops/leaf.ts';
import { showType } from '../../ir/type.ts';
import { call, type Fragment, fragment } from '../call.ts';
import type { NDArray } from '../ndarray.ts';
import { type AttentionOptions, attentionOptions, checkMask } from './attention-options.ts';
import { floating, single } from './math.ts';

const NAME = 'attentionWeights';

interface Attrs {
  readonly causal: boolean;
  readonly scale: number | undefined;
}

/** Less than any score, and not infinite: rows without any key stay numbers. */
const NEVER = -1e30;

const weighing: Fragment<Attrs> = fragment<Attrs>(NAME, (b, inputs, { causal, scale }) => {
  const [q, k] = [single(b, inputs[0]!), single(b, inputs[1]!, inputs[0]!)];
  const mask = inputs[2];
  const [p, r] = [q.type.shape, k.type.shape];
  const rank = p.length;
  const lead = p.slice(0, -2);
  if (
    rank < 2 ||
    r.length !== rank ||
    lead.some((d, i) => d !== r[i]) ||
    p[rank - 1] !== r[rank - 1]
  )
    throw new TigonError(
      'shape',
      `${NAME}: q ${showType(inputs[0]!.type)} does not fit k ${showType(inputs[1]!.type)}`,
      'q is [..., queries, features], k [..., keys, features], with equal axes before them',
    );
  if (r[rank - 2] === 0)
    throw new TigonError(
      'shape',
      `${NAME}: there are no keys: k ${showType(inputs[1]!.type)}`,
      'attend to one position at least',
    );
  if (mask !== undefined) checkMask(NAME, mask);
  const batch = lead.map((_, i) => i);
  const product = b.emit(dot, [q, k], {
    aBatch: batch,
    bBatch: batch,
    aContract: [rank - 1],
    bContract: [rank - 1],
  });
  const { shape } = product.type;
  const scores = b.op('mul', product, b.lit(scale ?? 1 / Math.sqrt(p[rank - 1]!), product));
  const row = (axis: number): Node => b.emit(iota, [], { axis, dtype: 'int32', shape });
  const allowed = [
    ...(mask === undefined ? [] : [b.broadcastTo(mask, shape)]),
    ...(causal ? [b.op('le', row(rank - 1), row(rank - 2))] : []),
  ];
  const { dtype } = floating(b, inputs[0]!).type;
  if (allowed.length === 0) return b.cast(b.emit(softmax, [scores], { axis: rank - 1 }), dtype);
  const both = allowed.reduce((m, n) => b.op('and', m, n));
  const bounded = b.op('select', both, scores, b.lit(NEVER, scores));
  const shares = b.emit(softmax, [bounded], { axis: rank - 1 });
  return b.cast(b.op('select', both, shares, b.lit(0, shares)), dtype);
});

/**
 * `softmax(scale · q kᵀ)`, the shares of keys: `q` [..., queries, features], `k` [..., keys, features], with equal axes
 * before them → [..., queries, keys]. `mask` (bool, true where a query may attend to a key) broadcasts to the result.
 *
 * Dtypes: of `q`; integers and booleans give float32. Computed in float32, for float64 in double.
 *
 * @throws {ShapeError} when shapes do not fit, or there are no keys
 * @throws {DTypeError} unless the mask is bool
 * @throws {OptionError} unless `causal` is a boolean and `scale` a finite number
 *
 * @example
 * const q = nd.array([[1, 0], [0, 1]]);
 * nd.attentionWeights(q, q, { causal: true });   // [[1, 0], [0.3302, 0.6698]]
 */
export const attentionWeights = (q: NDArray, k: NDArray, options?: AttentionOptions): NDArray => {
  const { mask, causal, scale } = attentionOptions(NAME, options);
  return call(weighing, mask === undefined ? [q, k] : [q, k, mask], {
    attrs: { causal, scale },
    key: `${causal}/${scale}`,
  });
};
