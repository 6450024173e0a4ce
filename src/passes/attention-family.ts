/**
 * What the compiler knows about attention, so that pages without it leave it out. What writes it out where a device has no
 * schedule comes with its functions; what finds it where it is composed of products and a softmax comes with `tigon`; both
 * with programs that compile what they read.
 *
 * Invariant: where nobody brought it, there is no attention to write out, and none is looked for; programs mean the same.
 */
import type { Caps } from '../codegen/caps.ts';
import type { writeOutAttention } from './attention.ts';
import type { findAttention } from './find-attention.ts';
import type { GraphPass } from './pass.ts';
import { capsWithout, type Without } from './switches.ts';

let written: typeof writeOutAttention | undefined;
let brought: typeof findAttention | undefined;

/** From now on, attention is written out where a device has no schedule for it. */
export const bringWriting = (write: typeof writeOutAttention): void => {
  written = write;
};

/** From now on, composed attention is found. */
export const bringFinding = (find: typeof findAttention): void => {
  brought = find;
};

/** The pass that finds attention, if there is one; `apart`: gradients are compiled apart from what they are of. */
export const findingAttention = (
  caps: Caps,
  without: Without,
  apart = false,
): readonly GraphPass[] =>
  brought === undefined || without.has('findAttention')
    ? []
    : [brought(capsWithout(caps, without), apart)];

/** The pass that writes attention out, if there can be any. */
export const writingOutAttention = (caps: Caps): readonly GraphPass[] =>
  written === undefined ? [] : [written(caps)];
