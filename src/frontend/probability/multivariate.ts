/**
 * Normal vectors with a covariance.
 *
 * Invariant: all is computed by the lower triangular factor L of the covariance `L Lᵀ`; gradients flow to whatever was
 * given, and through samples.
 */
import { type Shape, sameShape, showType } from '../../ir/type.ts';
import { failure } from '../callsite.ts';
import * as nd from '../nd/index.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import { shown } from '../options.ts';
import { cholesky, solveLower } from '../random/cholesky.ts';
import { multivariateNormal } from '../random/multivariate.ts';
import { type Constraint, lowerCholesky, positiveDefinite, realVector } from './constraint.ts';
import { commonShape, type DistributionOptions, Parametric } from './distribution.ts';
import { HALF_LOG_TURN } from './special.ts';

/** How the components of a vector move together: by their covariance, or by its lower triangular factor. */
export type Spread =
  | { readonly covariance: NDArray; readonly factor?: undefined }
  | { readonly covariance?: undefined; readonly factor: NDArray };

/**
 * Normal vectors.
 *
 * `loc`: floats [..., N]; `covariance`, or its lower triangular factor (`factor`): floats [..., N, N]. Values and
 * samples are [..., N]; samples carry gradients. A covariance that is not positive definite gives NaN.
 *
 * @throws {ShapeError} unless the matrices fit the vectors
 * @throws {ValueError} unless exactly one of covariance and factor is given; see {@link Distribution} for the rest
 *
 * @example
 * const d = new probability.MultivariateNormal(nd.zeros([2]), { covariance: nd.eye(2) });
 * d.logProb(nd.zeros([2]));   // -1.8379
 */
export class MultivariateNormal extends Parametric {
  readonly loc: NDArray;
  readonly support: Constraint = realVector;
  readonly hasGrad: boolean = true;
  readonly #factored: boolean;

  constructor(loc: NDArray, spread: Spread, options?: DistributionOptions) {
    const { covariance, factor } = (spread ?? {}) as Partial<Spread>;
    if ((covariance === undefined) === (factor === undefined))
      throw failure(
        'value',
        `MultivariateNormal: the spread is ${covariance === undefined ? shown(spread) : 'given twice'}`,
        'pass either { covariance } or { factor }',
      );
    super(
      [
        ['loc', loc, realVector],
        covariance === undefined
          ? ['factor', factor!, lowerCholesky]
          : ['covariance', covariance, positiveDefinite],
      ],
      options,
      ([l]) => [l!.shape[l!.ndim - 1]!],
    );
    this.loc = this.parameter('loc');
    this.#factored = covariance === undefined;
    const matrix = this.parameter(this.#factored ? 'factor' : 'covariance');
    const n = this.eventShape[0]!;
    if (!sameShape(matrix.shape.slice(-2), [n, n]))
      throw failure(
        'shape',
        `MultivariateNormal: ${showType(matrix.type)} does not spread vectors ${showType(this.loc.type)}`,
        `pass a matrix [..., ${n}, ${n}]`,
      );
  }
  /** The lower triangular L with covariance `L Lᵀ`: floats [..., N, N]. */
  get factor(): NDArray {
    return this.#factored ? this.parameter('factor') : cholesky(this.parameter('covariance'));
  }
  /** Floats [..., N, N]. */
  get covariance(): NDArray {
    if (!this.#factored) return this.parameter('covariance');
    const { factor } = this;
    return nd.matmul(factor, nd.swapAxes(factor, -1, -2));
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): MultivariateNormal {
    const spread = this.#factored
      ? { factor: f(this.parameter('factor'), 2) }
      : { covariance: f(this.parameter('covariance'), 2) };
    return new MultivariateNormal(f(this.loc, 1), spread, this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return multivariateNormal(shape, this.loc, this.factor, { factor: true });
  }
  #spreadEvent(x: NDArray): NDArray {
    return nd.broadcastTo(x, [...this.batchShape, ...this.eventShape]);
  }
  override get mean(): NDArray {
    return this.#spreadEvent(this.loc);
  }
  override get variance(): NDArray {
    return this.#spreadEvent(nd.square(this.factor).sum({ axis: -1 }));
  }
  override logProb(value: Operand): NDArray {
    const { factor } = this;
    const norm = logVolume(factor).add(HALF_LOG_TURN * this.eventShape[0]!);
    return lengthOf(factor, this.value(value).sub(this.loc)).mul(-0.5).sub(norm);
  }
  override entropy(): NDArray {
    return this.spread(logVolume(this.factor).add((0.5 + HALF_LOG_TURN) * this.eventShape[0]!));
  }
}

/** Half the logarithm of the determinant of `L Lᵀ`. */
const logVolume = (factor: NDArray): NDArray =>
  nd.log(nd.diagonal(factor, { axis1: -2, axis2: -1 })).sum({ axis: -1 });

/** The squared length of `L⁻¹ y`, for vectors y [..., n]. */
const lengthOf = (factor: NDArray, y: NDArray): NDArray => {
  const lead = commonShape('MultivariateNormal', [y.shape.slice(0, -1), factor.shape.slice(0, -2)]);
  const solved = solveLower(factor, y, [...lead, y.shape[y.ndim - 1]!]);
  return nd.square(solved).sum({ axis: -1 });
};

/** The divergence of two. */
export const multivariateKl = (p: MultivariateNormal, q: MultivariateNormal): NDArray => {
  const [own, other] = [p.factor, q.factor];
  const columns = nd.swapAxes(own, -1, -2);
  const traces = lengthOf(nd.expandDims(other, -3), columns).sum({ axis: -1 });
  const away = lengthOf(other, q.loc.sub(p.loc));
  const volumes = logVolume(other).sub(logVolume(own));
  return traces.add(away).sub(p.eventShape[0]!).mul(0.5).add(volumes);
};
