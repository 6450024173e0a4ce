/** The Thread IR verifier: each rule refuses a kernel that breaks it, and says which. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as b from '../../../src/ir/thread/build.ts';
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
    { sharedBytes: 32, threads: 1, subgroup: 1 },
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
    () => verifyThread(kernelOf([]), { sharedBytes: 31, threads: 1, subgroup: 1 }),
    /32 bytes of shared memory, the device has 31/,
  );
  assert.throws(() => verifyThread(kernelOf([], [s, x])), /global buffers come before shared/);
});

test.run();
