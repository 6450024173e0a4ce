/**
 * Products and attention on matrix units as CUDA C++: what the emulator of matrix units and copies computes is what the
 * nest says; nvcc makes machine code of what large ones get, with nothing spilled.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../../src/codegen/caps.ts';
import { cleanup } from '../../../src/codegen/cleanup.ts';
import { cudaCaps, DEFAULT_PROPERTIES } from '../../../src/codegen/cuda/caps.ts';
import { problems } from '../../../src/codegen/gpu/contraction/problem.ts';
import { planTensorAttention } from '../../../src/codegen/gpu/tensor/attention/attention.ts';
import { bestCut, tilesFor } from '../../../src/codegen/gpu/tensor/choose.ts';
import { planOf } from '../../../src/codegen/gpu/tensor/contraction.ts';
import { cutOf, type Tile } from '../../../src/codegen/gpu/tensor/tile.ts';
import { isRefusal } from '../../../src/codegen/plan.ts';
import type { DType } from '../../../src/ir/dtype.ts';
import { interpretGraph } from '../../../src/ir/graph/interpret.ts';
import type { MmaInputs } from '../../../src/ir/thread/tensor.ts';
import type { ThreadKernel } from '../../../src/ir/thread/thread.ts';
import { assertClose } from '../../ir/graph/cases.ts';
import { attentionKernel, memoryOf } from '../../support/attention.ts';
import { type AttentionSizes, makeAttention, PARTS } from '../../support/attention-cases.ts';
import { CudaBatch } from '../../support/cuda-kernels.ts';
import { compileCuda, hasNvcc } from '../../support/nvcc.ts';
import { decode, encode } from '../../support/wasm.ts';
import { of } from '../gpu/tensor/support.ts';
import {
  conv,
  convGradInput,
  convGradWeight,
  type Made,
  type MatmulOptions,
  matmul,
} from '../templates/made.ts';
import { evaluate, generator, kernelOf, randomMemory } from '../templates/nests.ts';

const a100 = cudaCaps(DEFAULT_PROPERTIES, { tf32: true });
const INPUTS: Readonly<Record<string, MmaInputs>> = {
  bfloat16: 'bfloat16',
  float16: 'float16',
  float32: 'tfloat32',
};
const ORDERS = ['forward', 'reverse', 'random'];

const kernelFor = (made: Made, dtype: DType, tile?: Tile, side = 0): ThreadKernel => {
  const inputs = INPUTS[dtype]!;
  const both = problems(made.nest, made.nest.contract!);
  const cut =
    tile === undefined
      ? bestCut(both, inputs, a100, undefined)?.cut
      : cutOf(both[side]!, tile, inputs, a100);
  if (cut === undefined) throw new Error('no tile fits');
  return cleanup(
    kernelOf(planOf(cut), made.buffers, new Set(made.nest.stores.map((s) => s.buffer))),
  );
};

const batch = new CudaBatch();

const define = (title: string, given: Made, dtype: DType, tile?: Tile, side?: number): void => {
  const made = of(dtype, given);
  const kernel = kernelFor(made, dtype, tile, side);
  const run = batch.add(kernel);
  test(`${title}, ${dtype}`, async () => {
    for (const order of ORDERS) {
      process.env['TIGON_EMULATED_ORDER'] = order;
      const memory = randomMemory(made.buffers, 11);
      const after = await run(made.buffers.map((b) => encode(b.dtype, [...memory.get(b)!])));
      if (after === undefined) return;
      const want = evaluate([made.nest], memory);
      made.buffers.forEach((b, i) => {
        const expected = decode(b.dtype, encode(b.dtype, [...want.get(b)!]));
        assert.equal(
          decode(b.dtype, after[i]!),
          expected,
          `${b.name}, ${order}\n${kernel.notes.join('\n')}`,
        );
      });
    }
  });
};

const transposes: readonly MatmulOptions[] = [
  {},
  { transposeA: true },
  { transposeB: true },
  { transposeA: true, transposeB: true },
];
for (const [i, o] of transposes.entries()) {
  define(`a product with aligned edges, transposes ${i}`, matmul(72, 88, 104, o), 'bfloat16');
  define(`a product of odd sizes, transposes ${i}`, matmul(67, 45, 71, o), 'float16');
  define(`a product in TF32, transposes ${i}`, matmul(68, 52, 76, o), 'float32');
}
define('bias', matmul(72, 64, 40, { epilogue: 'bias' }), 'bfloat16');
define('two results, batched', matmul(40, 48, 32, { epilogue: 'two', batch: 3 }), 'float16');
define('a long epilogue', matmul(72, 66, 40, { epilogue: 'scaled' }), 'bfloat16');
for (const dtype of ['bfloat16', 'float32'] as const) {
  define('a padded convolution', conv(2, 8, 10, 10, 16, 3, { pad: 1 }), dtype);
  define('a strided convolution', conv(1, 3, 15, 15, 6, 3, { pad: 1, stride: 2 }), dtype);
  define('gradient of an input', convGradInput(2, 4, 9, 9, 5, 3), dtype);
  define('gradient of a weight', convGradWeight(2, 4, 9, 9, 5, 3), dtype);
}

const pick = generator(3);
for (let made = 0; made < 10; ) {
  const dtype = (['bfloat16', 'float16', 'float32'] as const)[pick(3)]!;
  const tiles = [...tilesFor(INPUTS[dtype]!, a100, undefined)];
  const tile = tiles[pick(tiles.length)]!;
  const size = (): number => (pick(2) === 0 ? 8 * (1 + pick(20)) : 9 + pick(120));
  const given = matmul(size(), size(), size(), transposes[pick(4)]!);
  const side = pick(2);
  const { nest } = of(dtype, given);
  if (cutOf(problems(nest, nest.contract!)[side]!, tile, INPUTS[dtype]!, a100) === undefined)
    continue;
  define(`a random product, ${made++}: ${JSON.stringify(tile)}`, given, dtype, tile, side);
}

type Sizes = Omit<AttentionSizes, 'op'>;

const attentionOf = (op: string, s: Sizes): ReturnType<typeof makeAttention> =>
  makeAttention({ ...s, op, causal: true });

const attentionKernelFor = (made: ReturnType<typeof attentionKernel>, caps: Caps): ThreadKernel => {
  const plan = planTensorAttention(made.nest, caps, undefined);
  if (isRefusal(plan)) throw new Error(plan.refused);
  return cleanup(kernelOf(plan, made.kernel.buffers, new Set([made.result])));
};

for (const op of Object.keys(PARTS))
  for (const s of [
    { lead: [2], queries: 50, keys: 40, depth: 32, width: 24, dtype: 'bfloat16' },
    { lead: [1], queries: 33, keys: 70, depth: 20, width: 18, dtype: 'float16', dropout: true },
  ] as const) {
    const { graph, node, data } = attentionOf(op, s);
    const made = attentionKernel(node);
    const kernel = attentionKernelFor(made, a100);
    const run = batch.add(kernel);
    test(`${op} of ${JSON.stringify(s)}`, async () => {
      const [wanted] = interpretGraph(graph, data).outputs;
      for (const order of ORDERS) {
        process.env['TIGON_EMULATED_ORDER'] = order;
        const memory = memoryOf(made, data);
        const { buffers } = made.kernel;
        const after = await run(buffers.map((b) => encode(b.dtype, [...memory.get(b)!])));
        if (after === undefined) return;
        const most = Math.max(1, ...wanted!.map(Math.abs));
        const tolerance = (s.dtype === 'bfloat16' ? 2 ** -6 : 2 ** -9) * most;
        const got = decode(made.result.dtype, after.at(-1)!);
        assertClose(Float64Array.from(got), wanted!, tolerance, `${op}, ${order}`);
      }
    });
  }

test('nvcc: machine code of what large products and attention get, without warnings or spilled registers', () => {
  if (!hasNvcc()) return;
  const unit = new CudaBatch();
  for (const [i, o] of transposes.entries())
    for (const dtype of ['bfloat16', 'float32'] as const)
      unit.add(
        kernelFor(of(dtype, matmul(4096, 4096 + 8 * i, 1024, { ...o, epilogue: 'relu' })), dtype),
      );
  unit.add(kernelFor(of('float16', matmul(1001, 999, 1003, { epilogue: 'residual' })), 'float16'));
  unit.add(kernelFor(of('bfloat16', conv(32, 64, 56, 56, 64, 3, { pad: 1 })), 'bfloat16'));
  for (const op of Object.keys(PARTS))
    for (const width of [64, 128]) {
      const s = { lead: [4], queries: 2048, keys: 2048, depth: width, width, dtype: 'bfloat16' };
      unit.add(
        attentionKernelFor(
          attentionKernel(makeAttention({ ...(s as Sizes), op, causal: true }, false).node),
          a100,
        ),
      );
    }
  for (const [name, { spills }] of compileCuda(unit.source, 'sm_80')) assert.is(spills, 0, name);
});

test.run();
