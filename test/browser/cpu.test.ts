/**
 * The CPU device in a browser: the same nets trained in Node and in pages of headless Chromium give the same numbers.
 *
 * Invariant: where no Chromium is installed the pages are skipped, and the reason is printed.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { testInChromium } from './chromium.ts';
import { assertClose, bundle, places } from './pages.ts';
import type { Posted } from './post.ts';
import { MODES, type Report, report } from './training.ts';
import { visit } from './visit.ts';

/** Of losses, between ways of running and between engines. */
const TOLERANCE = 1e-6;

const HEADERS = ['Cross-Origin-Opener-Policy', 'Cross-Origin-Embedder-Policy'];

const assertSameModes = ({ losses }: Report): void => {
  for (const [key, values] of Object.entries(losses)) {
    const first = losses[key.replace(/ .*/, ` ${MODES[0]}`)]!;
    assertClose(values, first, `${key} against ${MODES[0]}`, TOLERANCE);
    assert.ok(values.at(-1)! < 0.8 * values[0]!, `${key} learns: ${values}`);
  }
};

let expected: Report;

test('in Node, the ways of running agree', async () => {
  expected = await report();
  assertSameModes(expected);
});

for (const { name, format, body } of places)
  for (const isolated of [true, false])
    testInChromium(
      `${name}, ${isolated ? 'isolated: threads' : 'not isolated: one thread'}`,
      async () => {
        const posted = (await visit({
          body,
          script: await bundle('page.ts', format),
          isolated,
        })) as Posted<Report>;
        assert.is(posted.error, undefined);
        assert.is(posted.isolated, isolated);
        const actual = posted.report!;
        assertSameModes(actual);
        for (const [key, values] of Object.entries(expected.losses))
          assertClose(actual.losses[key]!, values, `${key} against Node`, TOLERANCE);
        assertClose(actual.product, expected.product, 'product against Node', TOLERANCE);
        assert.equal(actual.array, expected.array);
        const [message] = expected.message.split('\n');
        assert.is(actual.message.split('\n')[0], message);
        assert.match(actual.message, /help: /);
        assert.is(actual.shared, isolated && actual.cores > 1);
        assert.ok(actual.peakBytes < 2 ** 31, `dead arrays come back: ${actual.peakBytes} bytes`);
        if (isolated) {
          assert.equal(posted.warnings, []);
          assert.is(actual.threads, Math.min(16, actual.cores));
          assert.is(actual.sleepers, actual.threads - 1, 'every worker has come up');
        } else {
          assert.is(actual.threads, 1);
          assert.is(posted.warnings.length, actual.cores > 1 ? 1 : 0);
          for (const line of posted.warnings)
            for (const header of HEADERS) assert.ok(line.includes(header), line);
        }
      },
    );

test.run();
