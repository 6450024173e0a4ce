/** TensorFlow.js with its WebGPU backend, in a page. */
import * as tf from '@tensorflow/tfjs';
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import type { Contender } from '../protocol.ts';
import { adapterHere } from './adapter.ts';
import { subjectOf } from './tfjs.ts';

await tf.setBackend('webgpu');
await tf.ready();
const backend = tf.backend();
if (!(backend instanceof WebGPUBackend)) throw new Error('TensorFlow.js has no WebGPU here');

/** Submits what it has recorded, as its own reads do. */
const wait = async (): Promise<void> => {
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();
  await backend.queue.onSubmittedWorkDone();
};

export const contender: Contender = { subject: subjectOf(wait), adapter: await adapterHere() };
