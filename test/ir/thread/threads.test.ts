/**
 * Workgroups of many threads: barriers, exchanges and shared memory mean what they mean on a device, and races are
 * refused in every order of threads, before and after clean-up.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanup } from '../../../src/codegen/cleanup.ts';
import { interpretThread } from '../../../src/ir/thread/interpret.ts';
import { parseThread } from '../../../src/ir/thread/parse.ts';
import { printThread } from '../../../src/ir/thread/print.ts';
import type { ThreadKernel } from '../../../src/ir/thread/thread.ts';
import { verifyThread } from '../../../src/ir/thread/verify.ts';

const orders = ['forward', 'reverse', 'random'] as const;

/** The buffers of a kernel after it has run on `given` (and zeros), by name. */
const runOnce = (
  kernel: ThreadKernel,
  given: Readonly<Record<string, readonly number[]>>,
  order: (typeof orders)[number],
): Record<string, number[]> => {
  const globals = kernel.buffers.filter((b) => b.space === 'global');
  const memory = new Map(
    globals.map((b) => [b, Float64Array.from(given[b.name] ?? new Array(b.elements).fill(0))]),
  );
  interpretThread(kernel, memory, { order, seed: 7 });
  return Object.fromEntries(globals.map((b) => [b.name, [...memory.get(b)!]]));
};

/** What `text` computes, the same in all orders and after clean-up. */
const run = (
  text: string,
  given: Readonly<Record<string, readonly number[]>> = {},
): Record<string, number[]> => {
  const kernel = parseThread(text);
  verifyThread(kernel);
  assert.is(printThread(parseThread(printThread(kernel))), printThread(kernel));
  const clean = cleanup(kernel);
  verifyThread(clean);
  const result = runOnce(kernel, given, 'forward');
  for (const order of orders)
    for (const k of [kernel, clean]) assert.equal(runOnce(k, given, order), result, printThread(k));
  return result;
};

/** `text` is refused whatever the order, before and after clean-up. */
const refused = (text: string, why: RegExp): void => {
  const kernel = parseThread(text);
  for (const order of orders)
    for (const k of [kernel, cleanup(kernel)]) assert.throws(() => runOnce(k, {}, order), why);
};

const ramp = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const treeSum = (barrier: string): string => `
thread sum(read x: f32[64], write y: f32[4], shared tile: f32[16]) grid 4 as group, threads 16 as local {
  tile[local] = x[group * 16 + local]
  ${barrier}
  for round in 0..4 {
    let half = shr(8, round)
    if local < half { tile[local] = tile[local] + tile[local + half] }
    ${barrier}
  }
  if local == 0 { y[group] = tile[0] }
}`;

test('a tree reduction in shared memory, in several workgroups', () => {
  const { y } = run(treeSum('barrier'), { x: ramp(64) });
  assert.equal(
    y,
    ramp(4).map((g) => 16 * 16 * g + 120),
  );
});

test('a barrier that is missing is found in every order', () => {
  refused(treeSum(''), /thread \d+: it (reads|writes) tile\[\d+\], which thread \d+ (wrote|read)/);
  refused(
    `thread shift(write y: f32[8], shared s: f32[8]) grid 1, threads 8 {
      s[local] = 1.0
      y[local] = s[mod(local + 1, 8)]
    }`,
    /s\[\d\], which thread \d (wrote|read) with no barrier in between/,
  );
});

test('a barrier between rounds that read and write the same element is needed as well', () => {
  refused(
    `thread rounds(write y: f32[8], shared s: f32[8]) grid 1, threads 8 {
      for i in 0..2 {
        s[local] = 1.0
        barrier
        y[local] = s[mod(local + 1, 8)]
      }
    }`,
    /it (reads|writes) s\[\d\], which thread \d (read|wrote)/,
  );
});

test('exchanges: a butterfly leaves the sum in every thread', () => {
  const { y } = run(
    `thread butterfly(read x: f32[32], write y: f32[32]) grid 2 as group, threads 16 {
      var sum = x[group * 16 + local]
      exchange a = sum across 8
      set sum = sum + a
      exchange b = sum across 4
      set sum = sum + b
      exchange c = sum across 2
      set sum = sum + c
      exchange d = sum across 1
      y[group * 16 + local] = sum + d
    }`,
    { x: ramp(32) },
  );
  assert.equal(
    y,
    ramp(32).map((i) => (i < 16 ? 120 : 376)),
  );
});

test('exchanges give lanes and integers, and what the other thread had at that statement', () => {
  const { y, v } = run(
    `thread swap(write y: i32[8], write v: f32[32]) grid 1, threads 8 {
      var own = local
      exchange first = own across 1
      set own = first * 10
      exchange second = own across 3
      y[local] = first + second
      exchange lanes: f32x4 = vec4(f32(local), 0.0, 1.0, f32(0 - local)) across 4
      v[local * 4 : 4] = lanes
    }`,
  );
  assert.equal(
    y,
    ramp(8).map((i) => (i ^ 1) + 10 * (i ^ 3 ^ 1)),
  );
  assert.equal(v!.slice(4, 8), [5, 0, 1, -5]);
});

test('an exchange with a thread that is not there is refused', () => {
  refused(
    'thread odd(write y: i32[6]) grid 1, threads 6 { exchange a = local across 2 y[local] = a }',
    /thread 4 of 6 exchanges with 6/,
  );
});

test('a tile is transposed through shared memory', () => {
  const { y } = run(
    `thread transpose(read x: f32[256], write y: f32[256], shared tile: f32[64]) grid 4 as group, threads 64 {
      let row = floordiv(local, 8)
      let column = mod(local, 8)
      tile[local] = x[(floordiv(group, 2) * 8 + row) * 16 + mod(group, 2) * 8 + column]
      barrier
      y[(mod(group, 2) * 8 + row) * 16 + floordiv(group, 2) * 8 + column] = tile[column * 8 + row]
    }`,
    { x: ramp(256) },
  );
  assert.equal(
    y,
    ramp(256).map((i) => (i % 16) * 16 + Math.floor(i / 16)),
  );
});

test('a scan with two tiles in turn: loops and branches around barriers are walked by all threads', () => {
  const { y } = run(
    `thread scan(read x: f32[16], write y: f32[16], shared a: f32[8], shared b: f32[8]) grid 2 as group, threads 8 {
      a[local] = x[group * 8 + local]
      barrier
      for round in 0..3 {
        let far = shl(1, round)
        if mod(round, 2) == 0 {
          b[local] = a[local]
          if local >= far { b[local] = a[local] + a[local - far] }
          barrier
        } else {
          a[local] = b[local]
          if local >= far { a[local] = b[local] + b[local - far] }
          barrier
        }
      }
      y[group * 8 + local] = b[local]
    }`,
    { x: ramp(16) },
  );
  const sums = (from: number): number[] => ramp(8).map((i) => (i + 1) * from + (i * (i + 1)) / 2);
  assert.equal(y, [...sums(0), ...sums(8)]);
});

test('registers belong to threads, and are poison until they are set', () => {
  const { y } = run(
    `thread own(write y: f32[32]) grid 1, threads 4 {
      var v: f32x4 = f32x4(0.0)
      for i in 0..local {
        set v = v + splat(f32(local))
      }
      exchange other = v across 1
      y[local * 8 : 4] = v
      y[local * 8 + 4 : 4] = other
    }`,
  );
  assert.equal(
    ramp(8).map((i) => y![4 * i]),
    [0, 1, 1, 0, 4, 9, 9, 4],
  );
});

test('global memory: no barrier makes what another thread wrote visible', () => {
  refused(
    `thread pass(readwrite y: f32[8]) grid 1, threads 8 {
      y[local] = 1.0
      barrier
      y[mod(local + 1, 8)] = 2.0
    }`,
    /it writes y\[\d\], which thread \d of workgroup 0 wrote/,
  );
  refused(
    `thread pass(readwrite y: f32[8], write z: f32[8]) grid 1, threads 8 {
      y[local] = 1.0
      barrier
      z[local] = y[mod(local + 1, 8)]
    }`,
    /it (reads|writes) y\[\d\], which thread \d of workgroup 0 (wrote|read)/,
  );
  refused(
    `thread groups(readwrite y: f32[8]) grid 2 as group, threads 4 {
      y[local + group] = 1.0
    }`,
    /thread \d: it writes y\[\d\], which thread \d of workgroup \d wrote/,
  );
});

test('shared memory is poison in every workgroup, for integers an error when it is read', () => {
  const { y } = run(
    `thread poison(write y: f32[8], shared s: f32[4]) grid 2 as group, threads 4 {
      y[group * 4 + local] = s[local]
      s[local] = 1.0
    }`,
  );
  assert.ok(y!.every(Number.isNaN));
  refused(
    `thread poison(write y: i32[4], shared s: i32[4]) grid 1, threads 4 {
      if local > 0 { s[local] = 1 }
      y[local] = s[local]
    }`,
    /workgroup 0, thread 0: it reads s\[0\], which nothing was written to/,
  );
});

test('an access out of bounds names the thread', () => {
  refused(
    'thread out(write y: f32[6]) grid 2 as group, threads 4 { y[group * 4 + local] = 1.0 }',
    /workgroup 1, thread [23]: 1 element\(s\) at index [67] of y, which has 6/,
  );
});

test('threads that do not agree whether they meet are found when they run', () => {
  refused(
    'thread split(read x: f32[4]) grid 1, threads 4 { if local < 2 { barrier } }',
    /workgroup 0, thread 2: the condition around what threads do together: 0 here, 1 in thread 0/,
  );
  refused(
    'thread loops(read x: f32[4]) grid 1, threads 4 { for i in 0..local { barrier } }',
    /thread 1: the bounds of i around what threads do together: 1 here, 0 in thread 0/,
  );
});

test.run();
