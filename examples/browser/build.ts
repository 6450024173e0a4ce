/**
 * Puts the page together: its scripts and styles bundled, beside its HTML.
 *
 * Invariant: the folder holds a whole static site afterwards; any web server can serve it.
 */
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));

/** Where `npm run example:browser` puts it. */
export const SITE: string = fileURLToPath(new URL('.site/', import.meta.url));

export const buildSite = async (folder: string): Promise<void> => {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await build({
    absWorkingDir: here,
    entryPoints: ['page.ts', 'worker.ts', 'page.css'],
    outdir: folder,
    bundle: true,
    // devices and the main thread's copy of the training code are fetched when they are asked for
    splitting: true,
    format: 'esm',
    minify: true,
    sourcemap: true,
    target: 'es2022',
    platform: 'browser',
    conditions: ['tigon-source', 'browser'],
    external: ['@hpcc-js/wasm-graphviz'],
    logLevel: 'warning',
  });
  await copyFile(join(here, 'index.html'), join(folder, 'index.html'));
};
