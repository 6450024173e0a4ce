/** The block allocator: no overlap, reuse, coalescing, whatever the order of calls. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Allocator, type Block } from '../../src/runtime/cpu/allocator.ts';

const SIZE = 1 << 22;
const fresh = (): Allocator => {
  const a = new Allocator();
  a.extend(4096, SIZE);
  return a;
};

test('blocks are aligned, disjoint and within the range, for 20000 random calls (seed 1)', () => {
  const allocator = fresh();
  const live: Block[] = [];
  let state = 1;
  const random = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) % n;
  };
  for (let round = 0; round < 20_000; round++) {
    if (live.length > 0 && random(100) < 45) {
      const [block] = live.splice(random(live.length), 1);
      allocator.release(block!);
    } else {
      const bytes = 1 + random(random(8) === 0 ? 200_000 : 3000);
      const block = allocator.allocate(bytes, 'x');
      if (block === undefined) {
        for (const b of live.splice(0, live.length >> 1)) allocator.release(b);
        continue;
      }
      assert.ok(block.size >= bytes && block.size < bytes + 64);
      assert.is(block.address % 64, 0);
      live.push(block);
    }
    if (round % 500 !== 0) continue;
    const sorted = [...live].sort((a, b) => a.address - b.address);
    let end = 4096;
    for (const b of sorted) {
      assert.ok(b.address >= end, 'no overlap');
      end = b.address + b.size;
    }
    assert.ok(end <= 4096 + SIZE);
    assert.equal([...allocator.blocks()], sorted);
    assert.is(
      allocator.used,
      sorted.reduce((n, b) => n + b.size, 0),
    );
  }
  for (const b of live) allocator.release(b);
  assert.is(allocator.used, 0);
  assert.is(allocator.allocate(SIZE, 'all')?.size, SIZE, 'everything merges again');
});

test('freed memory is used again before fresh memory', () => {
  const allocator = fresh();
  const a = allocator.allocate(100_000, 'a')!;
  allocator.allocate(1000, 'b');
  const { address } = a;
  allocator.release(a);
  assert.is(allocator.allocate(100_000, 'c')!.address, address);
});

test('neighbours merge in both directions', () => {
  const allocator = fresh();
  const [a, b, c] = [1000, 2000, 3000].map((n) => allocator.allocate(n, '')!);
  const stop = allocator.allocate(64, 'stop')!;
  const start = a!.address;
  allocator.release(a!);
  allocator.release(c!);
  allocator.release(b!);
  const whole = allocator.allocate(stop.address - start, 'whole')!;
  assert.is(whole.address, start);
});

test('an exact fit is found although its class holds smaller blocks', () => {
  const allocator = new Allocator();
  allocator.extend(0, 64 * 100);
  assert.ok(allocator.allocate(64 * 100, 'exact'));
  assert.is(allocator.allocate(1, 'more'), undefined);
});

test('the range grows behind its end, joined with a free tail', () => {
  const allocator = fresh();
  allocator.allocate(SIZE - 64 * 10, 'most');
  assert.is(allocator.tail, 640);
  allocator.extend(4096 + SIZE, 64 * 10);
  assert.ok(allocator.allocate(64 * 20, 'joined'));
});

test.run();
