/**
 * Constraints: where parameters and values of distributions may lie.
 *
 * Invariant: names alone; each kind has a file of its own in `constraints/`.
 */
export * from './constraints/combined.ts';
export * from './constraints/ranges.ts';
export type { Constraint, Range } from './constraints/record.ts';
export * from './constraints/vectors.ts';
