/** Every scalar op, on one number and on four lanes, is what the scalar table says. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmCaps } from '../../../src/codegen/wasm/caps.ts';
import { DTYPES, type DType } from '../../../src/ir/dtype.ts';
import { castTo, roundTo, SCALAR_OPS, type ScalarOp, scalarOps } from '../../../src/ir/scalar.ts';
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
import {
  registerOf,
  type TExpr,
  type ThreadBuffer,
  type ThreadKernel,
} from '../../../src/ir/thread/thread.ts';
import { bfloatBorders } from '../../support/bfloat.ts';
import { decode, encode, runKernel } from '../../support/wasm.ts';

type Computed = 'float32' | 'int32' | 'uint32' | 'bool';
const COMPUTED: readonly Computed[] = ['float32', 'int32', 'uint32', 'bool'];

const VALUES: Readonly<Record<Computed, readonly number[]>> = {
  float32: [
    0,
    -0,
    1,
    -1,
    0.5,
    -2.5,
    1.5,
    3,
    -7,
    100.25,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ],
  int32: [0, 1, -1, 2, -3, 7, -7, 31, 100, -100, 65536, 2147483647, -2147483648],
  uint32: [0, 1, 2, 3, 7, 31, 100, 65536, 2147483647, 2147483648, 4294967295],
  bool: [0, 1],
};

/** What the op gives in its dtype: 32-bit products are exact modulo 2^32, division by zero gives 0. */
const expected = (op: ScalarOp, result: DType, x: readonly number[]): number => {
  if (op === 'mul' && result !== 'float32') return roundTo(result, Math.imul(x[0]!, x[1]!));
  return roundTo(result, scalarOps[op].value(...x));
};

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

/** All combinations of operand values, padded to whole vectors. */
const combinations = (dtypes: readonly Computed[]): number[][] => {
  let rows: number[][] = [[]];
  for (const d of dtypes) rows = rows.flatMap((r) => VALUES[d].map((v) => [...r, v]));
  const some = rows.length > 4000 ? rows.filter((_, i) => i % 7 === 0) : rows;
  while (some.length % 4 !== 0) some.push(some[0]!);
  return some;
};

const ulps = (a: number, b: number): number =>
  Math.abs(a - b) / Math.max(2 ** -149, 2 ** (Math.floor(Math.log2(Math.abs(b))) - 23));
const close = (got: number, want: number): boolean =>
  got === want || (Number.isNaN(got) && Number.isNaN(want)) || ulps(got, want) <= 3.5;

for (const op of SCALAR_OPS)
  test(op, () => {
    const { arity, dtype: typing } = scalarOps[op];
    let tried = 0;
    for (const d of COMPUTED) {
      const dtypes: Computed[] = new Array<Computed>(arity).fill(d);
      if (op === 'select') dtypes[0] = 'bool';
      const result = typing(...dtypes);
      if (result === undefined) continue;
      tried++;
      const rows = combinations(dtypes);
      const inputs = dtypes.map((dtype, i) => ({ dtype, values: rows.map((r) => r[i]!) }));
      const elem = registerOf(result);
      const got = runOp(inputs, result, (lanes, args) => ({
        kind: 'op',
        op,
        type: { elem, lanes },
        args,
      }));
      rows.forEach((row, i) => {
        const want = expected(op, result, row);
        const [vector, scalar] = [got[i]!, got[i + rows.length]!];
        assert.ok(close(vector, want), `${op}(${row}) of ${d}, vector: ${vector}, not ${want}`);
        assert.ok(close(scalar, want), `${op}(${row}) of ${d}, scalar: ${scalar}, not ${want}`);
        if (want !== 0)
          assert.ok(
            Object.is(vector, scalar),
            `${op}(${row}) of ${d}: ${vector} in a lane, ${scalar} alone`,
          );
      });
    }
    assert.ok(tried > 0);
  });

test('division by constants, with and without known signs', () => {
  const values = [...VALUES.int32, 12, -12, 13];
  for (const by of [1, 2, 3, 7, 8, 100, 65537])
    for (const op of ['floordiv', 'mod'] as const) {
      const got = runOp([{ dtype: 'int32', values }], 'int32', (lanes, [x]) => ({
        kind: 'op',
        op,
        type: { elem: 'i32', lanes },
        args: [x!, { kind: 'const', type: { elem: 'i32', lanes }, value: by }],
      }));
      const bytes = Array.from({ length: 256 }, (_, i) => i);
      const known = runOp([{ dtype: 'uint8', values: bytes }], 'int32', (lanes, [x]) => ({
        kind: 'op',
        op,
        type: { elem: 'i32', lanes },
        args: [x!, { kind: 'const', type: { elem: 'i32', lanes }, value: by }],
      }));
      const want = (x: number): number => expected(op, 'int32', [x, by]);
      assert.equal(got, [...values, ...values].map(want), `${op} by ${by}`);
      assert.equal(known, [...bytes, ...bytes].map(want), `${op} of bytes by ${by}`);
    }
});

test('shifts by one amount for all lanes', () => {
  for (const dtype of ['int32', 'uint32'] as const)
    for (const op of ['shl', 'shr'] as const)
      for (const by of [0, 1, 5, 31]) {
        const values = [...VALUES[dtype], ...VALUES[dtype], ...VALUES[dtype], ...VALUES[dtype]];
        const elem = registerOf(dtype);
        const got = runOp([{ dtype, values }], dtype, (lanes, [x]) => ({
          kind: 'op',
          op,
          type: { elem, lanes },
          args: [x!, { kind: 'const', type: { elem, lanes }, value: by }],
        }));
        const want = values.map((x) => expected(op, dtype, [x, by]));
        assert.equal(got, [...want, ...want], `${dtype} ${op} ${by}`);
      }
});

test('minimum and maximum with a constant keep NaN', () => {
  const values = [Number.NaN, 1, -1, Number.POSITIVE_INFINITY];
  for (const op of ['min', 'max'] as const)
    for (const first of [true, false]) {
      const got = runOp([{ dtype: 'float32', values }], 'float32', (lanes, [x]) => {
        const c: TExpr = { kind: 'const', type: { elem: 'f32', lanes }, value: 0 };
        return { kind: 'op', op, type: { elem: 'f32', lanes }, args: first ? [c, x!] : [x!, c] };
      });
      const want = values.map((x) => scalarOps[op].value(x, 0));
      assert.equal(got, [...want, ...want]);
    }
});

test('squares', () => {
  const values = VALUES.float32.slice(0, 12);
  const got = runOp([{ dtype: 'float32', values }], 'float32', (lanes, [x]) => ({
    kind: 'op',
    op: 'pow',
    type: { elem: 'f32', lanes },
    args: [x!, { kind: 'const', type: { elem: 'f32', lanes }, value: 2 }],
  }));
  assert.equal(
    got,
    [...values, ...values].map((x) => Math.fround(x * x)),
  );
});

for (const from of COMPUTED)
  for (const to of DTYPES)
    test(`cast ${from} to ${to}`, () => {
      const extra =
        from === 'float32'
          ? [
              255.9,
              256,
              -0.9,
              3e9,
              5e9,
              -3e9,
              65504,
              65519.9,
              65520,
              1e-8,
              6e-8,
              2 ** -25,
              1.0009765,
              2049,
              2051,
              1e-40,
            ]
          : from === 'bool'
            ? []
            : [255, 256, 300, 65505, 100000];
      const values = [...VALUES[from], ...extra];
      while (values.length % 4 !== 0) values.push(values[0]!);
      const elem = registerOf(to);
      const got = runOp(
        [{ dtype: from, values }],
        elem === 'f32' ? 'float32' : elem === 'i32' ? 'int32' : elem === 'u32' ? 'uint32' : 'bool',
        (lanes, [arg]) => ({
          kind: 'cast',
          type: { elem, lanes },
          to,
          arg: arg!,
        }),
      );
      const want = values.map((x) => (elem === 'f32' ? Math.fround(castTo(to, x)) : castTo(to, x)));
      assert.equal(got, [...want, ...want]);
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

test('uint8 and bool are narrowed and widened', () => {
  const values = [0, 1, 255, 256, -1, 511, 7, 128];
  const got = runOp([{ dtype: 'int32', values }], 'uint8', (_lanes, [x]) => x!);
  assert.equal(
    got.slice(0, 8),
    values.map((x) => x & 255),
  );
  assert.equal(
    got.slice(8),
    values.map((x) => x & 255),
  );
  const flags = [0, 1, 1, 0];
  assert.equal(
    runOp([{ dtype: 'bool', values: flags }], 'bool', (_lanes, [x]) => x!),
    [...flags, ...flags],
  );
});

test.run();
