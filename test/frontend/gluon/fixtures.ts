/**
 * What PyTorch computed (test/fixtures/make.py), and the comparison with what Tigon computes.
 *
 * Invariant: a case is checked imperative and hybridized, forward and backward; no case of a file is left out.
 */
import { readFileSync } from 'node:fs';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import { autograd, nd } from '../../../src/index.ts';

interface Packed {
  readonly shape: readonly number[];
  readonly data: readonly number[];
  readonly dtype?: 'int32';
}
export type Case = Readonly<Record<string, nd.NDArray>>;

/** All cases of a fixture file by name. */
export const casesOf = (file: string): Map<string, Case> => {
  const url = new URL(`../../fixtures/${file}.json`, import.meta.url);
  const cases = JSON.parse(readFileSync(url, 'utf8')) as Record<string, Record<string, Packed>>;
  return new Map(
    Object.entries(cases).map(([name, packed]) => [
      name,
      Object.fromEntries(
        Object.entries(packed).map(([key, { shape, data, dtype }]) => [
          key,
          nd.array(data as number[], { shape, dtype: dtype ?? 'float32' }),
        ]),
      ),
    ]),
  );
};

/** Relative and absolute: float32 sums of up to a few hundred terms, in another order. */
export const RTOL = 2e-5;
export const ATOL = 2e-6;

/**
 * Records `f`, sends `dy` back from its result, and compares the result and the gradients of `arrays` (those that the
 * case has one for) with the case.
 */
export const compare = async (
  name: string,
  expected: Case,
  f: () => nd.NDArray,
  gradients: Readonly<Record<string, () => nd.NDArray>>,
): Promise<void> => {
  const y = autograd.record(f);
  y.backward(expected['dy']!);
  await assertAllClose(y, expected['y']!, { rtol: RTOL, atol: ATOL, label: `${name}: result` });
  for (const [key, gradient] of Object.entries(gradients)) {
    const wanted = expected[`d_${key}`];
    if (wanted === undefined) throw new Error(`${name}: the fixture has no gradient of ${key}`);
    await assertAllClose(gradient(), wanted, {
      rtol: RTOL,
      atol: ATOL,
      label: `${name}: d_${key}`,
    });
  }
};
