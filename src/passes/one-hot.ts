/**
 * Sums over one-hot rows: of a row that is zero but at one position, the sum is what stands there.
 *
 * Invariant: applies only where the position is known to lie in the row, because it was clamped to it.
 */
import type { GraphBuilder } from '../ir/graph/builder.ts';
import type { Node } from '../ir/graph/graph.ts';
import { otherAxes } from '../ir/graph/ops/define.ts';
import type { IotaAttrs } from '../ir/graph/ops/leaf.ts';
import type { BroadcastAttrs } from '../ir/graph/ops/view.ts';
import { type Rule, type RuleTable, uniform } from './rewrite.ts';

/** `sum(select(iota == position, value, 0)) = value`, for a value that does not change along the axis. */
const sumOfOneHot: Rule = ({ inputs: [x], attrs }, b) => {
  const axes = attrs['axes'] as readonly number[];
  if (x!.op.name !== 'select' || axes.length !== 1) return undefined;
  const [hit, value, zero] = x!.inputs as [Node, Node, Node];
  const axis = axes[0]!;
  if (uniform(zero) !== 0 || hit.op.name !== 'eq') return undefined;
  const isHere = (node: Node): boolean =>
    node.op.name === 'iota' && (node.attrs as IotaAttrs).axis === axis;
  const positions = hit.inputs.find((node) => !isHere(node));
  if (positions === undefined || !hit.inputs.some(isHere)) return undefined;
  const position = withoutAxis(positions, axis, b);
  const size = x!.type.shape[axis]!;
  return position !== undefined && isWithin(position, size)
    ? withoutAxis(value, axis, b)
    : undefined;
};

/** What `node` repeats along `axis`, in the shape without it. */
const withoutAxis = (node: Node, axis: number, b: GraphBuilder): Node | undefined => {
  const left = otherAxes(node.type.shape.length, [axis]);
  const shape = left.map((a) => node.type.shape[a]!);
  const value = uniform(node);
  if (value !== undefined) return b.full(value, node.type.dtype, shape);
  if (node.op.name !== 'broadcast') return undefined;
  const { axes } = node.attrs as BroadcastAttrs;
  if (axes.includes(axis)) return undefined;
  return b.broadcast(
    node.inputs[0]!,
    shape,
    axes.map((a) => left.indexOf(a)),
  );
};

/** True for values clamped to `[0, size)`. */
const isWithin = (node: Node, size: number): boolean => {
  const { name } = node.op;
  if (name === 'broadcast' || name === 'reshape' || name === 'transpose')
    return isWithin(node.inputs[0]!, size);
  const [x, limit] = [node.inputs[0], uniform(node.inputs[1])];
  const isClampedBelow = x?.op.name === 'max' && (uniform(x.inputs[1]) ?? -1) >= 0;
  return name === 'min' && limit !== undefined && limit >= 0 && limit < size && isClampedBelow;
};

export const oneHotRules: RuleTable = { sum: sumOfOneHot };
