/**
 * Long sums with few tiles become two launches that compute the same.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { planGpuContraction } from '../../../src/codegen/gpu/contraction/contraction.ts';
import { splitGpuContraction } from '../../../src/codegen/gpu/contraction/split.ts';
import { defaultWgslCaps } from '../../../src/codegen/wgsl/caps.ts';
import { pointsOf } from '../../../src/ir/dim.ts';
import type { LoopKernel } from '../../../src/ir/loop/loop.ts';
import { verifyKernel } from '../../../src/ir/loop/verify.ts';
import { conv, convGradWeight, type Made, matmul } from '../templates/made.ts';
import { check, evaluate, kernelWith, randomMemory } from '../templates/nests.ts';

const split = ({ nest, buffers }: Made): readonly LoopKernel[] | undefined =>
  splitGpuContraction(kernelWith(nest, buffers), defaultWgslCaps);

/** Splits, checks both kernels, and returns how many parts there are. */
const parts = (made: Made, what: string): number => {
  const kernels = split(made);
  assert.ok(kernels !== undefined, `${what} is split`);
  for (const kernel of kernels!) verifyKernel(kernel);
  const [first, second] = kernels as [LoopKernel, LoopKernel];
  const memory = randomMemory(made.buffers, 5);
  const partial = first.buffers.at(-1)!;
  const size = partial.shape.reduce((p, d) => p * d, 1);
  const withParts = new Map([...memory, [partial, new Float64Array(size)]]);
  const got = evaluate(second.nests, evaluate(first.nests, withParts));
  const want = evaluate([made.nest], memory);
  for (const { buffer } of made.nest.stores)
    want.get(buffer)!.forEach((w, i) => {
      assert.ok(Math.abs(w - got.get(buffer)![i]!) < 1e-9, `${what}, element ${i}`);
    });
  const ran = check(first.nests[0]!, first.buffers, defaultWgslCaps, 6, planGpuContraction);
  if (typeof ran === 'string') throw new Error(`${what}: ${ran}`);
  assert.is(ran.error, 0, `${what}, parts`);
  return partial.shape[0]!;
};

test('weight gradients: images are divided, and rows of images where there are few', () => {
  assert.ok(parts(convGradWeight(16, 1, 16, 16, 4, 3), 'many images') >= 8);
  assert.ok(parts(convGradWeight(3, 2, 28, 28, 4, 3), 'three images') > 3);
});

test('products: even pieces, and a shorter last one where the sum has no divisors', () => {
  assert.is(4096 % parts(matmul(8, 8, 4096), 'even'), 0);
  assert.ok(parts(matmul(8, 8, 4099, { epilogue: 'relu' }), 'prime') > 1);
  assert.ok(parts(matmul(4, 8, 2048, { epilogue: 'two', batch: 2, transposeB: true }), 'two') > 1);
});

test('the second launch does the stores as the kernel said', () => {
  const [first, second] = split(matmul(8, 16, 4096, { epilogue: 'relu' }))!;
  assert.is(first!.nests[0]!.stores.length, 1);
  assert.is(second!.nests[0]!.contract, undefined);
  assert.equal(
    second!.buffers.map((b) => b.name),
    ['contraction_parts', 'bias', 'y'],
  );
  assert.match(first!.origin.join(), /sum of 4096 in \d+ parts/);
});

test('what fills the device, or has a short sum, stays in one piece', () => {
  assert.is(split(matmul(2048, 2048, 2048)), undefined);
  assert.is(split(matmul(64, 64, 128)), undefined);
  assert.is(split(matmul(3, 64, 100000)), undefined);
  assert.is(split(conv(32, 64, 28, 28, 64, 3, { pad: 1 })), undefined);
});

test('parts are as many as keep the device busy, not more', () => {
  const kernels = split(convGradWeight(64, 20, 12, 12, 50, 5))!;
  const [nest] = kernels[0]!.nests;
  const plan = planGpuContraction(nest!, defaultWgslCaps);
  if ('refused' in plan) throw new Error(plan.refused);
  assert.ok(plan.grid >= 128 && plan.grid <= 1024, `${plan.grid} workgroups`);
  assert.ok(pointsOf(nest!.contract!.batch) <= 64);
});

test.run();
