/**
 * Samples of awaited work: how many, and of how many runs.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sampleAwaited } from '../../bench/sampling.ts';

test('the first run is not timed, and there are two samples at least', async () => {
  let runs = 0;
  const samples = await sampleAwaited({ run: () => runs++, timed: async () => 5 }, 0);
  assert.equal(samples, [5, 5]);
  assert.is(runs, 1);
});

test('runs too short for the clock are timed many at a time', async () => {
  let runs = 0;
  const samples = await sampleAwaited({ run: async () => runs++ }, 0);
  assert.is(samples.length, 2);
  assert.ok(runs > 100, `${runs}`);
});

test.run();
