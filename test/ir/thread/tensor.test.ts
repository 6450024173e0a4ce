/**
 * Matrix units and copies past registers: what they compute, where fragments are, what is refused, before and after
 * clean-up, in every order of threads.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanup } from '../../../src/codegen/cleanup.ts';
import { fromHalfBits, toHalfBits } from '../../../src/ir/half.ts';
import { interpretThread } from '../../../src/ir/thread/interpret.ts';
import { parseThread } from '../../../src/ir/thread/parse.ts';
import { printThread } from '../../../src/ir/thread/print.ts';
import type { ThreadKernel } from '../../../src/ir/thread/thread.ts';
import { verifyThread } from '../../../src/ir/thread/verify.ts';
import { floatOf, roundToTf32, wordOf } from '../../../src/ir/thread/words.ts';

const orders = ['forward', 'reverse', 'random'] as const;

const runOnce = (
  kernel: ThreadKernel,
  given: Readonly<Record<string, readonly number[]>>,
  order: (typeof orders)[number],
): Record<string, number[]> => {
  const globals = kernel.buffers.filter((b) => b.space === 'global');
  const memory = new Map(
    globals.map((b) => [b, Float64Array.from(given[b.name] ?? new Array(b.elements).fill(0))]),
  );
  interpretThread(kernel, memory, { order, seed: 3 });
  return Object.fromEntries(globals.map((b) => [b.name, [...memory.get(b)!]]));
};

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

const refused = (text: string, why: RegExp): void => {
  const kernel = parseThread(text);
  for (const order of orders)
    for (const k of [kernel, cleanup(kernel)]) assert.throws(() => runOnce(k, {}, order), why);
};

const unverified = (text: string, why: RegExp): void =>
  assert.throws(() => verifyThread(parseThread(text)), why);

/** Small multiples of 1/8: products and their sums are exact. */
const numbers = (count: number, seed: number): number[] =>
  Array.from({ length: count }, (_, i) => ((i * 7 + seed * 5 + ((i * i) % 13)) % 17) / 8 - 1);

const product = (
  a: readonly number[],
  b: readonly number[],
  [m, n, k]: readonly [number, number, number],
): number[] =>
  Array.from({ length: m * n }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < k; j++) sum += a[Math.floor(i / n) * k + j]! * b[j * n + (i % n)]!;
    return sum;
  });

const STORE = `
  let at = floordiv(local, 4) * 8 + mod(local, 4) * 2
  y[at] = lane(c, 0) y[at + 1] = lane(c, 1) y[at + 64] = lane(c, 2) y[at + 65] = lane(c, 3)`;

const corner = (dtype: string): string => `
thread corner(read x: ${dtype}[256], read w: ${dtype}[256], write y: f32[128], shared a: ${dtype}[256], shared b: ${dtype}[256])
  grid 1 as g, threads 32 as local {
  copy a[local * 8 : 8] = x[local * 8]
  copy b[local * 8 : 8] = w[local * 8]
  commit
  wait 0
  barrier
  fragments rows = a[mod(local, 16) * 16 + floordiv(local, 16) * 8]
  fragments columns = b[mod(local, 16) * 16 + floordiv(local, 16) * 8] transposed
  var c: f32x4 = f32x4(0.0)
  mma c += ${dtype}(rows, lane(columns, 0), lane(columns, 1))
  ${STORE}
}`;

test('a product of 16-bit floats is that of the matrices', () => {
  const x = numbers(256, 1);
  const w = numbers(256, 2);
  const left = product(x, w, [16, 16, 16]).filter((_, i) => i % 16 < 8);
  for (const dtype of ['bf16', 'f16']) assert.equal(run(corner(dtype), { x, w })['y'], left);
});

test('float32 is rounded to TF32 as it is multiplied', () => {
  const text = `
thread corner(read x: f32[128], read w: f32[64], write y: f32[128], shared a: f32[128])
  grid 1 as g, threads 32 as local {
  a[local * 4 : 4] = x[local * 4 : 4]
  barrier
  fragments rows = a[mod(local, 16) * 8 + floordiv(local, 16) * 4]
  var c: f32x4 = f32x4(0.0)
  let start = mod(local, 4) * 8 + floordiv(local, 4)
  mma c += tf32(rows, bits_f32(w[start]), bits_f32(w[start + 32]))
  ${STORE}
}`;
  const x = numbers(128, 1);
  const w = numbers(64, 2);
  assert.equal(run(text, { x, w })['y'], product(x, w, [16, 8, 8]));
  const fine = x.map((v) => v + 2 ** -12);
  const coarse = x.map((v) => roundToTf32(Math.fround(v + 2 ** -12)));
  assert.equal(run(text, { x: fine, w })['y'], run(text, { x: coarse, w })['y']);
});

test('sums of one product are the left operand of the next', () => {
  const text = `
thread chain(read x: bf16[256], read w: bf16[256], write y: f32[128], shared a: bf16[256], shared b: bf16[256])
  grid 1 as g, threads 32 as local {
  copy a[local * 8 : 8] = x[local * 8]
  copy b[local * 8 : 8] = w[local * 8]
  commit wait 0 barrier
  fragments rows = a[mod(local, 16) * 16 + floordiv(local, 16) * 8]
  fragments first = b[mod(local, 16) * 16 + floordiv(local, 16) * 8] transposed
  var s: f32x4 = f32x4(0.0) var t: f32x4 = f32x4(0.0) var c: f32x4 = f32x4(0.0)
  mma s += bf16(rows, lane(first, 0), lane(first, 1))
  mma t += bf16(rows, lane(first, 2), lane(first, 3))
  let p = vec4(bits_bf16(lane(s, 0), lane(s, 1)), bits_bf16(lane(s, 2), lane(s, 3)),
    bits_bf16(lane(t, 0), lane(t, 1)), bits_bf16(lane(t, 2), lane(t, 3)))
  mma c += bf16(p, lane(first, 0), lane(first, 1))
  ${STORE}
}`;
  // whole numbers: what is between the products fits into 8 bits
  const x = numbers(256, 1).map((v) => Math.round(v));
  const w = numbers(256, 2).map((v) => Math.round(v));
  const want = product(product(x, w, [16, 16, 16]), w, [16, 16, 16]).filter((_, i) => i % 16 < 8);
  assert.equal(run(text, { x, w })['y'], want);
});

test('copies give zeros where they are not wanted, and read nothing there', () => {
  const { y } = run(
    `thread k(read x: f32[40], write y: f32[64], shared s: f32[64]) grid 1 as g, threads 32 as local {
      copy s[local * 2 : 2] = x[local * 2] when local * 2 < 40
      commit wait 0 barrier
      y[local] = s[63 - local] y[local + 32] = s[31 - local]
    }`,
    { x: numbers(40, 1) },
  );
  const padded = [...numbers(40, 1), ...new Array(24).fill(0)];
  assert.equal(y, padded.toReversed());
});

const buffers = 'read x: f32[128], readwrite y: f32[128], shared s: f32[128]';
const kernel = (body: string): string =>
  `thread k(${buffers}) grid 1 as g, threads 32 as local { ${body} }`;

test('groups land in order: a wait leaves the latest under way', () => {
  refused(
    kernel(
      'copy s[local : 1] = x[local] commit copy s[32 + local : 1] = x[32 + local] commit wait 1 y[local] = s[32 + local] wait 0',
    ),
    /reads s\[\d+\], which a copy is under way to/,
  );
  const { y } = run(
    kernel(
      'copy s[local : 1] = x[local] commit copy s[32 + local : 1] = x[32 + local] commit wait 1 y[local] = s[local] wait 0 y[32 + local] = s[32 + local]',
    ),
    { x: numbers(128, 4) },
  );
  assert.equal(y!.slice(0, 64), numbers(128, 4).slice(0, 64));
});

test('what is under way is touched by nobody; what landed is seen by others behind a barrier', () => {
  refused(
    kernel('copy s[local : 1] = x[local] s[local] = 1.0 commit wait 0'),
    /writes s\[\d+\], which a copy/,
  );
  refused(
    kernel('copy s[local : 1] = x[local] copy s[local : 1] = x[local] commit wait 0'),
    /copies to s\[\d+\], which a copy is under way to/,
  );
  refused(
    kernel('copy s[local : 1] = x[local] commit wait 0 y[local] = s[31 - local]'),
    /with no barrier in between|a copy is under way/,
  );
  refused(
    kernel(
      's[local] = 0.0 barrier y[local] = s[31 - local] copy s[local : 1] = x[local] commit wait 0',
    ),
    /no barrier in between|a copy is under way/,
  );
  refused(
    kernel('copy s[local : 1] = x[local] commit barrier'),
    /ends before what it copies has landed/,
  );
  refused(kernel('copy s[local : 1] = x[local] wait 0'), /ends before what it copies has landed/);
  refused(kernel('copy s[local * 2 + 1 : 2] = x[local * 2] commit wait 0'), /not aligned/);
});

test('each warp may take a way of its own', () => {
  const text = `
thread k(read x: bf16[256], write y: f32[256], shared s: bf16[256]) grid 1 as g, threads 64 as local {
  s[local * 4 : 4] = x[local * 4 : 4]
  barrier
  let warp = floordiv(local, 32)
  let lane = mod(local, 32)
  var c: f32x4 = f32x4(0.0)
  for i in 0..warp + 1 {
    if warp == 1 {
      fragments a = s[mod(lane, 16) * 16 + floordiv(lane, 16) * 8]
      mma c += bf16(a, lane(a, 0), lane(a, 2))
    }
  }
  y[local * 4 : 4] = c
}`;
  const { y } = run(text, { x: numbers(256, 3) });
  assert.ok(y!.slice(0, 128).every((v) => v === 0));
  assert.ok(y!.slice(128).some((v) => v !== 0));
});

test('rules: whole warps, agreed conditions, dtypes, sizes, devices', () => {
  const fragments = 'fragments a = s[mod(local, 32) * 4]';
  unverified(
    `thread k(${buffers}) grid 1 as g, threads 48 as local { ${fragments} }`,
    /48 threads are no whole number of warps/,
  );
  unverified(kernel(`if local < 16 { ${fragments} }`), /may differ between threads of a warp/);
  unverified(
    kernel(`for i in 0..mod(local, 2) { ${fragments} }`),
    /may differ between threads of a warp/,
  );
  unverified(kernel(`if floordiv(local, 32) == 0 { barrier }`), /may differ between threads/);
  verifyThread(parseThread(kernel(`if floordiv(local, 32) == 0 { ${fragments} }`)));
  unverified(
    kernel('fragments a = s[0] transposed'),
    /16-bit floats, or of float32 if not transposed/,
  );
  unverified(kernel('fragments a = y[0]'), /y is not shared/);
  unverified(kernel('copy s[0 : 3] = x[0]'), /4, 8 or 16 bytes are copied, not 12/);
  unverified(kernel('copy y[0 : 4] = x[0]'), /copies go to shared memory/);
  unverified(kernel('copy s[126 : 4] = x[0]'), /4 element\(s\) at 126/);
  unverified(
    `thread k(read x: bf16[64], shared s: f32[64]) grid 1 as g, threads 32 as local { copy s[0 : 4] = x[0] }`,
    /x holds bfloat16, not float32/,
  );
  unverified(
    kernel(`${fragments} let c = f32x4(0.0) mma c += tf32(a, lane(a, 0), lane(a, 1))`),
    /only to a visible var/,
  );
  unverified(
    kernel(`${fragments} var c = 0.0 mma c += tf32(a, lane(a, 0), lane(a, 1))`),
    /an accumulator is f32x4/,
  );
  const limits = { sharedBytes: 1024, threads: 64, subgroup: 32, tensorCores: 'none' };
  assert.throws(() => verifyThread(parseThread(kernel(fragments)), limits), /no matrix units/);
  assert.throws(
    () => parseThread(kernel('var c = f32x4(0.0) mma c += 1.0')),
    /adds a product of fragments/,
  );
  assert.throws(() => parseThread(kernel('copy s = x[0]')), /an element of a buffer is needed/);
});

test('words hold what was packed', () => {
  for (const x of [0, -0, 1, -1.5, 65504, 2 ** -24, 2 ** -14, Number.POSITIVE_INFINITY]) {
    assert.is(fromHalfBits(toHalfBits(x)), x);
    for (const type of ['float16', 'bfloat16'] as const) {
      const word = wordOf(type, x > 60000 ? 1 : x, 0.5);
      assert.is(floatOf(type, word, 1), 0.5);
    }
  }
  assert.ok(Number.isNaN(fromHalfBits(toHalfBits(Number.NaN))));
  assert.is(floatOf('float32', wordOf('float32', -3.25, 0), 0), -3.25);
  assert.is(roundToTf32(1 + 2 ** -11), 1 + 2 ** -10);
  assert.is(roundToTf32(-(1 + 2 ** -12)), -1);
});

test.run();
