/**
 * Attention: what transformers are made of.
 *
 * Invariant: leading axes (batches, heads) broadcast; queries, keys and values are promoted to one float dtype; a query
 * that may attend to nothing gives 0.
 */
import { isFloat, promote, summedIn } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { attention as attentionOp } from '../../ir/graph/ops/attention.ts';
import { attentionAttrs } from '../../ir/graph/ops/attention-operands.ts';
import { type Shape, showType } from '../../ir/type.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { shown } from '../options.ts';
import { KEY } from '../random/draw.ts';
import { drawOperands } from '../random/state.ts';
import {
  type AttentionDropout,
  type AttentionOptions,
  attentionOptions,
  checkMask,
} from './attention-options.ts';
import { bringAttention } from './attention-parts.ts';

const NAME = 'scaledDotProductAttention';

export type { AttentionDropout, AttentionOptions };

interface AttentionAttrs {
  readonly causal: boolean;
  readonly scale: number | undefined;
  readonly masked: boolean;
  readonly dropout: boolean;
}

/** Axes of size 1, and those that are not there, are as long as those of the others. */
const leadOf = (shapes: readonly Shape[], fail: () => never): number[] => {
  const rank = Math.max(...shapes.map((s) => s.length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = shapes.map((s) => s[i - rank + s.length] ?? 1);
    const size = sizes.find((d) => d !== 1) ?? 1;
    return sizes.every((d) => d === size || d === 1) ? size : fail();
  });
};

const attending: Fragment<AttentionAttrs> = fragment<AttentionAttrs>(
  NAME,
  (b: GraphBuilder, all, { causal, scale, masked, dropout }) => {
    bringAttention();
    const inputs = all.slice(0, masked ? 4 : 3);
    const [q, k, v, mask] = inputs as [Node, Node, Node, Node | undefined];
    const given = inputs.map((x, i) => `${['q', 'k', 'v', 'mask'][i]} ${showType(x.type)}`);
    const fail = (rule: string, help: string): never => {
      throw new TigonError('shape', `${NAME}: ${rule}: ${given.join(' · ')}`, help);
    };
    for (const [i, x] of inputs.entries())
      if (x.type.shape.length < (i < 3 ? 2 : 0))
        fail('takes arrays [..., positions, features]', 'add the axis that is missing');
    if (mask !== undefined) checkMask(NAME, mask);
    const lead = leadOf(
      inputs.map((x) => x.type.shape.slice(0, -2)),
      () => fail('leading axes differ', 'axes before the last two must be equal or 1'),
    );
    const common = promote(promote(q.type.dtype, k.type.dtype), v.type.dtype);
    const dtype = isFloat(common) ? common : 'float32';
    const wide = (x: Node): Node =>
      b.broadcastTo(b.cast(x, dtype), [...lead, ...x.type.shape.slice(-2)]);
    const [queries, depth] = q.type.shape.slice(-2) as [number, number];
    const pairs = [queries, k.type.shape.at(-2)!];
    if (mask?.type.shape.slice(-2).some((d, i, own) => d !== 1 && d !== pairs[i + 2 - own.length]))
      fail(`mask does not broadcast to [..., ${pairs.join(', ')}]`, 'its last axes are Tq and Tk');
    const factor = scale ?? 1 / Math.sqrt(Math.max(1, depth));
    const operands = [wide(q), wide(k), wide(v), ...all.slice(inputs.length)];
    if (mask !== undefined) operands.push(b.broadcastTo(mask, [...lead, ...pairs]));
    return b.emit(attentionOp, operands, attentionAttrs({ scale: factor, causal, dropout }));
  },
);

/**
 * Attention of `q` [..., Tq, D] to `k` [..., Tk, D] with values `v` [..., Tk, Dv]: `softmax(scale · q kᵀ) v`, [..., Tq, Dv].
 * Leading axes are batches and heads, and broadcast. Long sequences are met block by block: no array of Tq × Tk scores is made,
 * nor one of what dropout leaves of them.
 *
 * Dtypes: those of `q`, `k` and `v` promote to a float; integers and booleans give float32. The mask is bool.
 *
 * @throws {ShapeError} when shapes do not fit, or there are no keys
 * @throws {DTypeError} unless the mask is bool
 * @throws {OptionError} unless `causal` is a boolean and `scale` a finite number
 * @throws {ValueError} unless 0 ≤ dropout < 1
 *
 * @example
 * const q = nd.array([[1, 0], [0, 1]]);
 * const v = nd.array([[1, 2, 3], [5, 6, 7]]);
 * nd.scaledDotProductAttention(q, q, v, { causal: true });   // [[1, 2, 3], [3.6790, 4.6790, 5.6790]]
 * const mask = nd.array([[false, true], [false, false]]);
 * nd.scaledDotProductAttention(q, q, v, { mask });   // [[5, 6, 7], [0, 0, 0]]
 */
export const scaledDotProductAttention = (
  q: NDArray,
  k: NDArray,
  v: NDArray,
  options?: AttentionOptions & AttentionDropout,
): NDArray => {
  const { mask, causal, scale } = attentionOptions(NAME, options, ['dropout']);
  const rate = options?.dropout ?? 0;
  if (!(rate >= 0 && rate < 1))
    throw failure('value', `${NAME}: dropout ${shown(rate)} must be from 0 to below 1`);
  for (const x of [q, k, v]) checkArray(NAME, x);
  const masked = mask !== undefined;
  const arrays = masked ? [q, k, v, mask] : [q, k, v];
  const dropped = rate === 0 ? [] : [...drawOperands(q.device, 1), rate];
  const common = promote(promote(q.dtype, k.dtype), v.dtype);
  const numbers = isFloat(common) ? summedIn(common) : 'float32';
  const plain = arrays.map(() => undefined);
  return call(attending, [...arrays, ...dropped], {
    attrs: { causal, scale, masked, dropout: rate !== 0 },
    key: `${causal}/${scale}/${masked}`,
    ...(rate === 0 ? {} : { scalars: [...plain, ...KEY, numbers] }),
  });
};
