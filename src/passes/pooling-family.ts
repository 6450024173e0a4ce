/**
 * Rules about gradients of pools: they come with the functions that make pools, so that programs without any leave them
 * out.
 *
 * Invariant: where nobody brought them, there are no pools; graphs mean the same with and without.
 */
import type { RuleTable } from './rewrite.ts';

const brought: Record<string, RuleTable[string]> = {};

/** The rules that are here by now. */
export const poolingTable: RuleTable = brought;

/** From now on, gradients of pools are made smaller. */
export const bringPooling = (rules: RuleTable): void => {
  Object.assign(brought, rules);
};
