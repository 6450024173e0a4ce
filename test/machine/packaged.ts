/**
 * What the npm package `@sparticuz/chromium` carries, unpacked: a software Vulkan driver and a headless Chromium, for
 * machines where neither is installed nor can be.
 *
 * Invariant: a folder is there whole or not at all; only Linux on x86-64 has any.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';

const modules = fileURLToPath(new URL('../../node_modules/', import.meta.url));
const carried = join(modules, '@sparticuz/chromium/bin');
const carries = process.platform === 'linux' && process.arch === 'x64' && existsSync(carried);

/** What outlives a run of the tests; `npm ci` removes it. */
export const cache: string = join(modules, '.cache/tigon');

/** The folder `name` of the cache, filled by `fill` if it is not there yet. */
const folder = (name: string, fill: (into: string) => void): string => {
  const path = join(cache, name);
  if (existsSync(path)) return path;
  mkdirSync(cache, { recursive: true });
  const made = mkdtempSync(`${path}-`);
  try {
    fill(made);
    renameSync(made, path);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    // it is there if another run was faster
    if (!existsSync(path)) throw error;
  }
  return path;
};

const PROGRAM = { mode: 0o755 };
const BLOCK = 512;

const unpacked = (file: string): Buffer => brotliDecompressSync(readFileSync(join(carried, file)));

/** Writes the files of a tar archive whose own name `wanted` accepts. */
const untar = (archive: Buffer, into: string, wanted: (name: string) => boolean): void => {
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0; ) {
    const field = (from: number, length: number): string =>
      archive.toString('latin1', at + from, at + from + length).replace(/\0.*$/s, '');
    const name = field(0, 100);
    const size = Number.parseInt(field(124, 12), 8);
    const isFile = ['', '0'].includes(field(156, 1));
    if (isFile && wanted(basename(name))) {
      const path = join(into, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, archive.subarray(at + BLOCK, at + BLOCK + size), PROGRAM);
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
};

const SWIFTSHADER = 'swiftshader';

/** Whether SwiftShader was unpacked before. */
export const hasSwiftShader = (): boolean => existsSync(join(cache, SWIFTSHADER));

/** The environment in which programs find SwiftShader as their Vulkan driver, if the package carries it. */
export const swiftShader = (): Record<string, string> | undefined => {
  if (!carries) return undefined;
  const path = folder(SWIFTSHADER, (into) =>
    // a folder on LD_LIBRARY_PATH: nothing but the loader and the driver
    untar(unpacked('swiftshader.tar.br'), into, (name) => /^(lib)?(vk_|vulkan)/.test(name)),
  );
  const others = process.env['LD_LIBRARY_PATH'];
  return {
    LD_LIBRARY_PATH: others ? `${path}:${others}` : path,
    VK_ICD_FILENAMES: join(path, 'vk_swiftshader_icd.json'),
  };
};

/** With libraries of its own, and a language whatever the locale: of a POSIX one it makes a tag that it refuses itself. */
const START = `#!/bin/sh
here=$(dirname "$0")
LANG=en_US.UTF-8 LC_ALL=en_US.UTF-8 LD_LIBRARY_PATH="$here/lib" exec "$here/chromium" "$@"
`;

/** The program that starts headless Chromium, if the package carries it. */
export const packagedChromium = (): string | undefined => {
  if (!carries) return undefined;
  const path = folder('chromium', (into) => {
    for (const archive of ['swiftshader.tar.br', 'al2023.tar.br'])
      untar(unpacked(archive), into, () => true);
    writeFileSync(join(into, 'chromium'), unpacked('chromium.br'), PROGRAM);
    writeFileSync(join(into, 'start'), START, PROGRAM);
  });
  return join(path, 'start');
};
