/**
 * Bundles each public entry of the package, with what they share in chunks of its own: importing two hundred small
 * modules costs more time than running them. Declarations come from tsc; `src` ships for source maps.
 *
 * `node tools/bundle.mjs [FOLDER]` writes `FOLDER/dist`, by default this package's own.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(process.argv[2] ?? root, 'dist');
const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const sources = Object.values(manifest.exports)
  .map((entry) => entry['tigon-source'])
  .filter((source) => source !== undefined);
/** Files that differ between Node and browsers: whoever loads the package resolves them. */
const halves = Object.values(manifest.imports).flatMap((entry) =>
  Object.values(entry['tigon-source']),
);

rmSync(dist, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: [...sources, ...halves, './src/cli/main.ts'],
  outdir: dist,
  outbase: 'src',
  bundle: true,
  splitting: true,
  chunkNames: 'chunks/[hash]',
  format: 'esm',
  platform: 'neutral',
  target: 'node20',
  conditions: ['none'],
  external: [...Object.keys(manifest.imports), 'chevrotain', '@hpcc-js/wasm-graphviz', 'node:*'],
  sourcemap: true,
  logLevel: 'warning',
});
