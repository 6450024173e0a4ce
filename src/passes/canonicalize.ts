/**
 * One form for everything that means the same: folding, algebra, views, reductions and sharing in a single rebuild.
 *
 * Invariant: running it twice gives what running it once gives.
 */

import { algebraRules } from './algebra.ts';
import { removeDeadAssigns } from './dce.ts';
import { foldRules } from './fold.ts';
import type { GraphPass } from './pass.ts';
import { reductionRules } from './reductions.ts';
import { RewritingBuilder, rebuild } from './rewrite.ts';
import { viewRules } from './views.ts';

/** A builder that makes canonical nodes only: for passes that emit new computations. */
export const canonicalBuilder = (): RewritingBuilder =>
  new RewritingBuilder(algebraRules, viewRules, reductionRules, foldRules);

export const canonicalize: GraphPass = {
  name: 'canonicalize',
  run: (graph, context) => removeDeadAssigns.run(rebuild(graph, canonicalBuilder()), context),
};
