/**
 * How Node loads the package: as one script, with the code that V8 made of it in earlier processes. Without, every process
 * finds, parses and compiles hundreds of modules anew, and each function when it is called for the first time: that is
 * half of what it takes to load the package and to make a first call.
 *
 * Invariants: kept code changes no result: what is damaged, or of another V8, other flags or another build, is not used.
 * Nothing is kept where nothing may be (`TIGON_CACHE=off`), where others could put something else, nor where calls are
 * counted for coverage.
 */
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';
import vm from 'node:vm';
import { isMainThread } from 'node:worker_threads';
import { cacheFolder, DiskCache } from '../runtime/disk-cache.ts';
import { enableRelaxedSimd } from '../runtime/platform/node.ts';

/** The exports of the package by subpath, each loaded when it is asked for. */
type Entries = Readonly<Record<string, () => Readonly<Record<string, unknown>>>>;
/** What the script is: a function of what modules have from Node. */
type Start = (
  require: NodeJS.Require,
  fetchModule: (specifier: string) => Promise<unknown>,
  url: string,
) => Entries;

declare const TIGON_BUILD: string;

const url: string = new URL('code.cjs', import.meta.url).href;

/** Code is replaced when there is this much more of it: code of functions that had not run before. */
const MORE = 1.05;
/** A process that ends and is as old as this does not notice the time that keeping takes, some 30 ms. */
const OLD_MS = 600;
/** Programs that are stopped from outside never end by themselves: what has run by then is kept. */
const SETTLED_MS = 20_000;
const LIMIT_BYTES: number = 64 * 2 ** 20;

/** Whether nobody else may write to the folder: V8 runs what is kept there as it is. */
const isOwn = (folder: string): boolean => {
  const user = process.getuid?.();
  const stat = statSync(folder, { throwIfNoEntry: false });
  if (user === undefined || stat === undefined) return true;
  return (stat.uid === user || stat.uid === 0) && (stat.mode & 0o002) === 0;
};

/** Where V8's code is kept, or undefined. */
const openCache = (): DiskCache | undefined => {
  const folder = cacheFolder('code');
  // functions with kept code are not counted exactly
  if (folder === undefined || process.env['NODE_V8_COVERAGE'] !== undefined || !isOwn(folder))
    return undefined;
  return new DiskCache({
    folder,
    what: 'functions that V8 compiled',
    ending: '.code',
    key: [TIGON_BUILD, process.arch],
    limitBytes: LIMIT_BYTES,
  });
};

/** Keeps the code of all functions that have run so far, if it is clearly more than is known. */
const keeper = (script: vm.Script, cache: DiskCache, path: string, used: number): (() => void) => {
  const tag = v8.cachedDataVersionTag();
  let known = used;
  return () => {
    // the program has changed V8's flags: what is made now is for no other process
    if (v8.cachedDataVersionTag() !== tag) return;
    const code = script.createCachedData();
    if (code.length < MORE * known) return;
    cache.put(path, code);
    known = code.length;
  };
};

/** The script's function, and whether kept code is used. */
const load = (): { readonly start: Start; readonly usesKept: boolean } => {
  const text = readFileSync(fileURLToPath(url), 'latin1');
  // in a context of its own (as in Jest), arrays and errors have to be those of the program
  if (vm.runInThisContext('Object') !== Object)
    return { start: Function(`return ${text}\n//# sourceURL=${url}`)() as Start, usesKept: false };
  // V8 makes code for one set of flags
  enableRelaxedSimd();
  const cache = openCache();
  const path = cache?.path(v8.cachedDataVersionTag()) ?? '';
  const cachedData = cache?.get(path);
  const script = new vm.Script(text, { filename: url, cachedData });
  const usesKept = cachedData !== undefined && script.cachedDataRejected === false;
  if (cache !== undefined && isMainThread) {
    const keep = keeper(script, cache, path, usesKept ? cachedData.length : 0);
    if (!usesKept) setTimeout(keep, SETTLED_MS).unref();
    process.once('exit', () => {
      if (!usesKept || performance.now() > OLD_MS) keep();
    });
  }
  return { start: script.runInThisContext() as Start, usesKept };
};

const loaded = load();

export const usesKept: boolean = loaded.usesKept;
export const entries: Entries = loaded.start(
  createRequire(url),
  (specifier) => import(specifier),
  url,
);
