/**
 * WebGPU in a browser: what is trained there has the numbers of the CPU in Node; a browser without an adapter says so and
 * computes on the CPU.
 *
 * Invariant: where there is no Chromium the pages are skipped, and the reason is printed.
 */
import { device } from 'tigon';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { testInChromium } from './chromium.ts';
import { MODES, type Report, report } from './lenet.ts';
import { assertClose, bundle, places } from './pages.ts';
import type { Posted } from './post.ts';
import { visit } from './visit.ts';

/** Of losses and sums, between WebGPU and the CPU. */
const TOLERANCE = 1e-4;
const PAGE = 'webgpu-page.ts';

let expected: Report;

const assertSame = (actual: Report): void => {
  for (const mode of MODES)
    assertClose(actual.losses[mode]!, expected.losses[mode]!, mode, TOLERANCE);
  assertClose(actual.product, expected.product, 'product', TOLERANCE);
};

test('on the CPU in Node, it learns', async () => {
  expected = await report(device.cpu());
  for (const losses of Object.values(expected.losses))
    assert.ok(
      losses.every((l, i) => i === 0 || l < losses[i - 1]!),
      `${losses}`,
    );
});

for (const { name, format, body } of places) {
  testInChromium(`${name}: losses on WebGPU are those of the CPU`, async () => {
    const script = await bundle(PAGE, format);
    const page = { body, script, isolated: false, webgpu: true };
    const posted = (await visit(page)) as Posted<Report>;
    assert.is(posted.error, undefined);
    assert.is(posted.report!.device, 'webgpu(0)');
    assertSame(posted.report!);
    assert.equal(posted.warnings, []);
  });

  testInChromium(`${name}: without an adapter, the CPU computes and a line says why`, async () => {
    const script = await bundle(PAGE, format);
    const posted = (await visit({ body, script, isolated: true })) as Posted<Report>;
    assert.is(posted.error, undefined);
    assert.is(posted.report!.device, 'cpu()');
    assertSame(posted.report!);
    assert.is(posted.warnings.length, 1, posted.warnings.join('\n'));
    assert.match(posted.warnings[0]!, /device\.best\(\) is cpu\(\): .*adapter/);
  });
}

test.run();
