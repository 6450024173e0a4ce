/** Greatest errors of float functions against doubles, and what they do at the extremes. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type ScalarOp, scalarOps } from '../../../src/ir/scalar.ts';
import * as b from '../../../src/ir/thread/build.ts';
import type { TExpr, ThreadBuffer, ThreadKernel } from '../../../src/ir/thread/thread.ts';
import { runWgsl, type TestGpu, testGpu } from '../../support/wgsl.ts';

const COUNT = 1 << 16;
const THREADS = 64;

/** Units in the last place; none smaller than the least number that the device keeps. */
const ulpOf = (y: number, least: number): number =>
  Math.max(least, 2 ** (Math.floor(Math.log2(Math.abs(y))) - 23));

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const SPECIAL = [
  ...[0, -0, inf, -inf, nan, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 88.72, 88.73, 89, 104, -87, -88],
  ...[-103, -104, -105, 1e-45, -1e-45, 1.2e-38, 3.4e38, -3.4e38, 16777217, 1e9, 1e15, -1e30],
  ...[Math.PI, Math.PI / 2, 6e7, 7e7, 0.625, 0.9219, 10, -18, 127, 128, -149, -150, 8191.5, 8192.5],
];

/** Bit patterns of all kinds, small numbers, the range of exp, all magnitudes, special numbers. */
const samples = (seed: number): Float32Array => {
  const values = new Float32Array(COUNT);
  const bits = new Uint32Array(values.buffer);
  let state = seed;
  const random = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let t = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    t = Math.imul(t ^ (t >>> 15), 0x735a2d97);
    return ((t ^ (t >>> 15)) >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < COUNT; i++) {
    const kind = i & 3;
    if (kind === 0) bits[i] = random() * 2 ** 32;
    else if (kind === 1) values[i] = (random() - 0.5) * 4;
    else if (kind === 2) values[i] = (random() - 0.5) * 220;
    else values[i] = (random() - 0.5) * 2 * 10 ** (random() * 20 - 12);
  }
  values.set(SPECIAL);
  return values;
};

/** Applies an expression of vectors to arrays: four numbers a thread. */
const mapFloats = async (
  gpu: TestGpu,
  f: (...x: TExpr[]) => TExpr,
  inputs: readonly Float32Array[],
): Promise<Float32Array> => {
  const elements = inputs[0]!.length;
  const buffer = (name: string, access: ThreadBuffer['access']): ThreadBuffer => ({
    name,
    dtype: 'float32',
    space: 'global',
    access,
    elements,
  });
  const reads = inputs.map((_, i) => buffer(`x${i}`, 'read'));
  const out = buffer('out', 'write');
  const workgroup = b.register('group', b.regType('i32'));
  const local = b.register('thread', b.regType('i32'));
  const thread = b.add(b.mul(b.get(workgroup), b.i32(THREADS)), b.get(local));
  const at = b.mul(thread, b.i32(4));
  const kernel: ThreadKernel = {
    name: 'map',
    buffers: [...reads, out],
    workgroup,
    local,
    grid: elements / (4 * THREADS),
    threads: THREADS,
    body: [b.storeTo(out, at, f(...reads.map((r) => b.loadFrom(r, at, 4))))],
    cost: { flops: elements, bytes: elements },
    notes: [],
  };
  const contents = [...inputs.map((x) => new Uint8Array(x.buffer)), new Uint8Array(4 * elements)];
  return new Float32Array((await runWgsl(gpu, kernel, contents)).at(-1)!.buffer);
};

const worstOf = async (
  gpu: TestGpu,
  op: ScalarOp,
): Promise<{ ulp: number; at: string; wrong: string[] }> => {
  const { arity, value } = scalarOps[op];
  const inputs = Array.from({ length: arity }, (_, i) => samples(i + 1));
  if (arity === 2) {
    const n = SPECIAL.length;
    for (let i = 0; i < n * n; i++) {
      inputs[0]![1000 + i] = SPECIAL[i % n]!;
      inputs[1]![1000 + i] = SPECIAL[Math.floor(i / n)]!;
    }
  }
  const got = await mapFloats(gpu, (...x) => b.operate(op, ...x), inputs);
  const least = exact(gpu) ? 2 ** -149 : 2 ** -126;
  let ulp = 0;
  let at = '';
  const wrong: string[] = [];
  for (let i = 0; i < COUNT; i++) {
    const x = inputs.map((a) => a[i]!);
    if (!exact(gpu) && x.some((v) => v !== 0 && Math.abs(v) < 2 ** -126)) continue;
    const want = value(...x);
    const single = Math.fround(want);
    if (Number.isFinite(single) && Number.isFinite(got[i]!)) {
      const error = Math.abs(got[i]! - want) / ulpOf(want, least);
      if (error > ulp) {
        ulp = error;
        at = `${op}(${x}) = ${got[i]}, not ${want}`;
      }
    } else if (!Object.is(got[i], single)) {
      // the last step before infinity may fall on either side
      const edge = Math.abs(want) > 3.4028e38 && Math.abs(got[i]!) > 3.4028e38;
      if (!edge) wrong.push(`${op}(${x}) = ${got[i]}, not ${want}`);
    }
  }
  return { ulp, at, wrong: wrong.slice(0, 5) };
};

/** Mesa's software driver divides and takes roots exactly and keeps subnormals; WGSL asks for less. */
const exact = (gpu: TestGpu): boolean => gpu.name.includes('llvmpipe');
/** What division and roots may be off on other devices. */
const SLACK = 4;

/** What the functions promise where arithmetic is exact. */
const BOUNDS: readonly (readonly [ScalarOp, number])[] = [
  ['exp', 1],
  ['expm1', 1.5],
  ['log', 1],
  ['log1p', 2.3],
  ['sin', 2.1],
  ['cos', 2.1],
  ['tan', 3.5],
  ['tanh', 1.3],
  ['sigmoid', 2.2],
  ['erf', 1.2],
  ['sqrt', 0.51],
  ['rsqrt', 1.5],
  ['pow', 1.1],
  ['div', 0.51],
  ['mod', 0.51],
  ['floordiv', 0.51],
];

for (const [op, bound] of BOUNDS)
  test(`${op}: within ${bound} ulp, right at the extremes`, async () => {
    const gpu = await testGpu();
    if (gpu === undefined) return;
    const { ulp, at, wrong } = await worstOf(gpu, op);
    assert.equal(wrong, []);
    const most = exact(gpu) ? bound : bound + SLACK;
    assert.ok(ulp <= most, `greatest error ${ulp.toFixed(2)} ulp: ${at}`);
  });

test('signs of zero survive odd functions', async () => {
  const gpu = await testGpu();
  if (gpu === undefined) return;
  for (const op of ['expm1', 'log1p', 'sin', 'tan', 'tanh', 'erf', 'sqrt', 'sign'] as const) {
    const zeros = Float32Array.from({ length: 4 * THREADS }, (_, i) => (i % 2 === 0 ? 0 : -0));
    const got = await mapFloats(gpu, (x) => b.operate(op, x!), [zeros]);
    assert.ok(Object.is(got[0], 0) && Object.is(got[1], -0), op);
  }
});

test.run();
