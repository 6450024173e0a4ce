/**
 * Automatic differentiation, as users see it: record what happens, then ask for gradients.
 *
 * Invariant: nothing here knows any particular function; gradients come from the graphs of recorded calls.
 */
import { isFloat } from '../ir/dtype.ts';
import { showType } from '../ir/type.ts';
import { flow, type Head } from './backprop.ts';
import { assign, call2, checkArray } from './call.ts';
import { failure, forget } from './callsite.ts';
import { mode, withMode } from './mode.ts';
import { addition } from './nd/arithmetic.ts';
import { filled } from './nd/filled.ts';
import { aliasOf, isNDArray, type NDArray } from './ndarray.ts';
import { checkChoice, checkFunction, checkList, checkOptions, shown } from './options.ts';
import { withOwnGradient } from './own-gradient.ts';
import { type GradientMode, type Leaf, leafGradient, type Origin, originOf, push } from './tape.ts';

export type { GradientMode } from './tape.ts';

const synchronous = <T>(where: string, result: T): T => {
  if (result instanceof Promise) {
    forget(result);
    throw failure(
      'value',
      `autograd.${where}: the function returned a promise`,
      'recording ends when the function returns: do the awaiting outside',
    );
  }
  return result;
};

const RECORD = 'write autograd.record(() => …): the function computes what is to be differentiated';

/**
 * Runs `body` and records what it does to arrays that have `attachGrad()` (floats, of any shape), so that gradients can
 * flow back through it. Turns training mode on, unless `{ training: false }`. Gives what `body` gives.
 *
 * @throws {ValueError} unless `body` is a function, and when it returns a promise
 * @throws {OptionError} for other options
 *
 * @example
 * const l = autograd.record(() => loss(net(x), y));
 * l.backward();
 */
export const record = <T>(body: () => T, options?: { readonly training?: boolean }): T => {
  checkOptions('autograd.record', options, ['training']);
  checkFunction('autograd.record', body, RECORD);
  return synchronous(
    'record',
    withMode({ recording: true, taping: true, training: options?.training ?? true }, body),
  );
};

/**
 * Runs `body` without recording what it does to arrays, of any dtype and shape. Turns training mode off, unless
 * `{ training: true }`. Gives what `body` gives.
 *
 * @throws {ValueError} unless `body` is a function, and when it returns a promise
 * @throws {OptionError} for other options
 *
 * @example
 * const x = nd.ones([2]).attachGrad();
 * autograd.record(() => autograd.pause(() => autograd.isRecording()));   // false
 */
export const pause = <T>(body: () => T, options?: { readonly training?: boolean }): T => {
  checkOptions('autograd.pause', options, ['training']);
  checkFunction('autograd.pause', body, 'write autograd.pause(() => …)');
  return synchronous(
    'pause',
    withMode({ recording: false, taping: false, training: options?.training ?? false }, body),
  );
};

/**
 * Runs `body` as in training (dropout drops, batch norm uses the batch). Recording stays as it is. Gives what `body`
 * gives.
 *
 * @throws {ValueError} unless `body` is a function, and when it returns a promise
 *
 * @example autograd.trainMode(() => autograd.isTraining());   // true
 */
export const trainMode = <T>(body: () => T): T => {
  checkFunction('autograd.trainMode', body, 'write autograd.trainMode(() => …)');
  return synchronous('trainMode', withMode({ training: true }, body));
};
/**
 * Runs `body` as in prediction. Recording stays as it is. Gives what `body` gives.
 *
 * @throws {ValueError} unless `body` is a function, and when it returns a promise
 *
 * @example autograd.record(() => autograd.predictMode(() => autograd.isTraining()));   // false
 */
export const predictMode = <T>(body: () => T): T => {
  checkFunction('autograd.predictMode', body, 'write autograd.predictMode(() => …)');
  return synchronous('predictMode', withMode({ training: false }, body));
};

/**
 * True inside `record`, where gradients can flow. Known while tracing too.
 *
 * @throws nothing
 *
 * @example autograd.record(() => autograd.isRecording());   // true
 */
export const isRecording = (): boolean => mode.recording;
/**
 * True in training mode: inside `record` or `trainMode`. Known while tracing too.
 *
 * @throws nothing
 *
 * @example autograd.isTraining();   // false
 */
export const isTraining = (): boolean => mode.training;

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

const write = (leaf: Leaf, g: NDArray): void => {
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

const list = <T>(x: T | readonly T[] | undefined): readonly T[] | undefined =>
  x === undefined ? undefined : Array.isArray(x) ? x : [x as T];

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
  const all = headsOf('backward', list(heads), list<NDArray | undefined>(headGrads));
  const gradients = flow(all, undefined, { retain, create });
  withMode({ recording: create, taping: create }, () => {
    for (const [origin, g] of gradients) {
      if (origin.kind === 'leaf') write(origin, g);
      else if (origin.kind === 'produced') write(origin.kept!, g);
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
  const all = headsOf('autograd.grad', list(heads), list<NDArray | undefined>(options.headGrads));
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

/**
 * A function with a gradient of your own. Subclass it, define `forward` and `backward` on arrays (any shapes and
 * dtypes; gradients flow to floats alone), and call `apply`. Works eager, recorded and in hybridized functions, in the
 * bodies of loops and branches too. Where the whole program is differentiated, backward is traced with forward: it only
 * computes there.
 *
 * @throws {ValueError} when `forward` or `backward` gives something else than arrays
 * @throws {GradientError} when `backward` gives another number of gradients than there are inputs; in compiled functions
 *   for second derivatives through a `backward` that is not linear in the gradients it is given
 * @throws {ShapeError} when a gradient has another shape than its input
 * @throws {DTypeError} when it has another dtype
 *
 * @example
 * class Clip extends autograd.Function {
 *   mask!: nd.NDArray;
 *   override forward(x: nd.NDArray) { this.mask = x.abs().lt(1); return x.clip(-1, 1); }
 *   override backward(dy: nd.NDArray) { return dy.mul(this.mask); }
 * }
 * const x = nd.array([0.5, 3]).attachGrad();
 * autograd.record(() => new Clip().apply(x).sum()).backward();
 * x.grad;   // [1, 0]
 */
abstract class CustomFunction {
  /**
   * The outputs, one or several, of any shapes and dtypes. It is not recorded.
   *
   * @throws what you throw in it
   */
  abstract forward(...inputs: NDArray[]): NDArray | NDArray[];
  /**
   * From gradients of the outputs, of their shapes and dtypes, to gradients of the inputs, one each; undefined for none.
   *
   * @throws what you throw in it
   */
  abstract backward(
    ...gradients: NDArray[]
  ): NDArray | undefined | readonly (NDArray | undefined)[];

  /**
   * Runs `forward`, recorded with `backward` as its gradient; the first output, of its shape and dtype.
   *
   * @throws {ValueError} for inputs and outputs that are no arrays
   */
  apply(...inputs: NDArray[]): NDArray {
    return this.applyAll(...inputs)[0]!;
  }

  /**
   * Like `apply`, for functions with several outputs, of any shapes and dtypes.
   *
   * @throws {ValueError} for inputs and outputs that are no arrays
   *
   * @example
   * class Halves extends autograd.Function {
   *   forward(x: nd.NDArray) { return nd.split(x, 2); }
   *   backward(a: nd.NDArray, b: nd.NDArray) { return nd.concat([a, b]); }
   * }
   * const [, second] = new Halves().applyAll(nd.array([1, 2]));
   * second;   // [2]
   */
  applyAll(...inputs: NDArray[]): NDArray[] {
    const { trace } = mode;
    const name = this.constructor.name;
    for (const x of inputs) checkArray(`${name}.apply`, x);
    const outputs: unknown = withMode({ recording: false, taping: false }, () =>
      this.forward(...inputs),
    );
    const given = (list(outputs) ?? [outputs]) as readonly NDArray[];
    for (const y of given.length === 0 ? [outputs] : given)
      if (!isNDArray(y))
        throw failure(
          'value',
          `${name}.forward: returned ${shown(y)}`,
          'return an array, or a list of arrays',
        );
    const results = given.map((y) =>
      trace === undefined ? aliasOf(y) : trace.wrap(trace.nodeOf(y)),
    );
    const run = (dys: readonly (NDArray | undefined)[]): readonly (NDArray | undefined)[] => {
      const gradients = list<NDArray | undefined>(this.backward(...(dys as NDArray[]))) ?? [
        undefined,
      ];
      if (gradients.length !== inputs.length)
        throw failure(
          'gradient',
          `${name}.backward: ${gradients.length} gradients for ${inputs.length} inputs`,
          'return one gradient per input, undefined where there is none',
        );
      gradients.forEach((g, i) => {
        if (g === undefined) return;
        if (!isNDArray(g))
          throw failure(
            'value',
            `${name}.backward: gradient ${i} is ${shown(g)}`,
            'return one array per input, undefined where there is none',
          );
        const { type, dtype } = inputs[i]!;
        if (g.type !== type)
          throw failure(
            g.dtype === dtype ? 'shape' : 'dtype',
            `${name}.backward: gradient ${i} is ${showType(g.type)}, the input ${showType(type)}`,
            'a gradient has the shape and dtype of its input',
          );
      });
      return gradients;
    };
    if (trace !== undefined && mode.recording && (trace.recorded || !mode.taping))
      return withOwnGradient(name, results, inputs, run);
    const origins = inputs.map((x) => (isFloat(x.dtype) ? originOf(x) : undefined));
    if (mode.taping && origins.some((o) => o !== undefined))
      push({ kind: 'custom', run }, name, origins, results);
    return results;
  }
}

export { CustomFunction as Function };
