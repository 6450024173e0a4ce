import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { orderUnits, peakBytes, type Unit } from '../../src/passes/order.ts';
import { random } from '../support/random.ts';

const none: readonly boolean[] = [];

/** Throws unless every reader comes after the writers, and writers of existing buffers after the other readers. */
const checkOrder = (
  order: readonly number[],
  units: readonly Unit[],
  existing: readonly boolean[],
): void => {
  assert.equal(
    order.slice().sort((a, b) => a - b),
    units.map((_, i) => i),
  );
  const at = new Map(order.map((u, step) => [u, step]));
  units.forEach((writer, w) => {
    for (const b of writer.writes)
      units.forEach((reader, r) => {
        if (r === w || !reader.reads.includes(b)) return;
        if (existing[b]) assert.ok(at.get(r)! < at.get(w)!, `${r} must read ${b} before ${w}`);
        else assert.ok(at.get(w)! < at.get(r)!, `${w} must write ${b} before ${r}`);
      });
  });
};

test('no units, no order', () => {
  assert.equal(orderUnits([], [], []), []);
});

test('keeps the order given where nothing is gained', () => {
  const units = [
    { reads: [], writes: [0] },
    { reads: [0], writes: [1] },
    { reads: [1], writes: [2] },
  ];
  assert.equal(orderUnits(units, [8, 8, 8], none), [0, 1, 2]);
});

test('finishes one branch before it starts the next', () => {
  // Four branches: a big value, reduced to a small one; then all small ones are combined.
  const units: Unit[] = [];
  for (let i = 0; i < 4; i++) units.push({ reads: [], writes: [i] });
  for (let i = 0; i < 4; i++) units.push({ reads: [i], writes: [4 + i] });
  units.push({ reads: [4, 5, 6, 7], writes: [8] });
  const bytes = [1000, 1000, 1000, 1000, 1, 1, 1, 1, 1];
  const order = orderUnits(units, bytes, none);
  checkOrder(order, units, none);
  assert.is(peakBytes(order, units, bytes), 1004);
});

test('starts with the branch that needs most above what it leaves', () => {
  const units: Unit[] = [
    { reads: [], writes: [0] },
    { reads: [0], writes: [1] },
    { reads: [], writes: [2] },
    { reads: [2], writes: [3] },
    { reads: [1, 3], writes: [4] },
  ];
  const bytes = [60, 50, 100, 10, 1];
  const order = orderUnits(units, bytes, none);
  checkOrder(order, units, none);
  assert.is(peakBytes(order, units, bytes), 120);
});

test('a state is overwritten after everyone else has read it', () => {
  const units = [
    { reads: [0], writes: [0] },
    { reads: [0], writes: [1] },
    { reads: [0, 1], writes: [2] },
  ];
  assert.equal(orderUnits(units, [0, 8, 0], [true, false, false]), [1, 2, 0]);
});

test('each gradient is used up before the next is made', () => {
  // dW_i needs the activation's gradient g_i; the update of W_i frees dW_i, but must wait for g_(i-1), which reads W_i.
  const layers = 6;
  const weight = (i: number): number => i;
  const gradient = (i: number): number => layers + i;
  const product = (i: number): number => 2 * layers + i;
  const units: Unit[] = [{ reads: [], writes: [gradient(layers - 1)] }];
  for (let i = layers - 1; i >= 0; i--) {
    units.push({ reads: [gradient(i)], writes: [product(i)] });
    if (i > 0) units.push({ reads: [gradient(i), weight(i)], writes: [gradient(i - 1)] });
  }
  for (let i = 0; i < layers; i++)
    units.push({ reads: [weight(i), product(i)], writes: [weight(i)] });
  const bytes = Array.from({ length: 3 * layers }, (_, b) =>
    b < layers ? 0 : b < 2 * layers ? 10 : 1000,
  );
  const existing = bytes.map((_, b) => b < layers);
  const order = orderUnits(units, bytes, existing);
  checkOrder(order, units, existing);
  assert.ok(peakBytes(order, units, bytes) <= 1020);
});

test('launches that wait for each other are refused', () => {
  const units = [
    { reads: [1], writes: [0] },
    { reads: [0], writes: [1] },
  ];
  assert.throws(() => orderUnits(units, [4, 4], none), /wait for each other/);
});

test('random graphs: legal, and never above the order given', () => {
  const { next } = random(5);
  for (let round = 0; round < 100; round++) {
    const states = 3;
    const count = 2 + Math.floor(next() * 30);
    const units: Unit[] = [];
    const written = new Set<number>();
    for (let i = 0; i < count; i++) {
      const reads: number[] = [];
      for (let k = 0; k < 3; k++) {
        const b = Math.floor(next() * (states + i));
        if (!written.has(b)) reads.push(b);
      }
      const writes = [states + i];
      if (next() < 0.15) {
        const b = Math.floor(next() * states);
        if (!written.has(b)) writes.push(b);
        written.add(b);
      }
      units.push({ reads, writes });
    }
    const bytes = Array.from({ length: states + count }, (_, b) =>
      b < states ? 0 : Math.floor(next() * 100),
    );
    const existing = bytes.map((_, b) => b < states);
    const order = orderUnits(units, bytes, existing);
    checkOrder(order, units, existing);
    const given = units.map((_, i) => i);
    assert.ok(peakBytes(order, units, bytes) <= peakBytes(given, units, bytes));
  }
});

test.run();
