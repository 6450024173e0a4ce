/**
 * `tigon/optim`: all optimizers, and the table of their names.
 *
 * Invariant: nothing happens when this is imported; `registerAll` gives every class here its name.
 */
import { AdaDelta, AdaGrad, GroupAdaGrad, RMSProp } from './optim/adagrad.ts';
import { LAMB, LANS, LARS } from './optim/layerwise.ts';
import { FTML, Ftrl } from './optim/leader.ts';
import { AdaBelief, Adamax, Nadam } from './optim/moments.ts';
import { Muon } from './optim/muon.ts';
import { DCASGD, NAG, SGLD } from './optim/nag.ts';
import type { Optimizer } from './optim/optimizer.ts';
import { Lion, SignSGD, Signum } from './optim/sign.ts';
import { createNamed, type OptimizerName, type OptimizerTable, register } from './optim/table.ts';

export {
  AdaDelta,
  type AdaDeltaOptions,
  AdaGrad,
  type AdaGradOptions,
  GroupAdaGrad,
  RMSProp,
  type RMSPropOptions,
} from './optim/adagrad.ts';
export { Adam, type AdamOptions, AdamW } from './optim/adam.ts';
export { LAMB, type LAMBOptions, LANS, LARS, type LARSOptions } from './optim/layerwise.ts';
export { FTML, Ftrl, type FtrlOptions } from './optim/leader.ts';
export { AdaBelief, Adamax, Nadam, type NadamOptions } from './optim/moments.ts';
export { Muon, type MuonOptions } from './optim/muon.ts';
export { DCASGD, type DCASGDOptions, NAG, SGLD } from './optim/nag.ts';
export {
  type Arithmetic,
  type Correction,
  Optimizer,
  type OptimizerOptions,
  type Rule,
  type State,
  type Updated,
} from './optim/optimizer.ts';
export { type MomentumOptions, SGD, type SGDOptions } from './optim/sgd.ts';
export { Lion, type LionOptions, SignSGD, Signum, type SignumOptions } from './optim/sign.ts';
export { type OptimizerName, type OptimizerTable, register } from './optim/table.ts';

/**
 * Makes all names known to `Trainer`. The main entry of the package does it; pages name classes instead.
 *
 * @throws {OptionError} when another class has one of the names
 *
 * @example
 * optim.registerAll();
 * optim.create('adam', { learningRate: 0.01 }).learningRate;   // 0.01
 */
export const registerAll = (): void => {
  register('nag', NAG);
  register('sgld', SGLD);
  register('dcasgd', DCASGD);
  register('signsgd', SignSGD);
  register('signum', Signum);
  register('lion', Lion);
  register('adamax', Adamax);
  register('nadam', Nadam);
  register('adabelief', AdaBelief);
  register('adagrad', AdaGrad);
  register('groupadagrad', GroupAdaGrad);
  register('adadelta', AdaDelta);
  register('rmsprop', RMSProp);
  register('ftrl', Ftrl);
  register('ftml', FTML);
  register('lars', LARS);
  register('lamb', LAMB);
  register('lans', LANS);
  register('muon', Muon);
};

/**
 * The optimizer of that name.
 *
 * @throws {OptionError} for an unknown name, with what is close, and options that the optimizer refuses
 *
 * @example
 * const optimizer = optim.create('sgd', { learningRate: 0.1, momentum: 0.9 });
 */
export const create = <Name extends OptimizerName>(
  name: Name,
  options?: OptimizerTable[Name],
): Optimizer => {
  registerAll();
  return createNamed(name, options);
};
