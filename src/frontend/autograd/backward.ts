/**
 * Asking for gradients: backward passes, and gradients as new arrays.
 *
 * Invariant: nothing here knows any particular function; gradients come from the graphs of recorded calls.
 */
import { showType } from '../../ir/type.ts';
import { flow, type Head } from '../backprop.ts';
import { checkArray } from '../call.ts';
import { failure } from '../callsite.ts';
import { mode, withMode } from '../mode.ts';
import { filled } from '../nd/filled.ts';
import { aliasOf, isNDArray, type NDArray } from '../ndarray.ts';
import { checkList, checkOptions, listed, shown } from '../options.ts';
import { type Origin, originOf } from '../tape.ts';
import { writeGradient } from './gradients.ts';

export interface BackwardOptions {
  /** Keep the recorded values, so that backward can run again. Default: `createGraph`. */
  readonly retainGraph?: boolean;
  /** Record the backward pass itself, for gradients of gradients. Default false. */
  readonly createGraph?: boolean;
}

const headsOf = (
  where: string,
  heads: readonly NDArray[] | undefined,
  headGrads: readonly (NDArray | undefined)[] | undefined,
): Head[] => {
  if (heads === undefined)
    throw failure('value', `${where}: the head is undefined`, 'pass the array to differentiate');
  if (headGrads !== undefined && headGrads.length !== heads.length)
    throw failure(
      'value',
      `${where}: ${heads.length} heads but ${headGrads.length} head gradients`,
    );
  return heads.map((y, i) => {
    if (!isNDArray(y)) throw failure('value', `${where}: head ${i} is ${shown(y)}, not an NDArray`);
    const origin = originOf(y);
    if (origin === undefined)
      throw failure(
        'gradient',
        `${where}: ${showType(y.type)} does not depend on anything recorded`,
        'compute it inside autograd.record(() => …) from arrays with attachGrad(); detach() and integer results cut the path',
      );
    const given = headGrads?.[i];
    if (given !== undefined && !isNDArray(given))
      throw failure(
        'value',
        `${where}: the head gradient is ${shown(given)}, not an NDArray`,
        where === 'backward'
          ? 'options come after the head gradient: backward(undefined, { retainGraph: true })'
          : undefined,
      );
    if (given !== undefined && given.type !== y.type)
      throw failure(
        given.dtype === y.dtype ? 'shape' : 'dtype',
        `${where}: the head gradient is ${showType(given.type)}, the head ${showType(y.type)}`,
        'they must have the same shape and dtype',
      );
    return { origin, dy: given ?? filled(y.type, 1, y.device) };
  });
};

/**
 * Computes gradients of `heads` and writes them to the `grad` of every array with `attachGrad()` that they depend on.
 * `headGrads`: gradients of the heads, of their shapes and dtypes; ones when left out.
 *
 * @throws {GradientError} when a head was not recorded, or the values saved for it were freed by an earlier backward
 * @throws {ShapeError} for a head gradient of another shape than its head
 * @throws {DTypeError} for a head gradient of another dtype than its head
 * @throws {ValueError} unless the heads are arrays, and there are as many head gradients as heads
 * @throws {TraceError} when gradients would flow across the border of a hybridized function
 * @throws {OptionError} for other options
 *
 * @example
 * const x = nd.array([1, 2]).attachGrad();
 * const y = autograd.record(() => x.square());
 * autograd.backward([y], [nd.array([1, 10])]);
 * x.grad;   // [2, 40]
 */
export const backward = (
  heads: NDArray | readonly NDArray[],
  headGrads?: NDArray | readonly (NDArray | undefined)[],
  options: BackwardOptions = {},
): void => {
  checkOptions('backward', options, ['retainGraph', 'createGraph']);
  const create = options.createGraph ?? false;
  const retain = options.retainGraph ?? create;
  const all = headsOf('backward', listed(heads), listed<NDArray | undefined>(headGrads));
  const gradients = flow(all, undefined, { retain, create });
  withMode({ recording: create, taping: create }, () => {
    for (const [origin, g] of gradients) {
      if (origin.kind === 'leaf') writeGradient(origin, g);
      else if (origin.kind === 'produced') writeGradient(origin.kept!, g);
      else if (origin.kind === 'border')
        throw failure(
          'trace',
          'backward: inside a hybridized function, gradients would flow to arrays recorded outside of it',
          'record and run backward on the same side of the hybridized function',
        );
      if (mode.trace === undefined && !create) g.dispose();
    }
  });
};

export interface GradOptions extends BackwardOptions {
  readonly headGrads?: NDArray | readonly (NDArray | undefined)[];
}

/**
 * Gradients of `heads` with respect to `variables`, as new arrays of their shapes and dtypes; `grad` of no array
 * changes. A variable that the heads do not depend on gets zeros.
 *
 * @throws {GradientError} when a head or a variable was not recorded, or saved values were freed by an earlier backward
 * @throws {ShapeError} for a head gradient of another shape than its head
 * @throws {DTypeError} for a head gradient of another dtype than its head
 * @throws {ValueError} unless the variables are a list of arrays, and there are as many head gradients as heads
 * @throws {OptionError} for other options
 *
 * @example
 * x.attachGrad();
 * const y = autograd.record(() => x.pow(3).sum());
 * const [dx] = autograd.grad(y, [x], { createGraph: true });
 */
export const grad = (
  heads: NDArray | readonly NDArray[],
  variables: readonly NDArray[],
  options: GradOptions = {},
): NDArray[] => {
  checkOptions('autograd.grad', options, ['headGrads', 'retainGraph', 'createGraph']);
  const create = options.createGraph ?? false;
  const retain = options.retainGraph ?? create;
  checkList('autograd.grad', 'the list of variables', variables, 'write autograd.grad(y, [x])');
  const origins = variables.map((x, i) => {
    if (!isNDArray(x))
      throw failure('value', `autograd.grad: variable ${i} is ${shown(x)}, not an NDArray`);
    const origin = originOf(x);
    if (origin === undefined)
      throw failure(
        'gradient',
        `autograd.grad: variable ${i}, ${showType(x.type)}, was not recorded`,
        'call attachGrad() on it before recording',
      );
    return origin;
  });
  const all = headsOf(
    'autograd.grad',
    listed(heads),
    listed<NDArray | undefined>(options.headGrads),
  );
  const found = flow(all, new Set<Origin>(origins), { retain, create });
  const results = variables.map((x, i) => {
    const g = found.get(origins[i]!);
    if (g === undefined) return filled(x.type, 0, x.device);
    const result = aliasOf(g);
    result.origin = g.origin;
    return result;
  });
  for (const g of found.values()) g.dispose();
  return results;
};

/**
 * A copy of the handle without history: gradients do not flow through it. Shape, dtype and memory are those of `x`.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * const x = nd.array([1, 2]).attachGrad();
 * autograd.record(() => x.mul(autograd.detached(x)).sum()).backward();
 * x.grad;   // [1, 2]
 */
export const detached = (x: NDArray): NDArray => {
  checkArray('detach', x);
  return mode.trace === undefined ? aliasOf(x) : mode.trace.stopGradient(x);
};
