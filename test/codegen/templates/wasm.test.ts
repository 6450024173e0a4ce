/**
 * Contractions through the WebAssembly renderer, at sizes of several blocks, against plain loops in double precision.
 *
 * Tolerance: 1e-4 of the largest sum; operands are multiples of 1/8, so that only the order of sums could differ.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanup } from '../../../src/codegen/cleanup.ts';
import { isRefusal } from '../../../src/codegen/plan.ts';
import { planContraction } from '../../../src/codegen/templates/matmul.ts';
import { wasmCaps } from '../../../src/codegen/wasm/caps.ts';
import { hasRelaxedSimd } from '../../../src/runtime/cpu/features.ts';
import { runKernel } from '../../support/wasm.ts';
import { conv, convGradInput, convGradWeight, type Made, matmul } from './made.ts';
import { evaluate, kernelOf, randomMemory } from './nests.ts';

const check = ({ nest, buffers }: Made, seed: number, what: string): void => {
  const memory = randomMemory(buffers, seed);
  const want = evaluate([nest], memory);
  for (const fused of hasRelaxedSimd() ? [false, true] : [false]) {
    const caps = wasmCaps(fused);
    const plan = planContraction(nest, caps);
    if (isRefusal(plan)) throw new Error(`${what}: ${plan.refused}`);
    const written = new Set(nest.stores.map((s) => s.buffer));
    const kernel = cleanup(kernelOf(plan, buffers, written));
    const contents = buffers.map((b) => new Uint8Array(Float32Array.from(memory.get(b)!).buffer));
    const after = runKernel(kernel, caps, contents);
    buffers.forEach((b, i) => {
      if (!written.has(b)) return;
      const got = new Float32Array(
        after[i]!.buffer,
        after[i]!.byteOffset,
        after[i]!.byteLength / 4,
      );
      const scale = want.get(b)!.reduce((m, v) => Math.max(m, Math.abs(v)), 1);
      const error = want.get(b)!.reduce((m, v, j) => Math.max(m, Math.abs(v - got[j]!)), 0);
      assert.ok(error <= 1e-4 * scale, `${what}, fused ${fused}: error ${error} of ${scale}`);
    });
  }
};

test('matrix products of several blocks', () => {
  check(matmul(65, 129, 700, { epilogue: 'relu' }), 1, 'sums of three blocks');
  check(matmul(133, 70, 64, { transposeB: true }), 2, 'transposed');
  check(matmul(131, 72, 600, { transposeA: true, epilogue: 'two' }), 10, 'rows along memory');
  check(
    matmul(262, 144, 602, { transposeA: true }),
    11,
    'rows along memory, two in the last panel',
  );
  check(matmul(40, 72, 90, { batch: 3, epilogue: 'residual' }), 3, 'batched');
  check(matmul(64, 10, 128, { transposeB: true, epilogue: 'bias' }), 4, 'a head');
  check(matmul(5, 300, 784, { transposeB: true, epilogue: 'relu' }), 9, 'a few rows');
});

test('convolutions and their gradients', () => {
  check(conv(2, 20, 12, 12, 50, 5), 5, 'forward');
  check(conv(2, 6, 13, 13, 10, 3, { pad: 1 }), 6, 'padded');
  check(convGradInput(2, 20, 12, 12, 50, 5), 7, 'input');
  check(convGradWeight(2, 20, 12, 12, 50, 5), 8, 'weight');
});

test.run();
