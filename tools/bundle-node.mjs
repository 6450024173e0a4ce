/**
 * The package as Node loads it (`src/node/load.ts`): `dist/node/code.cjs`, one script with all modules, and for each public
 * entry a module that names what it has.
 *
 * Invariant: entries have the names that their modules have, and modules are what they are in the rest of `dist`; those
 * that no entry has loaded have not run.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import vm from 'node:vm';
import { build } from 'esbuild';
import { withOwnNames } from './own-names.mjs';

/** Modules that differ between Node and browsers: Node's. */
const halves = (root, imports) => ({
  name: 'halves',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^#/ }, ({ path }) => ({
      path: join(root, imports[path]['tigon-source'].default),
    })),
});

/** What the script fetches when it is needed: V8 does not keep which module a script with kept code imports for. */
const withFetches = (text, metafile) => {
  const fetched = new Set();
  const result = text.replace(/\bimport\((?="([^"]+)"\))/g, (_, name) => {
    fetched.add(name);
    return 'fetchModule(';
  });
  const known = Object.values(metafile.outputs).flatMap(({ imports }) =>
    imports.flatMap(({ kind, path }) => (kind === 'dynamic-import' ? [path] : [])),
  );
  if (`${[...fetched].sort()}` !== `${[...new Set(known)].sort()}`)
    throw new Error(`the script fetches ${known}, and these calls were found: ${[...fetched]}`);
  return result;
};

/** Writes `node/` of the folder `dist`. */
export const bundleForNode = async ({ root, dist, manifest, define, external }) => {
  const folder = join(dist, 'node');
  const entries = Object.entries(manifest.exports).filter(([, to]) => to['node-addons']);
  const common = {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node20',
    define,
    external,
    plugins: [halves(root, manifest.imports)],
    logLevel: 'warning',
  };
  const list = entries.map(
    ([name, to]) => `${JSON.stringify(name)}: () => require(${JSON.stringify(to['tigon-source'])})`,
  );
  const { metafile } = await build({
    ...common,
    stdin: { contents: `module.exports = {${list}};`, resolveDir: root },
    outfile: join(folder, 'code.cjs'),
    format: 'cjs',
    define: { ...define, 'import.meta.url': 'tigonUrl' },
    // the script is a function; what is in parentheses is compiled at once
    banner: {
      js: '(function (require, fetchModule, tigonUrl) { "use strict"; const module = { exports: {} };',
    },
    footer: { js: 'return module.exports; })' },
    sourcemap: true,
    sourcesContent: false,
    metafile: true,
  });
  await build({
    ...common,
    entryPoints: [join(root, 'src/node/load.ts')],
    outfile: join(folder, 'load.js'),
    format: 'esm',
  });
  const code = join(folder, 'code.cjs');
  const text = withFetches(withOwnNames(readFileSync(code, 'utf8')), metafile);
  writeFileSync(code, text);
  const modules = vm.runInThisContext(text)(
    createRequire(join(root, 'package.json')),
    undefined,
    pathToFileURL(code).href,
  );
  for (const [name, to] of entries) {
    const path = join(dist, '..', to['node-addons']);
    const load = relative(dirname(path), join(folder, 'load.js'));
    // some are words of the language
    const names = Object.keys(modules[name]()).sort();
    const text = `import { entries } from ${JSON.stringify(load.startsWith('.') ? load : `./${load}`)};
const { ${names.map((n) => `${n}: ${n}_`).join(', ')} } = entries[${JSON.stringify(name)}]();
export { ${names.map((n) => `${n}_ as ${n}`).join(', ')} };
`;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
};
