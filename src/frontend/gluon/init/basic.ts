/**
 * Initializers that draw every element alike, and how wide they draw.
 *
 * Invariant: draws come from the library's generator (`random.seed`), so a seed fixes the parameters on every device.
 */
import type { DType } from '../../../ir/dtype.ts';
import type { Shape } from '../../../ir/type.ts';
import type { Device } from '../../../runtime/device.ts';
import { failure } from '../../callsite.ts';
import { full } from '../../nd/creation.ts';
import type { NDArray } from '../../ndarray.ts';
import { checkChoice, checkOptions, shown } from '../../options.ts';
import { normal, uniform } from '../../random.ts';

/** What is to be made. */
export interface InitRequest {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly device: Device;
  /** Path of the parameter, for messages. */
  readonly name: string;
}

export interface Initializer {
  draw(request: InitRequest): NDArray;
}

/** `value` if it is a finite number, not below `least`. */
const sized = (who: string, name: string, value: number, least: number): number => {
  if (Number.isFinite(value) && value >= least) return value;
  throw failure(
    'option',
    `${who}: ${name} is ${shown(value)}`,
    least === 0 ? 'pass a number ≥ 0' : 'pass a number',
  );
};
const ANY = Number.NEGATIVE_INFINITY;

/**
 * All zeros.
 *
 * Of any shape and dtype, those of the parameter.
 *
 * @throws nothing
 *
 * @example
 * const layer = new nn.Dense(2, { inUnits: 1, weightInit: new Zero() });
 * layer.initialize();
 * layer.weight.data();   // [[0], [0]]
 */
export class Zero implements Initializer {
  draw({ shape, dtype, device }: InitRequest): NDArray {
    return full(shape, 0, { dtype, device });
  }
}

/**
 * All ones.
 *
 * Of any shape and dtype, those of the parameter.
 *
 * @throws nothing
 *
 * @example
 * const layer = new nn.Dense(2, { inUnits: 1, weightInit: new One() });
 * layer.initialize();
 * layer.weight.data();   // [[1], [1]]
 */
export class One implements Initializer {
  draw({ shape, dtype, device }: InitRequest): NDArray {
    return full(shape, 1, { dtype, device });
  }
}

/**
 * One value everywhere.
 *
 * Of any shape and dtype, those of the parameter.
 *
 * @throws {OptionError} unless it is a number
 * @throws {ValueError} when drawn for a dtype of integers that does not have it
 *
 * @example
 * const layer = new nn.Dense(2, { inUnits: 1, weightInit: new Constant(0.5) });
 * layer.initialize();
 * layer.weight.data();   // [[0.5], [0.5]]
 */
export class Constant implements Initializer {
  readonly value: number;
  constructor(value: number) {
    if (typeof value !== 'number')
      throw failure('option', `Constant: value is ${shown(value)}`, 'pass a number');
    this.value = value;
  }
  draw({ shape, dtype, device }: InitRequest): NDArray {
    return full(shape, this.value, { dtype, device });
  }
}

/**
 * Uniform in [-scale, scale).
 *
 * Of any shape and float dtype, that of the parameter.
 *
 * @throws {OptionError} unless `scale` is a number ≥ 0
 * @throws {DTypeError} when drawn for integers
 *
 * @example const layer = new nn.Dense(2, { weightInit: new Uniform(0.1) });
 */
export class Uniform implements Initializer {
  readonly scale: number;
  constructor(scale = 0.07) {
    this.scale = sized('Uniform', 'scale', scale, 0);
  }
  draw({ shape, dtype, device }: InitRequest): NDArray {
    return uniform(shape, -this.scale, this.scale, { dtype, device });
  }
}

/**
 * Normal with mean 0 and standard deviation `sigma`.
 *
 * Of any shape and float dtype, that of the parameter.
 *
 * @throws {OptionError} unless `sigma` is a number ≥ 0
 * @throws {DTypeError} when drawn for integers
 *
 * @example const layer = new nn.Dense(2, { weightInit: new Normal(0.02) });
 */
export class Normal implements Initializer {
  readonly sigma: number;
  constructor(sigma = 0.01) {
    this.sigma = sized('Normal', 'sigma', sigma, 0);
  }
  draw({ shape, dtype, device }: InitRequest): NDArray {
    return normal(shape, 0, this.sigma, { dtype, device });
  }
}

export interface XavierOptions {
  /** Default 'uniform'. */
  readonly rndType?: 'uniform' | 'gaussian';
  /** What the variance is scaled by: inputs, outputs, or their mean. Default 'avg'. */
  readonly factorType?: 'in' | 'out' | 'avg';
  /** Default 3. */
  readonly magnitude?: number;
}

/** Inputs and outputs of a weight [out, in, ...kernel]. */
const fans = ({ shape, name }: InitRequest, who: string): readonly [number, number] => {
  if (shape.length < 2)
    throw failure(
      'shape',
      `${who}: ${name} has shape [${shape.join(', ')}]: it needs at least two axes`,
      "vectors take 'zeros', 'ones', 'uniform' or 'normal'",
    );
  const area = shape.slice(2).reduce((n, d) => n * d, 1);
  return [shape[1]! * area, shape[0]! * area];
};

/**
 * Keeps the variance of activations and gradients alike through layers: width `sqrt(magnitude / factor)`.
 * (Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010, §4.2.)
 *
 * Weights [out, in, ...kernel] of any float dtype; `factor` is in · kernel, out · kernel, or the mean of both.
 *
 * @throws {OptionError} for another `rndType` or `factorType`; unless `magnitude` is a number ≥ 0
 * @throws {ShapeError} when drawn for vectors
 *
 * @example const layer = new nn.Dense(2, { weightInit: new Xavier({ rndType: 'gaussian', magnitude: 2 }) });
 */
export class Xavier implements Initializer {
  readonly #options: Required<XavierOptions>;
  constructor(options: XavierOptions = {}) {
    checkOptions('Xavier', options, ['rndType', 'factorType', 'magnitude']);
    const { rndType = 'uniform', factorType = 'avg', magnitude = 3 } = options;
    checkChoice('Xavier', 'rndType', rndType, ['uniform', 'gaussian']);
    checkChoice('Xavier', 'factorType', factorType, ['in', 'out', 'avg']);
    this.#options = {
      rndType,
      factorType,
      magnitude: sized('Xavier', 'magnitude', magnitude, 0),
    };
  }
  draw(request: InitRequest): NDArray {
    const { rndType, factorType, magnitude } = this.#options;
    const [inputs, outputs] = fans(request, 'Xavier');
    const factor = { in: inputs, out: outputs, avg: (inputs + outputs) / 2 }[factorType];
    const scale = Math.sqrt(magnitude / factor);
    return (rndType === 'uniform' ? new Uniform(scale) : new Normal(scale)).draw(request);
  }
}

export interface MSRAPreluOptions {
  readonly factorType?: 'in' | 'out' | 'avg';
  /** Slope of the rectifier for negative inputs. Default 0.25. */
  readonly slope?: number;
}

/**
 * For nets with (leaky) rectifiers: normal with variance `2 / ((1 + slope²) factor)`.
 * (He et al., "Delving deep into rectifiers", ICCV 2015, §2.2.)
 *
 * Weights as for {@link Xavier}: two axes at least, any float dtype.
 *
 * @throws {OptionError} for another `factorType`; unless `slope` is a number
 * @throws {ShapeError} when drawn for vectors
 *
 * @example const layer = new nn.Dense(2, { weightInit: new MSRAPrelu({ slope: 0.1 }) });
 */
export class MSRAPrelu implements Initializer {
  readonly #xavier: Xavier;
  constructor(options: MSRAPreluOptions = {}) {
    checkOptions('MSRAPrelu', options, ['factorType', 'slope']);
    const { factorType = 'avg', slope = 0.25 } = options;
    const magnitude = 2 / (1 + sized('MSRAPrelu', 'slope', slope, ANY) ** 2);
    this.#xavier = new Xavier({ rndType: 'gaussian', factorType, magnitude });
  }
  draw(request: InitRequest): NDArray {
    return this.#xavier.draw(request);
  }
}

export interface KaimingOptions {
  /** Default 'gaussian'. */
  readonly rndType?: 'uniform' | 'gaussian';
  /** What the variance is scaled by: inputs, outputs, or their mean. Default 'in'. */
  readonly factorType?: 'in' | 'out' | 'avg';
  /** Slope of the rectifier for negative inputs. Default 0. */
  readonly slope?: number;
}

/**
 * For nets with rectifiers: variance `2 / ((1 + slope²) factor)`, by inputs unless said otherwise; normal, or uniform.
 * (He et al., ICCV 2015.)
 *
 * Weights as for {@link Xavier}: two axes at least, any float dtype.
 *
 * @throws {OptionError} for another `rndType` or `factorType`; unless `slope` is a number
 * @throws {ShapeError} when drawn for vectors
 *
 * @example const layer = new nn.Conv2D(8, 3, { weightInit: new Kaiming() });
 */
export class Kaiming implements Initializer {
  readonly #xavier: Xavier;
  constructor(options: KaimingOptions = {}) {
    checkOptions('Kaiming', options, ['rndType', 'factorType', 'slope']);
    const { rndType = 'gaussian', factorType = 'in', slope = 0 } = options;
    // A uniform distribution of width ±a has variance a² / 3.
    const spread = rndType === 'uniform' ? 3 : 1;
    const share = 1 + sized('Kaiming', 'slope', slope, ANY) ** 2;
    this.#xavier = new Xavier({ rndType, factorType, magnitude: (spread * 2) / share });
  }
  draw(request: InitRequest): NDArray {
    return this.#xavier.draw(request);
  }
}
