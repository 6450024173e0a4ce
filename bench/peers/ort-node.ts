/** ONNX Runtime, native. */
import * as ort from 'onnxruntime-node';
import type { Contender } from '../protocol.ts';
import { subjectOf } from './ort.ts';
import { threads } from './threads.ts';

export const contender: Contender = {
  subject: subjectOf(ort, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    graphOptimizationLevel: 'all',
  }),
};
