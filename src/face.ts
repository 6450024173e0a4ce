/**
 * What the main entries share: everything but the devices.
 *
 * Invariant: no device is loaded by this. What is here is named and nothing else, so that a page loads what it names.
 */
import './frontend/methods.ts';

export * as autograd from './frontend/autograd.ts';
export { checkpoint } from './frontend/checkpoint.ts';
export { Explanation, explain } from './frontend/explain.ts';
export { Block, HybridBlock } from './frontend/gluon/block.ts';
export { Constant } from './frontend/gluon/constant.ts';
export { Parameter } from './frontend/gluon/parameter.ts';
export { SymbolBlock } from './frontend/gluon/symbol.ts';
export {
  type ParameterSource,
  type Pending,
  type StepOptions,
  Trainer,
} from './frontend/gluon/trainer.ts';
export * as utils from './frontend/gluon/utils.ts';
export { type Hybridized, type HybridizeOptions, hybridize } from './frontend/hybridize.ts';
export * as nd from './frontend/nd/index.ts';
export { type PassName, passes } from './frontend/passes.ts';
export * as random from './frontend/random.ts';
export { TigonError } from './ir/errors.ts';
