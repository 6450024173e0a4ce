/** ONNX Runtime as WebAssembly. */
import * as ort from 'onnxruntime-web';
import type { Contender } from '../protocol.ts';
import { subjectOf } from './ort.ts';
import { threads } from './threads.ts';

ort.env.wasm.numThreads = threads;

export const contender: Contender = {
  subject: subjectOf(ort, { executionProviders: ['wasm'], graphOptimizationLevel: 'all' }),
};
