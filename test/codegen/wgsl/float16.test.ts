/** Kernels whose text has arrays of float16 where the device does: that text gives what the one without does. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bringRareFunctions } from '../../../src/codegen/wgsl/rare.ts';
import { decode, encode } from '../../support/wasm.ts';
import { runWgsl, testGpu } from '../../support/wgsl.ts';
import { kernelCases, ramp, randomCase, SIZE } from '../kernel-cases.ts';
import { check, doubled, ONE_SLOT, usesFloat16 } from './check.ts';

bringRareFunctions();

const gpu = await testGpu();
const has = gpu?.features.f16 === true;
if (!has) console.log(`skipped: ${gpu?.name ?? 'no adapter'} has no float16`);
const on16 = has ? test : test.skip;

const random = Array.from({ length: 8 }, (_, i) => randomCase(i + 1));
for (const [title, cases] of [...kernelCases(), ['random kernels', random] as const]) {
  const chosen = cases.filter(({ kernel }) => usesFloat16(kernel));
  if (chosen.length === 0) continue;
  on16(title, async () => {
    for (const { kernel, contents } of chosen) await check(kernel, contents, undefined, [true]);
  });
}

on16('buffers of one slot', async () => {
  const pairs = [
    ['float16', 'bfloat16'],
    ['bfloat16', 'float16'],
  ] as const;
  for (const [from, to] of pairs)
    for (const lanes of [1, 4] as const) {
      const bytes = encode(from, ramp(SIZE));
      const features = { f16: true, subgroups: false };
      const kernel = doubled(from, to, lanes);
      const after = await runWgsl(gpu!, kernel, [bytes, bytes], { places: ONE_SLOT, features });
      assert.equal(
        decode(to, after[1]!),
        ramp(SIZE).map((v) => 2 * v),
      );
    }
});

test.run();
