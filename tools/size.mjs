/**
 * What a page loads before it can train: the published package, bundled as applications do it
 * (rolldown, which Vite is built on), minified (its own minifier, then terser) and compressed.
 *
 * Invariant: measures the package as built now, in a folder of its own; a part that is fetched when the program asks for
 * it (a device, reports) counts only for the page that asks.
 *
 * `npm run size` prints the table (`--json`: as data); `npm run size -- --files` what training consists of, too.
 * `--scripts FOLDER` writes the scripts of the first page, as measured.
 */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { rolldown } from 'rolldown';
import { minify } from 'terser';

const root = fileURLToPath(new URL('..', import.meta.url));

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
 * what the page loads at once. Without it, all is in one file.
 */
const PAGES = [
  { name: 'trains an MLP of its own on WebGPU, fetched', copies: own, fetches: 'webgpu' },
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

/** Calls `use` with a folder that holds the package as it is published, and what it depends on. */
const withPackage = async (use) => {
  const folder = mkdtempSync(join(tmpdir(), 'tigon-size-'));
  try {
    copyFileSync(join(root, 'package.json'), join(folder, 'package.json'));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
    execFileSync(process.execPath, [join(root, 'tools/bundle.mjs'), folder]);
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

/** The page's scripts: what each loads, and fetches later, and which files of this repository it was made from. */
const bundle = async ({ name, text, copies = [], fetches }, folder) => {
  const page = join(folder, `${name.replaceAll(/\W+/g, '-')}.mjs`);
  if (text !== undefined) writeFileSync(page, text);
  for (const file of copies) copyFileSync(file, join(folder, basename(file)));
  const built = await rolldown({
    input: text === undefined ? join(folder, basename(copies[0])) : page,
    platform: 'browser',
    external: OUTSIDE,
  });
  const { output } = await built.generate({
    format: 'esm',
    minify: true,
    codeSplitting: fetches !== undefined,
  });
  await built.close();
  const scripts = output.map(
    async ({ fileName, code, moduleIds, isEntry, imports, dynamicImports }) => {
      const small = await minify(code, { module: true, ecma: 2020, compress: { passes: 2 } });
      return {
        path: fileName,
        bytes: Buffer.from(small.code),
        sources: moduleIds.flatMap(sourcesOf),
        isStart: isEntry,
        imports,
        dynamicImports,
      };
    },
  );
  return Promise.all(scripts);
};

/** The scripts that loading `path` loads. */
const loadedBy = (path, scripts, loaded = new Set()) => {
  const script = scripts.find((s) => s.path === path);
  if (loaded.has(script)) return loaded;
  loaded.add(script);
  for (const next of script.imports) if (!isOutside(next)) loadedBy(next, scripts, loaded);
  return loaded;
};

/** The scripts that opening the device loads. */
const partOf = (device, scripts) => {
  const code = `src/runtime/${device}/device.ts`;
  const part = scripts
    .flatMap((script) => script.dynamicImports.filter((path) => !isOutside(path)))
    .map((path) => loadedBy(path, scripts))
    .find((loaded) => [...loaded].some((s) => s.sources.some((source) => source.includes(code))));
  if (part === undefined) throw new Error(`no part of the page holds ${code}`);
  return part;
};

/** Bytes of a page, minified, and compressed file by file as servers do it. */
const weigh = async (page, folder) => {
  const scripts = await bundle(page, folder);
  const start = scripts.find(({ isStart }) => isStart).path;
  const part = page.fetches === undefined ? [] : partOf(page.fetches, scripts);
  const loaded = [...new Set([...loadedBy(start, scripts), ...part])];
  const sum = (of) => loaded.reduce((total, script) => total + of(script.bytes), 0);
  return {
    name: page.name,
    files: loaded.length,
    minified: sum((bytes) => bytes.length),
    gzip: sum((bytes) => gzipSync(bytes, { level: 9 }).length),
    brotli: sum((bytes) => brotliCompressSync(bytes).length),
  };
};

/** The weight of every kind of page, in the order of the table. */
const measureSizes = () =>
  withPackage((folder) => Promise.all(PAGES.map((page) => weigh(page, folder))));

/** Writes the scripts of the page that names what it uses. */
const writeScripts = (target) =>
  withPackage(async (folder) => {
    for (const { path, bytes } of await bundle(PAGES[0], folder))
      writeFileSync(join(target, path), bytes);
  });

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

/** The figures as a table for people. */
const showSizes = (sizes) => {
  const rows = [
    ['a page that', 'files', 'minified', 'gzip', 'brotli'],
    ...sizes.map(({ name, files, ...bytes }) => [
      name,
      `${files}`,
      ...[bytes.minified, bytes.gzip, bytes.brotli].map(kilobytes),
    ]),
  ];
  const widths = rows[0].map((_, c) => Math.max(...rows.map((row) => row[c].length)));
  return rows
    .map((row) =>
      row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))),
    )
    .map((cells) => cells.join('  '))
    .join('\n');
};

/** Minified bytes by file and by folder of `src`, largest first, of all training code in one file. */
const showFiles = async () => {
  const { metafile } = await build({
    stdin: { contents: training('tigon') + naming('tigon'), resolveDir: root },
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    conditions: ['tigon-source', 'browser'],
    external: OUTSIDE,
    metafile: true,
    outdir: 'page',
    absWorkingDir: root,
  });
  const [{ inputs }] = Object.values(metafile.outputs);
  const files = Object.entries(inputs).map(([path, { bytesInOutput }]) => [path, bytesInOutput]);
  const folders = new Map();
  for (const [path, bytes] of files)
    folders.set(dirname(path), (folders.get(dirname(path)) ?? 0) + bytes);
  const list = (rows) =>
    rows
      .filter(([, bytes]) => bytes > 0)
      .sort((a, b) => b[1] - a[1])
      .map(([path, bytes]) => `${kilobytes(bytes).padStart(9)}  ${path}`)
      .join('\n');
  return `${list([...folders])}\n\n${list(files)}`;
};

const scriptsAt = argv.indexOf('--scripts');
if (scriptsAt > 0) await writeScripts(argv[scriptsAt + 1]);
else {
  const sizes = await measureSizes();
  console.log(argv.includes('--json') ? JSON.stringify(sizes) : showSizes(sizes));
  if (argv.includes('--files')) console.log(`\n${await showFiles()}`);
}
