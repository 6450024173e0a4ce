/**
 * From anywhere to where values may lie: transforms by constraint.
 *
 * Invariant: `bijectTo` gives what is one to one, for densities; `transformTo` what a net's output goes through, one to
 * one or not.
 */
import { failure } from '../callsite.ts';
import { checkChoice, checkFunction } from '../options.ts';
import { checkConstraint } from './checks.ts';
import type { Constraint, Range } from './constraint.ts';
import { affine, compose, exp, softmax, type Transform, toInterval } from './transform.ts';

type Maker = (constraint: Constraint) => Transform | undefined;

const IDENTITY = affine(0, 1);

const toRange = ({ low, high }: Range): Transform => {
  const [bounded, capped] = [low > Number.NEGATIVE_INFINITY, high < Number.POSITIVE_INFINITY];
  if (bounded && capped) return toInterval(low, high);
  if (bounded) return low === 0 ? exp() : compose(exp(), affine(low, 1));
  return capped ? compose(exp(), affine(high, -1)) : IDENTITY;
};

/** Ranges of numbers, vectors of numbers. */
const standard: Maker = (constraint) => {
  if (constraint.discrete) return undefined;
  if (constraint.range !== undefined) return toRange(constraint.range);
  return constraint.rule === 'a vector of numbers' ? IDENTITY : undefined;
};

const makers: { readonly bijections: Maker[]; readonly others: Maker[] } = {
  bijections: [],
  others: [],
};

const made = (where: string, list: readonly Maker[], constraint: Constraint): Transform => {
  checkConstraint(where, constraint);
  for (const maker of [...list].reverse()) {
    const found = maker(constraint);
    if (found !== undefined) return found;
  }
  const found = standard(constraint);
  if (found !== undefined) return found;
  throw failure(
    'value',
    `${where}: no transform to ${constraint.rule}`,
    `tell one: registerDomain('${where}', (constraint) => …)`,
  );
};

/**
 * Adds a way to a kind of constraint: a function that gives a transform for those it knows, else undefined.
 *
 * Later ones are asked first. Shapes and dtypes are the transform's own.
 *
 * @throws {OptionError} for another kind than these two
 * @throws {ValueError} for what is no function
 *
 * @example
 * probability.registerDomain('transformTo', (constraint) =>
 *   constraint.rule === 'a number ≥ 0' ? probability.transforms.abs() : undefined);
 */
export const registerDomain = (where: 'bijectTo' | 'transformTo', maker: Maker): void => {
  checkChoice('registerDomain', 'the kind', where, ['bijectTo', 'transformTo']);
  checkFunction('registerDomain', maker, `write registerDomain('${where}', (constraint) => …)`);
  (where === 'bijectTo' ? makers.bijections : makers.others).push(maker);
};

/**
 * A transform that is one to one from all numbers to those that the constraint allows.
 *
 * `forward` takes floats of any shape; integers and booleans become float32.
 *
 * @throws {ValueError} for constraints to which none is known (whole numbers, shares, matrices): {@link registerDomain}
 * tells one
 *
 * @example
 * probability.bijectTo(probability.constraints.positive).forward(nd.array([0]));   // [1]
 */
export const bijectTo = (constraint: Constraint): Transform =>
  made('bijectTo', makers.bijections, constraint);

/**
 * A transform from all numbers to those that the constraint allows, one to one or not.
 *
 * `forward` takes floats of any shape, for shares with sum 1 [..., K]; integers and booleans become float32.
 *
 * @throws {ValueError} for constraints to which none is known (whole numbers, matrices): {@link registerDomain} tells
 * one
 *
 * @example probability.transformTo(probability.constraints.simplex).forward(nd.array([0, 0]));   // [0.5, 0.5]
 */
export const transformTo = (constraint: Constraint): Transform =>
  constraint?.rule === 'numbers ≥ 0 with sum 1 along the last axis'
    ? softmax()
    : made('transformTo', makers.others, constraint);
