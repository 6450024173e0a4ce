/**
 * What a run of the tests consists of: test files, those about arrays once for each device, and checks of all code.
 *
 * Files of some folders share a process, which loads the library once and compiles what several of them use once.
 * Invariant: a file of the folders in `ON_DEVICES` runs on every device, unless its name ends in `.once.test.ts` because
 * it is not about what devices compute; `NAME on DEVICE` names what does not run on the CPU.
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SOURCE } from './support/node.ts';

export const root: string = fileURLToPath(new URL('..', import.meta.url));

export type TestedDevice = 'cpu' | 'webgpu' | 'cuda';

/** A process. */
export interface Job {
  /** Its test files, or the check. */
  readonly names: readonly string[];
  readonly command: readonly string[];
  readonly kind: 'tests' | 'check';
  /** The device that arrays of the file are made on. */
  readonly device?: TestedDevice;
}

const ON_DEVICES = ['differential/', 'frontend/'];
/** Files about the CUDA device itself, which they open. */
const ABOUT_CUDA = /^runtime\/cuda[-.]/;
const NODE = [process.execPath, ...SOURCE];
const PRELOAD = ['--import', './test/support/device.ts'];

/** Folders whose files need no process of their own, and how many share one. */
const TOGETHER = ['acceptance/', 'codegen/', 'differential/', 'frontend/', 'ir/', 'passes/'];
const MOST_TOGETHER = 8;
/** Files that look at the whole process (its memory, its environment, its stacks), and those that take long by themselves. */
const ALONE = /memory|callsite|misuse|mnist|life|^codegen\/cuda|wgsl\/program|web-methods/;

interface File {
  readonly path: string;
  readonly name: string;
  readonly device?: TestedDevice;
  /** Files of one group share processes. */
  readonly group: string;
}

const filesOf = (path: string): readonly File[] => {
  const isOnDevices = ON_DEVICES.some((folder) => path.startsWith(folder));
  const alone = ALONE.test(path) || !TOGETHER.some((folder) => path.startsWith(folder));
  const group = alone ? path : 'together';
  if (!isOnDevices) {
    const file: File = { path, name: path, group };
    return [ABOUT_CUDA.test(path) ? { ...file, device: 'cuda' } : file];
  }
  if (path.endsWith('.once.test.ts')) return [{ path, name: path, group: `${group} once` }];
  return (['cpu', 'webgpu', 'cuda'] as const).map((device) => ({
    path,
    name: device === 'cpu' ? path : `${path} on ${device}`,
    device,
    group: `${group} on ${device}`,
  }));
};

const jobOf = (files: readonly File[]): Job => {
  const { device } = files[0]!;
  const paths = files.map((f) => `test/${f.path}`);
  const isOnDevices = files[0]!.group.endsWith(` on ${device}`);
  const run = files.length === 1 ? paths : ['test/support/together.ts', ...paths];
  return {
    names: files.map((f) => f.name),
    command: [...NODE, ...(isOnDevices ? PRELOAD : []), ...run],
    kind: 'tests',
    ...(device === undefined ? {} : { device }),
  };
};

/** The processes of files, those of one group a few at a time. */
const jobsOf = (files: readonly File[]): readonly Job[] => {
  const groups = new Map<string, File[]>();
  for (const file of files) groups.set(file.group, [...(groups.get(file.group) ?? []), file]);
  return [...groups.values()].flatMap((group) => {
    const processes = Math.ceil(group.length / MOST_TOGETHER);
    return Array.from({ length: processes }, (_, i) =>
      jobOf(group.filter((_, j) => Math.floor((j * processes) / group.length) === i)),
    );
  });
};

const testFiles = (): readonly File[] =>
  readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.test.ts'))
    .sort()
    .flatMap(filesOf);

const bin = (name: string): string => `node_modules/.bin/${name}`;
const checks: readonly Job[] = [
  { names: ['check types (tsc)'], command: [bin('tsc'), '-p', 'tsconfig.json'], kind: 'check' },
  {
    names: ['check types of examples (tsc)'],
    command: [bin('tsc'), '-p', 'examples'],
    kind: 'check',
  },
  { names: ['check lint (biome)'], command: [bin('biome'), 'check', '.'], kind: 'check' },
];

/** The jobs of what holds one of the words in its name; all if there are none. */
export const chooseJobs = (words: readonly string[]): readonly Job[] => {
  const isChosen = (name: string): boolean =>
    words.length === 0 || words.some((word) => name.includes(word));
  return [
    ...jobsOf(testFiles().filter((file) => isChosen(file.name))),
    ...checks.filter(({ names }) => names.some(isChosen)),
  ];
};
