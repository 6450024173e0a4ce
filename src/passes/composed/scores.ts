/**
 * The way from a softmax back to the product whose elements it shares out: scaled, biased, partly hidden.
 *
 * Invariant: the softmax is that of `scale · q kᵀ + biases`, or `fill` where something is hidden; nodes of `inner` are
 * passed on the way, softmax and product included.
 */

import type { Node } from '../../ir/graph/graph.ts';
import { LEAST } from '../../ir/graph/ops/attention-operands.ts';
import { ABSENT } from '../../ir/loop/loop.ts';
import { uniform } from '../rewrite.ts';
import { choosing, type Hidden, hidesLater } from './hidden.ts';
import { factorsOf, hasPairsOf, isSameInOrder, type Matrix, scaledBy } from './pairs.ts';

export interface Scores {
  readonly q: Matrix;
  readonly k: Matrix;
  readonly scale: number;
  readonly fill: number;
  readonly causal: boolean;
  /** Conditions that hide something besides. */
  readonly hidden: readonly Hidden[];
  readonly biases: readonly { readonly node: Node; readonly by: number }[];
  /** All conditions: gradients are chosen by the same. */
  readonly conditions: readonly Hidden[];
  readonly inner: readonly Node[];
}

/** Scores this low have no share beside others: what an author means who hides something by them. */
const HIDDEN = -1e6;

/** What a softmax along the last axis shares out, or why it is no attention; `undefined` where no product is near. */
export const scoresOf = (softmax: Node): Scores | string | undefined => {
  const inner: Node[] = [softmax];
  const biases: { node: Node; by: number }[] = [];
  const conditions: Hidden[] = [];
  let scale = 1;
  let fill: number | undefined;
  for (let at = softmax.inputs[0]!; ; ) {
    inner.push(at);
    const factors = factorsOf(at);
    if (factors !== undefined) {
      const [q, k] = factors;
      if (!hasPairsOf(at, softmax)) return undefined;
      if (at.type.dtype === 'float64') return 'it is in double precision';
      const found = hiddenPart(softmax, conditions, biases, fill);
      return typeof found === 'string' ? found : { q, k, scale, conditions, inner, ...found };
    }
    const scaled = scaledBy(at);
    const [x, y, z] = at.inputs;
    if (scaled !== undefined) {
      scale *= scaled.by;
      at = scaled.x;
    } else if (isSameInOrder(at)) at = x!;
    else if (at.op.name === 'add' || at.op.name === 'sub') {
      const first = leadsToProduct(x!);
      if (!first && !leadsToProduct(y!)) return undefined;
      const sign = at.op.name === 'sub' ? -1 : 1;
      biases.push({ node: first ? y! : x!, by: scale * (first ? sign : 1) });
      if (!first) scale *= sign;
      at = first ? x! : y!;
    } else if (at.op.name === 'select') {
      const [otherwise, hides] = uniform(z) === undefined ? [y!, true] : [z!, false];
      const value = uniform(otherwise);
      if (value === undefined) return undefined;
      if (biases.length > 0) return 'something is added to what hides scores';
      if (fill !== undefined && fill !== scale * value) return 'scores are hidden by two numbers';
      fill = scale * value;
      conditions.push({ condition: x!, hides });
      at = hides ? z! : y!;
    } else return undefined;
  }
};

/** Whether one gets to a product as {@link scoresOf} does. */
const leadsToProduct = (node: Node): boolean => {
  if (factorsOf(node) !== undefined) return true;
  const scaled = scaledBy(node);
  if (scaled !== undefined) return leadsToProduct(scaled.x);
  const { name } = node.op;
  const [x, y, z] = node.inputs;
  if (isSameInOrder(node)) return leadsToProduct(x!);
  if (name === 'add' || name === 'sub') return leadsToProduct(x!) || leadsToProduct(y!);
  return name === 'select' && leadsToProduct(uniform(z) === undefined ? z! : y!);
};

type HiddenPart = Pick<Scores, 'fill' | 'causal' | 'hidden' | 'biases'>;

const hiddenPart = (
  softmax: Node,
  conditions: Scores['conditions'],
  biases: Scores['biases'],
  fill: number | undefined,
): HiddenPart | string => {
  const hidden = conditions.filter((h) => !(hasPairsOf(h.condition, softmax) && hidesLater(h)));
  const bounded = biases.filter((x) => hasPairsOf(x.node, softmax) && isCausalBias(x));
  const isBounded = hidden.length < conditions.length;
  if (fill === undefined || (hidden.length === 0 && fill <= HIDDEN))
    return {
      fill: ABSENT,
      causal: isBounded || bounded.length > 0,
      hidden,
      biases: biases.filter((bias) => !bounded.includes(bias)),
    };
  if (fill === Number.NEGATIVE_INFINITY) return { fill: ABSENT, causal: isBounded, hidden, biases };
  return fill > LEAST && Number.isFinite(fill)
    ? { fill, causal: false, hidden: conditions, biases }
    : `scores are hidden by ${fill}: a query that may attend to nothing would not share evenly`;
};

/** Whether a bias is nothing for the keys up to each query, and hides those behind it. */
const isCausalBias = ({ node, by }: Scores['biases'][number]): boolean => {
  const two = choosing(node);
  if (two === undefined) return false;
  const [yes, no] = [two.yes * by, two.no * by];
  const hides = no === 0 && yes <= HIDDEN;
  return (hides || (yes === 0 && no <= HIDDEN)) && hidesLater({ condition: two.condition, hides });
};
