/**
 * What finds attention that is composed of products and a softmax: it comes with `tigon`, and with programs that compile
 * what they read, so that pages which count bytes leave it out.
 *
 * Invariant: where nobody brought it, nothing is looked for; programs mean the same.
 */
import type { Caps } from '../codegen/caps.ts';
import type { findAttention } from './find-attention.ts';
import type { GraphPass } from './pass.ts';
import { capsWithout, type Without } from './switches.ts';

let brought: typeof findAttention | undefined;

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
