/**
 * `tigon/optim`: optimizers and the table of their names.
 *
 * Invariant: every name that `Trainer` takes is in the table.
 */
import { failure } from '../callsite.ts';
import { nearest } from '../options.ts';
import { Adam, type AdamOptions, AdamW } from './optim/adam.ts';
import type { Optimizer } from './optim/optimizer.ts';
import { SGD, type SGDOptions } from './optim/sgd.ts';

export { Adam, type AdamOptions, AdamW } from './optim/adam.ts';
export {
  type Arithmetic,
  Optimizer,
  type OptimizerOptions,
  type Rule,
  type Updated,
} from './optim/optimizer.ts';
export { SGD, type SGDOptions } from './optim/sgd.ts';

/** Options by the optimizer's name. */
export interface OptimizerTable {
  sgd: SGDOptions;
  adam: AdamOptions;
  adamw: AdamOptions;
}
export type OptimizerName = keyof OptimizerTable;

const table: { [Name in OptimizerName]: new (options?: OptimizerTable[Name]) => Optimizer } = {
  sgd: SGD,
  adam: Adam,
  adamw: AdamW,
};

/**
 * The optimizer of that name. Unknown names and options are errors that say what is close.
 *
 * @example
 * const optimizer = optim.create('sgd', { learningRate: 0.1, momentum: 0.9 });
 */
export const create = <Name extends OptimizerName>(
  name: Name,
  options?: OptimizerTable[Name],
): Optimizer => {
  const known = Object.keys(table);
  if (Object.hasOwn(table, name)) return new table[name](options);
  const guess = typeof name === 'string' ? nearest(name, known) : undefined;
  throw failure(
    'option',
    `there is no optimizer ${JSON.stringify(name)}; known: ${known.join(', ')}`,
    guess === undefined
      ? 'pass one of these names, or an instance of a subclass of Optimizer'
      : `did you mean '${guess}'?`,
  );
};
