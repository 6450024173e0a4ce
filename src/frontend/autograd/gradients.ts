/**
 * Where gradients end: arrays that ask for theirs, and what a backward pass leaves with them.
 *
 * Invariant: `x.grad` is one array for as long as it is asked for; passes write into it or add to it.
 */
import { isFloat } from '../../ir/dtype.ts';
import { showType } from '../../ir/type.ts';
import { assign, call2, checkArray } from '../call.ts';
import { failure } from '../callsite.ts';
import { mode } from '../mode.ts';
import { addition } from '../nd/arithmetic.ts';
import type { NDArray } from '../ndarray.ts';
import { checkChoice } from '../options.ts';
import { type GradientMode, type Leaf, leafGradient } from '../tape.ts';

/**
 * Asks for the gradient of `x`, of its shape and dtype: later backward passes write it to `x.grad` (`write`), add it
 * (`add`) or skip it (`null`). Cuts `x` from what it was computed from. Gives `x`.
 *
 * @throws {DTypeError} unless `x` is of floats
 * @throws {OptionError} for another mode
 *
 * @example
 * const x = nd.array([1, 2]);
 * autograd.attachGrad(x);
 * autograd.record(() => x.square().sum()).backward();
 * x.grad;   // [2, 4]
 */
export const attachGrad = (x: NDArray, gradientMode: GradientMode = 'write'): NDArray => {
  checkGradient('attachGrad', x, gradientMode);
  x.origin =
    gradientMode === 'null' ? undefined : { kind: 'leaf', mode: gradientMode, gradient: undefined };
  return x;
};

const checkGradient = (name: string, x: NDArray, gradientMode: GradientMode): void => {
  checkArray(name, x);
  checkChoice(name, 'mode', gradientMode, ['write', 'add', 'null']);
  if (!isFloat(x.dtype))
    throw failure(
      'dtype',
      `${name}: ${showType(x.type)} has no gradient: only floats have`,
      "convert it first: x.astype('float32')",
    );
};

/**
 * Asks for the gradient of `x`, of its shape and dtype, as {@link attachGrad} does, without cutting it from what it was
 * computed from: backward passes write the gradients of results in between to their `x.grad`, too. Not for what is made
 * inside of a `checkpoint`. Gives `x`.
 *
 * @throws {DTypeError} unless `x` is of floats
 * @throws {OptionError} for another mode
 * @throws {TraceError} inside a hybridized function that is recorded as a whole
 *
 * @example
 * const x = nd.array([1, 2]).attachGrad();
 * const h = autograd.record(() => x.mul(3)).retainGrad();
 * autograd.record(() => h.mul(h)).backward();
 * h.grad;   // [6, 12]
 * x.grad;   // [18, 36]
 */
export const retainGrad = (x: NDArray, gradientMode: GradientMode = 'write'): NDArray => {
  checkGradient('retainGrad', x, gradientMode);
  if (x.origin === undefined && x.traced !== undefined && mode.trace?.recorded === true)
    throw failure(
      'trace',
      `retainGrad: ${mode.trace.name} is recorded as a whole: ${showType(x.type)} inside of it has no gradient of its own`,
      'return the array and call retainGrad() on the result, or record and run backward inside the hybridized function',
    );
  if (x.origin === undefined) return attachGrad(x, gradientMode);
  if (x.origin.kind !== 'produced') return x;
  x.origin.kept =
    gradientMode === 'null' ? undefined : { kind: 'leaf', mode: gradientMode, gradient: undefined };
  return x;
};

/**
 * No longer asks for the gradient of `x` (any shape and dtype): `x.grad` is undefined, and what is recorded from now on
 * ends elsewhere. Gives `x`.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * const x = nd.ones([2]).attachGrad();
 * autograd.dropGrad(x);
 * x.grad === undefined;   // true
 */
export const dropGrad = (x: NDArray): NDArray => {
  checkArray('dropGrad', x);
  if (x.origin?.kind === 'leaf') x.origin = undefined;
  else if (x.origin?.kind === 'produced') x.origin.kept = undefined;
  return x;
};

/** Where the gradient of `x` is, if somebody asked for it. */
const keeperOf = (x: NDArray): Leaf | undefined =>
  x.origin?.kind === 'produced' ? x.origin.kept : x.origin?.kind === 'leaf' ? x.origin : undefined;

/**
 * The gradient array of `x`, of its shape and dtype (zeros before the first backward), or undefined without
 * `attachGrad()`.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * const x = nd.array([1, 2]).attachGrad();
 * autograd.gradientOf(x);   // [0, 0]
 */
export const gradientOf = (x: NDArray): NDArray | undefined => {
  checkArray('gradientOf', x);
  const keeper = keeperOf(x);
  return keeper === undefined ? undefined : leafGradient(keeper, x);
};

/** Writes a gradient to where it is asked for, or adds it to what is there. */
export const writeGradient = (leaf: Leaf, g: NDArray): void => {
  const target = leafGradient(leaf, g);
  if (leaf.mode === 'add') {
    const sum = call2(addition, target, g, target.layout, g.layout);
    assign(target, sum);
    if (mode.trace === undefined) sum.dispose();
  } else assign(target, g);
  setFresh(leaf, true);
  const history = mode.taping ? g.origin : undefined;
  if (target.origin?.kind !== 'leaf') target.origin = history;
};

/** Now, or, while tracing, for the rest of the trace and then at each replay. */
const setFresh = (leaf: Leaf, fresh: boolean): void => {
  const { trace } = mode;
  if (trace === undefined) {
    leaf.fresh = fresh;
    return;
  }
  trace.fresh.set(leaf, fresh);
  trace.hooks.push(() => {
    leaf.fresh = fresh;
  });
};

/**
 * Whether a backward pass has written the gradient of `x` (any shape and dtype) since it was last consumed. For
 * optimizers.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * const x = nd.array([1, 2]).attachGrad();
 * autograd.hasFreshGradient(x);   // false
 */
export const hasFreshGradient = (x: NDArray): boolean => {
  checkArray('hasFreshGradient', x);
  if (x.origin?.kind !== 'leaf') return false;
  return (mode.trace?.fresh.get(x.origin) ?? x.origin.fresh) === true;
};

/**
 * Says that an update has used up the gradient of `x` (any shape and dtype): inside a hybridized function its value then
 * stays in the program and `x.grad` is not written (unless `keepGradients`). For optimizers.
 *
 * @throws {ValueError} unless `x` is an array
 * @see {@link hasFreshGradient}
 */
export const consumeGradient = (x: NDArray): void => {
  checkArray('consumeGradient', x);
  if (x.origin?.kind !== 'leaf') return;
  setFresh(x.origin, false);
  if (x.origin.mode !== 'write') return;
  if (x.origin.gradient !== undefined) mode.trace?.consume(x.origin.gradient);
};
