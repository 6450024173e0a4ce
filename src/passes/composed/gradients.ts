/**
 * What the gradients of composed attention look like: derived op by op, they begin at the gradient of the result and end
 * in products with queries, keys and gradients.
 *
 * Invariant: what is found computes the gradients of the attention that it is found for, up to rounding.
 */
import type { Node } from '../../ir/graph/graph.ts';
import type { BroadcastAttrs } from '../../ir/graph/ops/view.ts';
import { uniform } from '../rewrite.ts';
import type { Dropped } from './dropped.ts';
import type { Surroundings, Way } from './match.ts';
import {
  factorsOf,
  hasPairsOf,
  isSameInOrder,
  isSameMatrix,
  type Matrix,
  scaledBy,
  weighedBy,
} from './pairs.ts';
import type { Scores } from './scores.ts';

/** A product that is the gradient to one of the operands. */
export interface GradientTo {
  readonly node: Node;
  readonly to: 'q' | 'k' | 'v';
  readonly turned: boolean;
}

export interface Gradients {
  /** The gradient of the result. */
  readonly dy: Matrix;
  readonly results: readonly GradientTo[];
  readonly inner: readonly Node[];
}

interface Forward {
  readonly softmax: Node;
  readonly scores: Scores;
  readonly drop: Dropped | undefined;
  readonly way: Way;
}

/** The gradients of an attention; `undefined` where there are none, or others. */
export const gradientsOf = (forward: Forward, around: Surroundings): Gradients | undefined => {
  const { way } = forward;
  const { users } = around;
  const toValues = users.get(way.last)!.flatMap((user) => {
    const weighed = weighedBy(way.last, user);
    return weighed?.over === 'queries' ? [weighed] : [];
  });
  const back = slopesOf(forward, users);
  const dy = back?.dy ?? toValues[0]?.matrix;
  if (dy === undefined || !toValues.every(({ matrix }) => isSameMatrix(matrix, dy)))
    return undefined;
  return {
    dy,
    results: [
      ...toValues.map(({ node, turned }): GradientTo => ({ node, to: 'v', turned })),
      ...(back?.results ?? []),
    ],
    inner: back?.inner ?? [],
  };
};

/** What is derived from a softmax: `y · (dy - sum(y · dy))`, and what comes before and after that. */
const slopesOf = (forward: Forward, users: Surroundings['users']): Gradients | undefined => {
  const { softmax, way } = forward;
  for (const node of users.get(softmax)!) {
    const free = otherFactor(node, softmax);
    if (free === undefined || way.passed.includes(node) || free.op.name !== 'sub') continue;
    const [toShares, mean] = free.inputs as [Node, Node];
    const total = meanOf(mean, softmax, toShares);
    const before = total && productsBefore(toShares, forward);
    const after = before && productsAfter(node, forward, users);
    if (after === undefined) continue;
    return {
      dy: before!.dy,
      results: after.results,
      inner: [node, free, mean, ...total!, ...before!.inner, ...after.inner],
    };
  }
  return undefined;
};

const otherFactor = (node: Node, factor: Node): Node | undefined => {
  if (node.op.name !== 'mul') return undefined;
  const [x, y] = node.inputs;
  return x === factor ? y : y === factor ? x : undefined;
};

/** The nodes of `sum(y · dy)` along keys, which is repeated along them. */
const meanOf = (mean: Node, softmax: Node, toShares: Node): readonly Node[] | undefined => {
  const last = softmax.type.shape.length - 1;
  if (mean.op.name !== 'broadcast') return undefined;
  const { axes } = mean.attrs as BroadcastAttrs;
  const total = mean.inputs[0]!;
  const summed = total.op.name === 'sum' ? (total.attrs['axes'] as readonly number[]) : [];
  const terms = total.inputs[0];
  const isAlong = axes.length === last && axes.every((a, i) => a === i);
  if (!isAlong || summed.length !== 1 || summed[0] !== last || terms === undefined)
    return undefined;
  return otherFactor(terms, softmax) === toShares ? [total, terms] : undefined;
};

/** From the gradient of shares back to the product of gradients and values. */
const productsBefore = (
  toShares: Node,
  { drop, way }: Forward,
): { readonly dy: Matrix; readonly inner: readonly Node[] } | undefined => {
  const inner: Node[] = [];
  let by = 1;
  let isDropped = false;
  for (let at = toShares; ; ) {
    inner.push(at);
    const factors = factorsOf(at);
    if (factors !== undefined) {
      const [dy, v] = factors;
      const isRight =
        hasPairsOf(at, toShares) &&
        isSameMatrix(v, way.result.matrix) &&
        isDropped === (drop !== undefined);
      return isRight && isAbout(by, drop?.by ?? 1) ? { dy, inner } : undefined;
    }
    const scaled = scaledBy(at);
    const [x, y, z] = at.inputs;
    if (scaled !== undefined) {
      by *= scaled.by;
      at = scaled.x;
    } else if (isSameInOrder(at)) at = x!;
    else if (at.op.name === 'select' && !isDropped && x === drop?.keep && uniform(z) === 0) {
      isDropped = true;
      at = y!;
    } else return undefined;
  }
};

/** From the gradient of what a softmax was made of on to the products with queries and keys. */
const productsAfter = (
  from: Node,
  { scores }: Forward,
  users: Surroundings['users'],
): Pick<Gradients, 'results' | 'inner'> | undefined => {
  const inner: Node[] = [];
  const open = [...scores.conditions];
  let by = 1;
  for (let at = from; ; ) {
    const own = users.get(at)!;
    const results = own.map((user) =>
      hasPairsOf(at, from) ? gradientTo(at, user, scores) : undefined,
    );
    if (results.length > 0 && results.every((r) => r !== undefined))
      return open.length === 0 && isAbout(by, scores.scale) ? { results, inner } : undefined;
    const [next, ...others] = own;
    if (next === undefined || others.length > 0) return undefined;
    const scaled = scaledBy(next);
    if (scaled !== undefined) by *= scaled.by;
    else if (!isSameInOrder(next)) {
      const chosen = open.findIndex(
        ({ condition, hides }) =>
          next.op.name === 'select' &&
          next.inputs[0] === condition &&
          next.inputs[hides ? 2 : 1] === at &&
          uniform(next.inputs[hides ? 1 : 2]) === 0,
      );
      if (chosen < 0) return undefined;
      open.splice(chosen, 1);
    }
    inner.push(next);
    at = next;
  }
};

const gradientTo = (slopes: Node, node: Node, { q, k }: Scores): GradientTo | undefined => {
  const weighed = weighedBy(slopes, node);
  if (weighed === undefined) return undefined;
  const { over, matrix, turned } = weighed;
  if (!isSameMatrix(matrix, over === 'keys' ? k : q)) return undefined;
  return { node, to: over === 'keys' ? 'q' : 'k', turned };
};

const isAbout = (x: number, y: number): boolean => Math.abs(x - y) <= 1e-5 * Math.abs(y);
