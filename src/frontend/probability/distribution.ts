/**
 * Distributions: what all of them have.
 *
 * Invariant: parameters are arrays that broadcast to `batchShape`; one value has the shape `eventShape`; a sample is
 * [...sample, ...batchShape, ...eventShape]. Everything is a function of arrays: it is recorded, traced and compiled
 * like any other, and gradients flow through samples where `hasGrad` says so.
 */
import { type DType, isFloat, promote } from '../../ir/dtype.ts';
import { type Shape, sameShape, showType } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import { failure } from '../callsite.ts';
import { defaultDevice } from '../default-device.ts';
import { mode } from '../mode.ts';
import { checkShape } from '../nd/creation.ts';
import * as nd from '../nd/index.ts';
import { isNDArray, type NDArray, type Operand } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { type Constraint, unitInterval } from './constraint.ts';

export interface DistributionOptions {
  /**
   * Look at the values of parameters, and of what `logProb` and `cdf` get, and throw a ValueError when they lie
   * outside. Needs a device that can be read at once, and does not work while tracing: there, `await d.validate()`
   * outside. Numbers are always looked at. Default false.
   */
  readonly validateArgs?: boolean;
}

/** A parameter and where it may lie. */
export type Given = readonly [name: string, value: Operand, constraint: Constraint];

/** Throws unless all of `value` satisfies the constraint: now, where the device can be read. */
const checkNow = (where: string, value: NDArray, constraint: Constraint): void => {
  if (nd.all(constraint.check(value)).itemSync() === 0) throw outside(where, constraint);
};
const outside = (where: string, constraint: Constraint): Error =>
  failure('value', `${where}: not everywhere ${constraint.rule}`, `pass ${constraint.rule}`);

/** The shape that all broadcast to. */
export const commonShape = (where: string, shapes: readonly Shape[]): Shape => {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = new Set(shapes.map((s) => s[i - rank + s.length] ?? 1));
    sizes.delete(1);
    if (sizes.size > 1)
      throw failure(
        'shape',
        `${where}: shapes do not broadcast: ${shapes.map((s) => `[${s.join(', ')}]`).join(', ')}`,
        'axes must be equal or 1, counted from the last',
      );
    return [...sizes][0] ?? 1;
  });
};

const deviceOf = (operands: readonly Operand[]): Device =>
  operands.find(isNDArray)?.device ?? mode.trace?.device ?? defaultDevice();

/** What arrays of floats give together, float32 for any others; numbers take the dtype of the arrays. */
const dtypeOf = (operands: readonly Operand[]): DType => {
  const own = operands.flatMap((x) =>
    isNDArray(x) ? [isFloat(x.dtype) ? x.dtype : ('float32' as const)] : [],
  );
  return own.length === 0 ? 'float32' : own.reduce(promote);
};

/**
 * Parameters as arrays of floats. Throws for numbers outside of their constraint, and with `validateArgs` for arrays.
 */
const parametersOf = (
  name: string,
  given: readonly Given[],
  options: DistributionOptions | undefined,
): NDArray[] => {
  checkOptions(name, options, ['validateArgs']);
  const operands = given.map(([, value]) => value);
  const [device, dtype] = [deviceOf(operands), dtypeOf(operands)];
  return given.map(([parameter, value, constraint]) => {
    const where = `${name}: ${parameter}`;
    if (!isNDArray(value) && typeof value !== 'number')
      throw failure('value', `${where} is ${shown(value)}`, 'pass a number or an array');
    if (typeof value === 'number') {
      if (constraint.allows?.(value) !== true)
        throw failure('value', `${where} is ${value}`, `pass ${constraint.rule}`);
      return nd.full([], value, { device, dtype });
    }
    if (value.ndim < constraint.eventAxes)
      throw failure(
        'shape',
        `${where} has the shape [${value.shape.join(', ')}]`,
        `pass ${constraint.rule}`,
      );
    if (options?.validateArgs === true) checkNow(where, value, constraint);
    if (dtype === 'float64') return nd.astype(value, dtype);
    return isFloat(value.dtype) ? value : nd.astype(value, 'float32');
  });
};

/** Axes of a batch, without those of one value. */
const batchOf = (x: NDArray, eventAxes: number): Shape => x.shape.slice(0, x.ndim - eventAxes);

/** Shapes of distributions that are made of others. */
export interface Shapes {
  readonly batchShape: Shape;
  readonly eventShape: Shape;
}

/**
 * What all distributions share: a batch of them by the shapes of the parameters, values with a shape of their own. What
 * has no closed form throws, and says that samples estimate it.
 *
 * Shapes: parameters are numbers or arrays, which broadcast to `batchShape`; where they are vectors or matrices, by
 * their last axes. Values are `[...sample, ...batchShape, ...eventShape]`, as samples are; `logProb`, `entropy` and the
 * like give one number for each value, without the axes of the event.
 * Dtypes: parameters are floats: integers and booleans become float32, numbers take the dtype of the arrays. What is
 * computed has the dtype that parameters and values give together; float64 is computed in double. Samples are float32,
 * or float64 where the parameters are.
 *
 * @throws {ValueError} for a parameter that is no array and no number in its range; with `validateArgs` for arrays too
 * @throws {ShapeError} unless the parameters broadcast
 * @throws {OptionError} for unknown options
 *
 * @example
 * const d = new probability.Bernoulli({ prob: nd.array([0.5, 0.25]) });
 * d.batchShape;   // [2]
 * d.eventDim;   // 0
 * d.mean;   // [0.5, 0.25]
 * d.variance;   // [0.25, 0.1875]
 * d.enumerateSupport();   // [[0, 0], [1, 1]]
 * d.sampleN(3).shape;   // [3, 2]
 * d.broadcastTo([3, 2]).batchShape;   // [3, 2]
 * new probability.Uniform(0, 4).perplexity();   // 4
 * await d.validate();
 * Object.keys(d.argConstraints);   // ['prob']
 */
export abstract class Distribution {
  /** Shape of a batch: what the parameters broadcast to. */
  readonly batchShape: Shape;
  /** Shape of one value. */
  readonly eventShape: Shape;
  readonly #parameters: readonly (readonly [string, NDArray, Constraint])[];
  readonly #options: DistributionOptions | undefined;

  /** `shapes`: those of batch and value, or that of one value by the parameters; default: numbers. */
  constructor(
    given: readonly Given[],
    options: DistributionOptions | undefined,
    shapes: Shapes | ((parameters: readonly NDArray[]) => Shape) = () => [],
  ) {
    const name = new.target.name;
    const arrays = parametersOf(name, given, options);
    this.#parameters = given.map(([parameter, , constraint], i) => [
      parameter,
      arrays[i]!,
      constraint,
    ]);
    this.#options = options;
    const batches = this.#parameters.map(([, x, { eventAxes }]) => batchOf(x, eventAxes));
    const known = typeof shapes !== 'function';
    this.batchShape = known ? shapes.batchShape : commonShape(name, batches);
    this.eventShape = known ? shapes.eventShape : shapes(arrays);
  }

  /** Where values lie. */
  abstract readonly support: Constraint;
  /** Whether gradients flow from samples to parameters. */
  abstract readonly hasGrad: boolean;
  /** Whether {@link enumerateSupport} lists all values. */
  readonly hasEnumerateSupport: boolean = false;
  /**
   * Expectation of each: [...batchShape, ...eventShape], in the dtype of the parameters. There are distributions
   * without one: it is NaN, or an error that says so.
   */
  abstract get mean(): NDArray;
  /** Mean squared distance from the mean, of the shape and dtype of the mean. */
  abstract get variance(): NDArray;
  /**
   * Logarithm of the density (of the probability, for whole numbers) of values `[...sample, ...batch, ...event]`, one
   * number for each value; minus infinity where there is none.
   *
   * @throws {ShapeError} unless values end in the shape of an event and broadcast with the batch
   * @throws {ValueError} for what is no number or array; with `validateArgs`, for values outside of the support
   */
  abstract logProb(value: Operand): NDArray;
  /** Samples in `shape`: [...sample, ...batchShape], to which the values of one event are added. */
  protected abstract draw(shape: Shape): NDArray;

  /** Where parameters may lie, by name. */
  get argConstraints(): Readonly<Record<string, Constraint>> {
    return Object.fromEntries(this.#parameters.map(([name, , constraint]) => [name, constraint]));
  }
  /** How many axes a value has. */
  get eventDim(): number {
    return this.eventShape.length;
  }
  /** Square root of the variance: [...batchShape, ...eventShape], in its dtype. */
  get stddev(): NDArray {
    return nd.sqrt(this.variance);
  }

  /**
   * Density (or probability) of values: the exponential of {@link logProb}, with its shape and dtype.
   *
   * @see {@link logProb}
   */
  pdf(value: Operand): NDArray {
    return nd.exp(this.logProb(value));
  }
  /**
   * Probability of a value at most this, for each: floats from 0 to 1 in the shape that values and batch broadcast to.
   *
   * @throws {ValueError} where there is no closed form; with `validateArgs`, for values outside of the support
   * @throws {ShapeError} unless values broadcast with the batch
   */
  cdf(_value: Operand): NDArray {
    throw this.missing('cdf');
  }
  /**
   * The value below which this share of samples lies, for each: shares broadcast with the batch.
   *
   * @throws {ValueError} where there is no closed form, and for a number outside of [0, 1]; arrays give NaN there, or
   * an error with `validateArgs`
   * @throws {ShapeError} unless shares broadcast with the batch
   */
  icdf(_probability: Operand): NDArray {
    throw this.missing('icdf');
  }
  /**
   * Mean of `-logProb`: floats of the shape of the batch.
   *
   * @throws {ValueError} where there is no closed form
   */
  entropy(): NDArray {
    throw this.missing('entropy');
  }
  /**
   * `exp(entropy())`: floats of the shape of the batch.
   *
   * @throws {ValueError} where the entropy has no closed form
   */
  perplexity(): NDArray {
    return nd.exp(this.entropy());
  }
  /**
   * All values, along a new first axis: [values, ...batchShape, ...eventShape], float32 (of categories int32).
   *
   * @throws {ValueError} where they are not finitely many, or their count is no plain number
   */
  enumerateSupport(): NDArray {
    throw this.missing('enumerateSupport');
  }

  /**
   * Samples: of the shape of the batch, or of a shape to which that broadcasts. Events come on top. Floats, but int32
   * of categories; with gradients to the parameters where `hasGrad`.
   *
   * @throws {ShapeError} unless it is a shape to which the batch broadcasts
   */
  sample(shape: Shape = this.batchShape): NDArray {
    checkShape(`${this.name}.sample`, shape);
    const missing = shape.length - this.batchShape.length;
    if (this.batchShape.some((d, i) => d !== 1 && d !== shape[i + missing]))
      throw failure(
        'shape',
        `${this.name}.sample: the batch [${this.batchShape.join(', ')}] does not broadcast to [${shape.join(', ')}]`,
        'sample(shape) takes the whole shape; sampleN(n) adds axes before those of the batch',
      );
    return this.draw(shape);
  }
  /**
   * `count` samples (or a shape of them) for each distribution of the batch: [...count, ...batchShape, ...eventShape].
   * Dtypes and gradients as of {@link sample}.
   *
   * @throws {ShapeError} for a count that is no integer ≥ 0 and no shape
   */
  sampleN(count: number | Shape): NDArray {
    const before: Shape = typeof count === 'number' ? [count] : count;
    checkShape(`${this.name}.sampleN`, before);
    return this.draw([...before, ...this.batchShape]);
  }

  /**
   * The same distributions in a larger batch; dtypes stay.
   *
   * @throws {ShapeError} unless it is a shape to which the batch broadcasts
   */
  abstract broadcastTo(batchShape: Shape): this;

  /**
   * Looks at all parameters on whatever device.
   *
   * @throws {ValueError} when one lies outside of its constraint
   * @throws {TraceError} while tracing, when values are not known
   */
  async validate(): Promise<void> {
    for (const [parameter, value, constraint] of this.#parameters)
      if ((await nd.all(constraint.check(value)).item()) === 0)
        throw outside(`${this.name}: ${parameter}`, constraint);
  }

  /** A parameter as an array. */
  protected parameter(name: string): NDArray {
    return this.#parameters.find(([parameter]) => parameter === name)![1];
  }
  /** What it is called in messages. */
  protected get name(): string {
    return this.constructor.name;
  }
  /** Options for distributions that are made of this one. */
  protected get options(): DistributionOptions {
    return this.#options ?? {};
  }
  /** `x` as an array; looked at where that is asked for. */
  protected value(x: Operand, where = 'logProb'): NDArray {
    if (typeof x !== 'number' && !isNDArray(x))
      throw failure('value', `${this.name}.${where}: ${shown(x)} is no number or array`);
    const value = typeof x === 'number' ? this.number(x) : x;
    const rank = this.eventShape.length;
    if (value.ndim > 0 && !sameShape(value.shape.slice(-rank), this.eventShape) && rank > 0)
      throw failure(
        'shape',
        `${this.name}.${where}: ${showType(value.type)} does not end in the shape of a value, [${this.eventShape.join(', ')}]`,
        'pass [...sample, ...batch, ...event]',
      );
    if (this.#options?.validateArgs === true)
      checkNow(`${this.name}.${where}`, value, this.support);
    return this.#beside(value);
  }
  /** An array as it is computed with: beside doubles as one of them. */
  #beside(x: NDArray): NDArray {
    return this.dtype === 'float64' ? nd.astype(x, 'float64') : x;
  }
  /** A probability as an array. */
  protected share(p: Operand): NDArray {
    const where = `${this.name}.icdf`;
    if (isNDArray(p)) {
      if (this.#options?.validateArgs === true) checkNow(where, p, unitInterval);
      return this.#beside(p);
    }
    if (typeof p === 'number' && p >= 0 && p <= 1) return this.number(p);
    throw failure(
      'value',
      `${where}: the probability is ${shown(p)}`,
      'pass a number from 0 to 1, or an array of them',
    );
  }
  /** `x` in the shape of the batch. */
  protected spread(x: NDArray): NDArray {
    return sameShape(x.shape, this.batchShape) ? x : nd.broadcastTo(x, this.batchShape);
  }
  /** A constant in the shape of the batch. */
  protected constant(value: number): NDArray {
    return nd.full(this.batchShape, value, { device: this.device, dtype: this.dtype });
  }
  /** A number beside the parameters. */
  protected number(value: number): NDArray {
    return nd.full([], value, { device: this.device, dtype: this.dtype });
  }
  /** Where the parameters are. */
  get device(): Device {
    return deviceOf(this.#parameters.map(([, x]) => x));
  }
  /** Of the parameters together: what numbers become beside them. Float32 if all of them are numbers. */
  get dtype(): DType {
    return dtypeOf(this.#parameters.map(([, x]) => x));
  }
  protected missing(what: string): Error {
    return failure(
      'value',
      `${this.name}.${what}: there is no closed form`,
      'estimate it from samples: sampleN(n)',
    );
  }
}

/** Throws a ValueError unless `d` is a distribution. */
export const checkDistribution = (where: string, d: unknown): void => {
  if (!(d instanceof Distribution))
    throw failure('value', `${where}: ${shown(d)} is no distribution`);
};

/** A distribution by parameters alone. */
export abstract class Parametric extends Distribution {
  /** The same distribution with each parameter changed by `f`, which is told how many last axes are one value. */
  protected abstract map(f: (parameter: NDArray, eventAxes: number) => NDArray): Distribution;

  override broadcastTo(batchShape: Shape): this {
    checkShape(`${this.name}.broadcastTo`, batchShape);
    return this.map((x, eventAxes) =>
      nd.broadcastTo(x, [...batchShape, ...x.shape.slice(x.ndim - eventAxes)]),
    ) as this;
  }
}
