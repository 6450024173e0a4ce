/** Greatest errors of functions of doubles, and what they do at the extremes. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmCaps } from '../../../src/codegen/wasm/caps.ts';
import { programText } from '../../../src/codegen/wasm/wat.ts';
import type { ScalarOp } from '../../../src/ir/scalar.ts';
import { programOf, runKernel } from '../../support/wasm.ts';
import { doubleCase } from '../double-cases.ts';

/** From the nearest double, as mpmath has it; from what JavaScript gives, which may be off as well. */
const BOUNDS: readonly (readonly [op: ScalarOp, exact: number, near: number])[] = [
  ['exp', 1, 1],
  ['expm1', 1, 1],
  ['log', 1, 1],
  ['log1p', 1, 1],
  ['sin', 1, 1],
  ['cos', 1, 1],
  ['tan', 2, 2],
  ['tanh', 2, 3],
  ['sigmoid', 2, 2],
  // the reference of the table is a series
  ['erf', 1, 8],
  ['pow', 1, 1],
  ['mod', 0, 0],
  ['floordiv', 0, 0],
  ['sqrt', 0, 0],
  ['rsqrt', 0, 0],
  ['div', 0, 0],
  ['round', 0, 0],
  ['sign', 0, 0],
  ['copysign', 0, 0],
];

const run = (op: ScalarOp): ReturnType<ReturnType<typeof doubleCase>['errors']> => {
  const { kernel, contents, errors } = doubleCase(op);
  return errors(new Float64Array(runKernel(kernel, wasmCaps(false), contents).at(-1)!.buffer));
};

for (const [op, exact, near] of BOUNDS)
  test(`${op} of doubles: within ${Math.max(exact, near)} ulp, right at the extremes`, () => {
    const found = run(op);
    assert.equal(found.wrong, []);
    assert.ok(found.exact <= exact, `greatest error ${found.exact} ulp`);
    assert.ok(found.near <= near, `greatest difference ${found.near} ulp`);
  });

test('a module holds the functions that it calls, and no other', () => {
  const text = programText(programOf(doubleCase('tanh').kernel), wasmCaps(false));
  assert.match(text, /\(func \$f64\.tanh/);
  assert.match(text, /\(func \$f64\.expm1/);
  assert.not.match(text, /\$f64\.(exp|log|angle|pow)\b/);
});

test.run();
