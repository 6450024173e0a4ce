/** Every scalar op, on one number and on four lanes, is what the scalar table says. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmCaps } from '../../../src/codegen/wasm/caps.ts';
import type { DType } from '../../../src/ir/dtype.ts';
import { roundTo } from '../../../src/ir/rounding.ts';
import {
  add,
  convert,
  forOf,
  get,
  i32,
  loadFrom,
  register,
  regType,
  storeTo,
} from '../../../src/ir/thread/build.ts';
import type { TExpr, ThreadBuffer, ThreadKernel } from '../../../src/ir/thread/thread.ts';
import { bfloatBorders } from '../../support/bfloat.ts';
import { decode, encode, runKernel } from '../../support/wasm.ts';
import { scalarCases, wrongOf } from '../scalar-cases.ts';

/** One loop of vectors, one of scalars: the results of both, behind each other. */
const runOp = (
  inputs: readonly { dtype: DType; values: readonly number[] }[],
  result: DType,
  make: (lanes: 1 | 4, args: readonly TExpr[]) => TExpr,
): number[] => {
  const count = inputs[0]!.values.length;
  const buffer = (name: string, dtype: DType, elements: number, write: boolean): ThreadBuffer => ({
    name,
    dtype,
    space: 'global',
    access: write ? 'write' : 'read',
    elements,
  });
  const reads = inputs.map((x, i) => buffer(`x${i}`, x.dtype, count, false));
  const out = buffer('out', result, 2 * count, true);
  const loop = (lanes: 1 | 4): ReturnType<typeof forOf> => {
    const i = register('i', regType('i32'));
    const value = make(
      lanes,
      reads.map((b) => loadFrom(b, get(i), lanes)),
    );
    const at = lanes === 4 ? get(i) : add(get(i), i32(count));
    return forOf(i, i32(0), i32(count), lanes, [storeTo(out, at, value)]);
  };
  const kernel: ThreadKernel = {
    name: 'op',
    buffers: [...reads, out],
    workgroup: register('group', regType('i32')),
    local: register('local', regType('i32')),
    grid: 1,
    threads: 1,
    body: [loop(4), loop(1)],
    cost: { flops: 1, bytes: 1 },
    notes: [],
  };
  const contents = inputs.map((x) => encode(x.dtype, x.values));
  return decode(
    result,
    runKernel(kernel, wasmCaps(false), [
      ...contents,
      encode(result, new Array(2 * count).fill(0)),
    ]).at(-1)!,
  );
};

for (const [subject, cases] of scalarCases(true))
  test(subject, () => {
    for (const one of cases) {
      const got = decode(one.result, runKernel(one.kernel, wasmCaps(false), one.contents).at(-1)!);
      assert.equal(wrongOf(one, got), []);
      const half = got.length / 2;
      for (let i = 0; i < half; i++)
        if (got[i] !== 0)
          assert.ok(Object.is(got[i], got[half + i]), `${one.title} ${i}: ${got[i]} in a lane`);
    }
  });

test('all float16 numbers are read exactly', () => {
  const values = new Uint8Array(2 * 65536);
  const view = new DataView(values.buffer);
  for (let i = 0; i < 65536; i++) view.setUint16(2 * i, i, true);
  const halves = decode('float16', values);
  const got = runOp([{ dtype: 'float16', values: halves }], 'float32', (_lanes, [x]) => x!);
  assert.equal(got.length, 2 * 65536);
  for (let i = 0; i < got.length; i++)
    if (!Object.is(got[i], halves[i & 65535])) assert.unreachable(`${i & 65535}: ${got[i]}`);
});

test('float32 is rounded half to even when it is stored as float16', () => {
  const values: number[] = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0];
  for (let e = -27; e <= 16; e++)
    for (let m = 0; m < 64; m++) {
      values.push(2 ** e * (1 + m / 64 + 2 ** -11), -(2 ** e) * (1 + m / 64 + 2 ** -12));
      values.push(2 ** e * (1 + m / 64 + 2 ** -11 + 2 ** -20), 2 ** e * (1 + m / 1024));
    }
  const got = runOp([{ dtype: 'float32', values }], 'float16', (_lanes, [x]) => x!);
  const want = values.map((x) => roundTo('float16', Math.fround(x)));
  assert.equal(got, [...want, ...want]);
});

test('all bfloat16 numbers are read exactly, and written back as their bits', () => {
  const bits = Uint8Array.from({ length: 2 * 65536 }, (_, i) => ((i >> 1) >> (8 * (i & 1))) & 255);
  const numbers = decode('bfloat16', bits);
  const inputs = [{ dtype: 'bfloat16', values: numbers }] as const;
  const same = (got: readonly number[]): void => {
    assert.equal(got.length, 2 * 65536);
    got.forEach((x, i) => {
      if (!Object.is(x, numbers[i & 65535])) assert.unreachable(`${i & 65535}: ${x}`);
    });
  };
  same(runOp(inputs, 'float32', (_lanes, [x]) => x!));
  same(runOp(inputs, 'bfloat16', (_lanes, [x]) => x!));
});

test('float32 is rounded half to even when it is stored as or converted to bfloat16', () => {
  const values = bfloatBorders();
  const want = values.map((x) => roundTo('bfloat16', x));
  const stored = runOp([{ dtype: 'float32', values }], 'bfloat16', (_lanes, [x]) => x!);
  assert.equal(stored, [...want, ...want]);
  const converted = runOp([{ dtype: 'float32', values }], 'float32', (_lanes, [x]) =>
    convert('bfloat16', x!),
  );
  assert.equal(converted, [...want, ...want]);
});

test('every NaN is stored as the bfloat16 7fc0', () => {
  const patterns = [0x7fc00000, 0x7f800001, 0x7fffffff, 0xffc00000, 0xff800001, 0xffffffff];
  const bits = [...patterns, 0x7f800000, 0xff800000];
  const x: ThreadBuffer = {
    name: 'x',
    dtype: 'float32',
    space: 'global',
    access: 'read',
    elements: bits.length,
  };
  for (const lanes of [1, 4] as const) {
    const y: ThreadBuffer = { ...x, name: 'y', dtype: 'bfloat16', access: 'write' };
    const i = register('i', regType('i32'));
    const at = get(i);
    const kernel: ThreadKernel = {
      name: 'nan',
      buffers: [x, y],
      workgroup: register('group', regType('i32')),
      local: register('local', regType('i32')),
      grid: 1,
      threads: 1,
      body: [forOf(i, i32(0), i32(bits.length), lanes, [storeTo(y, at, loadFrom(x, at, lanes))])],
      cost: { flops: 0, bytes: 0 },
      notes: [],
    };
    const contents = [
      new Uint8Array(Uint32Array.from(bits).buffer),
      new Uint8Array(2 * bits.length),
    ];
    const after = runKernel(kernel, wasmCaps(false), contents)[1]!;
    const want = [...patterns.map(() => 0x7fc0), 0x7f80, 0xff80];
    assert.equal([...new Uint16Array(after.buffer)], want, `${lanes} lanes`);
  }
});

test('bool is narrowed and widened', () => {
  const flags = [0, 1, 1, 0];
  assert.equal(
    runOp([{ dtype: 'bool', values: flags }], 'bool', (_lanes, [x]) => x!),
    [...flags, ...flags],
  );
});

test.run();
