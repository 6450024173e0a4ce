/**
 * What a run of the tests consists of: test files, those about arrays once for each device, and checks of all code.
 *
 * Invariant: a file of the folders in `ON_DEVICES` runs on every device, unless its name ends in `.once.test.ts` because
 * it is not about what devices compute; `NAME on DEVICE` names what does not run on the CPU.
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root: string = fileURLToPath(new URL('..', import.meta.url));

export type TestedDevice = 'cpu' | 'webgpu' | 'cuda';

export interface Job {
  readonly name: string;
  readonly command: readonly string[];
  readonly kind: 'tests' | 'check';
  /** The device that arrays of the file are made on. */
  readonly device?: TestedDevice;
}

const ON_DEVICES = ['differential/', 'frontend/'];
/** Files about the CUDA device itself, which they open. */
const ABOUT_CUDA = /^runtime\/cuda[-.]/;
const NODE = [process.execPath, '--conditions=tigon-source', '--import', 'tsx'];
const PRELOAD = ['--import', './test/support/device.ts'];

const jobsOf = (path: string): readonly Job[] => {
  const file = `test/${path}`;
  const onDevices =
    ON_DEVICES.some((folder) => path.startsWith(folder)) && !path.endsWith('.once.test.ts');
  if (!onDevices) {
    const job: Job = { name: path, command: [...NODE, file], kind: 'tests' };
    return [ABOUT_CUDA.test(path) ? { ...job, device: 'cuda' } : job];
  }
  const command = [...NODE, ...PRELOAD, file];
  return [
    { name: path, command, kind: 'tests', device: 'cpu' },
    ...(['webgpu', 'cuda'] as const).map(
      (device): Job => ({ name: `${path} on ${device}`, command, kind: 'tests', device }),
    ),
  ];
};

const testJobs = (): readonly Job[] =>
  readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.test.ts'))
    .sort()
    .flatMap(jobsOf);

const bin = (name: string): string => `node_modules/.bin/${name}`;
const checks: readonly Job[] = [
  { name: 'check types (tsc)', command: [bin('tsc'), '-p', 'tsconfig.json'], kind: 'check' },
  { name: 'check types of examples (tsc)', command: [bin('tsc'), '-p', 'examples'], kind: 'check' },
  { name: 'check lint (biome)', command: [bin('biome'), 'check', '.'], kind: 'check' },
];

/** The jobs whose name holds one of the words; all if there are none. */
export const chooseJobs = (words: readonly string[]): readonly Job[] =>
  [...testJobs(), ...checks].filter(
    ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
  );
