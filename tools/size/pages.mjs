/**
 * The pages whose size counts, and their scripts: the published package, bundled as applications do it (rolldown, which
 * Vite is built on), minified by its own minifier; the first page by terser, too.
 *
 * Invariant: measures the package as built now, in a folder of its own; a part that is fetched when the program asks for
 * it (a device, reports) counts only for the page that asks.
 */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { minify } from 'terser';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** All that trains a net: arrays, gradients, compiled functions, layers, losses, optimizers. */
const training = (entry) => `
export { autograd, Block, HybridBlock, hybridize, nd, Parameter, random, TigonError, Trainer } from '${entry}';
export * as nn from 'tigon/nn';
export * as loss from 'tigon/loss';
export * as optim from 'tigon/optim';
`;

/** A page that names what it uses: a net of its own making, which a test runs in a browser. */
const own = ['mlp-page.ts', 'mlp.ts'].map((name) => join(root, 'test/browser', name));

/** All functions of arrays, gradients and compiled functions, on the device that it opens. */
const core = "export { autograd, device, hybridize, nd } from 'tigon/web';\n";

/** A program that names its devices. Else the CPU is the default, and the only one. */
const naming = (entry) => `export { device } from '${entry}';\n`;

const everything = `
export * from 'tigon';
${['nn', 'loss', 'optim', 'data', 'metric', 'init', 'viz'].map((name) => `export * as ${name} from 'tigon/${name}';`).join('\n')}
export * as safetensors from 'tigon/io/safetensors';
`;

/**
 * `text`, or `copies` of files, the first of which is the page's. `fetches`: the device whose part is fetched on top of
 * what the page loads at once. Without it, all is in one file. `terser`: whether it is minified by that, too.
 */
export const PAGES = [
  {
    name: 'trains an MLP of its own on WebGPU, fetched',
    copies: own,
    fetches: 'webgpu',
    terser: true,
  },
  { name: 'has all of nd, on WebGPU, fetched (grows with nd)', text: core, fetches: 'webgpu' },
  { name: 'trains on the CPU, one file', text: training('tigon') },
  {
    name: 'trains on the CPU, fetched',
    text: training('tigon/web') + naming('tigon/web'),
    fetches: 'cpu',
  },
  {
    name: 'trains on WebGPU, fetched',
    text: training('tigon/web') + naming('tigon/web'),
    fetches: 'webgpu',
  },
  { name: 'trains on either, one file', text: training('tigon') + naming('tigon') },
  { name: 'has all but tigon/ir, one file', text: everything },
];

/** What the package is made from. */
const SOURCES = ['package.json', 'tsconfig.json', 'src', 'tools'];

/**
 * Calls `use` with a folder that holds the package as it is published, and what it depends on.
 *
 * It is made from copies: names of chunks come from paths of sources as seen from `dist`, and minified names, which
 * compress well or badly by chance, from names of chunks. So a page is the same wherever this repository lies.
 */
export const withPackage = async (use) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tigon-size-')));
  try {
    for (const name of SOURCES) cpSync(join(root, name), join(folder, name), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
    execFileSync(process.execPath, [join(folder, 'tools/bundle.mjs')]);
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Packages that a page brings itself. */
const OUTSIDE = ['@hpcc-js/wasm-graphviz', 'webgpu'];
const isOutside = (name) => OUTSIDE.includes(name);

/** Files of this repository that a module of the package was made from. */
const sourcesOf = (path) =>
  existsSync(`${path}.map`) ? JSON.parse(readFileSync(`${path}.map`, 'utf8')).sources : [];

/** Modules of the package with their maps, so that scripts say which file each character is from. */
const withMaps = {
  name: 'maps',
  load: (path) =>
    existsSync(`${path}.map`)
      ? { code: readFileSync(path, 'utf8'), map: readFileSync(`${path}.map`, 'utf8') }
      : undefined,
};

/** Chunks of the page, not minified by terser yet. `maps`: with source maps. */
const bundle = async ({ name, text, copies = [], fetches }, folder, maps) => {
  const page = join(folder, `${name.replaceAll(/\W+/g, '-')}.mjs`);
  if (text !== undefined) writeFileSync(page, text);
  for (const file of copies) copyFileSync(file, join(folder, basename(file)));
  const built = await rolldown({
    input: text === undefined ? join(folder, basename(copies[0])) : page,
    platform: 'browser',
    external: OUTSIDE,
    plugins: maps ? [withMaps] : [],
  });
  const { output } = await built.generate({
    format: 'esm',
    minify: true,
    sourcemap: maps,
    codeSplitting: fetches !== undefined,
  });
  await built.close();
  return output.filter(({ type }) => type === 'chunk');
};

/** The chunks that loading `path` loads. */
const loadedBy = (path, chunks, loaded = new Set()) => {
  const chunk = chunks.find(({ fileName }) => fileName === path);
  if (loaded.has(chunk)) return loaded;
  loaded.add(chunk);
  for (const next of chunk.imports) if (!isOutside(next)) loadedBy(next, chunks, loaded);
  return loaded;
};

/** The chunks that opening the device loads: the fewest, as what the device fetches later may load the device. */
const partOf = (device, chunks) => {
  const code = `src/runtime/${device}/device.ts`;
  const holdsDevice = ({ moduleIds }) =>
    moduleIds.flatMap(sourcesOf).some((source) => source.includes(code));
  const [part] = chunks
    .flatMap((chunk) => chunk.dynamicImports.filter((path) => !isOutside(path)))
    .map((path) => [...loadedBy(path, chunks)])
    .filter((loaded) => loaded.some(holdsDevice))
    .sort((one, other) => one.length - other.length);
  if (part === undefined) throw new Error(`no part of the page holds ${code}`);
  return part;
};

/** What the page loads of its chunks. */
const loadedOf = ({ fetches }, chunks) => {
  const start = chunks.find(({ isEntry }) => isEntry).fileName;
  const part = fetches === undefined ? [] : partOf(fetches, chunks);
  return [...new Set([...loadedBy(start, chunks), ...part])];
};

/** Minified again: it makes pages a fiftieth smaller, and takes most of a minute for large ones. */
const minifiedAgain = async (code, map) => {
  const sourceMap = map ? { content: map } : false;
  const small = await minify(code, {
    module: true,
    ecma: 2020,
    compress: { passes: 2 },
    sourceMap,
  });
  return { code: small.code, map: map && JSON.parse(small.map) };
};

/** A chunk as it is published. */
const finish = async ({ terser }, { fileName, code, map }) => ({
  path: fileName,
  ...(terser ? await minifiedAgain(code, map) : { code, map }),
});

/** All scripts of the page, whether it loads them or not. */
export const scriptsOf = async (page, folder) =>
  Promise.all((await bundle(page, folder, false)).map((chunk) => finish(page, chunk)));

/** The scripts that the page loads; `maps`: with source maps. */
export const loadedScripts = async (page, folder, maps = false) =>
  Promise.all(loadedOf(page, await bundle(page, folder, maps)).map((chunk) => finish(page, chunk)));
