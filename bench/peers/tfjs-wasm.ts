/** TensorFlow.js with its WebAssembly backend. */
import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import type { Contender } from '../protocol.ts';
import { subjectOf } from './tfjs.ts';

setWasmPaths(
  `${new URL('./node_modules/@tensorflow/tfjs-backend-wasm/dist/', import.meta.url).pathname}`,
);
await tf.setBackend('wasm');
await tf.ready();

export const contender: Contender = { subject: subjectOf(undefined) };
