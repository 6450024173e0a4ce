/**
 * Contractions for warpgroups as CUDA C++: what the emulator of tensor maps, gates and products of tiles computes is what
 * the nest says; nvcc makes machine code of the configurations that large products get, with nothing spilled.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../../src/codegen/caps.ts';
import { cleanup } from '../../../src/codegen/cleanup.ts';
import { cudaCaps } from '../../../src/codegen/cuda/caps.ts';
import { planOf } from '../../../src/codegen/gpu/bulk/contraction.ts';
import { cutOf, type Tile } from '../../../src/codegen/gpu/bulk/cut.ts';
import { problems } from '../../../src/codegen/gpu/contraction/problem.ts';
import type { ThreadKernel } from '../../../src/ir/thread/thread.ts';
import { CudaBatch, capability } from '../../support/cuda-kernels.ts';
import { compileCuda, hasNvcc } from '../../support/nvcc.ts';
import { decode, encode } from '../../support/wasm.ts';
import { retyped } from '../gpu/tensor/support.ts';
import { type Made, type MatmulOptions, matmul } from '../templates/made.ts';
import { evaluate, generator, kernelOf, randomMemory } from '../templates/nests.ts';

process.env['TIGON_EMULATED_CAPABILITY'] = '90';

const h200 = cudaCaps(
  { capability: 90, processors: 132, sharedBytesPerBlock: 232448 },
  { tf32: false },
);
/** Few processors, so that each does several tiles. */
const small: Caps = { ...h200, processors: 3 };

/** Operands and the result are bfloat16 or float16, what epilogues read is float32. */
const made = (
  size: readonly [number, number, number],
  options: MatmulOptions,
  dtype: 'bfloat16' | 'float16',
): Made => retyped(matmul(...size, options), (b) => (/^[xwy]$/.test(b.name) ? dtype : 'float32'));

const kernelFor = (
  { nest, buffers }: Made,
  tile: Tile,
  dtype: 'bfloat16' | 'float16',
  caps: Caps,
): ThreadKernel => {
  const cut = cutOf(problems(nest, nest.contract!)[0]!, tile, dtype, caps);
  if ('refused' in cut) throw new Error(cut.refused);
  return cleanup(kernelOf(planOf(cut), buffers, new Set(nest.stores.map((s) => s.buffer))));
};

const batch = new CudaBatch();

const define = (
  title: string,
  size: readonly [number, number, number],
  options: MatmulOptions,
  tile: Tile,
  dtype: 'bfloat16' | 'float16' = 'bfloat16',
): void => {
  const what = made(size, options, dtype);
  const run = batch.add(kernelFor(what, tile, dtype, small));
  test(title, async () => {
    if ((await capability()) !== 90) {
      console.log('skipped: there is no device of compute capability 9.0');
      return;
    }
    for (const order of ['forward', 'reverse', 'random']) {
      process.env['TIGON_EMULATED_ORDER'] = order;
      const memory = randomMemory(what.buffers, 11);
      const after = await run(what.buffers.map((b) => encode(b.dtype, [...memory.get(b)!])));
      if (after === undefined) return;
      const want = evaluate([what.nest], memory);
      what.buffers.forEach((b, i) => {
        const expected = decode(b.dtype, encode(b.dtype, [...want.get(b)!]));
        assert.equal(decode(b.dtype, after[i]!), expected, `${b.name}, ${order}`);
      });
    }
  });
};

const stages = 3;
define(
  'rows and columns along the sum, two warpgroups, edges',
  [136, 72, 200],
  { transposeB: true, epilogue: 'relu' },
  { rows: 128, columns: 64, stages },
);
define(
  'columns across, more than a line of them',
  [72, 200, 136],
  { epilogue: 'residual' },
  { rows: 64, columns: 128, stages },
);
define(
  'rows and columns across, 96 columns',
  [136, 104, 72],
  { transposeA: true, epilogue: 'bias' },
  { rows: 128, columns: 96, stages: 2 },
);
define(
  'rows across, few columns, of float16',
  [72, 24, 136],
  { transposeA: true, transposeB: true },
  { rows: 64, columns: 16, stages },
  'float16',
);
define(
  'batches',
  [72, 40, 72],
  { batch: 3, transposeB: true, epilogue: 'two' },
  { rows: 64, columns: 32, stages: 2 },
);
define(
  'columns that are no multiple of four, stored one by one',
  [70, 37, 72],
  { transposeB: true },
  { rows: 64, columns: 32, stages: 2 },
);

const pick = generator(3);
for (let i = 0; i < 4; i++) {
  const size = [8 * (1 + pick(20)), 8 * (1 + pick(12)), 8 * (1 + pick(32))] as const;
  const options = { transposeA: pick(2) === 1, transposeB: pick(2) === 1 };
  const tile = { rows: 64 * (1 + pick(2)), columns: 32 * (1 + pick(3)), stages: 2 + pick(2) };
  define(`a random product, ${i}`, size, options, tile);
}

const REAL: readonly (readonly [number, number, MatmulOptions])[] = [
  [128, 256, { transposeB: true, epilogue: 'relu' }],
  [128, 256, { epilogue: 'bias' }],
  [128, 256, { transposeA: true, epilogue: 'residual' }],
  [128, 224, { transposeA: true, transposeB: true, epilogue: 'two' }],
  [128, 128, { transposeB: true, epilogue: 'scaled', batch: 5 }],
  [64, 256, { transposeB: true, epilogue: 'relu' }],
  [64, 16, { transposeB: true, epilogue: 'relu' }],
];

test('nvcc: machine code of large products, without warnings or spilled registers', () => {
  if (!hasNvcc()) return;
  const unit = new CudaBatch();
  for (const [rows, columns, options] of REAL) {
    // edges in both directions, and several tiles a workgroup
    const what = made([4000, 4080, 4096], options, 'bfloat16');
    unit.add(kernelFor(what, { rows, columns, stages: 8 }, 'bfloat16', h200));
  }
  const compiled = compileCuda(unit.source, 'sm_90a');
  assert.is(compiled.size, REAL.length);
  for (const [name, { spills, stack }] of compiled)
    assert.equal([spills, stack], [0, 0], `${name}: ${spills} bytes spilled, ${stack} of stack`);
});

test.run();
