/**
 * The way from a softmax on to the product it weighs, and what dropout on the way draws from.
 *
 * Invariant: what is found drops the same elements as the nodes that are passed.
 */
import type { Node } from '../../ir/graph/graph.ts';
import type { BroadcastAttrs } from '../../ir/graph/ops/view.ts';
import { uniform } from '../rewrite.ts';
import { scaledBy } from './pairs.ts';

/** Where shares are dropped: what `keep` is drawn from, and by how much the others are scaled. */
export interface Dropped {
  readonly keep: Node;
  readonly by: number;
  readonly rate: number;
  /** The key and the number of the draw: scalars. */
  readonly key: readonly [low: Node, high: Node, draw: Node];
}

/** `select(keep, x · by, 0)`, for `keep` drawn as dropout draws it. */
export const droppedBy = (node: Node): { readonly x: Node; readonly drop: Dropped } | undefined => {
  if (node.op.name !== 'select' || uniform(node.inputs[2]) !== 0) return undefined;
  const [keep, kept] = node.inputs;
  const scaled = scaledBy(kept!);
  const drawn = drawnBy(keep!);
  if (scaled === undefined || drawn === undefined) return undefined;
  const { rate } = drawn;
  if (Math.abs(scaled.by * (1 - rate) - 1) > 1e-5) return undefined;
  return { x: scaled.x, drop: { keep: keep!, by: scaled.by, ...drawn } };
};

/** `(threefry >> 8) · 2⁻²⁴ >= rate`, numbered in row-major order. */
const drawnBy = (keep: Node): Pick<Dropped, 'rate' | 'key'> | undefined => {
  const [unit, share] = keep.inputs;
  const rate = uniform(share);
  if (keep.op.name !== 'ge' || rate === undefined) return undefined;
  const scaled = scaledBy(unit!);
  const top = scaled?.by === 2 ** -24 && scaled.x.op.name === 'cast' ? scaled.x : undefined;
  const bits = top?.inputs[0];
  if (top?.type.dtype !== 'float32' || bits?.op.name !== 'shr' || uniform(bits.inputs[1]) !== 8)
    return undefined;
  const word = bits.inputs[0]!;
  if (word.op.name !== 'threefry') return undefined;
  const [low, high, index, draw] = word.inputs;
  const flat = index!.op.name === 'reshape' ? index!.inputs[0]! : index!;
  if (flat.op.name !== 'iota' || flat.type.shape.length !== 1) return undefined;
  const key = [low!, high!, draw!].map(single);
  return key.every((x) => x !== undefined)
    ? { rate, key: key as unknown as Dropped['key'] }
    : undefined;
};

/** The number that is repeated everywhere. */
const single = (node: Node): Node | undefined => {
  if (node.type.shape.length === 0) return node;
  const { axes } = node.op.name === 'broadcast' ? (node.attrs as BroadcastAttrs) : { axes: [0] };
  return axes.length === 0 ? node.inputs[0]! : undefined;
};
