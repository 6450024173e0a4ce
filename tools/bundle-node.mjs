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
import { parseAst } from 'rolldown/parseAst';

/** Modules that differ between Node and browsers: Node's. */
const halves = (root, imports) => ({
  name: 'halves',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^#/ }, ({ path }) => ({
      path: join(root, imports[path]['tigon-source'].default),
    })),
});

const mentions = (node, name) =>
  node !== null &&
  typeof node === 'object' &&
  ((node.type === 'Identifier' && node.name === name) ||
    Object.values(node).some((part) => mentions(part, name)));

/**
 * Classes that name themselves (`X = class _X`), or have the name of another one (`X2 = class`), are called something else
 * by esbuild, and people read what classes are called. Lines stay what they are.
 */
export const withOwnNames = (text) => {
  const own = new Set([...text.matchAll(/ = class _([A-Z]\w*)/g)].map(([, name]) => name));
  const named = text.replace(/(?<![\w.$])_([A-Z]\w*)/g, (all, name) =>
    own.has(name) ? name : all,
  );
  return named.replace(
    /^( *)((?:var )?([A-Z]\w*[A-Za-z])\d+ = )class(?= extends | \{)/gm,
    (all, indent, head, name, at) => {
      const from = at + indent.length + head.length;
      const end = named.indexOf(`\n${indent}}`, from) + indent.length + 2;
      // in it, the name would be this class
      return mentions(parseAst(`(${named.slice(from, end)})`), name)
        ? all
        : `${indent}${head}class ${name}`;
    },
  );
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
  await build({
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
  });
  await build({
    ...common,
    entryPoints: [join(root, 'src/node/load.ts')],
    outfile: join(folder, 'load.js'),
    format: 'esm',
  });
  const code = join(folder, 'code.cjs');
  // V8 does not keep which module a script with kept code would import for
  const text = withOwnNames(readFileSync(code, 'utf8')).replace(/\bimport\(/g, 'fetchModule(');
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
