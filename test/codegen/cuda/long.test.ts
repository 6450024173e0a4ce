/** Integers of 64 bits give what BigInts give; functions of doubles are those of the math library. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScalarOp } from '../../../src/ir/scalar.ts';
import { CudaBatch } from '../../support/cuda-kernels.ts';
import { doubleCase } from '../double-cases.ts';
import { longCases } from '../long-cases.ts';

const batch = new CudaBatch();

const longs = longCases().map((one) => ({ one, run: batch.add(one.kernel) }));
test('integers of 64 bits', async () => {
  for (const { one, run } of longs) {
    const after = await run(one.contents);
    if (after !== undefined) assert.equal([...after.at(-1)!], [...one.want], one.title);
  }
});

const OPS: readonly ScalarOp[] = [
  ...(['exp', 'expm1', 'log', 'log1p', 'sin', 'cos', 'tan', 'tanh', 'sigmoid', 'erf'] as const),
  ...(['pow', 'mod', 'floordiv', 'rsqrt', 'round', 'sign', 'copysign'] as const),
];
const doubles = OPS.map((op) => {
  const one = doubleCase(op);
  return { op, one, run: batch.add(one.kernel) };
});
test('functions of doubles: exact to 1e-14, right at the extremes', async () => {
  for (const { op, one, run } of doubles) {
    const after = await run(one.contents);
    if (after === undefined) continue;
    const found = one.errors(new Float64Array(after.at(-1)!.slice().buffer));
    assert.equal(found.wrong, []);
    // the C library of an emulator is 14 off at the hardest angle
    assert.ok(found.exact <= 45, `${op}: greatest error ${found.exact} ulp`);
    assert.ok(found.near <= 45, `${op}: greatest difference ${found.near} ulp`);
  }
});

test.run();
