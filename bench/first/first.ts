/**
 * What a first call takes, in fresh processes that load the built package: `npm run bench -- first`.
 *
 * Invariant: the package is built into a folder of its own, and no program is found compiled; medians over processes,
 * whose cases take turns. V8's code of the package is found by those of the columns that say so, as by every process on a
 * machine but the first one. `thread` is processor time of the calling thread, `process` that of all threads: V8's compilers
 * and collector and the device's workers included.
 */
import { execFileSync, fork } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Effort } from '../measure.ts';
import { CASE_NAMES } from './case-names.ts';
import type { First } from './child.ts';
import type { Moment } from './clock.ts';
import { PHASE_NAMES } from './phases.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Medians, in milliseconds. */
export interface FirstRow {
  readonly name: string;
  readonly load: Moment;
  readonly first: Moment;
  /** Of `first`: until the program can be launched. */
  readonly compile: Moment;
  /** The same in a process that has run the function once, operation by operation. */
  readonly compileAfter: Moment;
  readonly second: Moment;
  /** In a process that finds V8's code of the package. */
  readonly kept: { readonly load: Moment; readonly compile: Moment; readonly first: Moment };
  /** Of one first call that was sampled. */
  readonly phases: Readonly<Record<string, number>>;
}

/** Calls `use` with a folder that holds the package as it is published, and the program of a process. */
const withPackage = async <T>(use: (folder: string) => Promise<T>): Promise<T> => {
  const folder = mkdtempSync(join(tmpdir(), 'tigon-first-'));
  try {
    copyFileSync(join(root, 'package.json'), join(folder, 'package.json'));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
    execFileSync(process.execPath, [join(root, 'tools/bundle.mjs'), folder]);
    await build({
      entryPoints: [join(root, 'bench/first/child.ts')],
      outdir: join(folder, 'bench'),
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      external: ['tigon', 'tigon/*'],
      logLevel: 'error',
    });
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** A process that keeps things in `cache`. */
const inProcess = (
  folder: string,
  name: string,
  cache: string,
  ...options: string[]
): Promise<First> =>
  new Promise((resolve, reject) => {
    const child = fork(join(folder, 'bench/child.js'), [name, ...options], {
      cwd: folder,
      execArgv: [],
      env: { ...process.env, TIGON_CACHE: cache },
    });
    let first: First | undefined;
    child.on('message', (message) => {
      first = message as First;
    });
    child.on('exit', (code) => {
      if (first === undefined) reject(new Error(`${name}: its process ended with code ${code}`));
      else resolve(first);
    });
  });

/** One that finds V8's code, of a process that did the same, and no program. */
const withKeptCode = async (folder: string, name: string): Promise<First> => {
  const cache = join(folder, `cache-${name}`);
  if (!existsSync(cache)) await inProcess(folder, name, cache);
  rmSync(join(cache, 'programs'), { recursive: true, force: true });
  return inProcess(folder, name, cache);
};

const median = (xs: readonly number[]): number =>
  xs.slice().sort((a, b) => a - b)[xs.length >> 1] ?? Number.NaN;

const medians = (moments: readonly Moment[]): Moment => ({
  wall: median(moments.map((m) => m.wall)),
  thread: median(moments.map((m) => m.thread)),
  process: median(moments.map((m) => m.process)),
});

const show = ({ wall, thread, process: all }: Moment): string =>
  [wall, thread, all].map((ms) => ms.toFixed(0).padStart(6)).join('');

const showPhases = (phases: FirstRow['phases']): string =>
  PHASE_NAMES.filter((name) => (phases[name] ?? 0) >= 0.5)
    .map((name) => `${name} ${phases[name]!.toFixed(0)}`)
    .join(', ');

export const measureFirst = async (
  names: readonly string[],
  effort: Effort,
): Promise<readonly FirstRow[]> => {
  const chosen = CASE_NAMES.filter(
    (name) => names.length === 0 || names.some((n) => name.startsWith(n)),
  );
  if (chosen.length === 0)
    throw new Error(`no such case: ${names.join(', ')}; cases: ${CASE_NAMES.join(', ')}`);
  return withPackage(async (folder) => {
    const found = chosen.map((name) => ({
      name,
      fresh: [] as First[],
      after: [] as First[],
      kept: [] as First[],
    }));
    for (let round = 0; round < effort.rounds; round++)
      for (const { name, fresh, after, kept } of found) {
        fresh.push(await inProcess(folder, name, 'off'));
        after.push(await inProcess(folder, name, 'off', '--after-imperative'));
        kept.push(await withKeptCode(folder, name));
      }
    const heads = ['load', 'trace+compile', 'first call', 'second', 'after imperative'];
    const keptHeads = ['code kept: load', 'trace+compile', 'first call'];
    console.log(
      `${'ms: wall, thread, process'.padEnd(26)}${[...heads, ...keptHeads].map((x) => x.padStart(18)).join('')}`,
    );
    const rows: FirstRow[] = [];
    for (const { name, fresh, after, kept } of found) {
      const { phases } = await inProcess(folder, name, 'off', '--profile');
      const row: FirstRow = {
        name,
        load: medians(fresh.map((x) => x.load)),
        compile: medians(fresh.map((x) => x.compile)),
        first: medians(fresh.map((x) => x.first)),
        second: medians(fresh.map((x) => x.second)),
        compileAfter: medians(after.map((x) => x.compile)),
        kept: {
          load: medians(kept.map((x) => x.load)),
          compile: medians(kept.map((x) => x.compile)),
          first: medians(kept.map((x) => x.first)),
        },
        phases: phases ?? {},
      };
      rows.push(row);
      const shown = [row.load, row.compile, row.first, row.second, row.compileAfter];
      const { load, compile, first } = row.kept;
      console.log(`${name.padEnd(26)}${[...shown, load, compile, first].map(show).join('')}`);
      console.log(`  of a sampled one: ${showPhases(row.phases)}`);
    }
    return rows;
  });
};
