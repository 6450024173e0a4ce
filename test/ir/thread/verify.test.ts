/** The Thread IR verifier: each rule refuses a kernel that breaks it, and says which. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as b from '../../../src/ir/thread/build.ts';
import { parseThread } from '../../../src/ir/thread/parse.ts';
import type { ThreadBuffer, ThreadKernel, TStmt } from '../../../src/ir/thread/thread.ts';
import { verifyThread } from '../../../src/ir/thread/verify.ts';

const x: ThreadBuffer = {
  name: 'x',
  dtype: 'float32',
  space: 'global',
  access: 'read',
  elements: 8,
};
const y: ThreadBuffer = { ...x, name: 'y', access: 'write' };
const s: ThreadBuffer = { ...x, name: 's', space: 'shared', access: 'readwrite' };

const kernelOf = (
  body: readonly TStmt[],
  buffers: readonly ThreadBuffer[] = [x, y, s],
): ThreadKernel => ({
  name: 'test',
  buffers,
  workgroup: b.register('w', b.regType('i32')),
  local: b.register('local', b.regType('i32')),
  grid: 1,
  threads: 1,
  body,
  cost: { flops: 0, bytes: 0 },
  notes: [],
});
const refused = (body: readonly TStmt[], rule: RegExp): void => {
  assert.throws(() => verifyThread(kernelOf(body)), rule);
};
const i = b.register('i', b.regType('i32'));
const f = b.register('f', b.regType('f32'));
const at = b.i32(0);

test('a kernel that keeps the rules passes', () => {
  verifyThread(
    kernelOf([
      b.letOf(f, b.loadFrom(x, at)),
      b.forOf(i, at, b.i32(8), 1, [b.storeTo(y, b.get(i), b.get(f))]),
    ]),
    { sharedBytes: 32, threads: 1, subgroup: 1, tensorCores: 'none' },
  );
});

test('registers: declared once, before use, visible in their block only; only vars are set', () => {
  refused([b.storeTo(y, at, b.get(f))], /register f is not visible/);
  refused([b.letOf(f, b.f32(1)), b.letOf(f, b.f32(2))], /register f is declared twice/);
  refused([b.letOf(f, b.f32(1)), b.setOf(f, b.f32(2))], /only a visible var can be set/);
  const inner = b.forOf(i, at, b.i32(2), 1, [b.letOf(f, b.f32(1)), b.storeTo(y, at, b.get(f))]);
  refused([inner, b.storeTo(y, at, b.get(f))], /register f is not visible/);
  refused([inner, b.storeTo(y, b.get(i), b.f32(0))], /register i is not visible/);
});

test('types: registers, operands, indices, conditions', () => {
  refused([b.letOf(f, b.i32(1))], /f32 is needed, const gives i32/);
  refused([b.storeTo(y, b.f32(0), b.f32(0))], /i32 is needed/);
  refused([b.storeTo(y, at, b.i32(0))], /f32 is needed/);
  refused([b.ifOf(b.i32(1), [], [])], /bool is needed/);
  const mixed = { ...b.add(b.loadFrom(x, at), b.f32(1)), args: [b.f32(1), b.i32(1)] };
  refused([b.letOf(f, mixed as ReturnType<typeof b.add>)], /add\(f32, i32\) cannot give f32/);
  refused([b.forOf(f, at, b.i32(2), 1, [])], /a loop counter is an i32/);
  refused([b.forOf(i, at, b.i32(2), 0, [])], /the step is 0/);
});

test('memory: access, dtypes, constant indices', () => {
  refused([b.storeTo(x, at, b.f32(0))], /store to x: the buffer is read only/);
  refused([b.letOf(f, b.loadFrom(y, at))], /y is write only/);
  refused([b.storeTo(y, b.i32(8), b.f32(0))], /1 element\(s\) at 8 of y, which has 8/);
  refused([b.letOf(f, b.laneOf(b.loadFrom(x, b.i32(5), 4), 0))], /4 element\(s\) at 5 of x/);
  assert.throws(
    () => verifyThread(kernelOf([b.storeTo(y, at, b.f32(0))], [x])),
    /y is no buffer of the kernel/,
  );
});

test('resources within the limits of the device; globals before shared', () => {
  assert.throws(
    () =>
      verifyThread(kernelOf([]), { sharedBytes: 31, threads: 1, subgroup: 1, tensorCores: 'none' }),
    /32 bytes of shared memory, the device has 31/,
  );
  assert.throws(() => verifyThread(kernelOf([], [s, x])), /global buffers come before shared/);
});

/** A kernel of 16 threads with this body. */
const together = (body: string): ThreadKernel =>
  parseThread(`thread test(read x: f32[64], read n: i32[64], readwrite y: f32[64], shared s: i32[64])
    grid 4 as group, threads 16 { ${body} }`);
const divergent = (body: string): void => {
  assert.throws(() => verifyThread(together(body)), /may differ between threads/);
};

test('threads meet where constants, the workgroup and counters of uniform loops decide', () => {
  for (const body of [
    'if group < 2 { barrier }',
    'for i in 0..group { if mod(i, 2) == 0 { barrier } else { exchange a = i across 1 } }',
    'let most = min(group * 4, 9) for i in 0..most { for j in i..most step 2 { barrier } }',
    'if group < 2 { let half = floordiv(group, 2) for i in half..4 { barrier } }',
    'for i in 0..n[local] { if i < 3 { y[local] = 1.0 } } barrier',
  ])
    verifyThread(together(body));
});

test('threads do not meet where a thread, memory, a var or an exchange decides', () => {
  divergent('if local < 2 { barrier }');
  divergent('if group < 2 { for i in 0..local { if i == 0 { exchange a = i across 1 } } }');
  divergent('let mine = group + local if mine < 2 { barrier }');
  divergent('for i in 0..n[0] { barrier }');
  divergent('for i in 0..s[0] { barrier }');
  divergent('var v = 3 if v == 3 { barrier }');
  divergent('exchange a = group across 1 if a == 3 { barrier }');
  divergent('for i in 0..n[0] { if i == 0 { barrier } }');
  divergent('for i in 0..local { for j in 0..4 { y[j] = 1.0 } if group < 1 { barrier } }');
  divergent('if select(group < 1, local < 3, true) { if group < 1 { barrier } }');
});

test('exchanges: types, a partner for every thread, masks within the subgroup of the device', () => {
  const limits = { sharedBytes: 256, threads: 16, subgroup: 8, tensorCores: 'none' };
  const swap = (mask: number): ThreadKernel => together(`exchange a = local across ${mask}`);
  for (const mask of [1, 3, 7]) verifyThread(swap(mask), limits);
  verifyThread(swap(15));
  assert.throws(() => verifyThread(swap(8), limits), /mask 8, the device exchanges between 8/);
  assert.throws(() => verifyThread(swap(0)), /the mask is 0, not 1 or more/);
  assert.throws(() => verifyThread(swap(16)), /mask 16 needs workgroups of a multiple of 32/);
  assert.throws(
    () => verifyThread({ ...swap(3), threads: 18 }),
    /mask 3 needs workgroups of a multiple of 4 threads, not 18/,
  );
  refused([b.exchangeOf(f, b.i32(1), 1)], /exchange f: f32 is needed, const gives i32/);
  refused([b.letOf(f, b.f32(1)), b.exchangeOf(f, b.f32(1), 1)], /mask 1 needs|declared twice/);
});

test('workgroups have threads, and no more than the device', () => {
  const limits = { sharedBytes: 256, threads: 8, subgroup: 8, tensorCores: 'none' };
  assert.throws(() => verifyThread(together('barrier'), limits), /16 threads in a workgroup/);
  assert.throws(() => verifyThread({ ...together(''), threads: 0 }), /1 thread or more, not 0/);
  assert.throws(() => verifyThread({ ...together(''), threads: 1.5 }), /1 thread or more/);
});

test.run();
