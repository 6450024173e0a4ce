/**
 * What NumPy and SciPy computed (test/fixtures/make_numpy.py), held against what the array functions give.
 *
 * Invariant: shapes, dtypes and values are compared; no case of a group is left out, and none is made up.
 */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertAllClose, type Tolerance } from '../../../src/frontend/testing.ts';
import { nd } from '../../../src/index.ts';

interface Packed {
  readonly dtype: nd.DType;
  readonly shape: readonly number[];
  readonly data: readonly (number | string)[];
}
type Group = Readonly<Record<string, Packed | readonly Packed[]>>;

const url = new URL('../../fixtures/numpy.json', import.meta.url);
const groups = JSON.parse(readFileSync(url, 'utf8')) as Readonly<Record<string, Group>>;

const NUMBERS: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
};
const unpack = ({ dtype, shape, data }: Packed): nd.NDArray =>
  nd.array(
    data.map((v) => (typeof v === 'string' ? NUMBERS[v]! : v)),
    { dtype, shape },
  );

/** The arrays that the cases share. */
export const inputs: Readonly<Record<string, nd.NDArray>> = Object.fromEntries(
  Object.entries(groups['inputs']!).map(([name, packed]) => [name, unpack(packed as Packed)]),
);

export interface NumpyCase {
  readonly run: () =>
    | nd.NDArray
    | readonly nd.NDArray[]
    | Promise<nd.NDArray | readonly nd.NDArray[]>;
  readonly tolerance?: Tolerance;
}

/** One test for each case of a group. */
export const testGroup = (
  name: string,
  cases: Readonly<Record<string, NumpyCase['run'] | NumpyCase>>,
  /** Cases of NumPy's that the device can run. Default: all. */
  able: (title: string) => boolean = () => true,
): void => {
  const group = groups[name]!;
  test(`${name}: all cases of NumPy are here`, () => {
    assert.equal(Object.keys(cases).sort(), Object.keys(group).filter(able).sort());
  });
  for (const [title, given] of Object.entries(cases)) {
    const { run, tolerance } = typeof given === 'function' ? { run: given, tolerance: {} } : given;
    test(`${name}: ${title}`, async () => {
      const wanted = [group[title]!].flat();
      const got = [await run()].flat();
      assert.is(got.length, wanted.length, `${got.length} results`);
      for (const [i, y] of got.entries()) {
        const expected = wanted[i]!;
        const label = `${title}: result ${i}`;
        assert.is(y.dtype, expected.dtype, label);
        await assertAllClose(y, unpack(expected), { rtol: 2e-6, atol: 2e-6, label, ...tolerance });
      }
    });
  }
};
