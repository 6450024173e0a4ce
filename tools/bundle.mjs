/**
 * Bundles each public entry of the package, with what they share in chunks of its own: importing two hundred small
 * modules costs more time than running them. Declarations come from tsc; `src` ships for source maps.
 *
 * Invariant: a bundler that puts a page together can leave out every function that the page does not name: namespaces
 * are modules, and what modules compute when they are loaded is marked as pure.
 *
 * `node tools/bundle.mjs [FOLDER]` writes `FOLDER/dist`, by default this package's own.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
import { parseAst } from 'rolldown/parseAst';
import { bundleForNode } from './bundle-node.mjs';
import { withOwnNames } from './own-names.mjs';

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

/** The main entries say what there is, and nothing else: they stay as they are written. */
const FACADES = ['face', 'index', 'web'];
const facades = FACADES.map((name) => readFileSync(`${root}src/${name}.ts`, 'utf8'));
/** Namespaces in namespaces: modules of their own, too. */
const NESTED = /\/(linalg|fft)\/index\.ts$/;
const nested = ['src/frontend/linalg/index.ts', 'src/frontend/fft/index.ts'];
/** They are named by where they will be: whoever imports them may be in a chunk. */
const apart = {
  name: 'apart',
  setup: ({ onResolve }) =>
    onResolve({ filter: NESTED }, ({ path, kind }) =>
      kind === 'entry-point'
        ? undefined
        : { path: `apart:${path.match(NESTED)[1]}`, external: true },
    ),
};
const withNested = (path, text) =>
  text.replace(/(?<=")apart:(\w+)(?=")/g, (_, name) => {
    const to = relative(dirname(path), join(dist, `frontend/${name}/index.js`));
    return to.startsWith('.') ? to : `./${to}`;
  });
/** What they name: modules of their own, so that bundlers see which of a namespace a program uses. */
const named = [
  ...new Set(facades.join('').match(/(?<=')\.\/frontend\/.*(?=')|(?<=')\.\/ir\/.*(?=')/g)),
];

/** What compiled programs depend on: all sources. */
const buildOf = () => {
  const hash = createHash('sha256').update(manifest.version);
  const paths = readdirSync(`${root}src`, { recursive: true }).filter((p) => p.endsWith('.ts'));
  for (const path of paths.sort()) hash.update(path).update(readFileSync(`${root}src/${path}`));
  return hash.digest('hex').slice(0, 32);
};

const define = { TIGON_BUILD: JSON.stringify(buildOf()) };
/** What is not in it: Node's own modules, and other packages. */
const external = [manifest.dependencies, manifest.peerDependencies]
  .flatMap((names) => Object.keys(names))
  .concat('node:*');

const { outputFiles, metafile } = await build({
  absWorkingDir: root,
  // each once: what is an entry twice would be a chunk, and chunks do nothing when they are imported
  entryPoints: [
    ...new Set([
      ...sources.filter((source) => !FACADES.some((name) => source === `./src/${name}.ts`)),
      ...halves,
      ...named.map((path) => path.replace('./', './src/')),
      ...nested,
      './src/cli/main.ts',
    ]),
  ],
  plugins: [apart],
  outdir: dist,
  outbase: 'src',
  bundle: true,
  splitting: true,
  chunkNames: 'chunks/shared-[hash]',
  format: 'esm',
  platform: 'neutral',
  target: 'node20',
  conditions: ['none'],
  define,
  external: Object.keys(manifest.imports).concat(external),
  sourcemap: true,
  metafile: true,
  write: false,
  logLevel: 'warning',
});

/** Chunks are named by what is in them, the only one that does something when it is imported by what it does. */
const acting = 'src/frontend/methods.ts';
const filesWith = (source) =>
  Object.entries(metafile.outputs)
    .filter(([, { inputs }]) => source in inputs)
    .map(([path]) => basename(path));
const [actor, ...others] = filesWith(acting);
if (actor === undefined || others.length > 0) throw new Error(`${acting} is not in one chunk`);
/** So does this entry: it has to be a file of its own. */
const more = 'src/frontend/more-methods.ts';
if (`${filesWith(more)}` !== 'more-methods.js') throw new Error(`${more} is in a chunk`);

/** Where expressions outside of functions call something: what they compute is dropped with the variable they are for. */
const callsIn = (node) => {
  if (node === null || typeof node !== 'object' || /Function/.test(node.type)) return [];
  const own = /^(Call|New)Expression$/.test(node.type) ? [node.start] : [];
  return own.concat(...Object.values(node).map(callsIn));
};

/** The text with such calls marked, but for those marked already, and divisors: printed tight, that begins a comment. */
const withPureCalls = (text) => {
  const calls = parseAst(text)
    .body.filter(({ type }) => type === 'VariableDeclaration')
    .flatMap(({ declarations }) => declarations.flatMap(({ init }) => callsIn(init)));
  const places = [...new Set(calls)].filter((at) => !text.slice(0, at).trimEnd().endsWith('/'));
  return [0, ...places].map((at, i) => text.slice(at, places[i])).join('/* @__PURE__ */ ');
};

rmSync(dist, { recursive: true, force: true });
const write = (path, text) => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, withNested(path, text));
};
for (const { path, text } of outputFiles) {
  const target = path.replace(actor, 'methods.js');
  // esbuild imports chunks for their effects, too; bundlers are told that the others have none
  const plain = () =>
    withPureCalls(withOwnNames(text))
      .replaceAll(actor, 'methods.js')
      .replace(/^import "[./]*chunks\/shared-\w+\.js";$|^import "\.\/shared-\w+\.js";$/gm, '');
  write(target, path.endsWith('.js') ? plain() : text.replaceAll(actor, 'methods.js'));
}
for (const [i, name] of FACADES.entries()) {
  const { code } = await transform(facades[i], { loader: 'ts', format: 'esm', target: 'node20' });
  write(join(dist, `${name}.js`), code.replaceAll(/\.ts(?=["'])/g, '.js'));
}

await bundleForNode({ root, dist, manifest, define, external });
