/**
 * `#platform` in Node.
 *
 * Invariant: workers are unreferenced, so that a script ends when its own work ends.
 */
import { availableParallelism } from 'node:os';
import v8 from 'node:v8';
import vm from 'node:vm';
import { Worker } from 'node:worker_threads';

import type { Platform, WorkerHandle } from './platform.ts';

/** The collector, of a context that has it. The flag is taken back: code that V8 made is for the flags that it was made with. */
const exposeGc = (): (() => void) => {
  if (globalThis.gc !== undefined) return globalThis.gc;
  v8.setFlagsFromString('--expose-gc');
  try {
    return vm.runInNewContext('gc') as () => void;
  } finally {
    v8.setFlagsFromString('--no-expose-gc');
  }
};

let gc: (() => void) | undefined;

const collectGarbage = (): void => {
  gc ??= exposeGc();
  gc();
};

const task = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Objects whose weak references were made or read in a job are kept to its end. The end of a microtask queue counts as
 * one, and a context may have a queue of its own that is emptied when a script in it ends.
 */
let endJob: (() => void) | undefined;

const makeEndJob = (): (() => void) => {
  const context = vm.createContext({}, { microtaskMode: 'afterEvaluate' });
  const script = new vm.Script('Promise.resolve().then(() => {}); undefined');
  return () => void script.runInContext(context);
};

export const spawnWorker = (
  source: string,
  data: unknown,
  failed: (message: string) => void,
): WorkerHandle => {
  const worker = new Worker(`const data = require('node:worker_threads').workerData;\n${source}`, {
    eval: true,
    workerData: data,
    execArgv: [],
    name: 'tigon',
    // it writes nothing: those of this thread need not be opened for it
    stdout: true,
    stderr: true,
  });
  worker.on('error', (error: Error) => failed(error.message));
  worker.on('exit', (code) => failed(`worker ended with code ${code}`));
  worker.unref();
  return { terminate: () => void worker.terminate() };
};

export const progress = (line: string | undefined): boolean => {
  const { stderr } = process;
  if (!stderr.isTTY) return false;
  const width = (stderr.columns ?? 80) - 1;
  stderr.write(line === undefined ? '\n' : `\r\x1b[K${line.slice(0, width)}`);
  return true;
};

export { decompress, files } from './node-files.ts';
export { gpuDriverHelp, openGpu } from './node-gpu.ts';
export const kind: Platform['kind'] = 'node';
export const warn: Platform['warn'] = (line) => void process.stderr.write(`${line}\n`);
export const cores: Platform['cores'] = availableParallelism;
export const environment: Platform['environment'] = (name) => process.env[name];
export const mayBlock: Platform['mayBlock'] = () => true;
export const unshared: Platform['unshared'] = () => undefined;

export const collect: Platform['collect'] = async () => {
  // references of the running job stay alive until it ends
  await task();
  collectGarbage();
  await task();
  await task();
};

export const collectNow: Platform['collectNow'] = () => {
  endJob ??= makeEndJob();
  endJob();
  collectGarbage();
  return true;
};

export const enableRelaxedSimd: Platform['enableRelaxedSimd'] = () => {
  // V8 12 (Node 22) has it on by default and warns about the flag
  if (Number(process.versions.v8.split('.')[0]) < 12)
    v8.setFlagsFromString('--experimental-wasm-relaxed-simd');
};
