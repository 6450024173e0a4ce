/** Greatest errors of float functions against doubles, and what they do at the extremes. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScalarOp } from '../../../src/ir/scalar.ts';
import * as b from '../../../src/ir/thread/build.ts';
import type { ThreadKernel } from '../../../src/ir/thread/thread.ts';
import { runWgsl, type TestGpu, testGpu } from '../../support/wgsl.ts';
import { errorsOf, mapKernel, mathCase, ODD, zeros } from '../math-cases.ts';

const mapFloats = async (
  gpu: TestGpu,
  kernel: ThreadKernel,
  inputs: readonly Float32Array[],
): Promise<Float32Array> => {
  const contents = [...inputs, new Float32Array(inputs[0]!.length)];
  const after = await runWgsl(
    gpu,
    kernel,
    contents.map((x) => new Uint8Array(x.buffer)),
  );
  return new Float32Array(after.at(-1)!.buffer);
};

/** Mesa's software driver divides and takes roots exactly and keeps subnormals; WGSL asks for less. */
const exact = (gpu: TestGpu): boolean => gpu.name.includes('llvmpipe');
/** What division and roots may be off on other devices. */
const SLACK = 4;

/** What the functions promise where arithmetic is exact. */
const BOUNDS: readonly (readonly [ScalarOp, number])[] = [
  ['exp', 1],
  ['expm1', 1.5],
  ['log', 1],
  ['log1p', 2.3],
  ['sin', 2.1],
  ['cos', 2.1],
  ['tan', 3.5],
  ['tanh', 1.3],
  ['sigmoid', 2.2],
  ['erf', 1.2],
  ['sqrt', 0.51],
  ['rsqrt', 1.5],
  ['pow', 1.1],
  ['div', 0.51],
  ['mod', 0.51],
  ['floordiv', 0.51],
];

for (const [op, bound] of BOUNDS)
  test(`${op}: within ${bound} ulp, right at the extremes`, async () => {
    const gpu = await testGpu();
    if (gpu === undefined) return;
    const { kernel, inputs } = mathCase(op);
    const got = await mapFloats(gpu, kernel, inputs);
    const { ulp, at, wrong } = errorsOf(op, inputs, got, exact(gpu));
    assert.equal(wrong, []);
    const most = exact(gpu) ? bound : bound + SLACK;
    assert.ok(ulp <= most, `greatest error ${ulp.toFixed(2)} ulp: ${at}`);
  });

test('signs of zero survive odd functions', async () => {
  const gpu = await testGpu();
  if (gpu === undefined) return;
  for (const op of ODD) {
    const x = zeros();
    const got = await mapFloats(
      gpu,
      mapKernel((e) => b.operate(op, e!), 1, x.length),
      [x],
    );
    assert.ok(Object.is(got[0], 0) && Object.is(got[1], -0), op);
  }
});

test.run();
