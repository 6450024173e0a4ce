/**
 * Tigon: imperative deep learning in TypeScript, traced, fused and compiled.
 *
 * Invariant: this is the whole public face of the package's main entry; everything else has a subpath of its own.
 */

export * as autograd from './frontend/autograd.ts';
export * as device from './frontend/device.ts';
export { Explanation, explain } from './frontend/explain.ts';
export { Block, HybridBlock } from './frontend/gluon/block.ts';
export { Parameter } from './frontend/gluon/parameter.ts';
export { type ParameterSource, type StepOptions, Trainer } from './frontend/gluon/trainer.ts';
export { type Hybridized, type HybridizeOptions, hybridize } from './frontend/hybridize.ts';
export * as nd from './frontend/nd/index.ts';
export * as random from './frontend/random.ts';
export { TigonError } from './ir/errors.ts';
