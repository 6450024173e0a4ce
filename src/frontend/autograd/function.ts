/**
 * Functions with gradients of the user's own.
 *
 * Invariant: what `forward` does is not recorded; `backward` is asked for gradients of its inputs and nothing else.
 */
import { isFloat } from '../../ir/dtype.ts';
import { showType } from '../../ir/type.ts';
import { checkArray } from '../call.ts';
import { failure } from '../callsite.ts';
import { mode, withMode } from '../mode.ts';
import { aliasOf, isNDArray, type NDArray } from '../ndarray.ts';
import { listed, shown } from '../options.ts';
import { withOwnGradient } from '../own-gradient.ts';
import { originOf, push } from '../tape.ts';

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
    const given = (listed(outputs) ?? [outputs]) as readonly NDArray[];
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
      const gradients = listed<NDArray | undefined>(this.backward(...(dys as NDArray[]))) ?? [
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
