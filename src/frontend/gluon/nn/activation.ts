/**
 * Activation functions with numbers or parameters of their own.
 *
 * Invariant: any shape; floats keep their dtype, integers become float32.
 */
import type { NDArray } from '../../methods.ts';
import {
  geluTanh,
  type HardSigmoidOptions,
  hardSigmoid,
  hardSwish,
  mish,
  swish,
} from '../../nd/activation.ts';
import { add, minimum, mul } from '../../nd/arithmetic.ts';
import { axisOf } from '../../nd/axes.ts';
import { elu, gelu, leakyRelu, relu, silu } from '../../nd/math.ts';
import { checkChoice, checkOptions } from '../../options.ts';
import { HybridBlock } from '../block.ts';
import type { InitializerLike } from '../init.ts';
import { Parameter } from '../parameter.ts';
import { count, expectArray, expectSize, finite } from './shared.ts';

/**
 * `x` where positive, else `alpha · x`. (Maas et al., ICML 2013.)
 *
 * Any shape; floats stay, integers and booleans give float32.
 *
 * @throws {OptionError} unless `alpha` is a finite number
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.LeakyReLU(0.1)(nd.array([-1, 2]));   // [-0.1, 2]
 */
export class LeakyReLU extends HybridBlock {
  readonly alpha: number;
  constructor(alpha: number) {
    super();
    this.alpha = finite('LeakyReLU', 'alpha', alpha, 'a number: new nn.LeakyReLU(0.1)');
  }
  override forward(x: NDArray): NDArray {
    expectArray('LeakyReLU', x);
    return leakyRelu(x, this.alpha);
  }
}

export interface PReLUOptions {
  /** Of the slopes. Default 0.25. */
  readonly alphaInit?: InitializerLike;
  /** One slope for all, or one per channel (axis 1). Default 1. */
  readonly inChannels?: number;
}

/**
 * `x` where positive, else `alpha · x` with a learnt `alpha` [inChannels]. (He et al., ICCV 2015.)
 *
 * Any shape, with channels along axis 1 where there are several slopes. `alpha` is float32 unless cast; the result has
 * the promoted dtype of both.
 *
 * @throws {OptionError} unless `inChannels` is an integer ≥ 1
 * @throws {ShapeError} with several slopes, unless axis 1 is there and has as many channels
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * const act = new nn.PReLU();
 * act.initialize();
 * act(nd.array([-1, 2]));   // [-0.25, 2]
 */
export class PReLU extends HybridBlock {
  readonly alpha: Parameter;
  constructor(options: PReLUOptions = {}) {
    super();
    checkOptions('PReLU', options, ['alphaInit', 'inChannels']);
    const inChannels = count('PReLU', 'inChannels', options.inChannels ?? 1);
    this.alpha = new Parameter({ shape: [inChannels], init: options.alphaInit ?? 0.25 });
  }
  override forward(x: NDArray): NDArray {
    expectArray('PReLU', x);
    const alpha = this.alpha.data();
    const shared = alpha.size === 1;
    if (!shared) expectSize('PReLU', x, axisOf('PReLU', 1, x.ndim), alpha.size, 'channels');
    const slope = alpha.reshape(shared ? [] : x.shape.map((_, i) => (i === 1 ? alpha.size : 1)));
    return add(relu(x), mul(slope, minimum(x, 0)));
  }
}

/**
 * `x` where positive, else `alpha · (eˣ - 1)`. (Clevert et al., ICLR 2016.)
 *
 * Any shape; floats stay, integers and booleans give float32.
 *
 * @throws {OptionError} unless `alpha` is a finite number
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.ELU()(nd.array([-1, 2]));   // [-0.6321, 2]
 */
export class ELU extends HybridBlock {
  readonly alpha: number;
  constructor(alpha = 1) {
    super();
    this.alpha = finite('ELU', 'alpha', alpha, 'a number: new nn.ELU(1)');
  }
  override forward(x: NDArray): NDArray {
    expectArray('ELU', x);
    return elu(x, this.alpha);
  }
}

/** Fixed point of mean 0 and variance 1 (Klambauer et al., "Self-normalizing neural networks", NIPS 2017, eq. 14). */
const FIXED_POINT = { scale: 1.0507009873554805, alpha: 1.6732632423543772 } as const;

/**
 * `scale · elu(x, alpha)` with the numbers that keep mean 0 and variance 1. (Klambauer et al., NIPS 2017.)
 *
 * Any shape; floats stay, integers and booleans give float32.
 *
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.SELU()(nd.array([1]));   // [1.0507]
 */
export class SELU extends HybridBlock {
  override forward(x: NDArray): NDArray {
    expectArray('SELU', x);
    return elu(x, FIXED_POINT.alpha).mul(FIXED_POINT.scale);
  }
}

/** How {@link GELU} computes the normal distribution function. */
export type GELUApproximation = 'erf' | 'tanh';

/**
 * `x · Φ(x)`, Φ the normal distribution function: exact ('erf', the default), or approximated ('tanh'). (Hendrycks &
 * Gimpel, 2016.)
 *
 * Any shape; floats stay, integers and booleans give float32.
 *
 * @throws {OptionError} for another approximation
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.GELU()(nd.array([1]));         // [0.8413]
 * new nn.GELU('tanh')(nd.array([1]));   // [0.8412]
 */
export class GELU extends HybridBlock {
  readonly approximation: GELUApproximation;
  constructor(approximation: GELUApproximation = 'erf') {
    super();
    this.approximation = checkChoice('GELU', 'approximation', approximation, ['erf', 'tanh']);
  }
  override forward(x: NDArray): NDArray {
    expectArray('GELU', x);
    return this.approximation === 'erf' ? gelu(x) : geluTanh(x);
  }
}

/**
 * `x · sigmoid(x)`. (Elfwing et al., 2017.)
 *
 * Any shape; floats stay, integers and booleans give float32.
 *
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.SiLU()(nd.array([1]));   // [0.7311]
 */
export class SiLU extends HybridBlock {
  override forward(x: NDArray): NDArray {
    expectArray('SiLU', x);
    return silu(x);
  }
}

/**
 * `x · sigmoid(beta · x)`. (Ramachandran et al., "Searching for activation functions", 2017.)
 *
 * Any shape; floats stay, integers and booleans give float32.
 *
 * @throws {OptionError} unless `beta` is a finite number
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.Swish(2)(nd.array([1]));   // [0.8808]
 */
export class Swish extends HybridBlock {
  readonly beta: number;
  constructor(beta = 1) {
    super();
    this.beta = finite('Swish', 'beta', beta, 'a number: new nn.Swish(1.5)');
  }
  override forward(x: NDArray): NDArray {
    expectArray('Swish', x);
    return swish(x, this.beta);
  }
}

/**
 * `x · tanh(log(1 + eˣ))`. (Misra, "Mish", BMVC 2020.)
 *
 * Any shape; floats stay, integers and booleans give float32.
 *
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.Mish()(nd.array([1]));   // [0.8651]
 */
export class Mish extends HybridBlock {
  override forward(x: NDArray): NDArray {
    expectArray('Mish', x);
    return mish(x);
  }
}

/**
 * `alpha · x + beta`, limited to 0 … 1; `alpha` 0.2 and `beta` 0.5 unless said otherwise.
 *
 * Any shape; floats stay, integers and booleans give float32.
 *
 * @throws {OptionError} unless `alpha` and `beta` are finite numbers
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.HardSigmoid()(nd.array([-5, 0, 1]));   // [0, 0.5, 0.7]
 */
export class HardSigmoid extends HybridBlock {
  readonly #options: HardSigmoidOptions;
  constructor(options: HardSigmoidOptions = {}) {
    super();
    checkOptions('HardSigmoid', options, ['alpha', 'beta']);
    const { alpha = 0.2, beta = 0.5 } = options;
    this.#options = {
      alpha: finite('HardSigmoid', 'alpha', alpha),
      beta: finite('HardSigmoid', 'beta', beta),
    };
  }
  override forward(x: NDArray): NDArray {
    expectArray('HardSigmoid', x);
    return hardSigmoid(x, this.#options);
  }
}

/**
 * `x · (x / 6 + ½, limited to 0 … 1)`. (Howard et al., "Searching for MobileNetV3", ICCV 2019.)
 *
 * Any shape; floats stay, integers and booleans give float32.
 *
 * @throws {ValueError} for an input that is no array
 *
 * @example
 * new nn.HardSwish()(nd.array([-3, 1, 6]));   // [0, 0.6667, 6]
 */
export class HardSwish extends HybridBlock {
  override forward(x: NDArray): NDArray {
    expectArray('HardSwish', x);
    return hardSwish(x);
  }
}
