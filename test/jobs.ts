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
  /** Whether it needs nothing of the machine but its processor. */
  readonly early: boolean;
  /** About how many of a processor it takes. */
  readonly seconds: number;
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
const PRELOAD = ['--import', './test/support/device.ts'];

/** These, and files of arrays on the CPU, need nothing that is looked for, unpacked or built first. */
const EARLY =
  /^(acceptance|book|ir|passes|codegen\/(?!wgsl|gpu|cuda))\/|^codegen\/cuda\/(program|golden|ptx)/;

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
/** Files that look at the whole process (its memory, its environment, its stacks), and those that take long by themselves. */
const ALONE =
  /memory|keep\.once|callsite|misuse|mnist|life|^codegen\/cuda|wgsl\/program|web-methods/;

/** About how many seconds of a processor a file takes, those that take many apart. */
const SECONDS = { cpu: 1, webgpu: 3, cuda: 3 } as const;
const ON_LAVAPIPE = 6;
const LONG: readonly (readonly [name: RegExp, seconds: number])[] = [
  [/^codegen\/cuda\/program/, 60],
  [/^differential\/ops.* on webgpu/, 45],
  [/^frontend\/attention.* on webgpu/, 35],
  [/^(docstrings|examples)\.|^browser\/|^codegen\/(cuda|gpu\/schedules)|^runtime\/native-abi/, 20],
  [/^differential\/(ops|frontend|program|threads)|^codegen\/wgsl\/program/, 14],
  [/^cli\/|^emulator\/|^passes\/bindings|^frontend\/probability\/(dist|fix).* on webgpu/, 12],
  [/^(coverage|declarations|docs)\.|^runtime\/|^frontend\/(gluon\/mnist|switches)/, 8],
];
/**
 * How many seconds of files share a process, and how many files: the library is loaded once, and what runs again runs fast.
 * In processes of 24 files tests of the compiler take a sixth less of a processor than in those of 8.
 */
const MOST_SECONDS = 60;
const MOST_FILES = 24;

/**
 * Room for young objects where files share a process: they compile many small programs, and what one takes is garbage when
 * the next begins. Collecting less often takes a twelfth less of a processor.
 */
const ROOMY = ['--min-semi-space-size=32', '--max-semi-space-size=64'];

interface File {
  readonly path: string;
  readonly name: string;
  readonly device?: TestedDevice;
  /** Whether its arrays are made on the device, which is then preloaded. */
  readonly onDevice: boolean;
  readonly quick: boolean;
  readonly early: boolean;
  readonly seconds: number;
  /** Whether it shares a process with others. */
  readonly together: boolean;
}

const fileOn = (path: string, device: TestedDevice | undefined, onDevice: boolean): File => {
  const name = onDevice && device !== 'cpu' ? `${path} on ${device}` : path;
  const onSwiftShader =
    device === 'webgpu' && !WITH_FLOAT16.test(path) && !WITH_LONG_KERNELS.test(path);
  return {
    path,
    name,
    ...(device === undefined ? {} : { device }),
    onDevice,
    quick: onSwiftShader || ON_ANY_DRIVER.test(path),
    early: device === 'cpu' || path.endsWith('.once.test.ts') || EARLY.test(path),
    seconds:
      LONG.find(([pattern]) => pattern.test(name))?.[1] ??
      (device === 'webgpu' && !onSwiftShader ? ON_LAVAPIPE : SECONDS[device ?? 'cpu']),
    together: !ALONE.test(path) && TOGETHER.some((folder) => path.startsWith(folder)),
  };
};

const filesOf = (path: string): readonly File[] => {
  const isOnDevices = ON_DEVICES.some((folder) => path.startsWith(folder));
  if (isOnDevices && !path.endsWith('.once.test.ts'))
    return (['cpu', 'webgpu', 'cuda'] as const).map((device) => fileOn(path, device, true));
  return [fileOn(path, ABOUT_CUDA.test(path) ? 'cuda' : undefined, false)];
};

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

const jobOf = (files: readonly File[]): Job => {
  const { device, onDevice, quick, early } = files[0]!;
  const paths = files.map((f) => `test/${f.path}`);
  const alone = files.length === 1;
  return {
    names: files.map((f) => f.name),
    command: [
      process.execPath,
      ...(alone ? [] : ROOMY),
      ...SOURCE,
      ...(onDevice ? PRELOAD : []),
      ...(alone ? [] : ['test/support/together.ts']),
      ...paths,
    ],
    kind: 'tests',
    quick,
    early,
    seconds: sum(files.map((f) => f.seconds)),
    ...(device === undefined ? {} : { device }),
  };
};

/** Files that can share a process have the same. */
const groupOf = (file: File): string =>
  file.together ? JSON.stringify([file.device, file.onDevice, file.quick, file.early]) : file.name;

/** The processes of files, those of one group as many at a time as are allowed. */
const jobsOf = (files: readonly File[]): readonly Job[] => {
  const groups = new Map<string, File[]>();
  for (const file of files) groups.set(groupOf(file), [...(groups.get(groupOf(file)) ?? []), file]);
  return [...groups.values()].flatMap((group) => {
    const seconds = sum(group.map((f) => f.seconds));
    const processes = Math.ceil(Math.max(seconds / MOST_SECONDS, group.length / MOST_FILES));
    return Array.from({ length: processes }, (_, i) => group.filter((_, j) => j % processes === i))
      .filter((part) => part.length > 0)
      .map(jobOf);
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
const check = (name: string, command: readonly string[], seconds: number): Job => ({
  names: [`check ${name}`],
  command,
  kind: 'check',
  quick: false,
  early: true,
  seconds,
});
const checks: readonly Job[] = [
  check('types (tsc)', [...TSC, 'tsconfig.json'], 20),
  check('types of examples (tsc)', [...TSC, 'examples'], 10),
  check('lint (biome)', [bin('biome'), 'check', '.'], 10),
];

/** Those that take longest first, so that the last ones are short and every processor has some. */
const byLength = (jobs: readonly Job[]): readonly Job[] =>
  jobs.toSorted((a, b) => b.seconds - a.seconds);

/** The jobs of what holds one of the words in its name; all if there are none. */
export const chooseJobs = (words: readonly string[]): readonly Job[] => {
  const isChosen = (name: string): boolean =>
    words.length === 0 || words.some((word) => name.includes(word));
  return byLength([
    ...jobsOf(testFiles().filter((file) => isChosen(file.name))),
    ...checks.filter(({ names }) => names.some(isChosen)),
  ]);
};
