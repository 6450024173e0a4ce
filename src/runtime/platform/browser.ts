/**
 * `#platform` in browsers (and in workers of browsers).
 *
 * Invariant: uses standard interfaces only; what pages may not do (block, collect garbage) is answered with a no.
 */
import { TigonError } from '../../ir/errors.ts';
import type { Gpu } from '../webgpu/gpu-types.ts';
import type { Platform, WorkerHandle } from './platform.ts';

export const spawnWorker = (
  source: string,
  data: unknown,
  failed: (message: string) => void,
): WorkerHandle => {
  const text = `onmessage = ({ data }) => {\n${source}\n};`;
  const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
  const worker = new Worker(url, { name: 'tigon' });
  worker.onerror = (event) => failed(event.message);
  worker.postMessage(data);
  return {
    terminate: () => {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
};

/** Asked of the engine: it depends on the kind of worker, too. */
export const mayBlock = (): boolean => {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
};

export const unshared = (): string | undefined =>
  typeof SharedArrayBuffer === 'undefined' || globalThis.crossOriginIsolated === false
    ? 'this page is not cross-origin isolated: serve it with the headers "Cross-Origin-Opener-Policy: same-origin" and "Cross-Origin-Embedder-Policy: require-corp"'
    : undefined;

export const decompress: Platform['decompress'] = async (bytes, compression) => {
  if (compression !== 'gzip') throw new Error(`browsers do not undo ${compression}`);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};

/** Of address space; nothing is written to it. */
const BALLAST_BYTES = 64 * 1024 * 1024;
const MOST_BALLAST = 24;
const PAUSE_MS = 4;

/** Lets other tasks run. Not by timers: hidden pages have theirs once a second, or once a minute. */
const task = (): Promise<unknown> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve(undefined);
    };
    port2.postMessage(undefined);
  });

/**
 * Engines collect when much memory hangs on JavaScript objects. They do not see what our handles hold, so we let them
 * see buffers, which have to outlive the collections of young objects.
 */
export const collect: Platform['collect'] = async (enough) => {
  const ballast: ArrayBuffer[] = [];
  while (!enough() && ballast.length < MOST_BALLAST) {
    try {
      ballast.push(new ArrayBuffer(BALLAST_BYTES));
    } catch {
      return;
    }
    const until = performance.now() + PAUSE_MS;
    do await task();
    while (performance.now() < until);
  }
};

export const openGpu: Platform['openGpu'] = async () => {
  const { gpu } = navigator as { gpu?: Gpu };
  if (gpu !== undefined) return gpu;
  throw new TigonError(
    'device',
    'device.webgpu: this page has no WebGPU',
    globalThis.isSecureContext === false
      ? 'browsers offer it to secure pages only: serve the page over https, or from localhost'
      : 'use a browser that has it: Chrome or Edge 113, Safari 26, Firefox 141 or later',
  );
};

export const gpuDriverHelp = (): string =>
  'update the browser and the graphics driver; chrome://gpu says what it refuses. Chrome on Linux may need --enable-unsafe-webgpu --enable-features=Vulkan';

export const kind: Platform['kind'] = 'browser';
export const files: Platform['files'] = undefined;
export const warn: Platform['warn'] = (line) => console.warn(line);
export const progress: Platform['progress'] = () => false;
export const cores: Platform['cores'] = () => navigator.hardwareConcurrency ?? 1;
export const environment: Platform['environment'] = () => undefined;
export const collectNow: Platform['collectNow'] = () => false;
export const enableRelaxedSimd: Platform['enableRelaxedSimd'] = () => {};
