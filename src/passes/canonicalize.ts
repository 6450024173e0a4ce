/**
 * One form for everything that means the same: folding, algebra, views, reductions and sharing in a single rebuild.
 *
 * Invariant: running it twice gives what running it once gives.
 */

import { algebraRules } from './algebra.ts';
import { removeDeadAssigns } from './dce.ts';
import { foldRules } from './fold.ts';
import { oneHotRules } from './one-hot.ts';
import type { GraphPass, PassContext } from './pass.ts';
import { poolingTable } from './pooling-family.ts';
import { reductionRules } from './reductions.ts';
import { RewritingBuilder, type RuleTable, rebuild } from './rewrite.ts';
import type { PassName } from './switches.ts';
import { tilingRules } from './tilings.ts';
import { viewRules } from './views.ts';

/** The rules of the canonical form. */
const RULES: readonly (readonly [family: PassName, RuleTable])[] = [
  ['algebra', algebraRules],
  ['views', viewRules],
  ['views', tilingRules],
  ['reductions', reductionRules],
  ['reductions', poolingTable],
  ['reductions', oneHotRules],
  ['constants', foldRules],
];

export const canonicalTables: readonly RuleTable[] = RULES.map(([, table]) => table);

/** The rules of the families that are not left out: what all nodes that passes make are put to. */
export const rulesFor = ({ without }: PassContext): readonly RuleTable[] =>
  RULES.flatMap(([family, table]) => (without?.has(family) ? [] : [table]));

/** A builder that makes canonical nodes only: for passes that emit new computations. */
export const canonicalBuilder = (context: PassContext): RewritingBuilder =>
  new RewritingBuilder(...rulesFor(context));

export const canonicalize: GraphPass = {
  name: 'canonicalize',
  run: (graph, context) =>
    removeDeadAssigns.run(rebuild(graph, canonicalBuilder(context)), context),
};
