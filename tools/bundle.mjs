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
const platforms = ['./src/runtime/platform/node.ts', './src/runtime/platform/browser.ts'];

rmSync(dist, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: [...sources, ...platforms, './src/cli/main.ts'],
  outdir: dist,
  outbase: 'src',
  bundle: true,
  splitting: true,
  chunkNames: 'chunks/[hash]',
  format: 'esm',
  platform: 'neutral',
  target: 'node20',
  conditions: ['none'],
  external: ['#platform', 'chevrotain', '@hpcc-js/wasm-graphviz', 'node:*'],
  sourcemap: true,
  logLevel: 'warning',
});
