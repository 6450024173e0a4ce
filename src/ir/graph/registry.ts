/**
 * All graph ops by name: what the text format, the verifier and the generated tests enumerate.
 *
 * Invariant: an op's key is its name, and every op that a graph may hold is here.
 */
import type { Op } from './graph.ts';
import { attention, attentionNorm } from './ops/attention.ts';
import {
  attentionGradKey,
  attentionGradQuery,
  attentionGradValue,
} from './ops/attention-gradient.ts';
import { layerNorm, logSoftmax, softmax } from './ops/composite.ts';
import { concat } from './ops/concat.ts';
import { conv, convGradInput, convGradWeight } from './ops/conv.ts';
import { dot } from './ops/dot.ts';
import { full, input, iota, literal } from './ops/leaf.ts';
import { cast, mapOps } from './ops/map.ts';
import { argmax, argmin, prod, reduceMax, reduceMin, sum } from './ops/reduce.ts';
import { pad, slice } from './ops/slice.ts';
import { take, takeAlong, takeAlongGrad, takeGrad } from './ops/take.ts';
import { broadcast, reshape, stopGradient, transpose } from './ops/view.ts';
import { poolScatter, poolSelect, windowArgmax, windowMax, windowSum } from './ops/window.ts';

const all: readonly Op[] = [
  ...[input, full, literal, iota],
  ...Object.values(mapOps),
  cast,
  ...[reshape, transpose, broadcast, slice, pad, concat, stopGradient],
  ...[sum, prod, reduceMax, reduceMin, argmax, argmin],
  ...[windowMax, windowSum, windowArgmax, poolSelect, poolScatter],
  ...[dot, conv, convGradInput, convGradWeight],
  ...[attention, attentionNorm, attentionGradQuery, attentionGradKey, attentionGradValue],
  ...[take, takeAlong, takeGrad, takeAlongGrad],
  ...[softmax, logSoftmax, layerNorm],
] as readonly Op[];

export const graphOps: ReadonlyMap<string, Op> = new Map(all.map((op) => [op.name, op]));
