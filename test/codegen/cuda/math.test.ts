/** Greatest errors of float functions against doubles, and what they do at the extremes. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScalarOp } from '../../../src/ir/scalar.ts';
import * as b from '../../../src/ir/thread/build.ts';
import { CudaBatch, type Run } from '../../support/cuda-kernels.ts';
import { errorsOf, mapKernel, mathCase, ODD, zeros } from '../math-cases.ts';

const batch = new CudaBatch();

const mapFloats = async (
  run: Run,
  inputs: readonly Float32Array[],
): Promise<Float32Array | undefined> => {
  const contents = [...inputs, new Float32Array(inputs[0]!.length)];
  const after = await run(contents.map((x) => new Uint8Array(x.buffer)));
  return after && new Float32Array(after.at(-1)!.slice().buffer);
};

/** What CUDA promises of its functions, and what ours, which call them, add to that. */
const BOUNDS: readonly (readonly [ScalarOp, number])[] = [
  ['exp', 2],
  ['expm1', 2],
  ['log', 2],
  ['log1p', 2],
  ['sin', 2.1],
  ['cos', 2.1],
  ['tan', 4],
  ['tanh', 2.1],
  ['sigmoid', 4],
  ['erf', 2.1],
  ['sqrt', 0.51],
  ['rsqrt', 2.1],
  ['pow', 4.1],
  ['div', 0.51],
  ['mod', 0.51],
  ['floordiv', 0.51],
];

for (const [op, bound] of BOUNDS) {
  const { kernel, inputs } = mathCase(op);
  const run = batch.add(kernel);
  test(`${op}: within ${bound} ulp, right at the extremes`, async () => {
    const got = await mapFloats(run, inputs);
    if (got === undefined) return;
    const { ulp, at, wrong } = errorsOf(op, inputs, got, true);
    assert.equal(wrong, []);
    assert.ok(ulp <= bound, `greatest error ${ulp.toFixed(2)} ulp: ${at}`);
  });
}

for (const op of ODD) {
  const x = zeros();
  const run = batch.add(mapKernel((e) => b.operate(op, e!), 1, x.length));
  test(`the sign of zero survives ${op}`, async () => {
    const got = await mapFloats(run, [x]);
    if (got !== undefined) assert.ok(Object.is(got[0], 0) && Object.is(got[1], -0));
  });
}

test.run();
