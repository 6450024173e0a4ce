/** Every scalar op and conversion, on one number and on four lanes, is what the scalar table says. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CudaBatch } from '../../support/cuda-kernels.ts';
import { compileCuda, hasNvcc } from '../../support/nvcc.ts';
import { decode } from '../../support/wasm.ts';
import { scalarCases, wrongOf } from '../scalar-cases.ts';

const batch = new CudaBatch();

for (const [subject, cases] of scalarCases(true)) {
  const runs = cases.map((one) => ({ one, run: batch.add(one.kernel) }));
  test(subject, async () => {
    for (const { one, run } of runs) {
      const after = await run(one.contents);
      if (after === undefined) return;
      assert.equal(wrongOf(one, decode(one.result, after.at(-1)!)), []);
    }
  });
}

test('nvcc compiles all of it without warnings', () => {
  if (hasNvcc()) compileCuda(batch.source, 'sm_80');
  else console.log('skipped: there is no nvcc');
});

test.run();
