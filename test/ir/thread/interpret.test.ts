/** The Thread IR interpreter: rounding, wrapping, bounds, poison, and workgroups that get into each other's way. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as b from '../../../src/ir/thread/build.ts';
import { interpretThread } from '../../../src/ir/thread/interpret.ts';
import type { TExpr, ThreadBuffer, ThreadKernel, TStmt } from '../../../src/ir/thread/thread.ts';
import { verifyThread } from '../../../src/ir/thread/verify.ts';

const buffer = (
  name: string,
  elements: number,
  options: Partial<ThreadBuffer> = {},
): ThreadBuffer => ({
  name,
  dtype: 'float32',
  space: 'global',
  access: 'readwrite',
  elements,
  ...options,
});

const kernelOf = (
  buffers: readonly ThreadBuffer[],
  grid: number,
  body: (w: TExpr) => TStmt[],
): ThreadKernel => {
  const workgroup = b.register('w', b.regType('i32'));
  const kernel = {
    name: 'test',
    buffers,
    workgroup,
    local: b.register('local', b.regType('i32')),
    grid,
    threads: 1,
    body: body(b.get(workgroup)),
    cost: { flops: 0, bytes: 0 },
    notes: [],
  };
  verifyThread(kernel);
  return kernel;
};

/** The value of an expression stored to a buffer of the given dtype. */
const stored = (e: TExpr, dtype: ThreadBuffer['dtype'] = 'float32'): number => {
  const y = buffer('y', 1, { dtype });
  const memory = new Float64Array(1);
  interpretThread(
    kernelOf([y], 1, () => [b.storeTo(y, b.i32(0), e)]),
    new Map([[y, memory]]),
  );
  return memory[0]!;
};

/** Hides a constant from folding. */
const opaque = (value: number, elem: 'f32' | 'i32' | 'u32' = 'f32'): TExpr =>
  b.laneOf(
    b.vec4(
      b.constantOf(value, b.regType(elem)),
      b.constantOf(0, b.regType(elem)),
      b.constantOf(0, b.regType(elem)),
      b.constantOf(0, b.regType(elem)),
    ),
    0,
  );

test('f32 operations round to f32', () => {
  assert.is(stored(b.operate('add', opaque(16777216), opaque(1))), 16777216);
  assert.is(stored(b.operate('div', opaque(1), opaque(3))), Math.fround(1 / 3));
});

test('i32 and u32 wrap at 32 bits', () => {
  const big = opaque(2147483647, 'i32');
  assert.is(stored(b.operate('add', big, opaque(1, 'i32')), 'int32'), -2147483648);
  assert.is(stored(b.operate('mul', big, big), 'int32'), 1);
  assert.is(stored(b.operate('sub', opaque(0, 'u32'), opaque(1, 'u32')), 'uint32'), 4294967295);
});

test('division by zero gives zero for integers, and the floor otherwise', () => {
  const div = (x: number, y: number): number =>
    stored(b.operate('floordiv', opaque(x, 'i32'), opaque(y, 'i32')), 'int32');
  assert.equal([div(7, 0), div(-7, 2), div(7, 2)], [0, -4, 3]);
});

test('casts saturate, stores narrow', () => {
  assert.is(stored(b.convert('int32', opaque(1e20)), 'int32'), 2147483647);
  assert.is(stored(b.convert('uint8', opaque(-3)), 'uint8'), 0);
  assert.is(stored(opaque(1 / 3), 'float16'), 0.333251953125);
});

test('lanes: loads, stores, shuffles', () => {
  const [x, y] = [buffer('x', 8), buffer('y', 4)];
  const kernel = kernelOf([x, y], 1, () => {
    const [low, high] = [b.loadFrom(x, b.i32(0), 4), b.loadFrom(x, b.i32(4), 4)];
    return [b.storeTo(y, b.i32(0), b.shuffle(low, high, [7, 0, 4, 3]))];
  });
  const memory = new Float64Array(4);
  interpretThread(
    kernel,
    new Map([
      [x, Float64Array.from({ length: 8 }, (_, i) => i)],
      [y, memory],
    ]),
  );
  assert.equal([...memory], [7, 0, 4, 3]);
});

test('an access out of bounds names buffer, index and size', () => {
  const y = buffer('y', 4);
  const at = (index: TExpr, value: TExpr): (() => void) => {
    const kernel = kernelOf([y], 3, () => [b.storeTo(y, index, value)]);
    return () => interpretThread(kernel, new Map([[y, new Float64Array(4)]]));
  };
  assert.throws(at(opaque(4, 'i32'), b.f32(0)), /1 element\(s\) at index 4 of y, which has 4/);
  assert.throws(at(opaque(1, 'i32'), b.splat(b.f32(0))), /4 element\(s\) at index 1/);
  assert.throws(at(opaque(-1, 'i32'), b.f32(0)), /index -1/);
});

test('shared memory is poisoned for every workgroup', () => {
  const s = buffer('s', 1, { space: 'shared' });
  const y = buffer('y', 2);
  const kernel = kernelOf([y, s], 2, (w) => [
    b.storeTo(y, w, b.loadFrom(s, b.i32(0))),
    b.storeTo(s, b.i32(0), b.f32(1)),
  ]);
  const memory = new Float64Array(2);
  interpretThread(kernel, new Map([[y, memory]]));
  assert.ok(memory.every(Number.isNaN));
});

test('two workgroups that write the same element, or read what another writes, are an error', () => {
  const y = buffer('y', 4);
  const run = (grid: number, body: (w: TExpr) => TStmt[]): (() => void) => {
    const kernel = kernelOf([y], grid, body);
    return () => interpretThread(kernel, new Map([[y, new Float64Array(4)]]));
  };
  assert.throws(
    run(2, () => [b.storeTo(y, b.i32(0), b.f32(1))]),
    /workgroup 1: it writes y\[0\], which workgroup 0 wrote/,
  );
  assert.throws(
    run(2, (w) => [b.storeTo(y, w, b.loadFrom(y, b.operate('sub', b.i32(1), w)))]),
    /workgroup 1: it reads y\[0\], which workgroup 0 wrote/,
  );
  assert.not.throws(run(4, (w) => [b.storeTo(y, w, b.loadFrom(y, w))]));
});

test('any order of workgroups gives the same', () => {
  const y = buffer('y', 16);
  const kernel = kernelOf([y], 16, (w) => [b.storeTo(y, w, b.convert('float32', w))]);
  for (const order of ['forward', 'reverse', 'random'] as const) {
    const memory = new Float64Array(16);
    interpretThread(kernel, new Map([[y, memory]]), { order, seed: 3 });
    assert.equal(
      [...memory],
      Array.from({ length: 16 }, (_, i) => i),
    );
  }
});

test('loops evaluate their bounds once, and step', () => {
  const y = buffer('y', 8);
  const [i, end] = [b.register('i', b.regType('i32')), b.register('end', b.regType('i32'))];
  const kernel = kernelOf([y], 1, () => [
    b.varOf(end, b.i32(6)),
    b.forOf(i, b.i32(1), b.get(end), 2, [b.setOf(end, b.i32(0)), b.storeTo(y, b.get(i), b.f32(1))]),
  ]);
  const memory = new Float64Array(8);
  interpretThread(kernel, new Map([[y, memory]]));
  assert.equal([...memory], [0, 1, 0, 1, 0, 1, 0, 0]);
});

test.run();
