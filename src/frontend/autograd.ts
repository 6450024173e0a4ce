/**
 * Automatic differentiation, as users see it: record what happens, then ask for gradients.
 *
 * Invariant: names alone; each part has a file of its own in `autograd/`.
 */
export {
  type BackwardOptions,
  backward,
  detached,
  type GradOptions,
  grad,
} from './autograd/backward.ts';
export { Function } from './autograd/function.ts';
export {
  attachGrad,
  consumeGradient,
  dropGrad,
  gradientOf,
  hasFreshGradient,
  retainGrad,
} from './autograd/gradients.ts';
export {
  isRecording,
  isTraining,
  pause,
  predictMode,
  record,
  trainMode,
} from './autograd/recording.ts';
export type { GradientMode } from './tape.ts';
