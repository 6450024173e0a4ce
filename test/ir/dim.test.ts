/** The index algebra against brute force: values, bounds, and the simplifications that lowering counts on. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Axis,
  boundFails,
  boundHolds,
  type Idx,
  idxAdd,
  idxAxes,
  idxAxis,
  idxConst,
  idxDiv,
  idxEvaluate,
  idxFlatten,
  idxMod,
  idxOffset,
  idxOpaque,
  idxScale,
  idxSubstitute,
  idxUnflatten,
} from '../../src/ir/dim.ts';
import { stridesOf } from '../../src/ir/type.ts';
import { random } from './graph/cases.ts';

const axis = (id: number, extent: number): Axis => ({ id, name: `a${id}`, extent, kind: 'par' });

/** An index and what it must be at each assignment of axes and of one opaque value. */
interface Pair {
  readonly idx: Idx;
  readonly value: (at: readonly number[], loaded: number) => number;
}

const floorMod = (a: number, b: number): number => a - b * Math.floor(a / b);

const randomPair = (next: () => number, axes: readonly Axis[], depth: number): Pair => {
  const below = (n: number): number => Math.floor(next() * n);
  if (depth === 0) {
    const choice = below(axes.length + 2);
    const own = axes[choice];
    if (own !== undefined) return { idx: idxAxis(own), value: (at) => at[choice]! };
    if (choice === axes.length)
      return { idx: idxOpaque({ key: 'o' }, 0, 6), value: (_, loaded) => loaded };
    const c = below(15) - 7;
    return { idx: idxConst(c), value: () => c };
  }
  const a = randomPair(next, axes, depth - 1);
  switch (below(5)) {
    case 0: {
      const b = randomPair(next, axes, depth - 1);
      return { idx: idxAdd(a.idx, b.idx), value: (at, o) => a.value(at, o) + b.value(at, o) };
    }
    case 1: {
      const by = below(9) - 4;
      return { idx: idxScale(a.idx, by), value: (at, o) => a.value(at, o) * by };
    }
    case 2: {
      const by = below(21) - 10;
      return { idx: idxOffset(a.idx, by), value: (at, o) => a.value(at, o) + by };
    }
    case 3: {
      const by = 1 + below(7);
      return { idx: idxDiv(a.idx, by), value: (at, o) => Math.floor(a.value(at, o) / by) };
    }
    default: {
      const by = 1 + below(7);
      return { idx: idxMod(a.idx, by), value: (at, o) => floorMod(a.value(at, o), by) };
    }
  }
};

const assignments = (axes: readonly Axis[]): number[][] =>
  axes.reduce<number[][]>(
    (all, { extent }) => all.flatMap((at) => Array.from({ length: extent }, (_, i) => [...at, i])),
    [[]],
  );

test('5,000 random indices have the value of the arithmetic they stand for, and lie in their bounds', () => {
  const next = random(7);
  for (let trial = 0; trial < 5000; trial++) {
    const axes = [axis(1, 1 + Math.floor(next() * 4)), axis(2, 5), axis(3, 2)];
    const { idx, value } = randomPair(next, axes, 1 + (trial % 7));
    for (const at of assignments(axes)) {
      const loaded = Math.floor(next() * 7);
      const actual = idxEvaluate(
        idx,
        (a) => at[axes.indexOf(a)]!,
        () => loaded,
      );
      const expected = value(at, loaded);
      if (actual !== expected) assert.unreachable(`${idx.key} at ${at}: ${actual} ≠ ${expected}`);
      if (actual < idx.lo || actual > idx.hi)
        assert.unreachable(`${idx.key} at ${at}: ${actual} outside [${idx.lo}, ${idx.hi}]`);
    }
  }
});

test('indices with one key have one value', () => {
  const next = random(11);
  const axes = [axis(1, 3), axis(2, 4)];
  const seen = new Map<string, string>();
  for (let trial = 0; trial < 3000; trial++) {
    const { idx } = randomPair(next, axes, 4);
    const values = assignments(axes)
      .map((at) =>
        idxEvaluate(
          idx,
          (a) => at[axes.indexOf(a)]!,
          () => 3,
        ),
      )
      .join();
    assert.is(seen.get(idx.key) ?? values, values, idx.key);
    seen.set(idx.key, values);
  }
});

test('substitution commutes with evaluation', () => {
  const next = random(13);
  const outer = [axis(1, 3), axis(2, 4)];
  const inner = [axis(3, 3), axis(4, 2)];
  for (let trial = 0; trial < 1500; trial++) {
    const { idx } = randomPair(next, outer, 1 + (trial % 5));
    const [i, j] = [idxAxis(inner[0]!), idxAxis(inner[1]!)];
    // Both stay inside the extents of the axes they replace.
    const by = [idxAdd(i, idxConst(0)), idxAdd(idxScale(j, 2), idxDiv(i, 2))];
    const replaced = idxSubstitute(idx, (a) => by[outer.indexOf(a)]!);
    for (const at of assignments(inner)) {
      const value = (x: Idx): number =>
        idxEvaluate(
          x,
          (a) => at[inner.indexOf(a)]!,
          () => 2,
        );
      const expected = idxEvaluate(
        idx,
        (a) => value(by[outer.indexOf(a)]!),
        () => 2,
      );
      assert.is(value(replaced), expected, idx.key);
    }
  }
});

test('flattening and unflattening in one shape gives the axes back', () => {
  for (const shape of [[3, 4, 5], [7], [2, 1, 6], [4, 4]]) {
    const index = shape.map((d, i) => idxAxis(axis(i + 1, d)));
    const back = idxUnflatten(idxFlatten(index, stridesOf(shape)), shape);
    assert.equal(
      back.map((i) => i.key),
      index.map((i) => i.key),
    );
  }
});

test('splitting an axis and merging it again leaves no division', () => {
  const flat = idxAxis(axis(1, 60));
  const parts = idxUnflatten(flat, [3, 4, 5]);
  assert.is(idxFlatten(parts, stridesOf([3, 4, 5])).key, flat.key);
});

test('nested remainders and divisions of remainders take one form, and merge again', () => {
  const x = idxAxis(axis(1, 600));
  const part = idxMod(x, 60);
  assert.is(idxMod(part, 5).key, idxMod(x, 5).key);
  assert.is(idxDiv(part, 5).key, idxMod(idxDiv(x, 5), 12).key);
  assert.is(idxAdd(idxScale(idxDiv(part, 5), 5), idxMod(part, 5)).key, part.key);
});

test('division sees through multiples, nested divisions and known ranges', () => {
  const [i, j] = [idxAxis(axis(1, 8)), idxAxis(axis(2, 4))];
  assert.is(idxDiv(idxAdd(idxScale(i, 4), j), 4).key, i.key);
  assert.is(idxMod(idxAdd(idxScale(i, 4), j), 4).key, j.key);
  assert.is(idxDiv(idxDiv(i, 2), 3).key, idxDiv(i, 6).key);
  assert.is(idxMod(j, 9).key, j.key);
  assert.is(idxDiv(idxOffset(j, -4), 4).key, idxConst(-1).key);
});

test('bounds are decided when the range decides them', () => {
  const i = idxAxis(axis(1, 8));
  assert.ok(boundHolds({ idx: i, lo: 0, hi: 8 }));
  assert.not(boundHolds({ idx: idxOffset(i, -1), lo: 0, hi: 8 }));
  assert.ok(boundFails({ idx: idxOffset(i, 8), lo: 0, hi: 8 }));
  assert.not(boundFails({ idx: idxOffset(i, 7), lo: 0, hi: 8 }));
});

test('axes of extent 1 vanish; the others are listed, also inside divisions', () => {
  const found: number[] = [];
  const idx = idxAdd(idxDiv(idxAxis(axis(5, 9)), 2), idxAxis(axis(6, 1)));
  idxAxes(idx, (a) => found.push(a.id));
  assert.equal(found, [5]);
});

test.run();
