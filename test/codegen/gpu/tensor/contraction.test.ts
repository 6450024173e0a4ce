/**
 * Contractions on matrix units compute what the nest says, whatever the tile, sizes, layouts, guards and epilogues.
 *
 * Interpreted: threads in any order; races, and reads of what has not landed, are errors.
 */
import { test } from 'uvu';
import { problems } from '../../../../src/codegen/gpu/contraction/problem.ts';
import { tilesFor } from '../../../../src/codegen/gpu/tensor/choose.ts';
import { planOf, planTensorContraction } from '../../../../src/codegen/gpu/tensor/contraction.ts';
import { cutOf, type Tile } from '../../../../src/codegen/gpu/tensor/tile.ts';
import type { DType } from '../../../../src/ir/dtype.ts';
import type { MmaInputs } from '../../../../src/ir/thread/tensor.ts';
import {
  conv,
  convGradInput,
  convGradWeight,
  type Made,
  type MatmulOptions,
  matmul,
} from '../../templates/made.ts';
import { generator } from '../../templates/nests.ts';
import { device, of, passes, withTf32 } from './support.ts';

const plan = planTensorContraction;
const DTYPES = ['bfloat16', 'float16', 'float32'] as const;
const inputsFor = (dtype: DType): MmaInputs =>
  dtype === 'float32' ? 'tfloat32' : dtype === 'float16' ? 'float16' : 'bfloat16';

const EPILOGUES = [undefined, 'bias', 'relu', 'residual', 'two', 'scaled'] as const;

const anyOptions = (pick: (n: number) => number): MatmulOptions => {
  const epilogue = EPILOGUES[pick(EPILOGUES.length)];
  return {
    transposeA: pick(2) === 1,
    transposeB: pick(2) === 1,
    transposeOut: pick(4) === 0,
    ...(epilogue === undefined ? {} : { epilogue }),
    ...(pick(3) === 0 ? { batch: 1 + pick(3), shareA: pick(2) === 1 } : {}),
  };
};

test('matrix products of 40 random sizes, layouts, dtypes, epilogues and workgroups', () => {
  const pick = generator(7);
  for (let i = 0; i < 40; i++) {
    // multiples of eight are copied, others go through registers
    const size = (): number => (pick(2) === 0 ? 8 * (1 + pick(9)) : 4 + pick(67));
    const [M, N, K] = [size(), size(), size()];
    if (M * N * K < 4096) continue;
    const options = anyOptions(pick);
    const dtype = DTYPES[pick(3)]!;
    const threads = [undefined, undefined, 32, 64, 128, 256][pick(6)];
    const what = `${M} ${N} ${K} ${dtype} ${JSON.stringify(options)} ${threads}`;
    const made = of(dtype, matmul(M, N, K, options));
    passes(made, i, what, (nest, caps) => plan(nest, caps, threads), withTf32);
  }
});

const tilesOfAll = (inputs: MmaInputs): Tile[] => [...tilesFor(inputs, device, undefined)];

test('every tile computes the same: 60 of them, for products that fit none', () => {
  const pick = generator(11);
  const cases: Made[] = [
    matmul(37, 50, 70, { epilogue: 'relu' }),
    matmul(40, 48, 72, { transposeB: true, epilogue: 'bias' }),
    matmul(56, 40, 56, { transposeA: true, epilogue: 'two' }),
    matmul(72, 88, 40, { transposeA: true, transposeB: true }),
    conv(2, 3, 9, 8, 12, 3, { pad: 1 }),
    convGradWeight(2, 4, 9, 9, 5, 3),
  ];
  for (let i = 0, tried = 0; tried < 60; i++) {
    const dtype = DTYPES[pick(3)]!;
    const made = of(dtype, cases[i % cases.length]!);
    const inputs = inputsFor(dtype);
    const tiles = tilesOfAll(inputs);
    const tile = tiles[pick(tiles.length)]!;
    const problem = problems(made.nest, made.nest.contract!)[pick(2)]!;
    const cut = cutOf(problem, tile, inputs, device);
    if (cut === undefined || cut.grid * cut.threads > 4096) continue;
    tried++;
    passes(made, i, `${dtype} ${i % cases.length} ${JSON.stringify(tile)}`, () => planOf(cut));
  }
});

test('tiny, prime and long sizes', () => {
  const shapes: readonly (readonly [number, number, number, MatmulOptions?])[] = [
    [4, 32, 32],
    [32, 4, 32],
    [5, 7, 127],
    [61, 67, 59],
    [8, 16, 1000, { transposeB: true }],
    [8, 12, 1009, { transposeA: true, epilogue: 'relu' }],
    [300, 4, 5],
    [4, 300, 5, { transposeOut: true }],
  ];
  shapes.forEach(([m, n, k, o], i) => {
    for (const dtype of ['bfloat16', 'float32'] as const)
      passes(of(dtype, matmul(m, n, k, o)), i, `${m} ${n} ${k} ${dtype}`, plan, withTf32);
  });
});

test('convolutions: forward with padding and strides, both gradients', () => {
  for (const threads of [undefined, 256])
    for (const dtype of ['bfloat16', 'float32'] as const) {
      const run = (made: Made, seed: number, what: string): void => {
        const planner = (nest: Made['nest'], caps: typeof device) => plan(nest, caps, threads);
        passes(of(dtype, made), seed, `${what} ${dtype} ${threads}`, planner, withTf32);
      };
      run(conv(2, 1, 12, 12, 8, 5), 1, 'rows of 8');
      run(conv(2, 3, 9, 11, 6, 3), 2, 'rows of 9');
      run(conv(2, 3, 8, 8, 6, 3, { pad: 1 }), 3, 'padded');
      run(conv(1, 3, 15, 15, 5, 3, { pad: 1, stride: 2 }), 4, 'strided');
      run(conv(2, 8, 8, 8, 9, 1), 5, '1 x 1');
      run(convGradInput(2, 4, 12, 12, 5, 5), 6, 'gradient of the input');
      run(convGradInput(2, 4, 9, 9, 5, 3), 7, 'gradient of the input, rows of 9');
      run(convGradWeight(3, 4, 12, 12, 6, 5), 8, 'gradient of the weight');
      run(convGradWeight(2, 4, 9, 9, 5, 3), 9, 'gradient of the weight, rows of 7');
    }
});

test.run();
