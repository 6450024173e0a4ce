/**
 * Bundles each public entry of the package, with what they share in chunks of its own: importing two hundred small
 * modules costs more time than running them. Declarations come from tsc; `src` ships for source maps.
 *
 * `node tools/bundle.mjs [FOLDER]` writes `FOLDER/dist`, by default this package's own.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
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

/** The devices of a main entry stay a module, so that bundlers see which of them a program names. */
const devices = ['device', 'device-web'];
const devicesApart = {
  name: 'devices apart',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^\.\/frontend\/device/ }, ({ path }) => ({
      path: path.replace(/\.ts$/, '.js'),
      external: true,
    })),
};

const { outputFiles, metafile } = await build({
  absWorkingDir: root,
  entryPoints: [
    ...sources,
    ...halves,
    ...devices.map((name) => `./src/frontend/${name}.ts`),
    './src/cli/main.ts',
  ],
  plugins: [devicesApart],
  outdir: dist,
  outbase: 'src',
  bundle: true,
  splitting: true,
  chunkNames: 'chunks/shared-[hash]',
  format: 'esm',
  platform: 'neutral',
  target: 'node20',
  conditions: ['none'],
  external: [manifest.imports, manifest.dependencies, manifest.peerDependencies]
    .flatMap((names) => Object.keys(names))
    .concat('node:*'),
  sourcemap: true,
  metafile: true,
  write: false,
  logLevel: 'warning',
});

/** Chunks are named by what is in them, the only one that does something when it is imported by what it does. */
const acting = 'src/frontend/methods.ts';
const [actor, ...others] = Object.entries(metafile.outputs)
  .filter(([, { inputs }]) => acting in inputs)
  .map(([path]) => basename(path));
if (actor === undefined || others.length > 0) throw new Error(`${acting} is not in one chunk`);

/** esbuild fills namespaces by statements, which keep all that they name; as values, bundlers leave out unused ones. */
const namespacesAsValues = (text) =>
  text
    .replace(/^(var __export = .*\n(?: {2}.*\n)*)};$/m, '$1  return target; };')
    .replace(/^var (\w+) = \{\};\n__export\(\1, /gm, 'var $1 =\n/* @__PURE__ */ __export({}, ');

rmSync(dist, { recursive: true, force: true });
for (const { path, text } of outputFiles) {
  const target = path.replace(actor, 'methods.js');
  mkdirSync(dirname(target), { recursive: true });
  // esbuild imports chunks for their effects, too; bundlers are told that the others have none
  const plain = namespacesAsValues(text)
    .replaceAll(actor, 'methods.js')
    .replace(/^import "[./]*chunks\/shared-\w+\.js";$|^import "\.\/shared-\w+\.js";$/gm, '');
  writeFileSync(target, path.endsWith('.js') ? plain : text.replaceAll(actor, 'methods.js'));
}
