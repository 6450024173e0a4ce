/** The checks for tests: what they find, how exactly, and what they refuse. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertAllClose, checkGradients, checkHybridize } from '../../src/frontend/testing.ts';
import { nd } from '../../src/index.ts';
import { rejects } from './support.ts';

const js = (value: unknown): never => value as never;
const x = nd.array([0.5, -1]);

/** What a check says of what is wrong. */
const verdict = async (check: Promise<void>): Promise<string> =>
  check.then(
    () => 'nothing',
    (error: Error) => `${error.constructor.name}: ${error.message}`,
  );

test('the worst element is named, and shapes that differ', async () => {
  assert.is(
    await verdict(assertAllClose(x, [0.5, -2], { label: 'y' })),
    'Error: y: 1 of 2 elements differ; worst at [1]: -1, expected -2 (off by 1; rtol 0.00001, atol 0.000001)',
  );
  assert.is(await verdict(assertAllClose(x, [0.5])), 'Error: shapes differ: [2], expected [1]');
});

test('gradients of float64 are compared in float64', async () => {
  const double = x.astype('float64');
  await checkGradients((v) => v.exp(), [double], { step: 1e-6, rtol: 1e-8, atol: 1e-9 });
});

test('what cannot be checked', async () => {
  await rejects(() => checkGradients(js(3), [x]), 'value', 'checkGradients: 3 is not a function');
  await rejects(
    () => checkGradients((v) => v, js(x)),
    'value',
    'checkGradients: the list of inputs',
  );
  await rejects(() => checkGradients(() => js(3), [x]), 'value', 'what the function returns: 3');
  await rejects(() => checkHybridize(js(3), [x]), 'value', 'checkHybridize: 3 is not a function');
  await rejects(() => assertAllClose(x, x, js({ tol: 1 })), 'option', 'unknown option "tol"');
});

test.run();
