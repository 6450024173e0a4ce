/**
 * Programs that tests start often, each with all that it loads in a few files: from its sources it takes most of a second
 * of a processor to start.
 *
 * Invariant: nothing is left out of them but packages that users install themselves, which are found from where they lie.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Built {
  /** For Node. */
  readonly path: string;
  readonly remove: () => void;
}

/** Bundles a program of this repository. */
export const buildProgram = async (entry: string): Promise<Built> => {
  const folder = mkdtempSync(join(root, 'node_modules', '.tigon-'));
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['tigon-source'],
    external: ['webgpu', '@hpcc-js/*', '@observablehq/*', 'linkedom'],
    logLevel: 'warning',
  });
  return {
    path: join(folder, basename(entry).replace(/\.ts$/, '.mjs')),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
};
