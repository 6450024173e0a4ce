/**
 * CUDA without a GPU: a stand-in for the driver, NVRTC and NCCL (`test/emulator`) that runs kernels on the processor, and the
 * add-on that opens them, both built when they are missing or older than their sources.
 *
 * Invariant: processes may want it at once: what is built appears whole, under the hash of what it is made of. Without a
 * C++ compiler there is a reason instead.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cache } from './packaged.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const sources = join(root, 'test/emulator');
const FLAGS = ['-std=c++17', '-O1', '-shared', '-fPIC', '-U_FORTIFY_SOURCE'];
const LIBRARY = 'libemulated-cuda.so';
/** Libraries and what they are made of: the stand-in, and what makes its compiler wait. */
const LIBRARIES = [
  [LIBRARY, 'driver/all.cc'],
  ['libwaiting-compiler.so', 'waiting/compiler.cc'],
] as const;
/** The names that programs look for; all of them are one library. */
const NAMES = ['libcuda.so.1', 'libnvrtc.so.12', 'libnccl.so.2'];

/** What outlives a run of the tests is bounded: units that were not used for long go first. */
const MOST_BYTES = 256 << 20;
const PRUNE_EVERY_MS = 10 * 60 * 1000;

export interface Emulator {
  /** For processes that are to find the stand-in. */
  readonly env: Readonly<Record<string, string>>;
}

const filesOf = (folder: string): readonly string[] =>
  readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));

const hashOf = (files: readonly string[]): string => {
  const hash = createHash('sha256').update(FLAGS.join(' '));
  for (const file of files)
    hash.update(`\0${file.slice(root.length)}\0`).update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
};

/** Runs `build` into a folder of its own that then becomes `path`, unless somebody was faster. */
const once = (path: string, build: (into: string) => string | undefined): string | undefined => {
  if (existsSync(path)) return undefined;
  mkdirSync(cache, { recursive: true });
  const made = mkdtempSync(`${path}-`);
  try {
    const problem = build(made);
    if (problem !== undefined) return problem;
    renameSync(made, path);
  } catch (error) {
    if (!existsSync(path)) throw error;
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
  return undefined;
};

const compile = (into: string): string | undefined => {
  for (const [library, source] of LIBRARIES) {
    const { status, error, stderr } = spawnSync(
      'g++',
      [...FLAGS, join(sources, source), '-o', join(into, library), '-ldl', '-pthread'],
      { encoding: 'utf8' },
    );
    if (error !== undefined) return `no C++ compiler (g++: ${error.message})`;
    if (status !== 0) return `the CUDA emulator does not compile:\n${stderr}`;
  }
  cpSync(join(sources, 'include'), join(into, 'include'), { recursive: true });
  for (const name of NAMES) symlinkSync(LIBRARY, join(into, name));
  return undefined;
};

const DAY_MS = 24 * 60 * 60 * 1000;

/** Removes emulators of other sources that nobody built today. */
const pruneEmulators = (own: string): void => {
  for (const path of filesOf(cache)) {
    const isOther = /^cuda-[0-9a-f]{16}$/.test(basename(path)) && path !== own;
    if (isOther && Date.now() - statsOf(path).used > DAY_MS)
      rmSync(path, { recursive: true, force: true });
  }
};

/** Removes the units that were used longest ago, now and then. */
const prune = (units: string): void => {
  const stamp = join(units, 'pruned');
  const last = existsSync(stamp) ? statSync(stamp).mtimeMs : 0;
  if (Date.now() - last < PRUNE_EVERY_MS) return;
  writeFileSync(stamp, '');
  const all = filesOf(units)
    .filter((file) => file.endsWith('.unit'))
    .map((file) => ({ file, ...statsOf(file) }))
    .sort((a, b) => b.used - a.used);
  let bytes = 0;
  for (const one of all) {
    bytes += one.bytes;
    if (bytes > MOST_BYTES) rmSync(one.file, { force: true });
  }
};

const statsOf = (file: string): { readonly used: number; readonly bytes: number } => {
  const stats = statSync(file, { throwIfNoEntry: false });
  return { used: stats?.mtimeMs ?? 0, bytes: stats?.size ?? 0 };
};

/** Builds the add-on if it is missing or older than its sources; one process at a time. */
const buildAddon = (): string | undefined => {
  const built = join(root, 'build/Release/tigon.node');
  const made = readdirSync(join(root, 'src/runtime/native/addon'), {
    recursive: true,
    encoding: 'utf8',
  })
    .map((name) => join(root, 'src/runtime/native/addon', name))
    .concat(join(root, 'binding.gyp'));
  const isFresh = (): boolean => {
    const time = statsOf(built).used;
    return time > 0 && made.every((file) => statsOf(file).used <= time);
  };
  if (isFresh()) return undefined;
  return exclusively(() => {
    if (isFresh()) return undefined;
    const { status, error, stdout, stderr } = spawnSync('npm', ['run', 'build:native'], {
      cwd: root,
      encoding: 'utf8',
    });
    if (error !== undefined) return `npm: ${error.message}`;
    if (status !== 0) return `the CUDA add-on was not built:\n${stdout}${stderr}`;
    // nothing to do for make is as good as new
    if (existsSync(built)) utimesSync(built, new Date(), new Date());
    return undefined;
  });
};

const WAIT_MS = 200;
const GIVE_UP_MS = 4 * 60 * 1000;
const sleep = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

/** Runs `body` while no other process of ours does. Whoever held the lock for minutes is taken to be gone. */
const exclusively = <T>(body: () => T): T => {
  const lock = join(cache, 'native.lock');
  mkdirSync(cache, { recursive: true });
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (!existsSync(lock)) continue;
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (Date.now() - statsOf(lock).used > GIVE_UP_MS)
        rmSync(lock, { recursive: true, force: true });
      else sleep(WAIT_MS);
    }
  }
  try {
    return body();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
};

let known: Emulator | string | undefined;

/** The emulator, or why there is none. */
export const provideEmulator = (): Emulator | string => {
  known ??= provide();
  return known;
};

const provide = (): Emulator | string => {
  if (process.platform !== 'linux') return 'the CUDA emulator runs on Linux';
  const files = ['driver', 'include', 'waiting'].flatMap((name) => filesOf(join(sources, name)));
  const path = join(cache, `cuda-${hashOf(files)}`);
  const made = existsSync(path) ? undefined : exclusively(() => once(path, compile));
  const problem = made ?? buildAddon();
  if (problem !== undefined) return problem;
  const units = join(cache, 'cuda-units');
  mkdirSync(units, { recursive: true });
  prune(units);
  pruneEmulators(path);
  return {
    env: {
      TIGON_CUDA_DRIVER: join(path, NAMES[0]!),
      TIGON_CUDA_COMPILER: join(path, NAMES[1]!),
      TIGON_NCCL: join(path, NAMES[2]!),
      TIGON_EMULATED_CACHE: units,
      // compiled kernels of another emulator, or of a card, are none for this one
      TIGON_CACHE: join(path, 'images'),
    },
  };
};
