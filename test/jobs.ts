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
  /** Whether SwiftShader is the better driver for it. */
  readonly quick: boolean;
}

const ON_DEVICES = ['differential/', 'frontend/'];
/**
 * Tests on WebGPU run on one of two drivers in software, where both are there: SwiftShader compiles short kernels in a
 * fraction of the time (a tenth, or half), lavapipe runs long ones many times as fast, and it alone has float16. The
 * files named here are lavapipe's: those with arrays of float16, and those with long kernels.
 */
const WITH_FLOAT16 =
  /\/(amp|arithmetic|attention|autograd|clip|conv-layout|creation|fft|functions|loss|nn|nn\.norm|optimizers|sampling|trainer)\.test/;
const WITH_LONG_KERNELS = /attention|linalg|order|distributions|random\/(families|gradients)/;
/** These open a device themselves, and its driver may be any. */
const ON_ANY_DRIVER = /^codegen\/wgsl\/(render|scalar)/;
/** Files about the CUDA device itself, which they open. */
const ABOUT_CUDA = /^runtime\/cuda[-.]/;
const NODE = [process.execPath, ...SOURCE];
const PRELOAD = ['--import', './test/support/device.ts'];

/** Folders whose files need no process of their own. */
const TOGETHER = [
  'acceptance/',
  'book/',
  'codegen/',
  'differential/',
  'frontend/',
  'ir/',
  'passes/',
];
/**
 * How many share a process. The library is loaded once, and what runs again runs fast: in processes of 24 files tests of the
 * compiler take a sixth less of a processor than in those of 8. Drivers in software keep what they compiled.
 */
const MOST_TOGETHER = { cpu: 24, webgpu: 8, cuda: 8 } as const;
/** Files that look at the whole process (its memory, its environment, its stacks), and those that take long by themselves. */
const ALONE = /memory|callsite|misuse|mnist|life|^codegen\/cuda|wgsl\/program|web-methods/;

interface File {
  readonly path: string;
  readonly name: string;
  readonly device?: TestedDevice;
  /** Whether its arrays are made on the device, which is then preloaded. */
  readonly onDevice?: boolean;
  readonly quick: boolean;
  /** Files of one group share processes. */
  readonly group: string;
}

const filesOf = (path: string): readonly File[] => {
  const isOnDevices = ON_DEVICES.some((folder) => path.startsWith(folder));
  const alone = ALONE.test(path) || !TOGETHER.some((folder) => path.startsWith(folder));
  const group = alone ? path : 'together';
  if (!isOnDevices) {
    const quick = ON_ANY_DRIVER.test(path);
    const file: File = { path, name: path, quick, group: quick ? `${group}, quick` : group };
    return [ABOUT_CUDA.test(path) ? { ...file, device: 'cuda' } : file];
  }
  if (path.endsWith('.once.test.ts'))
    return [{ path, name: path, quick: false, group: `${group} once` }];
  return (['cpu', 'webgpu', 'cuda'] as const).map((device) => {
    const onLavapipe = WITH_FLOAT16.test(path) || WITH_LONG_KERNELS.test(path);
    const quick = device === 'webgpu' && !onLavapipe;
    return {
      path,
      name: device === 'cpu' ? path : `${path} on ${device}`,
      device,
      onDevice: true,
      quick,
      group: `${group} on ${device}${quick ? ', quick' : ''}`,
    };
  });
};

const jobOf = (files: readonly File[]): Job => {
  const { device, onDevice = false, quick } = files[0]!;
  const paths = files.map((f) => `test/${f.path}`);
  const run = files.length === 1 ? paths : ['test/support/together.ts', ...paths];
  return {
    names: files.map((f) => f.name),
    command: [...NODE, ...(onDevice ? PRELOAD : []), ...run],
    kind: 'tests',
    quick,
    ...(device === undefined ? {} : { device }),
  };
};

/** The processes of files, those of one group a few at a time. */
const jobsOf = (files: readonly File[]): readonly Job[] => {
  const groups = new Map<string, File[]>();
  for (const file of files) groups.set(file.group, [...(groups.get(file.group) ?? []), file]);
  return [...groups.values()].flatMap((group) => {
    const processes = Math.ceil(group.length / MOST_TOGETHER[group[0]!.device ?? 'cpu']);
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
/** Threads of the compiler do some things twice, and other jobs run beside it. */
const TSC = [bin('tsc'), '--singleThreaded', '-p'];
const checks: readonly Job[] = [
  {
    names: ['check types (tsc)'],
    command: [...TSC, 'tsconfig.json'],
    kind: 'check',
    quick: false,
  },
  {
    names: ['check types of examples (tsc)'],
    command: [...TSC, 'examples'],
    kind: 'check',
    quick: false,
  },
  {
    names: ['check lint (biome)'],
    command: [bin('biome'), 'check', '.'],
    kind: 'check',
    quick: false,
  },
];

/** How many times as long a file takes, roughly. */
const SLOWER_ON = { cpu: 1, webgpu: 3, cuda: 3 } as const;

/** Those that take longest first, so that the last ones are short and every processor has some: files of one process. */
const byLength = (jobs: readonly Job[]): readonly Job[] => {
  const length = ({ names, device = 'cpu' }: Job): number =>
    names.length === 1 ? 1 : names.length * SLOWER_ON[device];
  return jobs.toSorted((a, b) => length(b) - length(a));
};

/** The jobs of what holds one of the words in its name; all if there are none. */
export const chooseJobs = (words: readonly string[]): readonly Job[] => {
  const isChosen = (name: string): boolean =>
    words.length === 0 || words.some((word) => name.includes(word));
  return [
    ...byLength(jobsOf(testFiles().filter((file) => isChosen(file.name)))),
    ...checks.filter(({ names }) => names.some(isChosen)),
  ];
};
