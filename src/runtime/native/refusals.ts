/**
 * Why there is no CUDA, for people: what was looked for, what was found instead, and what to do.
 *
 * Invariant: each message lists every place that was tried, in order, with the loader's own words.
 */
import { TigonError } from '../../ir/errors.ts';
import type { Problem } from './addon.ts';
import type { Environment } from './places.ts';

/** What was tried, and why it was not taken. */
export interface Attempt {
  readonly path: string;
  readonly problem: Problem;
}

/** 12040 is 12.4. */
export const versionText = (version: number): string =>
  `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`;

const DRIVER_HELP =
  'install the driver of NVIDIA, 525.60.13 or later; in containers it comes from the host (docker run --gpus all); TIGON_CUDA_DRIVER names its file';

const reasonOf = ({ path, problem }: Attempt): string => {
  switch (problem.problem) {
    case 'absent':
      return problem.detail.startsWith(path) ? problem.detail : `${path}: ${problem.detail}`;
    case 'old':
      return `${path}: ${problem.version ? `CUDA ${versionText(problem.version)}, ` : ''}lacks ${problem.detail || 'a version'}`;
    case 'new':
      return `${path}: version ${versionText(problem.version ?? 0)}, newer than the driver`;
    case 'refuses':
      return `${path}: ${problem.detail} (${problem.code})`;
    default:
      return problem.problem satisfies never;
  }
};

const listed = (attempts: readonly Attempt[]): string =>
  attempts.map((attempt) => `\n    ${reasonOf(attempt)}`).join('');

const deviceError = (brief: string, help: string): TigonError =>
  new TigonError('device', `device.cuda: ${brief}`, help);

export const unsupported = (platform: string): TigonError =>
  deviceError(
    `the CUDA add-on is for Linux, and this is ${platform}`,
    'device.webgpu() runs on graphics cards here',
  );

export const addonMissing = (
  places: readonly string[],
  target: string,
  reason?: string,
): TigonError =>
  deviceError(
    reason === undefined
      ? `the CUDA add-on is not built. Looked for:${places.map((place) => `\n    ${place}`).join('')}\n    the package @tigon/native-${target}`
      : `the CUDA add-on does not load: ${reason}`,
    "npm run build:native in Tigon's folder (it needs a C++17 compiler, make and Python 3, and no CUDA)",
  );

const visible = (environment: Environment): string => {
  const value = environment['CUDA_VISIBLE_DEVICES'];
  return value === undefined ? '' : ` CUDA_VISIBLE_DEVICES is "${value}" and may hide them;`;
};

export const noDevice = (driver: string, environment: Environment): TigonError =>
  deviceError(
    `the driver is here, but finds no GPU (CUDA_ERROR_NO_DEVICE)\n    ${driver}`,
    `nvidia-smi lists what the machine has;${visible(environment)} containers need to be given them (docker run --gpus all)`,
  );

/** What else keeps a driver from starting. */
const START_HELP: Readonly<Record<string, string>> = {
  CUDA_ERROR_STUB_LIBRARY:
    'this file is for linking only: take the folder `stubs` out of LD_LIBRARY_PATH and TIGON_CUDA_PATH',
  CUDA_ERROR_SYSTEM_DRIVER_MISMATCH:
    'the library is of another version than the kernel module: restart the machine after updating the driver; in containers, take the package cuda-compat out',
  CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE:
    'the package cuda-compat is for data centre cards only: remove it',
  CUDA_ERROR_SYSTEM_NOT_READY:
    'start the service that this machine needs: systemctl start nvidia-fabricmanager',
  CUDA_ERROR_UNKNOWN: 'nvidia-smi says more; nvidia-modprobe -u -c=0 makes missing device files',
};

export const noDriver = (attempts: readonly Attempt[], environment: Environment): TigonError => {
  const refusing = attempts.find(({ problem }) => problem.problem === 'refuses');
  if (refusing !== undefined) {
    const { problem } = refusing;
    const path = problem.file ?? refusing.path;
    if (problem.code === 'CUDA_ERROR_NO_DEVICE') return noDevice(path, environment);
    return deviceError(
      `the driver does not start: ${problem.detail} (${problem.code})\n    ${path}`,
      START_HELP[problem.code ?? ''] ?? 'nvidia-smi says more',
    );
  }
  const old = attempts.find(({ problem }) => problem.problem === 'old');
  return old === undefined
    ? deviceError(`there is no CUDA driver. Looked for:${listed(attempts)}`, DRIVER_HELP)
    : deviceError(
        `the driver is too old: it lacks functions of CUDA 12.0:${listed(attempts)}`,
        DRIVER_HELP,
      );
};

export const noCompiler = (
  attempts: readonly Attempt[],
  driverVersion: number,
  environment: Environment,
): TigonError => {
  const major = Math.floor(driverVersion / 1000);
  const only = environment['TIGON_CUDA_COMPILER'];
  return deviceError(
    `there is no NVRTC, the compiler of CUDA C++ as a library, that fits the driver (CUDA ${versionText(driverVersion)}). Looked for:${listed(attempts)}`,
    only
      ? 'TIGON_CUDA_COMPILER names this file as the only one; without the variable others are looked for'
      : `pip install nvidia-cuda-nvrtc${major >= 13 ? '' : `-cu${major}`}, or a CUDA toolkit; TIGON_CUDA_PATH names its folder`,
  );
};

export const noNccl = (attempts: readonly Attempt[]): TigonError =>
  new TigonError(
    'device',
    `NCCL, which sums over devices, is not here. Looked for:${listed(attempts)}`,
    'pip install nvidia-nccl-cu12, or the package libnccl2; TIGON_NCCL names its file',
  );
