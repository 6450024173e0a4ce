/** Every scalar op and conversion, on one number and on four lanes, is what the scalar table says. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { renderWgsl } from '../../../src/codegen/wgsl/render.ts';
import { DTYPES, type DType } from '../../../src/ir/dtype.ts';
import { castTo, roundTo, SCALAR_OPS, scalarOps, valueIn } from '../../../src/ir/scalar.ts';
import * as b from '../../../src/ir/thread/build.ts';
import {
  registerOf,
  type TExpr,
  type ThreadBuffer,
  type ThreadKernel,
} from '../../../src/ir/thread/thread.ts';
import { assertTint } from '../../support/tint.ts';
import { decode, encode } from '../../support/wasm.ts';
import { ownPlaces, runWgsl, testGpu } from '../../support/wgsl.ts';

type Computed = 'float32' | 'int32' | 'uint32' | 'bool';
const COMPUTED: readonly Computed[] = ['float32', 'int32', 'uint32', 'bool'];
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const VALUES: Readonly<Record<Computed, readonly number[]>> = {
  float32: [0, -0, 1, -1, 0.5, -2.5, 1.5, 3, -7, 100.25, nan, inf, -inf],
  int32: [0, 1, -1, 2, -3, 7, -7, 31, 100, -100, 65536, 2147483647, -2147483648],
  uint32: [0, 1, 2, 3, 7, 31, 100, 65536, 2147483647, 2147483648, 4294967295],
  bool: [0, 1],
};

interface Input {
  readonly dtype: DType;
  readonly values: readonly number[];
}

/** A loop of vectors, then one of scalars: results behind each other. */
const kernelOf = (
  inputs: readonly Input[],
  result: DType,
  make: (lanes: 1 | 4, args: readonly TExpr[]) => TExpr,
): ThreadKernel => {
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
  const loop = (lanes: 1 | 4): ReturnType<typeof b.forOf> => {
    const i = b.register('i', b.regType('i32'));
    const value = make(
      lanes,
      reads.map((r) => b.loadFrom(r, b.get(i), lanes)),
    );
    const at = lanes === 4 ? b.get(i) : b.add(b.get(i), b.i32(count));
    return b.forOf(i, b.i32(0), b.i32(count), lanes, [b.storeTo(out, at, value)]);
  };
  return {
    name: 'op',
    buffers: [...reads, out],
    workgroup: b.register('group', b.regType('i32')),
    local: b.register('local', b.regType('i32')),
    grid: 1,
    threads: 1,
    body: [loop(4), loop(1)],
    cost: { flops: 1, bytes: 1 },
    notes: [],
  };
};

/** What the kernel gives; undefined without a device, but its text is checked all the same. */
const runOp = async (
  inputs: readonly Input[],
  result: DType,
  make: (lanes: 1 | 4, args: readonly TExpr[]) => TExpr,
): Promise<number[] | undefined> => {
  const kernel = kernelOf(inputs, result, make);
  const places = ownPlaces(kernel);
  for (const f16 of [true, false])
    await assertTint(
      renderWgsl(kernel, { places, features: { f16, subgroups: true }, names: 'own' }),
    );
  const gpu = await testGpu();
  if (gpu === undefined) return undefined;
  const zeros = encode(result, new Array<number>(2 * inputs[0]!.values.length).fill(0));
  const contents = [...inputs.map((x) => encode(x.dtype, x.values)), zeros];
  return decode(result, (await runWgsl(gpu, kernel, contents)).at(-1)!);
};

/** All combinations of operand values, padded to whole vectors. */
const combinations = (dtypes: readonly Computed[]): number[][] => {
  let rows: number[][] = [[]];
  for (const d of dtypes) rows = rows.flatMap((r) => VALUES[d].map((v) => [...r, v]));
  const some = rows.length > 4000 ? rows.filter((_, i) => i % 7 === 0) : rows;
  while (some.length % 4 !== 0) some.push(some[0]!);
  return some;
};

const ulps = (x: number, y: number): number =>
  Math.abs(x - y) / Math.max(2 ** -149, 2 ** (Math.floor(Math.log2(Math.abs(y))) - 23));
const close = (got: number, want: number): boolean =>
  got === want || (Number.isNaN(got) && Number.isNaN(want)) || ulps(got, want) <= 4;

for (const op of SCALAR_OPS)
  test(op, async () => {
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
      const got = await runOp(inputs, result, (lanes, args) => ({
        kind: 'op',
        op,
        type: { elem, lanes },
        args,
      }));
      const value = valueIn(op, d);
      rows.forEach((row, i) => {
        if (got === undefined) return;
        const want = roundTo(result, value(...row));
        const [vector, scalar] = [got[i]!, got[i + rows.length]!];
        assert.ok(close(vector, want), `${op}(${row}) of ${d}, vector: ${vector}, not ${want}`);
        assert.ok(close(scalar, want), `${op}(${row}) of ${d}, scalar: ${scalar}, not ${want}`);
      });
    }
    assert.ok(tried > 0);
  });

test('division by constants, with and without known signs', async () => {
  const values = [...VALUES.int32, 12, -12, 13];
  const bytes = Array.from({ length: 256 }, (_, i) => i);
  for (const by of [1, 2, 3, 7, 8, 100, 65537])
    for (const op of ['floordiv', 'mod'] as const)
      for (const input of [
        { dtype: 'int32', values },
        { dtype: 'uint8', values: bytes },
      ] as const) {
        const got = await runOp([input], 'int32', (lanes, [x]) => ({
          kind: 'op',
          op,
          type: { elem: 'i32', lanes },
          args: [x!, { kind: 'const', type: { elem: 'i32', lanes }, value: by }],
        }));
        if (got === undefined) return;
        const want = input.values.map((x) => roundTo('int32', scalarOps[op].value(x, by)));
        assert.equal(got, [...want, ...want], `${op} by ${by}`);
      }
});

test('shifts by one amount for all lanes', async () => {
  for (const dtype of ['int32', 'uint32'] as const)
    for (const op of ['shl', 'shr'] as const)
      for (const by of [0, 1, 5, 31]) {
        const values = [...VALUES[dtype], ...VALUES[dtype], ...VALUES[dtype], ...VALUES[dtype]];
        const elem = registerOf(dtype);
        const got = await runOp([{ dtype, values }], dtype, (lanes, [x]) => ({
          kind: 'op',
          op,
          type: { elem, lanes },
          args: [x!, { kind: 'const', type: { elem, lanes }, value: by }],
        }));
        if (got === undefined) return;
        const want = values.map((x) => roundTo(dtype, scalarOps[op].value(x, by)));
        assert.equal(got, [...want, ...want], `${dtype} ${op} ${by}`);
      }
});

test('minimum and maximum with a constant keep NaN; a constant may be infinite or NaN', async () => {
  const values = [nan, 1, -1, inf];
  for (const op of ['min', 'max', 'add'] as const)
    for (const second of [0, inf, -inf, nan])
      for (const first of [true, false]) {
        const got = await runOp([{ dtype: 'float32', values }], 'float32', (lanes, [x]) => {
          const c: TExpr = { kind: 'const', type: { elem: 'f32', lanes }, value: second };
          return { kind: 'op', op, type: { elem: 'f32', lanes }, args: first ? [c, x!] : [x!, c] };
        });
        if (got === undefined) return;
        const want = values.map((x) => scalarOps[op].value(x, second));
        assert.equal(got, [...want, ...want], `${op} ${second}`);
      }
});

test('squares', async () => {
  const values = VALUES.float32.slice(0, 12);
  const got = await runOp([{ dtype: 'float32', values }], 'float32', (lanes, [x]) => ({
    kind: 'op',
    op: 'pow',
    type: { elem: 'f32', lanes },
    args: [x!, { kind: 'const', type: { elem: 'f32', lanes }, value: 2 }],
  }));
  if (got === undefined) return;
  assert.equal(
    got,
    [...values, ...values].map((x) => Math.fround(x * x)),
  );
});

test('constants of all kinds, folded where WGSL would refuse them', async () => {
  const constants = [0, -0, 1, -1, 0.1, 1.2e-38, 3.4028234663852886e38, -1e-7, 1e21, 16777217];
  for (const c of constants) {
    const got = await runOp(
      [{ dtype: 'float32', values: [0, 0, 0, 0] }],
      'float32',
      (lanes, [x]) => {
        const type = { elem: 'f32', lanes } as const;
        const known: TExpr = { kind: 'const', type, value: c };
        const zero: TExpr = {
          kind: 'op',
          op: 'mul',
          type,
          args: [known, { kind: 'const', type, value: 0 }],
        };
        const sum: TExpr = { kind: 'op', op: 'add', type, args: [zero, known] };
        return { kind: 'op', op: 'add', type, args: [x!, sum] };
      },
    );
    if (got === undefined) return;
    assert.equal(got, new Array(8).fill(Math.fround(c) + 0));
  }
  const over: TExpr = {
    kind: 'op',
    op: 'add',
    type: { elem: 'i32', lanes: 1 },
    args: [b.i32(2147483647), b.i32(1)],
  };
  const got = await runOp([{ dtype: 'int32', values: [1, 2, 3, 4] }], 'int32', (lanes, [x]) => ({
    kind: 'op',
    op: 'add',
    type: { elem: 'i32', lanes },
    args: [x!, lanes === 4 ? { kind: 'splat', type: { elem: 'i32', lanes }, arg: over } : over],
  }));
  if (got === undefined) return;
  const want = [1, 2, 3, 4].map((x) => x - 2147483648);
  assert.equal(got, [...want, ...want]);
});

for (const from of COMPUTED)
  for (const to of DTYPES)
    test(`cast ${from} to ${to}`, async () => {
      const floats = [
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
      ];
      const extra =
        from === 'float32'
          ? [...floats, 1.0009765, 2049, 2051, 1e-40]
          : from === 'bool'
            ? []
            : [255, 256, 300, 65505, 100000];
      const values = [...VALUES[from], ...extra];
      while (values.length % 4 !== 0) values.push(values[0]!);
      const elem = registerOf(to);
      const result = ({ f32: 'float32', i32: 'int32', u32: 'uint32', bool: 'bool' } as const)[elem];
      const got = await runOp([{ dtype: from, values }], result, (lanes, [arg]) => ({
        kind: 'cast',
        type: { elem, lanes },
        to,
        arg: arg!,
      }));
      if (got === undefined) return;
      const want = values.map((x) => (elem === 'f32' ? Math.fround(castTo(to, x)) : castTo(to, x)));
      assert.equal(got, [...want, ...want]);
    });

test.run();
