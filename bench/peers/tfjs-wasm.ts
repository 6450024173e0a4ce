/** TensorFlow.js with its WebAssembly backend. */
import type { Contender } from '../protocol.ts';
import { allowThreads } from './tfjs-threads.ts';
import { threads } from './threads.ts';

if (threads > 1) allowThreads(threads);
const tf = await import('@tensorflow/tfjs');
const { getThreadsCount, setThreadsCount, setWasmPaths } = await import(
  '@tensorflow/tfjs-backend-wasm'
);
setWasmPaths(
  `${new URL('./node_modules/@tensorflow/tfjs-backend-wasm/dist/', import.meta.url).pathname}`,
);
tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', threads > 1);
setThreadsCount(threads);
await tf.setBackend('wasm');
await tf.ready();
if (threads > 1 && getThreadsCount() !== threads)
  throw new Error(`it took ${getThreadsCount()} threads, not ${threads}`);
const { subjectOf } = await import('./tfjs.ts');
const { netSubjectOf } = await import('./tfjs-nets.ts');

export const contender: Contender = {
  subject: { ...subjectOf(undefined), ...netSubjectOf(undefined) },
};
