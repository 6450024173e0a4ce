/**
 * What was found by lowering, by what it was lowered from: fusion tries the same units again and again.
 *
 * Invariant: an answer is given again only where every value is read from where it was read from before.
 */
import type { Node } from '../ir/graph/graph.ts';
import type { LoopBuffer } from '../ir/loop/loop.ts';
import { remember } from '../ir/remember.ts';

/** Where a value is read from; undefined where it is computed in place. */
export type PlaceOf = (node: Node) => LoopBuffer | undefined;

interface Answer<T> {
  readonly value: T;
  /** The places it depends on. */
  readonly places: ReadonlyMap<Node, LoopBuffer | undefined>;
}

export class Recall<K, T> {
  readonly #answers = new Map<K, Answer<T>[]>();

  /** What `find` gives for `key` as things stand. What it throws is not kept. */
  get(key: K, placeOf: PlaceOf, find: (placeOf: PlaceOf) => T): T {
    const answers = remember(this.#answers, key, () => []);
    for (const { value, places } of answers) if (stand(places, placeOf)) return value;
    const places = new Map<Node, LoopBuffer | undefined>();
    const value = find((node) => {
      const place = placeOf(node);
      places.set(node, place);
      return place;
    });
    answers.push({ value, places });
    return value;
  }
}

const stand = (places: ReadonlyMap<Node, LoopBuffer | undefined>, placeOf: PlaceOf): boolean => {
  for (const [node, place] of places) if (placeOf(node) !== place) return false;
  return true;
};
