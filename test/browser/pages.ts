/**
 * Scripts of pages and the places in a page where they run.
 *
 * Invariant: a script is one file, bundled as an application's bundler would, without warnings.
 */
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';
import * as assert from 'uvu/assert';

/** The module beside this one, as a script. */
export const bundle = async (name: string, format: 'esm' | 'iife'): Promise<string> => {
  const options: BuildOptions = {
    entryPoints: [fileURLToPath(new URL(name, import.meta.url))],
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

export const places = [
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

/** Throws unless the numbers are equal up to `tolerance`, relative to those above 1. */
export const assertClose = (
  actual: readonly number[],
  expected: readonly number[],
  what: string,
  tolerance: number,
): void => {
  assert.is(actual.length, expected.length, what);
  actual.forEach((value, i) => {
    const limit = tolerance * Math.max(1, Math.abs(expected[i]!));
    const close = Math.abs(value - expected[i]!) <= limit;
    assert.ok(close, `${what}: position ${i} is ${value}, not ${expected[i]}`);
  });
};
