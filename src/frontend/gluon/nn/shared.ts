/**
 * What layers share: checks of their arguments and of what they are called with, and their activation functions.
 *
 * Invariant: a layer refuses arguments when it is made, inputs when it is called, and names itself in both.
 */
import { showType } from '../../../ir/type.ts';
import { failure } from '../../callsite.ts';
import { hardSigmoid, hardSwish, mish } from '../../nd/activation.ts';
import * as math from '../../nd/math.ts';
import { isNDArray, type NDArray } from '../../ndarray.ts';
import { checkChoice, shown } from '../../options.ts';

/** Throws unless `x`, called `what` in messages, is an array. */
export const expectArray = (where: string, x: NDArray, what = 'the input'): void => {
  if (!isNDArray(x))
    throw failure(
      'value',
      `${where}: ${what} is ${shown(x)}, not an NDArray`,
      'nd.array(values) makes an array',
    );
};

/** `value` if it is an integer of at least `least`. */
export const count = (where: string, name: string, value: number, least = 1): number => {
  if (Number.isInteger(value) && value >= least) return value;
  throw failure('option', `${where}: ${name} is ${shown(value)}`, `pass an integer ≥ ${least}`);
};

/** `value` if it is a number, and one that `fits` if that is given; `wanted` says which, for messages. */
export const finite = (
  where: string,
  name: string,
  value: number,
  wanted = 'a finite number',
  fits: (value: number) => boolean = () => true,
): number => {
  if (Number.isFinite(value) && fits(value)) return value;
  throw failure('option', `${where}: ${name} is ${shown(value)}`, `pass ${wanted}`);
};

/** `value` if it is a share that may be dropped: from 0 to below 1. */
export const rate = (where: string, name: string, value: number): number => {
  if (Number.isFinite(value) && value >= 0 && value < 1) return value;
  throw failure('value', `${where}: ${name} ${shown(value)} must be from 0 to below 1`);
};

/** `axes` if they are a list of integers. */
export const axisList = (where: string, axes: readonly number[]): readonly number[] => {
  if (Array.isArray(axes) && axes.every(Number.isInteger)) return axes.slice();
  throw failure('option', `${where}: axes is ${shown(axes)}`, 'pass a list of integers: [0, 2]');
};

/** Throws unless `x` has `rank` axes; `form` shows them: `[batch, channels, height, width]`. */
export const expectRank = (
  where: string,
  x: NDArray,
  rank: number,
  form: string,
  what?: string,
): void => {
  expectArray(where, x, what);
  if (x.ndim === rank) return;
  throw failure(
    'shape',
    `${where}: ${what === undefined ? 'takes' : `${what} is`} ${form}, not ${showType(x.type)}`,
    x.ndim === rank - 1
      ? 'one axis is missing: expandDims(0) adds a batch axis, expandDims(1) one of channels'
      : `reshape the input to ${rank} axes first`,
  );
};

/** Throws unless axis `axis` of `x` has `size` elements, which the parameters were made for. */
export const expectSize = (
  where: string,
  x: NDArray,
  axis: number,
  size: number,
  noun: string,
): void => {
  const given = x.shape[axis]!;
  if (given === size) return;
  throw failure(
    'shape',
    `${where}: the input ${showType(x.type)} has ${given} ${noun}, the parameters are for ${size}`,
    'give every call the same size, or make a layer of its own for the other input',
  );
};

const logSigmoid = (x: NDArray): NDArray => math.neg(math.softplus(math.neg(x)));

/**
 * Name of an activation function: `relu` max(x, 0); `sigmoid` 1 / (1 + e⁻ˣ); `logSigmoid` its logarithm; `tanh`;
 * `softrelu` log(1 + eˣ); `softsign` x / (1 + |x|); `gelu` x · Φ(x) (exact); `silu` x · sigmoid(x);
 * `mish` x · tanh(softrelu(x)); `hardSigmoid` x / 5 + ½ limited to 0 … 1; `hardSwish` x · (x / 6 + ½ limited to 0 … 1).
 */
export type ActivationName =
  | 'relu'
  | 'sigmoid'
  | 'logSigmoid'
  | 'tanh'
  | 'softrelu'
  | 'softsign'
  | 'gelu'
  | 'silu'
  | 'mish'
  | 'hardSigmoid'
  | 'hardSwish';

const FUNCTIONS: Readonly<Record<ActivationName, (x: NDArray) => NDArray>> = {
  relu: math.relu,
  sigmoid: math.sigmoid,
  logSigmoid,
  tanh: math.tanh,
  softrelu: math.softplus,
  softsign: math.softsign,
  gelu: math.gelu,
  silu: math.silu,
  mish,
  hardSigmoid: (x) => hardSigmoid(x),
  hardSwish,
};

/** The function with this name; undefined gives the identity. */
export const activationOf = (
  where: string,
  name: ActivationName | undefined,
): ((x: NDArray) => NDArray) => {
  if (name === undefined) return (x) => x;
  const known = Object.keys(FUNCTIONS) as ActivationName[];
  return FUNCTIONS[checkChoice(where, 'activation', name, known)];
};
