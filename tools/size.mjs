/**
 * What a page loads before it can train, compressed file by file as servers do it.
 *
 * Invariant: the pages, and how they are put together, are those of `size/pages.mjs`.
 *
 * `npm run size` prints the table (`--json`: as data, without what takes half of the time; `--pages 1,3`: of these pages); `npm run size -- --modules [PAGE]` what the page (its place in
 * the table, 1 if none is given) consists of: folders, then files.
 * `--scripts FOLDER` writes the scripts of the first page, as measured.
 */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { argv } from 'node:process';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { weighModules } from './size/modules.mjs';
import { loadedScripts, PAGES, scriptsOf, withPackage } from './size/pages.mjs';

/** Bytes of a page. */
const weigh = async (page, folder) => {
  const scripts = (await loadedScripts(page, folder)).map(({ code }) => Buffer.from(code));
  const sum = (of) => scripts.reduce((total, bytes) => total + of(bytes), 0);
  return {
    name: page.name,
    files: scripts.length,
    minified: sum((bytes) => bytes.length),
    gzip: sum((bytes) => gzipSync(bytes, { level: 9 }).length),
    ...(argv.includes('--json')
      ? {}
      : { brotli: sum((bytes) => brotliCompressSync(bytes).length) }),
  };
};

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

/** Sums of the files by folder. */
const foldersOf = (files) => {
  const folders = new Map();
  for (const { path, minified, gzip } of files) {
    const sum = folders.get(dirname(path)) ?? { path: dirname(path), minified: 0, gzip: 0 };
    folders.set(dirname(path), {
      ...sum,
      minified: sum.minified + minified,
      gzip: sum.gzip + gzip,
    });
  }
  return [...folders.values()];
};

const showModules = (files) =>
  [foldersOf(files), files]
    .map((rows) =>
      rows
        .toSorted((a, b) => b.gzip - a.gzip)
        .map(({ path, ...bytes }) =>
          [...[bytes.gzip, bytes.minified].map((n) => kilobytes(n).padStart(9)), path].join('  '),
        )
        .join('\n'),
    )
    .join('\n\n');

const after = (option) => argv[argv.indexOf(option) + 1];
await withPackage(async (folder) => {
  if (argv.includes('--scripts')) {
    for (const { path, code } of await scriptsOf(PAGES[0], folder))
      writeFileSync(join(after('--scripts'), path), code);
  } else if (argv.includes('--modules')) {
    const row = after('--modules') ?? 1;
    const page = PAGES[row - 1];
    if (page === undefined)
      throw new Error(`--modules ${row}: the table has rows 1 to ${PAGES.length}`);
    console.log(`${page.name}: gzip, minified\n\n${showModules(await weighModules(page, folder))}`);
  } else {
    const wanted = argv.includes('--pages') ? after('--pages').split(',') : undefined;
    const pages = wanted?.map((place) => PAGES[place - 1]) ?? PAGES;
    const sizes = await Promise.all(pages.map((page) => weigh(page, folder)));
    console.log(argv.includes('--json') ? JSON.stringify(sizes) : showSizes(sizes));
  }
});
