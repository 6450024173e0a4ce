/**
 * Figures of predictions that are numbers: errors, distances, correlation.
 *
 * Invariant: means are over all elements (or samples) of all batches, however batches are cut.
 */
import { type DType, promote, summedIn } from '../../../ir/dtype.ts';
import type { GraphBuilder } from '../../../ir/graph/builder.ts';
import type { Node } from '../../../ir/graph/graph.ts';
import { concat } from '../../../ir/graph/ops/concat.ts';
import { iota } from '../../../ir/graph/ops/leaf.ts';
import { sliceAxis } from '../../../ir/graph/ops/slice.ts';
import { sameShape, showType } from '../../../ir/type.ts';
import { failure } from '../../callsite.ts';
import { checkOptions, shown } from '../../options.ts';
import { expectAlike } from './accuracy.ts';
import { type Batch, eachPart, Metric, numeric } from './base.ts';
import { addSums, joined, sumAll, sumsOf } from './totals.ts';

export interface NameOptions {
  readonly name?: string;
}

/** The mean of something about each element. */
abstract class MeanOf extends Metric {
  readonly #term: (b: GraphBuilder, difference: Node) => Node;

  constructor(name: string, term: (b: GraphBuilder, difference: Node) => Node) {
    super(name, 'float32', 2);
    this.#term = term;
  }

  /** Counts a batch: labels and outputs of the same shape (axes of size 1 aside), any dtype. */
  override update(labels: Batch, outputs: Batch): void {
    eachPart(`${this.name}.update`, labels, outputs, (label, output) => {
      expectAlike(`${this.name}.update`, label, output);
      this.accumulate([label, output], label.size, (b, totals, [y, out]) => {
        const dtype = computedIn(y!, out!);
        const given = b.cast(b.reshape(out!, label.shape), dtype);
        const away = b.op('sub', b.cast(y!, dtype), given);
        return addSums(b, totals, sumAll(b, this.#term(b, away)));
      });
    });
  }

  protected override value(totals: readonly number[], count: number): number {
    return sumsOf(totals)[0]! / count;
  }
}

/** What labels and outputs are compared in. */
const computedIn = (label: Node, output: Node): DType =>
  summedIn(promote(label.type.dtype, output.type.dtype));

const squared = (b: GraphBuilder, x: Node): Node => b.op('mul', x, x);

/**
 * The mean absolute error.
 *
 * Labels and outputs have the same shape (axes of size 1 aside) and any dtype; differences are computed in float32, of
 * float64 in float64.
 *
 * @throws {ShapeError} for other shapes
 * @throws {ValueError} for what is no array
 * @throws {OptionError} for unknown options
 *
 * @example
 * const metric = new MAE();
 * metric.update(nd.array([1, 2]), nd.array([2, 4]));
 * (await metric.get())[1];   // 1.5
 */
export class MAE extends MeanOf {
  constructor(options: NameOptions = {}) {
    checkOptions('MAE', options, ['name']);
    super(options.name ?? 'mae', (b, x) => b.op('abs', x));
  }
}

/**
 * The mean squared error.
 *
 * Labels and outputs have the same shape (axes of size 1 aside) and any dtype; differences are computed in float32, of
 * float64 in float64.
 *
 * @throws {ShapeError} for other shapes
 * @throws {ValueError} for what is no array
 * @throws {OptionError} for unknown options
 *
 * @example
 * const metric = new MSE();
 * metric.update(nd.array([1, 2]), nd.array([2, 4]));
 * (await metric.get())[1];   // 2.5
 */
export class MSE extends MeanOf {
  constructor(options: NameOptions = {}) {
    checkOptions('MSE', options, ['name']);
    super(options.name ?? 'mse', squared);
  }
}

/**
 * The square root of the mean squared error, of all batches together.
 *
 * Labels and outputs have the same shape (axes of size 1 aside) and any dtype; differences are computed in float32, of
 * float64 in float64.
 *
 * @throws {ShapeError} for other shapes
 * @throws {ValueError} for what is no array
 * @throws {OptionError} for unknown options
 *
 * @example
 * const metric = new RMSE();
 * metric.update(nd.array([1, 2]), nd.array([2, 4]));
 * (await metric.get())[1];   // 1.5811
 */
export class RMSE extends MeanOf {
  constructor(options: NameOptions = {}) {
    checkOptions('RMSE', options, ['name']);
    super(options.name ?? 'rmse', squared);
  }
  protected override value(totals: readonly number[], count: number): number {
    return Math.sqrt(super.value(totals, count));
  }
}

/** The mean of something about each pair of vectors. */
abstract class PerVector extends Metric {
  constructor(name: string) {
    super(name, 'float32', 2);
  }

  protected abstract figure(b: GraphBuilder, label: Node, output: Node, axis: number): Node;

  /** Counts a batch: labels and outputs of the same shape, vectors along the last axis, any dtype. */
  override update(labels: Batch, outputs: Batch): void {
    eachPart(`${this.name}.update`, labels, outputs, (label, output) => {
      if (label.ndim === 0 || !sameShape(label.shape, output.shape))
        throw failure(
          'shape',
          `${this.name}.update: labels ${showType(label.type)} do not fit outputs ${showType(output.type)}`,
          'both have the same shape, with vectors along the last axis',
        );
      const axis = label.ndim - 1;
      const count = label.size / Math.max(1, label.shape[axis]!);
      this.accumulate([label, output], count, (b, totals, [y, out]) => {
        const dtype = computedIn(y!, out!);
        const [p, q] = [b.cast(y!, dtype), b.cast(out!, dtype)];
        return addSums(b, totals, sumAll(b, this.figure(b, p, q, axis)));
      });
    });
  }

  protected override value(totals: readonly number[], count: number): number {
    return sumsOf(totals)[0]! / count;
  }
}

export interface MeanPairwiseDistanceOptions extends NameOptions {
  /** Of the norm. Default 2. */
  readonly p?: number;
}

/**
 * The mean distance of vectors, `(Σ |label - output|ᵖ)^(1/p)`.
 *
 * Labels and outputs have the same shape [..., features] and any dtype; computed in float32, of float64 in float64.
 *
 * @throws {OptionError} unless `p` is a number > 0
 * @throws {ShapeError} for other shapes
 * @throws {ValueError} for what is no array
 *
 * @example
 * const metric = new MeanPairwiseDistance();
 * metric.update(nd.array([[0, 0], [1, 1]]), nd.array([[3, 4], [1, 1]]));
 * (await metric.get())[1];   // 2.5
 */
export class MeanPairwiseDistance extends PerVector {
  readonly p: number;

  constructor(options: MeanPairwiseDistanceOptions = {}) {
    checkOptions('MeanPairwiseDistance', options, ['p', 'name']);
    super(options.name ?? 'meanPairwiseDistance');
    const { p = 2 } = options;
    if (!(p > 0))
      throw failure('option', `MeanPairwiseDistance: p is ${shown(p)}`, 'pass a number > 0');
    this.p = p;
  }

  protected override figure(b: GraphBuilder, label: Node, output: Node, axis: number): Node {
    const away = b.op('abs', b.op('sub', label, output));
    const { p } = this;
    const total = b.sum(p === 1 ? away : b.op('pow', away, b.lit(p, away)), [axis]);
    return p === 1 ? total : b.op('pow', total, b.lit(1 / p, total));
  }
}

export interface MeanCosineSimilarityOptions extends NameOptions {
  /** Least product of lengths. Default 1e-8. */
  readonly eps?: number;
}

/**
 * The mean cosine between vectors.
 *
 * Labels and outputs have the same shape [..., features] and any dtype; computed in float32, of float64 in float64.
 *
 * @throws {OptionError} unless `eps` is a number ≥ 0
 * @throws {ShapeError} for other shapes
 * @throws {ValueError} for what is no array
 *
 * @example
 * const metric = new MeanCosineSimilarity();
 * metric.update(nd.array([[1, 0], [1, 1]]), nd.array([[2, 0], [1, -1]]));
 * (await metric.get())[1];   // 0.5
 */
export class MeanCosineSimilarity extends PerVector {
  readonly eps: number;

  constructor(options: MeanCosineSimilarityOptions = {}) {
    checkOptions('MeanCosineSimilarity', options, ['eps', 'name']);
    super(options.name ?? 'meanCosineSimilarity');
    this.eps = numeric('MeanCosineSimilarity', 'eps', options.eps ?? 1e-8, 0);
  }

  protected override figure(b: GraphBuilder, label: Node, output: Node, axis: number): Node {
    const product = (p: Node, q: Node): Node => b.sum(b.op('mul', p, q), [axis]);
    const length = (x: Node): Node => b.op('sqrt', product(x, x));
    const size = b.op('mul', length(label), length(output));
    return b.op('div', product(label, output), b.op('max', size, b.lit(this.eps, size)));
  }
}

/**
 * Pearson's correlation of labels and outputs over all elements of all batches. Means and deviations are merged batch
 * by batch, so that nothing cancels. (Chan, Golub & LeVeque, 1983.)
 *
 * Labels and outputs have the same shape (axes of size 1 aside) and any dtype; it is computed in float32, of float64 in
 * float64.
 *
 * @throws {ShapeError} for other shapes
 * @throws {ValueError} for what is no array
 * @throws {OptionError} for unknown options
 *
 * @example
 * const metric = new PearsonCorrelation();
 * metric.update(nd.array([1, 2, 3]), nd.array([2, 4, 7]));
 * (await metric.get())[1];   // 0.9934
 */
export class PearsonCorrelation extends Metric {
  constructor(options: NameOptions = {}) {
    checkOptions('PearsonCorrelation', options, ['name']);
    super(options.name ?? 'pearsonr', 'float32', 9);
  }

  /** Counts a batch: labels and outputs of the same shape (axes of size 1 aside), any dtype. */
  override update(labels: Batch, outputs: Batch): void {
    eachPart(`${this.name}.update`, labels, outputs, (label, output) => {
      expectAlike(`${this.name}.update`, label, output);
      if (label.size > 0)
        this.accumulate([label, output], label.size, (b, totals, [y, out]) =>
          merged(b, totals, y!, out!),
        );
    });
  }

  protected override merge(parts: readonly ArrayLike<number>[]): number[] {
    return parts.map(momentsOf).reduce(mergeMoments);
  }

  protected override value([, , , xx = 0, yy = 0, xy = 0]: readonly number[]): number {
    return xy / (Math.sqrt(xx) * Math.sqrt(yy));
  }
}

/** Rows x, y and x of [2, n], and rows x, y and y: what products xx, yy and xy are made of, [3, n] each. */
const factors = (b: GraphBuilder, pair: Node): [Node, Node] => {
  const shape = [3, pair.type.shape[1]!];
  const line = (i: number): Node => {
    const part = sliceAxis(b, pair, 0, i, i + 1);
    return b.broadcast(b.reshape(part, [shape[1]!]), shape, [1]);
  };
  const row = b.emit(iota, [], { axis: 0, dtype: 'int32', shape });
  const is = (i: number): Node => b.op('eq', row, b.lit(i, row));
  const [x, y] = [line(0), line(1)];
  return [b.op('select', is(1), y, x), b.op('select', is(0), x, y)];
};

/** Totals [n, mean x, mean y, sums of products of deviations xx, yy, xy, and their errors] with a batch more. */
const merged = (b: GraphBuilder, totals: Node, label: Node, output: Node): Node => {
  const size = label.type.size;
  const flat = (x: Node): Node => b.reshape(b.cast(x, totals.type.dtype), [1, size]);
  const part = (begin: number, end: number): Node => sliceAxis(b, totals, 0, begin, end);
  const times = (p: Node, q: Node): Node => b.op('mul', p, q);
  const pair = b.emit(concat, [flat(label), flat(output)], { axis: 0 });
  const total = b.sum(pair, [1]);
  const mean = times(total, b.lit(1 / size, total));
  const away = b.op('sub', pair, b.broadcast(mean, pair.type.shape, [0]));
  const old = part(0, 1);
  const count = b.op('add', old, b.lit(size, old));
  const share = b.op('div', b.lit(size, count), count);
  const apart = b.op('sub', mean, part(1, 3));
  const means = b.op('add', part(1, 3), times(apart, b.broadcastTo(share, [2])));
  // What the distance of the means adds: old · size / count.
  const [p, q] = factors(b, away);
  const [d, e] = factors(b, b.reshape(apart, [2, 1])).map((n) => b.reshape(n, [3])) as [Node, Node];
  const gap = times(times(d, e), b.broadcastTo(times(old, share), [3]));
  const more = b.op('add', b.sum(times(p, q), [1]), gap);
  return joined(b, [count, means, addSums(b, part(3, 9), more)]);
};

const momentsOf = (totals: ArrayLike<number>): number[] => {
  const all = Array.from(totals);
  return [...all.slice(0, 3), ...sumsOf(all.slice(3))];
};
const mergeMoments = (p: readonly number[], q: readonly number[]): number[] => {
  const [n, mx, my, ...first] = p as [number, number, number, ...number[]];
  const [m, nx, ny, ...second] = q as [number, number, number, ...number[]];
  const share = m / (n + m);
  const [dx, dy] = [nx - mx, ny - my];
  const apart = [dx * dx, dy * dy, dx * dy];
  const sums = first.map((s, i) => s + second[i]! + apart[i]! * n * share);
  return [n + m, mx + dx * share, my + dy * share, ...sums];
};
