/**
 * The methods of NDArray: the same functions as in `nd`, with the array first.
 *
 * Invariants: a method does nothing of its own; importing this module puts the methods on the prototype, once. What is
 * a method here is in every page, so functions that bring much with them are none, or become one in `more-methods.ts`,
 * which pages on `tigon/web` import when they want it: until then such a method says so.
 */
import { showType } from '../ir/type.ts';
import {
  attachGrad,
  type BackwardOptions,
  backward,
  detached,
  dropGrad,
  gradientOf,
  retainGrad,
} from './autograd.ts';
import { copyOf } from './callable.ts';
import { failure } from './callsite.ts';
import { mode } from './mode.ts';
import * as arithmetic from './nd/arithmetic.ts';
import type * as joins from './nd/concat.ts';
import type { AnyTypedArray, TypedArray } from './nd/filled.ts';
import * as indexing from './nd/indexing.ts';
import * as linalg from './nd/linalg.ts';
import * as math from './nd/math.ts';
import type * as padding from './nd/padding.ts';
import * as reductions from './nd/reduce.ts';
import { partBy } from './nd/selection.ts';
import * as shapes from './nd/shape.ts';
import * as neural from './nd/softmax.ts';
import { NDArray, type Operand } from './ndarray.ts';
import { show } from './printing.ts';
import { data, dataSync, nest, numbers, single, type Values } from './reading.ts';
import type { GradientMode } from './tape.ts';

/** A function of an array with the array left out: it is `this`. */
type Method<F> = F extends (x: NDArray, ...rest: infer R) => infer T ? (...rest: R) => T : never;
type Bound<M, K extends keyof M> = { readonly [N in K]: Method<M[N]> };

// Types and values both name each method, so that modules may hold more functions than pages that use none of them.
// biome-ignore format: a table
type ArithmeticNames =
  | 'add' | 'sub' | 'mul' | 'div' | 'floorDiv' | 'mod' | 'pow' | 'minimum' | 'maximum' | 'eq' | 'ne' | 'lt' | 'le'
  | 'gt' | 'ge' | 'logicalAnd' | 'logicalOr' | 'logicalXor';
// biome-ignore format: a table
const ARITHMETIC: Pick<typeof arithmetic, ArithmeticNames> = {
  add: arithmetic.add, sub: arithmetic.sub, mul: arithmetic.mul, div: arithmetic.div, floorDiv: arithmetic.floorDiv,
  mod: arithmetic.mod, pow: arithmetic.pow, minimum: arithmetic.minimum, maximum: arithmetic.maximum,
  eq: arithmetic.eq, ne: arithmetic.ne, lt: arithmetic.lt, le: arithmetic.le, gt: arithmetic.gt, ge: arithmetic.ge,
  logicalAnd: arithmetic.logicalAnd, logicalOr: arithmetic.logicalOr, logicalXor: arithmetic.logicalXor,
};
// biome-ignore format: a table
type MathNames =
  | 'neg' | 'abs' | 'sign' | 'exp' | 'expm1' | 'log' | 'log1p' | 'sin' | 'cos' | 'tan' | 'tanh' | 'sigmoid' | 'erf'
  | 'relu' | 'leakyRelu' | 'elu' | 'gelu' | 'silu' | 'softplus' | 'softsign' | 'sqrt' | 'rsqrt' | 'square'
  | 'reciprocal' | 'floor' | 'ceil' | 'round' | 'isNaN' | 'isFinite' | 'logicalNot' | 'clip' | 'astype';
// biome-ignore format: a table
const MATH: Pick<typeof math, MathNames> = {
  neg: math.neg, abs: math.abs, sign: math.sign, exp: math.exp, expm1: math.expm1, log: math.log, log1p: math.log1p,
  sin: math.sin, cos: math.cos, tan: math.tan, tanh: math.tanh, sigmoid: math.sigmoid, erf: math.erf,
  relu: math.relu, leakyRelu: math.leakyRelu, elu: math.elu, gelu: math.gelu, silu: math.silu,
  softplus: math.softplus, softsign: math.softsign, sqrt: math.sqrt, rsqrt: math.rsqrt, square: math.square,
  reciprocal: math.reciprocal, floor: math.floor, ceil: math.ceil, round: math.round, isNaN: math.isNaN,
  isFinite: math.isFinite, logicalNot: math.logicalNot, clip: math.clip, astype: math.astype,
};
// biome-ignore format: a table
type ReductionsNames =
  | 'sum' | 'mean' | 'max' | 'min' | 'argmax' | 'argmin' | 'all' | 'any' | 'logSumExp';
// biome-ignore format: a table
const REDUCTIONS: Pick<typeof reductions, ReductionsNames> = {
  sum: reductions.sum, mean: reductions.mean, max: reductions.max, min: reductions.min, argmax: reductions.argmax,
  argmin: reductions.argmin, all: reductions.all, any: reductions.any, logSumExp: reductions.logSumExp,
};
// biome-ignore format: a table
type ShapesNames =
  | 'reshape' | 'ravel' | 'flatten' | 'expandDims' | 'squeeze' | 'transpose' | 'swapAxes' | 'broadcastTo' | 'flip';
// biome-ignore format: a table
const SHAPES: Pick<typeof shapes, ShapesNames> = {
  reshape: shapes.reshape, ravel: shapes.ravel, flatten: shapes.flatten, expandDims: shapes.expandDims,
  squeeze: shapes.squeeze, transpose: shapes.transpose, swapAxes: shapes.swapAxes, broadcastTo: shapes.broadcastTo,
  flip: shapes.flip,
};
/** Methods that `more-methods.ts` brings. */
export type MoreReductions = 'prod' | 'norm' | 'var' | 'std';
export type MoreShapes = 'split' | 'tile' | 'repeat' | 'pad';
export type Shapes = typeof shapes & Pick<typeof joins, 'split'> & Pick<typeof padding, 'pad'>;
export type MoreIndexing = 'slice' | 'at' | 'set' | 'take' | 'gather' | 'pick' | 'oneHot';
// biome-ignore format: a table
const MORE: readonly Exclude<MoreReductions | MoreShapes | MoreIndexing, 'slice' | 'at'>[] = [
  'prod', 'norm', 'var', 'std', 'split', 'tile', 'repeat', 'pad', 'set', 'take', 'gather', 'pick', 'oneHot',
];
// biome-ignore format: a table
type LinalgNames =
  | 'matmul' | 'dot' | 'batchDot';
// biome-ignore format: a table
const LINALG: Pick<typeof linalg, LinalgNames> = {
  matmul: linalg.matmul, dot: linalg.dot, batchDot: linalg.batchDot,
};
// biome-ignore format: a table
type NeuralNames =
  | 'softmax' | 'logSoftmax';
// biome-ignore format: a table
const NEURAL: Pick<typeof neural, NeuralNames> = {
  softmax: neural.softmax, logSoftmax: neural.logSoftmax,
};

/** All methods of {@link NDArray}. */
export interface Methods
  extends Bound<typeof arithmetic, ArithmeticNames>,
    Bound<typeof math, MathNames>,
    Bound<typeof reductions, ReductionsNames | MoreReductions>,
    Bound<Shapes, ShapesNames | MoreShapes>,
    Bound<typeof indexing, MoreIndexing>,
    Bound<typeof linalg, LinalgNames>,
    Bound<typeof neural, NeuralNames> {
  /** Axes reversed, as a view of the same dtype: the transpose of a matrix. */
  readonly T: NDArray;
  /** The gradient that backward passes write to, of the array's shape and dtype: undefined without `attachGrad()`. */
  readonly grad: NDArray | undefined;
  /**
   * Asks for gradients: `write` (default), `add` them up over passes, or `null` for none. Returns the array.
   *
   * @throws {DTypeError} for integers and booleans: only floats have gradients
   * @throws {OptionError} for another mode
   */
  attachGrad(mode?: GradientMode): NDArray;
  /**
   * Asks for the gradient of a result in between, which stays part of what was recorded. Returns the array.
   *
   * @throws {DTypeError} for integers and booleans: only floats have gradients
   * @throws {TraceError} in a hybridized function that is recorded as a whole
   */
  retainGrad(mode?: GradientMode): NDArray;
  /**
   * Takes `attachGrad` or `retainGrad` back. Returns the array.
   *
   * @throws nothing
   */
  dropGrad(): NDArray;
  /**
   * Computes gradients of this array (times `headGrad`, of its shape and dtype; default ones) and writes them to the
   * arrays that asked for them.
   *
   * @see {@link autograd.backward}
   */
  backward(headGrad?: NDArray, options?: BackwardOptions): void;
  /**
   * The same value without history: gradients do not flow through it. Shape and dtype stay, the memory is shared.
   *
   * @throws nothing
   */
  detach(): NDArray;
  /**
   * The same value in memory of its own, without history. Shape and dtype stay.
   *
   * @throws {UseAfterFreeError} for an array that was disposed
   */
  copy(): NDArray;
  /**
   * This array where `mask` is true (not 0), else `other`; the three broadcast.
   *
   * @see {@link nd.where}
   */
  where(mask: NDArray, other: Operand): NDArray;
  /**
   * The elements in row-major order, copied: in the typed array of the dtype, bool as `Uint8Array`, floats of 16 bits as
   * `Float32Array`, int64 and uint64 as `BigInt64Array` and `BigUint64Array` (`x.data<BigInt64Array>()`).
   *
   * @throws {TraceError} while tracing, when values are not known
   * @throws {UseAfterFreeError} for an array that was disposed
   */
  data(): Promise<TypedArray>;
  data<T extends AnyTypedArray>(): Promise<T>;
  /**
   * What `data` gives, at once.
   *
   * @throws {DeviceError} where the device cannot be read without waiting: only the CPU can
   * @throws {TraceError} while tracing, when values are not known
   * @throws {UseAfterFreeError} for an array that was disposed
   */
  dataSync(): TypedArray;
  dataSync<T extends AnyTypedArray>(): T;
  /**
   * The elements in nested arrays, as deep as there are axes (booleans for bool); a single value for an array without
   * axes.
   *
   * @throws {ValueError} for integers of 64 bits beyond 2^53, which no number holds exactly
   * @throws {TraceError} while tracing, when values are not known
   */
  array(): Promise<Values>;
  /**
   * What `array` gives, at once.
   *
   * @throws {DeviceError} where the device cannot be read without waiting: only the CPU can
   * @throws {ValueError} and {TraceError} where `array` does
   */
  arraySync(): Values;
  /**
   * The element of an array of size 1, whatever its axes (bool: 0 or 1).
   *
   * @throws {ShapeError} unless there is exactly one element
   * @throws {ValueError} for an integer of 64 bits beyond 2^53, which no number holds exactly
   * @throws {TraceError} while tracing, when values are not known
   */
  item(): Promise<number>;
  /**
   * What `item` gives, at once.
   *
   * @throws {DeviceError} where the device cannot be read without waiting: only the CPU can
   * @throws {ShapeError} and {ValueError} where `item` does
   */
  itemSync(): number;
  /**
   * Shape, dtype, device and, where they can be read at once, values; of long axes the ends.
   *
   * @throws nothing
   */
  toString(): string;
}

type Named = Readonly<Record<string, unknown>>;
const prototype = NDArray.prototype as unknown as Record<string, unknown>;

/** Makes functions of an array its methods. */
export const install = (functions: Named): void => {
  for (const name in functions) {
    const f = functions[name] as (x: NDArray, a: unknown, b: unknown) => unknown;
    // Rest parameters would cost more than the smallest operations do; no function here takes many arguments but these.
    const spread = name === 'slice' || name === 'at';
    prototype[name] = spread
      ? function (this: NDArray, ...rest: never[]): unknown {
          return (f as (x: NDArray, ...r: never[]) => unknown)(this, ...rest);
        }
      : function (this: NDArray, a: unknown, b: unknown): unknown {
          return f(this, a, b);
        };
  }
};
for (const name of MORE)
  prototype[name] = (): never => {
    throw failure(
      'option',
      `x.${name}: the method is not in this page`,
      `write nd.${name}(x, …), or import 'tigon/methods', which brings all methods`,
    );
  };
for (const table of [ARITHMETIC, MATH, REDUCTIONS, SHAPES, LINALG, NEURAL]) install(table);
install({ at: partBy('at'), slice: partBy('slice') });
install({ attachGrad, backward, dropGrad, retainGrad });

type Own =
  | 'detach'
  | 'copy'
  | 'where'
  | 'data'
  | 'dataSync'
  | 'array'
  | 'arraySync'
  | 'item'
  | 'itemSync'
  | 'toString';
const own: Pick<Methods, Own> & ThisType<NDArray> = {
  detach() {
    return detached(this);
  },
  copy() {
    return mode.trace === undefined ? copyOf(this) : detached(this);
  },
  where(mask, other) {
    return indexing.where(mask, this, other);
  },
  data<T extends AnyTypedArray>() {
    return data<T>(this);
  },
  dataSync<T extends AnyTypedArray>() {
    return dataSync<T>(this);
  },
  async array() {
    return nest(await data(this), this.shape, this.dtype);
  },
  arraySync() {
    return nest(dataSync(this), this.shape, this.dtype);
  },
  async item() {
    single(this, 'item');
    return numbers(await data(this), 'item')[0]!;
  },
  itemSync() {
    single(this, 'itemSync');
    return numbers(dataSync(this), 'itemSync')[0]!;
  },
  toString() {
    return show(this);
  },
};
Object.assign(prototype, own);

Object.defineProperties(NDArray.prototype, {
  // Operators would compute with NaN without a word: `x * 2`, `-x`, `x < 1`. Texts (`${x}`, 'loss ' + x) are wanted.
  [Symbol.toPrimitive]: {
    configurable: true,
    value(this: NDArray, hint: string): string {
      if (hint !== 'number') return show(this);
      throw failure(
        'value',
        `arithmetic on an NDArray ${showType(this.type)} with a JavaScript operator`,
        'use methods: x.add(y), x.mul(2), x.lt(y), x.neg(); for a JavaScript number await x.item()',
      );
    },
  },
  T: {
    configurable: true,
    get(this: NDArray): NDArray {
      return shapes.transpose(this);
    },
  },
  grad: {
    configurable: true,
    get(this: NDArray): NDArray | undefined {
      return gradientOf(this);
    },
  },
  [Symbol.for('nodejs.util.inspect.custom')]: {
    configurable: true,
    value(this: NDArray): string {
      return show(this);
    },
  },
});

export { NDArray };
