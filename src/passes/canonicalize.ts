/**
 * One form for everything that means the same: folding, algebra, views, reductions and sharing in a single rebuild.
 *
 * Invariant: running it twice gives what running it once gives.
 */

import { algebraRules } from './algebra.ts';
import { removeDeadAssigns } from './dce.ts';
import { foldRules } from './fold.ts';
import { oneHotRules } from './one-hot.ts';
import type { GraphPass } from './pass.ts';
import { poolingRules } from './pooling.ts';
import { reductionRules } from './reductions.ts';
import { RewritingBuilder, type RuleTable, rebuild } from './rewrite.ts';
import { tilingRules } from './tilings.ts';
import { viewRules } from './views.ts';

/** The rules of the canonical form. */
export const canonicalTables: readonly RuleTable[] = [
  algebraRules,
  viewRules,
  tilingRules,
  reductionRules,
  poolingRules,
  oneHotRules,
  foldRules,
];

/** A builder that makes canonical nodes only: for passes that emit new computations. */
export const canonicalBuilder = (): RewritingBuilder => new RewritingBuilder(...canonicalTables);

export const canonicalize: GraphPass = {
  name: 'canonicalize',
  run: (graph, context) => removeDeadAssigns.run(rebuild(graph, canonicalBuilder()), context),
};
