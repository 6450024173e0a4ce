/**
 * Optimizers by name. A page pays for those that it names: this file knows only the most common ones.
 *
 * Invariant: a name means the same class as long as a program runs.
 */
import { failure } from '../../callsite.ts';
import { checkFunction, nearest } from '../../options.ts';
import type { AdaDeltaOptions, AdaGradOptions, RMSPropOptions } from './adagrad.ts';
import { Adam, type AdamOptions, AdamW } from './adam.ts';
import type { LAMBOptions, LARSOptions } from './layerwise.ts';
import type { FtrlOptions } from './leader.ts';
import type { NadamOptions } from './moments.ts';
import type { MuonOptions } from './muon.ts';
import type { DCASGDOptions } from './nag.ts';
import type { Optimizer, OptimizerOptions } from './optimizer.ts';
import { type MomentumOptions, SGD, type SGDOptions } from './sgd.ts';
import type { LionOptions, SignumOptions } from './sign.ts';

/** Options by the optimizer's name. Declare names of your own by merging into it. */
export interface OptimizerTable {
  sgd: SGDOptions;
  nag: MomentumOptions;
  sgld: OptimizerOptions;
  dcasgd: DCASGDOptions;
  signsgd: OptimizerOptions;
  signum: SignumOptions;
  lion: LionOptions;
  adam: AdamOptions;
  adamw: AdamOptions;
  adamax: AdamOptions;
  nadam: NadamOptions;
  adabelief: AdamOptions;
  adagrad: AdaGradOptions;
  groupadagrad: AdaGradOptions;
  adadelta: AdaDeltaOptions;
  rmsprop: RMSPropOptions;
  ftrl: FtrlOptions;
  ftml: AdamOptions;
  lars: LARSOptions;
  lamb: LAMBOptions;
  lans: LAMBOptions;
  muon: MuonOptions;
}
export type OptimizerName = keyof OptimizerTable;

/** What makes an optimizer of its options. */
export type OptimizerClass<Options> = new (options?: Options) => Optimizer;

const table = new Map<string, OptimizerClass<never>>([
  ['sgd', SGD as OptimizerClass<never>],
  ['adam', Adam as OptimizerClass<never>],
  ['adamw', AdamW as OptimizerClass<never>],
]);

/**
 * Gives a class a name for `new Trainer(parameters, name)`. The same again changes nothing.
 *
 * @throws {ValueError} for what is no class
 * @throws {OptionError} for a name that another class has
 *
 * @example optim.register('adamw', optim.AdamW);
 */
export const register = <Name extends OptimizerName>(
  name: Name,
  optimizer: OptimizerClass<OptimizerTable[Name]>,
): void => {
  checkFunction('optim.register', optimizer, 'pass a subclass of Optimizer');
  const before = table.get(name);
  if (before !== undefined && before !== (optimizer as unknown))
    throw failure(
      'option',
      `optim.register: '${name}' is taken by ${before.name}`,
      'choose another name',
    );
  table.set(name, optimizer as OptimizerClass<never>);
};

/** The optimizer of that name. Unknown names and options are errors that say what is close. */
export const createNamed = <Name extends OptimizerName>(
  name: Name,
  options?: OptimizerTable[Name],
): Optimizer => {
  const found = table.get(name);
  if (found !== undefined) return new found(options as never);
  const known = [...table.keys()];
  const guess = typeof name === 'string' ? nearest(name, known) : undefined;
  throw failure(
    'option',
    `there is no optimizer ${JSON.stringify(name)}; known: ${known.join(', ')}`,
    guess === undefined
      ? "pass one of these names, or an instance of a subclass of Optimizer: 'tigon/optim' has them all"
      : `did you mean '${guess}'?`,
  );
};
