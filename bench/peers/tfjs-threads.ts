/**
 * Threads for TensorFlow.js in Node, where it turns them off: its worker's script and main script are blobs, which Node's
 * workers cannot be started from nor read.
 *
 * Invariant: the package is loaded after this has run.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os, { tmpdir } from 'node:os';
import { join } from 'node:path';
import workers, { Worker, type WorkerOptions } from 'node:worker_threads';
import { rememberBlobs, TextBlob, textAt } from './page-worker.ts';

/** Names that the main script has in the module it is taken from. */
const MODULE_NAMES = [
  'var commonjsGlobal = globalThis;',
  ...Object.entries({ 0: 'fs', 1: 'path', 3: 'perf_hooks', 4: 'os' }).map(
    ([i, name]) => `var require$$${i} = require('${name}');`,
  ),
].join('\n');

/** The file in which a worker finds the main script. */
const fileOf = (text: string): string => {
  const folder = mkdtempSync(join(tmpdir(), 'tigon-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'main.js');
  writeFileSync(path, `${MODULE_NAMES}\n${text}`);
  return path;
};

let mainScript: string | undefined;

/** A worker that can be started from the address of a blob, and be sent one. */
class BlobWorker extends Worker {
  constructor(address: string | URL, options: WorkerOptions = {}) {
    const isBlob = String(address).startsWith('blob:');
    super(
      isBlob ? textAt(String(address)) : address,
      isBlob ? { ...options, eval: true } : options,
    );
    this.unref();
  }

  override postMessage(message: unknown, transfer?: readonly Transferable[]): void {
    const { urlOrBlob } = message as { urlOrBlob?: unknown };
    if (!(urlOrBlob instanceof TextBlob)) {
      super.postMessage(message, transfer as never);
      return;
    }
    mainScript ??= fileOf(urlOrBlob.content);
    super.postMessage({ ...(message as object), urlOrBlob: mainScript });
  }
}

/** Lets the package start so many threads: it takes no more than half of the processors that it sees. */
export const allowThreads = (threads: number): void => {
  rememberBlobs();
  Object.assign(workers, { Worker: BlobWorker });
  const [one] = os.cpus();
  Object.assign(os, { cpus: () => Array.from({ length: 2 * threads }, () => one) });
};
