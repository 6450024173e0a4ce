/**
 * Where the driver, NVRTC and NCCL may lie.
 *
 * Invariant: a variable that names one file is the only place; `TIGON_CUDA_PATH` comes before all other places; Python,
 * which takes a while to ask, comes last.
 */
import { execFile } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** A file, or a name that the system's loader finds. */
export interface Candidate {
  readonly path: string;
  /** Files that it looks for by their bare names. */
  readonly beforehand: readonly string[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** One of the three libraries. */
interface Kind {
  /** The variable that names its file. */
  readonly variable: string;
  /** Names that the system's loader is asked for, the best first. */
  readonly names: readonly string[];
  /** Its files. */
  readonly pattern: RegExp;
  /** What has to be loaded with it, from its own folder. */
  readonly beside: RegExp | undefined;
}

const DRIVER: Kind = {
  variable: 'TIGON_CUDA_DRIVER',
  names: ['libcuda.so.1'],
  pattern: /^libcuda\.so(\.\d+)*$/,
  beside: undefined,
};
const COMPILER: Kind = {
  variable: 'TIGON_CUDA_COMPILER',
  names: ['libnvrtc.so.13', 'libnvrtc.so.12', 'libnvrtc.so.11.2', 'libnvrtc.so'],
  pattern: /^libnvrtc\.so(\.\d+)*$/,
  beside: /^libnvrtc-builtins\.so(\.\d+)*$/,
};
const NCCL: Kind = {
  variable: 'TIGON_NCCL',
  names: ['libnccl.so.2', 'libnccl.so'],
  pattern: /^libnccl\.so(\.\d+)*$/,
  beside: undefined,
};

/** Drivers that the loader does not find by itself: in WSL, in containers of Kubernetes, in NixOS. */
const DRIVER_FOLDERS = ['/usr/lib/wsl/lib', '/usr/local/nvidia/lib64', '/run/opengl-driver/lib'];

const namesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

/** The newest first: `libnvrtc.so.13` before `libnvrtc.so.12.4` before `libnvrtc.so`. */
const byVersion = (a: string, b: string): number => b.localeCompare(a, 'en', { numeric: true });

const besideOf = (kind: Kind, folder: string): readonly string[] => {
  const { beside } = kind;
  if (beside === undefined) return [];
  return namesIn(folder)
    .filter((name) => beside.test(name))
    .sort(byVersion)
    .map((name) => join(folder, name));
};

const fileAt = (kind: Kind, path: string): Candidate => ({
  path,
  beforehand: besideOf(kind, dirname(path)),
});

const inFolder = (kind: Kind, folder: string): readonly Candidate[] =>
  namesIn(folder)
    .filter((name) => kind.pattern.test(name))
    .sort(byVersion)
    .map((name) => fileAt(kind, join(folder, name)));

const toolkitFolders = (folder: string): readonly string[] => [
  folder,
  join(folder, 'lib64'),
  join(folder, 'lib'),
  join(folder, 'targets/x86_64-linux/lib'),
  join(folder, 'targets/sbsa-linux/lib'),
];

const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** Places of `TIGON_CUDA_PATH`: folders or files, split by colons. */
const namedPlaces = (kind: Kind, environment: Environment): readonly Candidate[] =>
  (environment['TIGON_CUDA_PATH'] ?? '')
    .split(':')
    .filter((part) => part !== '')
    .flatMap((part) => {
      if (!isFolder(part)) return kind.pattern.test(basename(part)) ? [fileAt(kind, part)] : [];
      return toolkitFolders(part).flatMap((folder) => inFolder(kind, folder));
    });

const byLoader = (kind: Kind): readonly Candidate[] =>
  kind.names.map((path) => ({ path, beforehand: [] }));

const set = (values: readonly (string | undefined)[]): readonly string[] =>
  values.filter((value) => value !== undefined && value !== '') as readonly string[];

const toolkits = (environment: Environment): readonly string[] => [
  ...set([environment['CUDA_PATH'], environment['CUDA_HOME'], environment['CONDA_PREFIX']]),
  ...namesIn('/usr/local')
    .filter((name) => /^cuda(-\d+(\.\d+)?)?$/.test(name))
    .sort(byVersion)
    .map((name) => join('/usr/local', name)),
];

/** Folders that pip installs NVIDIA's packages to, beneath a folder of packages. */
const PACKAGES = ['nvidia/cu13/lib', 'nvidia/cu12/lib', 'nvidia/cuda_nvrtc/lib', 'nvidia/nccl/lib'];

const LIST_PACKAGES =
  'import json,site,sys;print(json.dumps([p for p in sys.path+[site.getusersitepackages()] if p.endswith("-packages")]))';

/** Folders of packages of the Python on the path. */
const packageFolders = (environment: Environment): Promise<readonly string[]> =>
  new Promise((resolve) => {
    const options = { env: environment as NodeJS.ProcessEnv, timeout: 10_000 };
    execFile('python3', ['-c', LIST_PACKAGES], options, (error, output) => {
      try {
        resolve(error === null ? (JSON.parse(output) as readonly string[]) : []);
      } catch {
        resolve([]);
      }
    });
  });

async function* candidates(
  kind: Kind,
  environment: Environment,
  folders: readonly string[],
): AsyncGenerator<Candidate, void> {
  const only = environment[kind.variable];
  if (only !== undefined && only !== '') {
    yield fileAt(kind, only);
    return;
  }
  yield* namedPlaces(kind, environment);
  yield* byLoader(kind);
  yield* folders.flatMap((folder) => inFolder(kind, folder));
}

/** Files of toolkits are stand-ins for linking, so the driver is not looked for there. */
export const driverPlaces = (environment: Environment): AsyncGenerator<Candidate, void> =>
  candidates(DRIVER, environment, DRIVER_FOLDERS);

async function* withPackages(
  kind: Kind,
  environment: Environment,
): AsyncGenerator<Candidate, void> {
  yield* candidates(kind, environment, toolkits(environment).flatMap(toolkitFolders));
  if (environment[kind.variable]) return;
  for (const folder of await packageFolders(environment))
    for (const name of PACKAGES) yield* inFolder(kind, join(folder, name));
}

export const compilerPlaces = (environment: Environment): AsyncGenerator<Candidate, void> =>
  withPackages(COMPILER, environment);

export const ncclPlaces = (environment: Environment): AsyncGenerator<Candidate, void> =>
  withPackages(NCCL, environment);

/** Where the add-on may lie: in an installed package, then where `npm run build:native` makes it. Folders, if they are. */
export const addonPlaces = (
  packageFolder: string | undefined,
  root: string | undefined,
): readonly string[] => [
  ...(packageFolder === undefined
    ? []
    : [join(packageFolder, 'prebuilds', `${process.platform}-${process.arch}`, 'tigon.node')]),
  ...(root === undefined ? [] : [join(root, 'build/Release/tigon.node')]),
];
