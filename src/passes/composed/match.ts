/**
 * Attention as people compose it: a softmax of scores, and the product that its shares weigh, with the gradients that
 * belong to it.
 *
 * Invariant: nothing but what is replaced uses what lies between the products, so that it goes away with them.
 */
import type { Node } from '../../ir/graph/graph.ts';
import { type Dropped, droppedBy } from './dropped.ts';
import { type Gradients, gradientsOf } from './gradients.ts';
import { hasPairsOf, isSameInOrder, type Weighed, weighedBy } from './pairs.ts';
import { type Scores, scoresOf } from './scores.ts';

export interface Composed {
  readonly softmax: Node;
  readonly scores: Scores;
  readonly drop: Dropped | undefined;
  readonly result: Weighed;
  readonly gradients: Gradients | undefined;
}

/** What a graph says about its nodes. */
export interface Surroundings {
  readonly users: ReadonlyMap<Node, readonly Node[]>;
  /** Outputs, and what is assigned. */
  readonly roots: ReadonlySet<Node>;
}

/** The attention around a softmax, or why there is none; `undefined` where nothing looks like one. */
export const composedAround = (
  softmax: Node,
  around: Surroundings,
): Composed | string | undefined => {
  const { users, roots } = around;
  if (softmax.attrs['axis'] !== softmax.type.shape.length - 1) return undefined;
  const scores = scoresOf(softmax);
  if (scores === undefined) return undefined;
  const ways = waysOn(softmax, users);
  const [way, ...others] = ways.filter((w) => w.result.over === 'keys');
  if (way === undefined) return undefined;
  if (typeof scores === 'string') return scores;
  if (others.length > 0) return 'its shares weigh two arrays';
  const { passed, result, drop } = way;
  const inner = new Set([...scores.inner, ...passed]);
  const replaced = new Set([result.node]);
  const found = gradientsOf({ softmax, scores, drop, way }, around);
  for (const node of found?.inner ?? []) inner.add(node);
  for (const { node } of found?.results ?? []) replaced.add(node);
  for (const node of inner) {
    if (roots.has(node)) return 'its shares or scores are results too';
    if (!users.get(node)!.every((user) => inner.has(user) || replaced.has(user)))
      return 'its shares or scores are used elsewhere';
  }
  return { softmax, scores, drop, result, gradients: found };
};

/** A way from a softmax to a product. */
export interface Way {
  /** What is passed, and the last of it: what the product weighs by. */
  readonly passed: readonly Node[];
  readonly last: Node;
  readonly drop: Dropped | undefined;
  readonly result: Weighed;
}

const waysOn = (softmax: Node, users: Surroundings['users']): Way[] => {
  const found: Way[] = [];
  const walk = (last: Node, passed: readonly Node[], drop: Dropped | undefined): void => {
    for (const user of users.get(last)!) {
      const result = hasPairsOf(last, softmax) ? weighedBy(last, user) : undefined;
      if (result !== undefined) found.push({ passed, last, drop, result });
      else if (isSameInOrder(user)) walk(user, [...passed, user], drop);
      else if (drop === undefined)
        for (const dropping of users.get(user)!) {
          const dropped = droppedBy(dropping);
          if (dropped?.x === last && dropping.inputs[1] === user)
            walk(dropping, [...passed, user, dropping], dropped.drop);
        }
    }
  };
  walk(softmax, [], undefined);
  return found;
};
