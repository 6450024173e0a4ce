/**
 * All graph ops by name: what the text format, the verifier and the generated tests enumerate.
 *
 * Invariant: an op's key is its name, and every op that a graph may hold is here.
 */
import type { Op } from './graph.ts';
import { acos, asin, atan, atan2 } from './ops/arcs.ts';
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
import { digamma, gamma, lgamma, polygamma } from './ops/gamma.ts';
import { gammaDraw } from './ops/gamma-draw.ts';
import { acosh, asinh, atanh, cosh, sinh } from './ops/hyperbolic.ts';
import { full, input, iota, literal } from './ops/leaf.ts';
import { cholesky } from './ops/linalg/cholesky.ts';
import { eigh } from './ops/linalg/eigh.ts';
import { det, detSign, logDet, lu, solve } from './ops/linalg/lu.ts';
import { qr } from './ops/linalg/qr.ts';
import { pinv, svd } from './ops/linalg/svd.ts';
import { triangularSolve } from './ops/linalg/triangular.ts';
import { cast, mapOps } from './ops/map.ts';
import { erfinv } from './ops/normal.ts';
import { argsort, arrange } from './ops/order.ts';
import { ownGradient } from './ops/own-gradient.ts';
import { cbrt, exp2, hypot, log2, log10, logaddexp } from './ops/powers.ts';
import { cummax, cummin, cumprod, cumsum, logcumsumexp, recurrence } from './ops/prefix.ts';
import { argmax, argmin, prod, reduceMax, reduceMin, sum } from './ops/reduce.ts';
import { scan } from './ops/scan.ts';
import { searchSorted } from './ops/search.ts';
import { pad, slice } from './ops/slice.ts';
import { take, takeAlong, takeAlongGrad, takeGrad } from './ops/take.ts';
import { again, broadcast, reshape, stopGradient, transpose } from './ops/view.ts';
import { poolScatter, poolSelect, windowArgmax, windowMax, windowSum } from './ops/window.ts';
import { lastWriter } from './ops/writer.ts';

const all: readonly Op[] = [
  ...[input, full, literal, iota],
  ...Object.values(mapOps),
  cast,
  ...[reshape, transpose, broadcast, slice, pad, concat, stopGradient, again, ownGradient],
  ...[sum, prod, reduceMax, reduceMin, argmax, argmin],
  ...[cumsum, cumprod, cummax, cummin, logcumsumexp, recurrence],
  ...[argsort, arrange, searchSorted],
  ...[windowMax, windowSum, windowArgmax, poolSelect, poolScatter],
  ...[dot, conv, convGradInput, convGradWeight],
  ...[attention, attentionNorm, attentionGradQuery, attentionGradKey, attentionGradValue],
  ...[take, takeAlong, takeGrad, takeAlongGrad, lastWriter],
  ...[softmax, logSoftmax, layerNorm],
  ...[cholesky, triangularSolve, lu, solve, det, logDet, detSign, qr, eigh, svd, pinv],
  ...[atan2, atan, asin, acos, sinh, cosh, asinh, acosh, atanh],
  ...[log2, log10, exp2, cbrt, hypot, logaddexp],
  ...[lgamma, gamma, digamma, polygamma, erfinv, gammaDraw],
  scan,
] as readonly Op[];

/** All operations of graphs, by name. */
export const graphOps: ReadonlyMap<string, Op> = new Map(all.map((op) => [op.name, op]));
