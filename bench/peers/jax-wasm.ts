/**
 * jax-js on WebAssembly. It has threads where there are workers, and looks for them in the names that pages have.
 *
 * Invariant: those names are there before it is loaded.
 */
import type { Contender } from '../protocol.ts';
import { PageWorker, rememberBlobs } from './page-worker.ts';
import { threads } from './threads.ts';

if (threads > 1) {
  rememberBlobs();
  Object.assign(globalThis, {
    Worker: PageWorker,
    navigator: { hardwareConcurrency: threads, userAgent: 'node' },
  });
}
const { defaultDevice, init } = await import('@jax-js/jax');
await init('wasm');
defaultDevice('wasm');
const { subject } = await import('./jax.ts');
const { netSubject } = await import('./jax-nets.ts');

export const contender: Contender = { subject: { ...subject, ...netSubject } };
