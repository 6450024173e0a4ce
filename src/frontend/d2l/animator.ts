/**
 * Curves that grow while a net is trained.
 *
 * Invariant: one figure under one id; what is shown last holds every point.
 */
import { failure } from '../callsite.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { displayLive, newId } from './display.ts';
import type { Chart, Figure, Value } from './displayable.ts';
import { axesOf, CHART, type ChartOptions, figure } from './panels.ts';
import { readSeries } from './series.ts';

/** One point of a curve; undefined: this curve has none here. */
export type Point = number | NDArray | undefined;

const checkPoint = (point: unknown): Point => {
  if (point === undefined || typeof point === 'number') return point;
  if (isNDArray(point) && point.size === 1) return point;
  throw failure(
    'value',
    `animator.add: ${shown(point)} is not one value`,
    'pass numbers, or arrays of one element',
  );
};

const finite = (point: number | undefined): Value | undefined =>
  point === undefined || Number.isFinite(point) ? point : null;

const readPoint = async (point: Point): Promise<Value | undefined> =>
  isNDArray(point) ? (await readSeries(point, 'animator.add'))[0] : finite(point);

/**
 * A figure that shows itself again with each point that is added, a few times a second at most. It ends by itself at the
 * end of `xLimits`, else with `done()`. Where figures are printed, only the end is. Points are numbers, or arrays of one
 * element: scalars of any dtype.
 *
 * @throws {OptionError} for unknown options
 *
 * @example
 * const animator = new Animator({ xLabel: 'epoch', xLimits: [1, 2], legend: ['loss', 'accuracy'] });
 * await animator.add(1, [0.8, nd.array(0.7)]);
 * await animator.add(2, [0.6, 0.8]);
 * animator.done();
 * animator.figure.panels.length;   // 1
 */
export class Animator {
  readonly #id = newId();
  readonly #axes: Pick<Chart, 'title' | 'x' | 'y'>;
  readonly #legend: readonly string[];
  readonly #kinds: ChartOptions['kinds'];
  readonly #end: number;
  readonly #curves: { x: number[]; y: Value[] }[] = [];
  #isShown = true;

  /** `legend` names the curves, in the order of the values that `add` takes. */
  constructor(options: ChartOptions = {}) {
    checkOptions('Animator', options, CHART);
    this.#axes = axesOf('Animator', options);
    this.#legend = options.legend ?? [];
    this.#kinds = options.kinds;
    this.#end = options.xLimits?.[1] ?? Number.POSITIVE_INFINITY;
  }

  /** The figure as it is now: a plain record, no arrays. */
  get figure(): Figure {
    const marks = this.#curves.map(({ x, y }, i) => {
      const name = this.#legend[i];
      const kind = (typeof this.#kinds === 'string' ? this.#kinds : this.#kinds?.[i]) ?? 'line';
      return { kind, ...(name === undefined ? {} : { name }), x: [...x], y: [...y] };
    });
    return figure([{ kind: 'chart', ...this.#axes, marks }]);
  }

  /**
   * A point for each curve at `x`: numbers, arrays of one element (of any dtype and shape), undefined for none. Wait for it
   * where there are arrays: they are read.
   *
   * @throws {ValueError} unless `x` is a number and each value one (as a rejected promise)
   */
  async add(x: number, values: Point | readonly Point[]): Promise<void> {
    if (typeof x !== 'number')
      throw failure('value', `animator.add: x is ${shown(x)}`, 'write animator.add(epoch, loss)');
    const list: readonly unknown[] = Array.isArray(values) ? values : [values];
    const points = list.map(checkPoint);
    const read = points.some(isNDArray)
      ? await Promise.all(points.map(readPoint))
      : points.map((point) => finite(point as number | undefined));
    for (const [i, y] of read.entries()) {
      this.#curves[i] ??= { x: [], y: [] };
      if (y === undefined) continue;
      this.#curves[i].x.push(x);
      this.#curves[i].y.push(y);
    }
    this.#isShown = false;
    if (x >= this.#end) this.done();
    else displayLive(this.#id, () => this.figure, false);
  }

  /**
   * Shows all points there are, and that these were the last. More may follow all the same.
   *
   * @throws nothing
   */
  done(): void {
    if (this.#isShown) return;
    this.#isShown = true;
    displayLive(this.#id, () => this.figure, true);
  }
}
