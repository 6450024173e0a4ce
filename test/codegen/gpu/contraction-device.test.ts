/**
 * Contractions as WGSL: Tint accepts every kind of kernel, and a device gives what float64 gives.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanup } from '../../../src/codegen/cleanup.ts';
import { planGpuContraction } from '../../../src/codegen/gpu/contraction/contraction.ts';
import { isRefusal } from '../../../src/codegen/plan.ts';
import { defaultWgslCaps } from '../../../src/codegen/wgsl/caps.ts';
import { ownNames } from '../../../src/codegen/wgsl/names.ts';
import { renderWgsl } from '../../../src/codegen/wgsl/render.ts';
import { idxAxis as ax } from '../../../src/ir/dim.ts';
import { accumulator, load, newBuffer } from '../../../src/ir/loop/expr.ts';
import type { ThreadKernel } from '../../../src/ir/thread/thread.ts';
import { assertTint } from '../../support/tint.ts';
import { decode, encode } from '../../support/wasm.ts';
import { ownPlaces, runWgsl, testGpu } from '../../support/wgsl.ts';
import {
  conv,
  convGradInput,
  convGradWeight,
  f32,
  type Made,
  matmul,
  store,
} from '../templates/made.ts';
import { evaluate, generator, kernelOf, par, red } from '../templates/nests.ts';

const kernelFor = (made: Made, threads?: number): ThreadKernel => {
  const plan = planGpuContraction(made.nest, defaultWgslCaps, threads);
  if (isRefusal(plan)) throw new Error(plan.refused);
  return cleanup(kernelOf(plan, made.buffers, new Set(made.nest.stores.map((s) => s.buffer))));
};

/** x · w of float16. */
const halves = (M: number, N: number, K: number): Made => {
  const [m, n, k] = [par('m', M), par('n', N), red('k', K)];
  const x = newBuffer('x', { dtype: 'float16', shape: [M, K] });
  const w = newBuffer('w', { dtype: 'float16', shape: [K, N] });
  const y = f32('y', [M, N]);
  const contract = {
    batch: [],
    m: [m],
    n: [n],
    k: [k],
    a: load(x, [ax(m), ax(k)]),
    b: load(w, [ax(k), ax(n)]),
    index: [ax(m), ax(n)],
  };
  const stores = [store(y, contract.index, accumulator, [m, n])];
  return { nest: { axes: [m, n], stores, contract }, buffers: [x, w, y] };
};

test('Tint has nothing to say, warnings included', async () => {
  const cases: Made[] = [
    matmul(4096, 4096, 4096, { epilogue: 'relu' }),
    matmul(1021, 1019, 1013, { transposeA: true, epilogue: 'two' }),
    matmul(64, 500, 800, { transposeB: true, epilogue: 'scaled' }),
    matmul(128, 128, 64, { batch: 12, transposeOut: true }),
    conv(8, 64, 28, 28, 64, 3, { pad: 1 }),
    convGradInput(8, 20, 12, 12, 50, 5),
    convGradWeight(8, 20, 12, 12, 50, 5),
    halves(64, 128, 64),
    halves(61, 67, 63),
  ];
  for (const made of cases)
    for (const threads of [undefined, 256])
      for (const f16 of [false, true]) {
        const kernel = kernelFor(made, threads);
        const features = { f16, subgroups: false };
        await assertTint(
          renderWgsl(kernel, { places: ownPlaces(kernel), features, names: ownNames }),
        );
      }
});

/** Runs a nest on the device; random numbers, so that sums are not exact. */
const agrees = async (made: Made, what: string, threads?: number): Promise<void> => {
  const gpu = await testGpu();
  if (gpu === undefined) return;
  const pick = generator(3);
  const kernel = kernelFor(made, threads);
  const values = made.buffers.map((b) => {
    const raw = Array.from({ length: b.shape.reduce((p, d) => p * d, 1) }, () =>
      Math.fround((pick(1 << 16) - (1 << 15)) / (1 << 15)),
    );
    return decode(b.dtype, encode(b.dtype, raw));
  });
  const bytes = values.map((v, i) => encode(made.buffers[i]!.dtype, v));
  const after = await runWgsl(gpu, kernel, bytes);
  const want = evaluate(
    [made.nest],
    new Map(made.buffers.map((b, i) => [b, Float64Array.from(values[i]!)])),
  );
  for (const { buffer } of made.nest.stores) {
    const got = decode(buffer.dtype, after[made.buffers.indexOf(buffer)]!);
    let [error, size] = [0, 0];
    want.get(buffer)!.forEach((w, i) => {
      error += (w - got[i]!) ** 2;
      size += w * w;
    });
    assert.ok(Math.sqrt(error / size) < 1e-5, `${what}: relative error ${Math.sqrt(error / size)}`);
  }
};

test('products, convolutions and their gradients are right on a device', async () => {
  await agrees(matmul(128, 128, 96, { epilogue: 'relu' }), 'whole tiles');
  await agrees(matmul(67, 61, 71, { transposeB: true, epilogue: 'residual' }), 'primes');
  await agrees(matmul(40, 44, 200, { transposeA: true, epilogue: 'two' }), 'turned', 256);
  await agrees(conv(2, 8, 14, 14, 12, 3, { pad: 1 }), 'convolution');
  await agrees(convGradInput(2, 4, 12, 12, 6, 5), 'gradient of the input');
  await agrees(convGradWeight(4, 4, 12, 12, 6, 5), 'gradient of the weight');
  await agrees(halves(40, 36, 50), 'float16');
});

test.run();
