/**
 * Who takes part: Tigon, and its peers as each of them runs on a device.
 *
 * Invariant: on the CPU a peer with threads takes part once with one thread and once with all of them, because more is not
 * always faster; what cannot be had here is left out and said.
 */
import { availableParallelism } from 'node:os';
import { specOf } from './cuda/parameters.ts';
import { sizesFor } from './cuda/sizes.ts';
import type { Host } from './host.ts';
import { processHost } from './process.ts';
import type { Row } from './protocol.ts';

const PAGES = {
  tigon: 'subjects/tigon-webgpu',
  'jax-js': 'peers/jax-webgpu',
  tfjs: 'peers/tfjs-webgpu',
} as const;

/** Peers in Node. */
const PROCESSES = {
  'jax-js': 'peers/jax-wasm',
  'tfjs-wasm': 'peers/tfjs-wasm',
  'ort-web': 'peers/ort-web',
  'ort-node': 'peers/ort-node',
} as const;

export interface Field {
  readonly hosts: readonly Host[];
  close(): void;
}

export interface Gathering {
  readonly peers: boolean;
  /** Names of those who take part beside Tigon; undefined: all. */
  readonly only: readonly string[] | undefined;
  readonly hardware: boolean;
  readonly threads: number | undefined;
  readonly python: string | undefined;
  readonly small: boolean;
}

/** PyTorch on the CPU, where an interpreter has it. */
const torchOnCpu = async (
  python: string | undefined,
  counts: readonly number[],
): Promise<Host[]> => {
  const { pythonWithTorch, torchCpuHost } = await import('./torch.ts');
  const found = pythonWithTorch(python === undefined ? ['python3', '/usr/bin/python3'] : [python]);
  if (found === undefined) {
    process.stderr.write('pytorch is left out: no Python here has it; name one with --python\n');
    return [];
  }
  const { cpuSpec } = await import('./nets/spec.ts');
  return counts.map((n) => torchCpuHost(found, n, cpuSpec));
};

const onCpu = async ({ peers, only, threads, python }: Gathering): Promise<Field> => {
  const all = threads ?? availableParallelism();
  const env = threads === undefined ? {} : { TIGON_THREADS: String(threads) };
  const own = processHost('tigon', 'subjects/tigon-cpu', all, env);
  const close = (): void => {};
  if (!peers) return { hosts: [own], close };
  const counts = [...new Set([1, all])];
  const wanted = (name: string): boolean => only === undefined || only.includes(name);
  const inNode = Object.entries(PROCESSES).flatMap(([name, module]) =>
    counts.map((n) => processHost(name, module, n, { TIGON_BENCH_THREADS: String(n) })),
  );
  const torch = wanted('pytorch') ? await torchOnCpu(python, counts) : [];
  return { hosts: [own, ...inNode.filter((h) => wanted(h.name)), ...torch], close };
};

const onWebGpu = async ({ peers, hardware }: Gathering): Promise<Field> => {
  const own = processHost('tigon', 'subjects/tigon-webgpu', null);
  if (!peers) return { hosts: [own], close: () => {} };
  const pages = await (await import('./browser.ts')).browserHosts(PAGES, hardware);
  return { hosts: [own, ...pages.hosts], close: () => pages.close() };
};

const onCuda = async ({ peers, python = 'python3', small }: Gathering): Promise<Field> => {
  const env = small ? { TIGON_BENCH_SMALL: '1' } : {};
  const own = processHost('tigon', 'subjects/tigon-cuda', null, env);
  if (!peers) return { hosts: [own], close: () => {} };
  const { torchHost } = await import('./torch.ts');
  return { hosts: [own, torchHost(python, specOf(sizesFor(small)))], close: () => {} };
};

/** Everybody who takes part. */
export const gather = async (device: Row['device'], gathering: Gathering): Promise<Field> => {
  if (gathering.peers && device !== 'cuda') (await import('./peers.ts')).installPeers();
  switch (device) {
    case 'cpu':
      return onCpu(gathering);
    case 'webgpu':
      return onWebGpu(gathering);
    case 'cuda':
      return onCuda(gathering);
    default:
      return device satisfies never;
  }
};
