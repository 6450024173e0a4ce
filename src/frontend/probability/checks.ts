/**
 * Says what is no constraint and no transform where it is given.
 *
 * Invariant: looks at what a thing can do, not at what it is: users write constraints and transforms of their own.
 */
import { failure } from '../callsite.ts';
import { shown } from '../options.ts';
import type { Constraint } from './constraints/record.ts';
import type { Transform } from './transform.ts';

/** Throws a ValueError unless `c` is a constraint. */
export const checkConstraint = (where: string, c: Constraint): void => {
  if (typeof c?.check !== 'function')
    throw failure(
      'value',
      `${where}: ${shown(c)} is no constraint`,
      'pass those of probability.constraints',
    );
};

/** Throws a ValueError unless `t` is a transform. */
export const checkTransform = (where: string, t: Transform): void => {
  if (typeof t?.forward !== 'function' || typeof t.logDet !== 'function')
    throw failure(
      'value',
      `${where}: ${shown(t)} is no transform`,
      'pass those of probability.transforms, or a TransformBlock',
    );
};
