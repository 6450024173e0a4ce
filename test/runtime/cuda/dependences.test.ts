/** Which launches wait for which. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Access, accessesOf, dependences } from '../../../src/runtime/cuda/dependences.ts';
import { random } from '../../ir/graph/cases.ts';
import { chainProgram } from '../../support/wasm.ts';

const read = (begin: number, end: number, space = 0): Access => ({
  space,
  begin,
  end,
  writes: false,
});
const write = (begin: number, end: number, space = 0): Access => ({
  ...read(begin, end, space),
  writes: true,
});

test('a launch waits for who wrote what it reads, and for who reads what it writes', () => {
  assert.equal(
    dependences([
      [write(0, 10)],
      [read(5, 6), write(20, 30)],
      [read(0, 5), write(30, 40)],
      [write(0, 3)],
      [write(6, 8)],
    ]),
    [[], [0], [0], [2], [0]],
  );
  assert.equal(
    dependences([[write(0, 10)], [read(5, 6), write(20, 30)], [write(4, 7)]]),
    [[], [0], [1]],
    'not for the first as well: that is done when the second is',
  );
});

test('readers of the same bytes do not wait for each other; neighbours in memory neither', () => {
  assert.equal(
    dependences([[write(0, 8)], [read(0, 8)], [read(0, 8)], [write(8, 16)], [write(0, 8)]]),
    [[], [0], [0], [], [1, 2]],
  );
});

test('spaces are apart', () => {
  assert.equal(
    dependences([
      [write(0, 8, 1)],
      [write(0, 8, 2)],
      [read(0, 8, 1), read(0, 8, 2)],
      [write(0, 8, 0)],
    ]),
    [[], [], [0, 1], []],
  );
});

test('of launches that follow from others only the last are named', () => {
  const chain = Array.from({ length: 100 }, () => [write(0, 4)]);
  assert.equal(
    dependences(chain),
    chain.map((_, i) => (i === 0 ? [] : [i - 1])),
  );
  const diamond = [
    [write(0, 1)],
    [read(0, 1), write(1, 2)],
    [read(0, 1), write(2, 3)],
    [read(0, 3), write(3, 4)],
  ];
  assert.equal(dependences(diamond), [[], [0], [0], [1, 2]]);
});

/** All pairs that have to be in order, by definition. */
const closure = (launches: readonly (readonly Access[])[]): boolean[][] => {
  const ordered = launches.map((own, i) =>
    launches.map(
      (other, j) =>
        j < i &&
        own.some((a) =>
          other.some(
            (b) =>
              (a.writes || b.writes) && a.space === b.space && a.begin < b.end && b.begin < a.end,
          ),
        ),
    ),
  );
  for (let k = 0; k < launches.length; k++)
    for (let i = 0; i < launches.length; i++)
      if (ordered[i]![k]) for (let j = 0; j < k; j++) ordered[i]![j] ||= ordered[k]![j]!;
  return ordered;
};

test('random launches: exactly the order that memory asks for, by the fewest edges', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const next = random(seed);
    const below = (n: number): number => Math.floor(next() * n);
    const launches = Array.from({ length: 1 + below(70) }, () =>
      Array.from({ length: 1 + below(3) }, () => {
        const begin = below(60);
        return { space: below(3), begin, end: begin + 1 + below(12), writes: next() < 0.4 };
      }),
    );
    const wanted = closure(launches);
    const edges = dependences(launches);
    const got = launches.map(() => launches.map(() => false));
    edges.forEach((from, i) => {
      for (const j of from) {
        got[i]![j] = true;
        got[j]!.forEach((reached, k) => {
          got[i]![k] ||= reached;
        });
      }
      assert.equal(
        from,
        [...from].sort((a, b) => a - b),
      );
      for (const j of from)
        assert.not.ok(
          from.some((k) => k !== j && wanted[k]![j]),
          `seed ${seed}: launch ${i} names ${j}, which follows from another`,
        );
    });
    assert.equal(got, wanted, `seed ${seed}`);
  }
});

test('programs: temps by their bytes in the arena, arrays by their place among the buffers', () => {
  const chain = chainProgram(4, 16, 4);
  assert.equal(
    chain.steps.map((_, step) => accessesOf(chain, { step, counters: [] })),
    [
      [read(0, 256, 1), write(0, 256)],
      [read(0, 256), write(256, 512)],
      [read(256, 512), write(0, 256)],
      [read(0, 256), write(0, 256, 6)],
    ],
  );
});

test.run();
