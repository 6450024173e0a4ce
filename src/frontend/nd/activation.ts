/**
 * Functions that layers bend their results with, beyond those that are methods of arrays.
 *
 * Invariant: element by element; floats keep their dtype, integers become float32.
 */
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { call, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { floating } from './math.ts';

interface Numbers {
  readonly numbers: readonly number[];
}
type Formula = (b: GraphBuilder, x: Node, numbers: readonly number[]) => Node;

/** A function of an array and of numbers that are part of the program. */
const define = (name: string, formula: Formula): Fragment<Numbers> =>
  fragment<Numbers>(name, (b, [x], { numbers }) => formula(b, floating(b, x!), numbers));
const apply = (f: Fragment<Numbers>, x: NDArray, ...numbers: number[]): NDArray => {
  const odd = numbers.find((n) => typeof n !== 'number' || Number.isNaN(n));
  if (odd !== undefined)
    throw failure('option', `${f.name}: ${shown(odd)} is not a number`, 'pass numbers');
  return call(f, [x], { attrs: { numbers }, key: numbers.join('/') });
};
const times = (b: GraphBuilder, x: Node, by: number): Node => b.op('mul', x, b.lit(by, x));
const plus = (b: GraphBuilder, x: Node, by: number): Node => b.op('add', x, b.lit(by, x));
const between = (b: GraphBuilder, x: Node, low: number, high: number): Node => {
  const inside = b.op('and', b.op('gt', x, b.lit(low, x)), b.op('lt', x, b.lit(high, x)));
  const bounded = b.op('min', b.op('max', x, b.lit(low, x)), b.lit(high, x));
  return b.op('select', inside, x, bounded);
};

const smoothing = define('smoothL1', (b, x, [scalar = 1]) => {
  const square = scalar * scalar;
  const size = b.op('abs', x);
  const near = b.op('lt', size, b.lit(1 / square, size));
  const inner = times(b, b.op('mul', x, x), 0.5 * square);
  return b.op('select', near, inner, plus(b, size, -0.5 / square));
});
/**
 * `½ (scalar · x)²` where |x| < 1 / scalar², else `|x| - ½ / scalar²`: squares near 0, distances far away.
 *
 * Shapes and dtypes: element by element; floats stay, integers and booleans give float32.
 *
 * @throws {OptionError} unless `scalar` is a number
 *
 * @example
 * nd.smoothL1(nd.array([-3, 0.5]));   // [2.5, 0.125]
 */
export const smoothL1 = (x: NDArray, scalar = 1): NDArray => apply(smoothing, x, scalar);

const hardening = define('hardSigmoid', (b, x, [alpha = 0.2, beta = 0.5]) =>
  between(b, plus(b, times(b, x, alpha), beta), 0, 1),
);
export interface HardSigmoidOptions {
  /** Slope. Default 0.2. */
  readonly alpha?: number;
  /** Value at 0. Default 0.5. */
  readonly beta?: number;
}
/**
 * `alpha · x + beta`, limited to 0 … 1.
 *
 * Shapes and dtypes: element by element; floats stay, integers and booleans give float32.
 *
 * @throws {OptionError} unless `alpha` and `beta` are numbers, and for other options
 *
 * @example
 * nd.hardSigmoid(nd.array([-5, 0, 1]));   // [0, 0.5, 0.7]
 */
export const hardSigmoid = (x: NDArray, options?: HardSigmoidOptions): NDArray => {
  checkOptions('hardSigmoid', options, ['alpha', 'beta']);
  return apply(hardening, x, options?.alpha ?? 0.2, options?.beta ?? 0.5);
};

const swishing = define('hardSwish', (b, x) =>
  b.op('mul', x, between(b, plus(b, times(b, x, 1 / 6), 0.5), 0, 1)),
);
/**
 * `x · hardSigmoid(x)` with slope 1/6. (Howard et al., "Searching for MobileNetV3", ICCV 2019.)
 *
 * Shapes and dtypes: element by element; floats stay, integers and booleans give float32.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.hardSwish(nd.array([-3, 1, 6]));   // [0, 0.6667, 6]
 */
export const hardSwish = (x: NDArray): NDArray => apply(swishing, x);

const bending = define('swish', (b, x, [beta = 1]) =>
  b.op('mul', x, b.op('sigmoid', times(b, x, beta))),
);
/**
 * `x · sigmoid(beta · x)`. (Ramachandran et al., "Searching for activation functions", 2017.)
 *
 * Shapes and dtypes: element by element; floats stay, integers and booleans give float32.
 *
 * @throws {OptionError} unless `beta` is a number
 *
 * @example
 * nd.swish(nd.array([1]), 2);   // [0.8808]
 */
export const swish = (x: NDArray, beta = 1): NDArray => apply(bending, x, beta);

const roughly = define('geluTanh', (b, x) => {
  const cube = b.op('mul', b.op('mul', x, x), x);
  const inner = times(b, b.op('add', x, times(b, cube, 0.044715)), Math.sqrt(2 / Math.PI));
  return b.op('mul', times(b, x, 0.5), plus(b, b.op('tanh', inner), 1));
});
/**
 * GELU with the normal distribution function approximated by a hyperbolic tangent.
 *
 * Shapes and dtypes: element by element; floats stay, integers and booleans give float32.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.geluTanh(nd.array([1]));   // [0.8412]
 */
export const geluTanh = (x: NDArray): NDArray => apply(roughly, x);

const gently = define('mish', (b, x) => {
  const rise = b.op('log1p', b.op('exp', b.op('neg', b.op('abs', x))));
  return b.op('mul', x, b.op('tanh', b.op('add', b.op('relu', x), rise)));
});
/**
 * `x · tanh(log(1 + eˣ))`. (Misra, "Mish", BMVC 2020.)
 *
 * Shapes and dtypes: element by element; floats stay, integers and booleans give float32.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.mish(nd.array([1]));   // [0.8651]
 */
export const mish = (x: NDArray): NDArray => apply(gently, x);
