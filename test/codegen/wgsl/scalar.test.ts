/** Every scalar op and conversion, on one number and on four lanes, is what the scalar table says. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ownNames } from '../../../src/codegen/wgsl/names.ts';
import { renderWgsl } from '../../../src/codegen/wgsl/render.ts';
import { assertTint } from '../../support/tint.ts';
import { decode } from '../../support/wasm.ts';
import { ownPlaces, runWgsl, testGpu } from '../../support/wgsl.ts';
import { type ScalarCase, scalarCases, wrongOf } from '../scalar-cases.ts';

/** The text is accepted; a device, if there is one, finds the right results. */
const check = async (one: ScalarCase): Promise<void> => {
  const { kernel, contents, result } = one;
  const places = ownPlaces(kernel);
  for (const f16 of [true, false])
    await assertTint(
      renderWgsl(kernel, { places, features: { f16, subgroups: true }, names: ownNames }),
    );
  const gpu = await testGpu();
  if (gpu === undefined) return;
  const got = decode(result, (await runWgsl(gpu, kernel, contents)).at(-1)!);
  assert.equal(wrongOf(one, got), []);
};

for (const [subject, cases] of scalarCases(false))
  test(subject, async () => {
    for (const one of cases) await check(one);
  });

test.run();
