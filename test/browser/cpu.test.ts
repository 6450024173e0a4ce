/**
 * The CPU device in a browser: the same nets trained in Node and in pages of headless Chromium give the same numbers.
 *
 * Invariant: where no Chromium is installed the pages are skipped, and the reason is printed.
 */
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { testInChromium } from './chromium.ts';
import type { Posted } from './page.ts';
import { MODES, type Report, report } from './training.ts';
import { visit } from './visit.ts';

/** Of losses, between ways of running and between engines. */
const TOLERANCE = 1e-6;

const HEADERS = ['Cross-Origin-Opener-Policy', 'Cross-Origin-Embedder-Policy'];

const bundle = async (format: 'esm' | 'iife'): Promise<string> => {
  const options: BuildOptions = {
    entryPoints: [fileURLToPath(new URL('page.ts', import.meta.url))],
    bundle: true,
    write: false,
    format,
    platform: 'browser',
    target: 'es2022',
    conditions: ['tigon-source', 'browser'],
    external: ['@hpcc-js/wasm-graphviz'],
    logLevel: 'silent',
  };
  const { outputFiles, warnings } = await build(options);
  assert.equal(
    warnings.map((w) => w.text).filter((text) => !text.includes('import.meta')),
    [],
  );
  return outputFiles![0]!.text;
};

const assertClose = (
  actual: readonly number[],
  expected: readonly number[],
  what: string,
): void => {
  assert.is(actual.length, expected.length, what);
  actual.forEach((value, i) => {
    const limit = TOLERANCE * Math.max(1, Math.abs(expected[i]!));
    const close = Math.abs(value - expected[i]!) <= limit;
    assert.ok(close, `${what}: position ${i} is ${value}, not ${expected[i]}`);
  });
};

const assertSameModes = ({ losses }: Report): void => {
  for (const [key, values] of Object.entries(losses)) {
    const first = losses[key.replace(/ .*/, ` ${MODES[0]}`)]!;
    assertClose(values, first, `${key} against ${MODES[0]}`);
    assert.ok(values.at(-1)! < 0.8 * values[0]!, `${key} learns: ${values}`);
  }
};

const places = [
  {
    name: 'main thread',
    format: 'iife',
    body: '<script src="/page.js"></script>',
  },
  {
    name: 'module worker',
    format: 'esm',
    body: '<script>new Worker("/page.js", { type: "module" })</script>',
  },
] as const;

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
        const posted = (await visit(body, await bundle(format), isolated)) as Posted;
        assert.is(posted.error, undefined);
        assert.is(posted.isolated, isolated);
        const actual = posted.report!;
        assertSameModes(actual);
        for (const [key, values] of Object.entries(expected.losses))
          assertClose(actual.losses[key]!, values, `${key} against Node`);
        assertClose(actual.product, expected.product, 'product against Node');
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
