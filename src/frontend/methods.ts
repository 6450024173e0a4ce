/**
 * The methods of NDArray: the same functions as in `nd`, with the array first.
 *
 * Invariant: a method does nothing of its own; importing this module puts the methods on the prototype, once.
 */
import { showType } from '../ir/type.ts';
import * as autograd from './autograd.ts';
import { copyOf } from './callable.ts';
import { failure } from './callsite.ts';
import { mode } from './mode.ts';
import * as arithmetic from './nd/arithmetic.ts';
import type { TypedArray } from './nd/filled.ts';
import * as indexing from './nd/indexing.ts';
import * as linalg from './nd/linalg.ts';
import * as math from './nd/math.ts';
import * as neural from './nd/neural.ts';
import * as reductions from './nd/reduce.ts';
import * as shapes from './nd/shape.ts';
import { NDArray, type Operand } from './ndarray.ts';
import { show } from './printing.ts';
import { data, dataSync, nest, single, type Values } from './reading.ts';
import type { GradientMode } from './tape.ts';

/** A function of an array with the array left out: it is `this`. */
type Method<F> = F extends (x: NDArray, ...rest: infer R) => infer T ? (...rest: R) => T : never;
type Bound<M, K extends keyof M> = { readonly [N in K]: Method<M[N]> };

// biome-ignore format: a table
const ARITHMETIC = [
  'add', 'sub', 'mul', 'div', 'floorDiv', 'mod', 'pow', 'minimum', 'maximum', 'eq', 'ne', 'lt', 'le', 'gt', 'ge',
  'logicalAnd', 'logicalOr', 'logicalXor',
] as const;
// biome-ignore format: a table
const MATH = [
  'neg', 'abs', 'sign', 'exp', 'expm1', 'log', 'log1p', 'sin', 'cos', 'tan', 'tanh', 'sigmoid', 'erf', 'relu',
  'leakyRelu', 'elu', 'gelu', 'silu', 'softplus', 'softsign', 'sqrt', 'rsqrt', 'square', 'reciprocal', 'floor', 'ceil',
  'round', 'isNaN', 'isFinite', 'logicalNot', 'clip', 'astype',
] as const;
// biome-ignore format: a table
const REDUCTIONS = [
  'sum', 'prod', 'mean', 'max', 'min', 'argmax', 'argmin', 'all', 'any', 'norm', 'var', 'std', 'logSumExp',
] as const;
// biome-ignore format: a table
const SHAPES = [
  'reshape', 'ravel', 'flatten', 'expandDims', 'squeeze', 'transpose', 'swapAxes', 'broadcastTo', 'flip', 'split', 'tile',
  'repeat', 'pad',
] as const;
const INDEXING = ['slice', 'at', 'set', 'take', 'gather', 'pick', 'oneHot'] as const;
const LINALG = ['matmul', 'dot', 'batchDot'] as const;
const NEURAL = ['softmax', 'logSoftmax'] as const;

/** All methods of {@link NDArray}. */
export interface Methods
  extends Bound<typeof arithmetic, (typeof ARITHMETIC)[number]>,
    Bound<typeof math, (typeof MATH)[number]>,
    Bound<typeof reductions, (typeof REDUCTIONS)[number]>,
    Bound<typeof shapes, (typeof SHAPES)[number]>,
    Bound<typeof indexing, (typeof INDEXING)[number]>,
    Bound<typeof linalg, (typeof LINALG)[number]>,
    Bound<typeof neural, (typeof NEURAL)[number]> {
  /** Axes reversed: the transpose of a matrix. */
  readonly T: NDArray;
  /** The gradient that backward passes write to: undefined without `attachGrad()`. */
  readonly grad: NDArray | undefined;
  /** Asks for gradients: `write` (default), `add` them up over passes, or `null` for none. Returns the array. */
  attachGrad(mode?: GradientMode): NDArray;
  /** Computes gradients of this array (times `headGrad`, default ones); see `autograd.backward`. */
  backward(headGrad?: NDArray, options?: autograd.BackwardOptions): void;
  /** The same value without history: gradients do not flow through it. */
  detach(): NDArray;
  /** The same value in memory of its own, without history. */
  copy(): NDArray;
  /** This array where `mask` is true (not 0), else `other`. */
  where(mask: NDArray, other: Operand): NDArray;
  /** The elements in row-major order (floats of 16 bits as float32). */
  data(): Promise<TypedArray>;
  /** The elements now, where the device allows it (the CPU does). */
  dataSync(): TypedArray;
  /** The elements in nested arrays (booleans for bool); a single value for an array without axes. */
  array(): Promise<Values>;
  arraySync(): Values;
  /** The element of an array of size 1 (bool: 0 or 1). */
  item(): Promise<number>;
  itemSync(): number;
  /** Shape, dtype, device and values. */
  toString(): string;
}

type Named = Readonly<Record<string, unknown>>;
const prototype = NDArray.prototype as unknown as Record<string, unknown>;

const install = (names: readonly string[], functions: Named): void => {
  for (const name of names) {
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
install(ARITHMETIC, arithmetic);
install(MATH, math);
install(REDUCTIONS, reductions);
install(SHAPES, shapes);
install(INDEXING, indexing);
install(LINALG, linalg);
install(NEURAL, neural);
install(['attachGrad', 'backward'], autograd);

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
    return autograd.detached(this);
  },
  copy() {
    return mode.trace === undefined ? copyOf(this) : autograd.detached(this);
  },
  where(mask, other) {
    return indexing.where(mask, this, other);
  },
  data() {
    return data(this);
  },
  dataSync() {
    return dataSync(this);
  },
  async array() {
    return nest(await data(this), this.shape, this.dtype);
  },
  arraySync() {
    return nest(dataSync(this), this.shape, this.dtype);
  },
  async item() {
    single(this, 'item');
    return (await data(this))[0]!;
  },
  itemSync() {
    single(this, 'itemSync');
    return dataSync(this)[0]!;
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
      return autograd.gradientOf(this);
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
