/**
 * Sums of parts that stand side by side with zeros around them are the parts joined: what gradients of slices add up to,
 * as those of the gates of a recurrent step.
 *
 * Invariant: the parts fill their axis, each element once.
 */
import type { Node } from '../ir/graph/graph.ts';
import { concat } from '../ir/graph/ops/concat.ts';
import type { PadAttrs } from '../ir/graph/ops/slice.ts';
import { isOp, type Rule, type RuleTable } from './rewrite.ts';

/** A sum of more is no tiling worth looking for at each of its additions. */
const MOST_PARTS = 16;

/** The terms of a sum, if all of them are parts with zeros around. */
const partsOf = (inputs: readonly Node[]): readonly Node[] | undefined => {
  const parts: Node[] = [];
  const open = [...inputs];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (isOp(node, 'add')) open.push(...node.inputs);
    else if (isOp(node, 'pad')) parts.push(node);
    else return undefined;
    if (parts.length > MOST_PARTS) return undefined;
  }
  return parts;
};

/** Where a part begins along `axis`, along which alone it has zeros around it. */
const beginOf = ({ attrs }: Node, axis: number): number | undefined => {
  const { low, high, interior, value } = attrs as PadAttrs;
  const alone = low.every((l, i) => i === axis || (l === 0 && high[i] === 0));
  return alone && value === 0 && interior.every((n) => n === 0) ? low[axis] : undefined;
};

const joined: Rule = ({ inputs }, b) => {
  const parts = partsOf(inputs);
  const [first] = parts ?? [];
  if (parts === undefined || first === undefined) return undefined;
  const { low, high } = first.attrs as PadAttrs;
  const axis = low.findIndex((l, i) => l !== 0 || high[i] !== 0);
  const places = parts.map((part) => ({ x: part.inputs[0]!, begin: beginOf(part, axis) }));
  let end = 0;
  for (const { x, begin } of places.sort((p, q) => (p.begin ?? -1) - (q.begin ?? -1))) {
    if (begin !== end) return undefined;
    end += x.type.shape[axis]!;
  }
  if (end !== first.type.shape[axis]) return undefined;
  return b.emit(
    concat,
    places.map((p) => p.x),
    { axis },
  );
};

export const tilingRules: RuleTable = { add: joined };
