/**
 * Tigon: imperative deep learning in TypeScript, traced, fused and compiled.
 *
 * Invariant: this is the whole public face of the package's main entry; everything else has a subpath of its own.
 */
import './frontend/more-methods.ts';
import { findComposed } from './frontend/composed.ts';
import { registerAll } from './frontend/gluon/optim.ts';

export * from './face.ts';
export * as device from './frontend/device.ts';

// Names for all optimizers; pages on `tigon/web` name the classes that they use.
registerAll();
// Attention that is written out is found; pages on `tigon/web` say `scaledDotProductAttention`.
findComposed();
