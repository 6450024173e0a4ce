import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkPlan, type Interval, planMemory } from '../../src/passes/plan.ts';
import { random } from '../support/random.ts';

const planned = (intervals: readonly Interval[], alignment = 1): ReturnType<typeof planMemory> => {
  const plan = planMemory(intervals, alignment);
  checkPlan(intervals, plan, alignment);
  return plan;
};

test('nothing needs nothing', () => {
  assert.equal(planned([]), { offsets: [], bytes: 0, lowerBound: 0 });
});

test('a chain ping-pongs between two places', () => {
  const chain = Array.from({ length: 10 }, (_, i) => ({ bytes: 64, first: i, last: i + 1 }));
  assert.is(planned(chain, 64).bytes, 128);
});

test('intervals that never meet share bytes', () => {
  const plan = planned([
    { bytes: 100, first: 0, last: 1 },
    { bytes: 70, first: 2, last: 3 },
  ]);
  assert.equal(plan.offsets, [0, 0]);
  assert.is(plan.bytes, 100);
});

test('offsets and size are multiples of the alignment', () => {
  const plan = planned(
    [
      { bytes: 5, first: 0, last: 2 },
      { bytes: 7, first: 0, last: 2 },
    ],
    16,
  );
  assert.is(plan.bytes, 32);
  assert.is(plan.lowerBound, 12);
});

test('the smallest intervals have blocks of the alignment to themselves while they are alive', () => {
  const intervals = Array.from({ length: 40 }, (_, i) => ({
    bytes: 1 + (i % 9),
    first: i,
    last: i + (i % 5),
  }));
  const { offsets } = planned(intervals, 256);
  const blocks = intervals.map((x, i) => ({ ...x, block: offsets[i]! / 256 }));
  for (const a of blocks)
    for (const b of blocks)
      assert.ok(a === b || a.block !== b.block || a.last < b.first || b.last < a.first);
});

test('an interval in place of another counts once in the step they share', () => {
  const plan = planned([
    { bytes: 64, first: 0, last: 1 },
    { bytes: 64, first: 1, last: 2, inPlaceOf: 0 },
    { bytes: 64, first: 2, last: 3, inPlaceOf: 1 },
  ]);
  assert.is(plan.lowerBound, 64);
  assert.equal(plan.offsets, [0, 0, 0]);
});

test('what a smaller successor leaves free is used', () => {
  const plan = planned([
    { bytes: 100, first: 0, last: 1 },
    { bytes: 20, first: 1, last: 5, inPlaceOf: 0 },
    { bytes: 80, first: 2, last: 4 },
  ]);
  assert.is(plan.bytes, 100);
});

test('taking over an interval that is still needed is refused', () => {
  assert.throws(
    () =>
      planMemory(
        [
          { bytes: 4, first: 0, last: 3 },
          { bytes: 4, first: 1, last: 2, inPlaceOf: 0 },
        ],
        1,
      ),
    /takes over too early/,
  );
});

test('two intervals cannot take over the same bytes', () => {
  const shared = [{ bytes: 4, first: 0, last: 1 }] as const;
  const both = { bytes: 4, first: 1, last: 2, inPlaceOf: 0 };
  assert.throws(() => planMemory([...shared, both, both], 1), /taken over twice/);
});

test('the search reaches the bound where greedy orders do not', () => {
  // Cut from a perfect packing: rectangles that fill 64 x 64 exactly.
  const { next } = random(11);
  for (let round = 0; round < 20; round++) {
    const rectangles: { x: number; y: number; w: number; h: number }[] = [
      { x: 0, y: 0, w: 64, h: 64 },
    ];
    while (rectangles.length < 24) {
      const at = rectangles.reduce(
        (m, r, i) => (r.w * r.h > rectangles[m]!.w * rectangles[m]!.h ? i : m),
        0,
      );
      const { x, y, w, h } = rectangles[at]!;
      const alongX = w > h;
      const cut = 1 + Math.floor(next() * ((alongX ? w : h) - 1));
      rectangles[at] = alongX ? { x, y, w: cut, h } : { x, y, w, h: cut };
      rectangles.push(alongX ? { x: x + cut, y, w: w - cut, h } : { x, y: y + cut, w, h: h - cut });
    }
    const plan = planned(
      rectangles.map((r) => ({ bytes: r.h * 16, first: r.x, last: r.x + r.w - 1 })),
      16,
    );
    assert.is(plan.lowerBound, 1024);
    assert.ok(plan.bytes <= 1024 * 1.02, `round ${round}: ${plan.bytes}`);
  }
});

test('plans of random problems are valid and near the bound', () => {
  const { next } = random(3);
  for (let round = 0; round < 60; round++) {
    const count = 1 + Math.floor(next() * 60);
    const intervals: Interval[] = [];
    const taken = new Set<number>();
    for (let i = 0; i < count; i++) {
      const first = Math.floor(next() * 40);
      const last = first + Math.floor(next() * 12);
      const from = intervals.findIndex(
        (x, j) => x.last === first && x.first < first && !taken.has(j),
      );
      const inPlace = from >= 0 && next() < 0.3;
      if (inPlace) taken.add(from);
      intervals.push({
        bytes: Math.floor(next() * 4096),
        first,
        last,
        inPlaceOf: inPlace ? from : undefined,
      });
    }
    const plan = planned(intervals, 64);
    const padding = 64 * count;
    assert.ok(plan.bytes <= plan.lowerBound * 1.25 + padding, `${round}: ${plan.bytes}`);
  }
});

test('a training step (forward saves, backward frees) is planned at its bound', () => {
  // Layer i saves an activation until its backward step; gradients live for one step each.
  const layers = 50;
  const sizes = Array.from({ length: layers }, (_, i) => 256 * (1 + ((i * 37) % 19)));
  const intervals: Interval[] = sizes.map((bytes, i) => ({
    bytes,
    first: i,
    last: 2 * layers - i,
  }));
  sizes.forEach((bytes, i) => {
    intervals.push({ bytes, first: 2 * layers - i - 1, last: 2 * layers - i });
  });
  const plan = planned(intervals, 64);
  assert.ok(plan.bytes <= plan.lowerBound * 1.02, `${plan.bytes} / ${plan.lowerBound}`);
});

test.run();
