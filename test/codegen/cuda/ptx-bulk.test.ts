/** Functions of the device for warpgroups: the emulator's are called as the real ones are, and all real ones compile. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { deviceText } from '../../../src/codegen/cuda/ptx.ts';
import { bulkFunction, bulkNames } from '../../../src/codegen/cuda/ptx-bulk.ts';
import { unitText } from '../../../src/codegen/cuda/unit.ts';
import { compileCuda, hasGcc, hasNvcc, readEmulated } from '../../support/nvcc.ts';

const COLUMNS = Array.from({ length: 32 }, (_, i) => 8 * (i + 1));

const textOf = (name: string): string => {
  const found = bulkFunction(name);
  assert.ok(found, name);
  return deviceText(found);
};

/** Accumulators of so many columns. */
const sums = (columns: number): string =>
  Array.from({ length: columns / 8 }, (_, i) => `c[${i}]`).join(', ');

/** A kernel that multiplies tiles of so many columns. */
const multiplying = (inputs: string, columns: number): string => `
KERNEL(128, multiply_${inputs}_${columns})(float4* out) {
  SHARED_MEMORY(memory);
  float4 c[${columns / 8}];
  const uint4 words = {1u, 2u, 3u, threadIdx.x};
  const unsigned long long a = tile(memory, 0), b = tile(memory + 8192, 8192);
  products_begin();
  product_begin_${inputs}_${columns}<0, 1>(a, b, ${sums(columns)});
  product_${inputs}_${columns}<0, 1>(a, b, ${sums(columns)});
  product_${inputs}_${columns}<1, 0>(a + 2, b + 128, ${sums(columns)});
  products_end();
  settle<1>();
  settle_${columns}<0>(${sums(columns)});
  products_begin();
  product_words_${inputs}_${columns}<1>(words, b, ${sums(columns)});
  products_end();
  settle_${columns}<0>(${sums(columns)});
  for (int i = 0; i < ${columns / 8}; i++) out[128 + i] = c[i];
  products_begin();
  product_begin_words_${inputs}_${columns}<0>(words, b, ${sums(columns)});
  products_end();
  settle_${columns}<0>(${sums(columns)});
  for (int i = 0; i < ${columns / 8}; i++) out[i] = c[i];
}`;

const LOADS = [2, 3, 4, 5].map(
  (n) => `  tile_load_${n}(memory, map, gate, ${Array.from({ length: n }, () => '0').join(', ')});`,
);
const fetching = `
SUMMING_KERNEL(256, fetch)(TENSOR_MAP map) {
  SHARED_MEMORY(memory);
  unsigned* gate = (unsigned*)(memory + 8192);
  if (threadIdx.x == 0) {
    gate_open(gate, 1);
    gates_opened();
  }
  __syncthreads();
  if (warpgroup() == 0) {
    registers_fewer<24>();
    gate_expect(gate, 8192);
${LOADS.join('\n')}
  } else {
    registers_more<240>();
    gate_await(gate, 0);
    gate_arrive(gate);
  }
}`;

const kinds = ['bf16', 'f16'] as const;
const device = [
  ...bulkNames,
  ...COLUMNS.flatMap((n) => [
    ...['', '_begin', '_words', '_begin_words'].flatMap((of) =>
      ['bf16', 'f16'].map((inputs) => `product${of}_${inputs}_${n}`),
    ),
    `settle_${n}`,
  ]),
].map(textOf);
const kernels = [fetching, ...kinds.flatMap((k) => COLUMNS.map((n) => multiplying(k, n)))];
const unit = unitText({ device, plain: [] }, kernels);

test('what does not exist has no text', () => {
  for (const name of ['product_bf16_4', 'product_bf16_264', 'product_tf32_8', 'settle_0', 'sum'])
    assert.is(bulkFunction(name), undefined);
});

test('the emulator has a function for each, called the same', () => {
  if (hasGcc()) readEmulated(unit);
  else console.log('skipped: there is no g++');
});

test('all compile for sm_90a, products of all sizes', () => {
  if (!hasNvcc()) {
    console.log('skipped: there is no nvcc');
    return;
  }
  const compiled = compileCuda(unit, 'sm_90a');
  assert.is(compiled.size, kernels.length);
  for (const [name, { spills }] of compiled) assert.is(spills, 0, name);
});

test.run();
