import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createNetwork } from '../../src/passes/flow.ts';
import { random } from '../support/random.ts';

interface Edge {
  readonly from: number;
  readonly to: number;
  readonly capacity: number;
}

const cutOf = (vertices: number, edges: readonly Edge[]): boolean[] => {
  const network = createNetwork(vertices);
  for (const { from, to, capacity } of edges) network.addEdge(from, to, capacity);
  return network.minCut(0, vertices - 1);
};

const weight = (edges: readonly Edge[], side: readonly boolean[]): number =>
  edges.reduce((sum, e) => sum + (side[e.from] && !side[e.to] ? e.capacity : 0), 0);

test('cuts the thinnest place of a chain', () => {
  const edges = [5, 2, 7].map((capacity, i) => ({ from: i, to: i + 1, capacity }));
  assert.equal(cutOf(4, edges), [true, true, false, false]);
});

test('of equal cuts the one nearest to the source', () => {
  const edges = [3, 3, 3].map((capacity, i) => ({ from: i, to: i + 1, capacity }));
  assert.equal(cutOf(4, edges), [true, false, false, false]);
});

test('a sink out of reach needs no cut', () => {
  assert.equal(cutOf(3, [{ from: 0, to: 1, capacity: 4 }]), [true, true, false]);
});

test('random networks: no other side is cheaper (all of them tried)', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const { int } = random(seed);
    const vertices = 3 + int(0, 6);
    const edges = Array.from({ length: 2 * vertices + int(0, 10) }, () => ({
      from: int(0, vertices),
      to: int(0, vertices),
      capacity: int(0, 20),
    }));
    const found = weight(edges, cutOf(vertices, edges));
    let least = Number.POSITIVE_INFINITY;
    for (let set = 0; set < 1 << (vertices - 2); set++) {
      const side = [
        true,
        ...Array.from({ length: vertices - 2 }, (_, i) => ((set >> i) & 1) === 1),
        false,
      ];
      least = Math.min(least, weight(edges, side));
    }
    assert.is(found, least, `seed ${seed}`);
  }
});

test.run();
