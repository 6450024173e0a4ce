/**
 * Constraints made of others: by parts, by slices, and of independent values taken together.
 *
 * Invariant: a part is checked by its own constraint alone.
 */
import { showType } from '../../../ir/type.ts';
import { failure } from '../../callsite.ts';
import * as nd from '../../nd/index.ts';
import { checkList, shown } from '../../options.ts';
import { checkConstraint } from '../checks.ts';
import { type Constraint, every, shaped } from './record.ts';

/**
 * Parts along an axis, each with a constraint of its own; `lengths` says how long they are.
 *
 * `check` takes any dtype and gives booleans of the same shape.
 *
 * @throws {ValueError} unless there is a length for each constraint, all of them of single numbers
 * @throws {ShapeError} from `check`, for another length of the axis than all parts together
 *
 * @example
 * const { cat, positive, real } = probability.constraints;
 * cat([real, positive], 0, [1, 1]).check(nd.array([-1, 1]));   // [1, 1]
 */
export const cat = (
  constraints: readonly Constraint[],
  axis: number,
  lengths: readonly number[],
): Constraint => parts('cat', constraints, axis, lengths);

const parts = (
  name: string,
  constraints: readonly Constraint[],
  axis: number,
  lengths: readonly number[],
): Constraint => {
  const where = `constraints.${name}`;
  checkList(where, 'the first argument', constraints, 'pass a list of constraints');
  for (const c of constraints) {
    checkConstraint(where, c);
    if (c.eventAxes > 0) throw failure('value', `${where}: ${c.rule} is no constraint of numbers`);
  }
  if (constraints.length === 0 || lengths?.length !== constraints.length)
    throw failure(
      'value',
      `${where}: ${constraints.length} constraints and ${lengths?.length ?? 'no'} lengths`,
      'pass one length for each constraint, and one at least',
    );
  const total = lengths.reduce((a, b) => a + b, 0);
  const cuts = lengths
    .slice(0, -1)
    .map((_, i) => lengths.slice(0, i + 1).reduce((a, b) => a + b, 0));
  return shaped(constraints.map((c) => c.rule).join(', then '), 0, (value) => {
    const pieces = nd.split(value, cuts, axis);
    if (value.shape.at(axis) !== total)
      throw failure(
        'shape',
        `${where}: parts of ${total} along axis ${axis} of ${showType(value.type)}`,
      );
    return nd.concat(
      pieces.map((part, i) => constraints[i]!.check(part)),
      axis,
    );
  });
};
/**
 * Slices along an axis, each with a constraint of its own.
 *
 * `check` takes any dtype and gives booleans of the same shape.
 *
 * @throws {ValueError} for what is no list of constraints of single numbers
 * @throws {ShapeError} from `check`, unless there are as many slices as constraints
 *
 * @example
 * const { stack, positive, real } = probability.constraints;
 * stack([real, positive], 0).check(nd.array([-1, -1]));   // [1, 0]
 */
export const stack = (constraints: readonly Constraint[], axis: number): Constraint =>
  parts('stack', constraints, axis, Array.isArray(constraints) ? constraints.map(() => 1) : []);
/**
 * The last `axes` axes that `inner` has not taken yet are one value.
 *
 * `check` takes any dtype and gives one boolean for each value: [...a, ...b] gives a, where b are these axes.
 *
 * @throws {ValueError} for what is no constraint, and unless `axes` is an integer ≥ 0
 * @throws {ShapeError} from `check`, for arrays with fewer axes
 *
 * @example
 * const { independent, positive } = probability.constraints;
 * independent(positive, 1).check(nd.array([[1, 2], [1, -1]]));   // [1, 0]
 */
export const independent = (inner: Constraint, axes: number): Constraint => {
  checkConstraint('constraints.independent', inner);
  if (!Number.isInteger(axes) || axes < 0)
    throw failure('value', `constraints.independent: ${shown(axes)} axes`, 'pass an integer ≥ 0');
  return {
    ...shaped(inner.rule, inner.eventAxes + axes, (value) => every(inner.check(value), axes)),
    discrete: inner.discrete,
  };
};
