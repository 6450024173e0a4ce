/**
 * What Loop IR means, as a program: evaluates every store point by point in double precision.
 *
 * Invariant: floats are rounded at stores (and where a cast asks for it), integers at every operation; reads outside a
 * buffer are errors, not undefined values.
 */
import type { Axis, Bound, Idx } from '../dim.ts';
import { idxEvaluate } from '../dim.ts';
import { integerRange, isFloat } from '../dtype.ts';
import { TigonError } from '../errors.ts';
import { castTo, roundTo } from '../rounding.ts';
import { scalarOps, valueIn } from '../scalar.ts';
import { freeAxes } from './free.ts';
import {
  ABSENT,
  type AccExpr,
  type Attention,
  type Contraction,
  type Expr,
  type LoopBuffer,
  type LoopKernel,
  type Nest,
  type ReduceExpr,
  type Running,
} from './loop.ts';
import { prefixOf, sortRuns } from './running.ts';

/** Elements of one buffer, by offset (strides applied): a typed array or a plain one. */
export interface LoopCells {
  readonly length: number;
  [offset: number]: number;
}

/**
 * Runs `kernel` on `memory`, which holds an array for each buffer. Stores happen after all reads of their nest.
 *
 * @throws {VerifyError} where the kernel reads or writes outside of a buffer, or has no memory for one
 *
 * @see {@link parseText}
 */
export const interpretKernel = (
  kernel: LoopKernel,
  memory: ReadonlyMap<LoopBuffer, LoopCells>,
): void => {
  const machine = new Machine(kernel, memory);
  for (const nest of kernel.nests) machine.run(nest);
};

class Machine {
  readonly #name: string;
  readonly #memory: ReadonlyMap<LoopBuffer, LoopCells>;
  readonly #axes = new Map<Axis, number>();
  /** The last value of each reduction and the axis values it was for: rows are folded once, not at each element. */
  #folds = new Map<ReduceExpr, { readonly free: readonly Axis[]; at: string; value: number }>();
  #contract: Contraction | undefined;
  #attend: Attention | undefined;
  /** What the current row of the attention gives each element of the sum. */
  #row: AttentionRow | undefined;
  #running: Running | undefined;
  /** What runs along the axis gives at each of its places, where the other axes are as they are. */
  #line: { readonly at: string; readonly values: readonly number[] } | undefined;
  #nestAxes: readonly Axis[] = [];

  constructor(kernel: LoopKernel, memory: ReadonlyMap<LoopBuffer, LoopCells>) {
    this.#name = kernel.name;
    this.#memory = memory;
  }

  run(nest: Nest): void {
    this.#contract = nest.contract;
    this.#attend = nest.attend;
    this.#row = undefined;
    this.#running = nest.running;
    this.#line = undefined;
    this.#nestAxes = nest.axes;
    this.#folds = new Map();
    const writes: (() => void)[] = [];
    for (const s of nest.stores) {
      if (s.mode !== 'set') {
        const cells = this.#cells(s.buffer);
        for (let i = 0; i < cells.length; i++) cells[i] = 0;
        this.#each([...s.axes, ...s.over], () => {
          const at = this.#offset(s.buffer, s.index);
          const [old, value] = [cells[at]!, this.#value(s.value)];
          const next = s.mode === 'add' ? old + value : scalarOps.max.value(old, value);
          cells[at] = roundTo(s.buffer.dtype, next);
        });
        continue;
      }
      this.#each(s.axes, () => {
        const value = roundTo(s.buffer.dtype, this.#value(s.value));
        const cells = this.#cells(s.buffer);
        const at = this.#offset(s.buffer, s.index);
        writes.push(() => {
          cells[at] = value;
        });
      });
    }
    for (const write of writes) write();
  }

  #each(axes: readonly Axis[], visit: () => void): void {
    const [axis, ...rest] = axes;
    if (axis === undefined) {
      visit();
      return;
    }
    const outer = this.#axes.get(axis);
    for (let i = 0; i < axis.extent; i++) {
      this.#axes.set(axis, i);
      this.#each(rest, visit);
    }
    if (outer === undefined) this.#axes.delete(axis);
    else this.#axes.set(axis, outer);
  }

  #fail(rule: string): never {
    throw new TigonError('verify', `loop kernel ${this.#name}: ${rule}`);
  }
  #cells(buffer: LoopBuffer): LoopCells {
    return this.#memory.get(buffer) ?? this.#fail(`no memory was given for ${buffer.name}`);
  }
  #axis(axis: Axis): number {
    return this.#axes.get(axis) ?? this.#fail(`axis ${axis.name} is not bound here`);
  }
  #idx(idx: Idx): number {
    return idxEvaluate(
      idx,
      (a) => this.#axis(a),
      (ref) => this.#value(ref as Expr),
    );
  }
  #offset(buffer: LoopBuffer, index: readonly Idx[]): number {
    let offset = 0;
    index.forEach((idx, d) => {
      const i = this.#idx(idx);
      if (i < 0 || i >= buffer.shape[d]!)
        this.#fail(
          `${buffer.name}: index ${i} of dimension ${d} is outside 0..${buffer.shape[d]! - 1}`,
        );
      offset += i * buffer.strides[d]!;
    });
    return offset;
  }
  #holds(b: Bound): boolean {
    const value = this.#idx(b.idx);
    return value >= b.lo && value < b.hi;
  }

  #value(e: Expr): number {
    switch (e.kind) {
      case 'const':
        return e.value;
      case 'index':
        return this.#idx(e.idx);
      case 'op': {
        const args = e.args.map((a) => this.#value(a));
        if (isFloat(e.dtype)) return scalarOps[e.op].value(...args);
        return roundTo(e.dtype, valueIn(e.op, e.dtype)(...args));
      }
      case 'cast':
        return e.dtype === 'float32' && isFloat(e.arg.dtype) && e.arg.dtype !== 'float64'
          ? this.#value(e.arg)
          : castTo(e.dtype, this.#value(e.arg));
      case 'load': {
        const cells = this.#cells(e.buffer);
        return cells[this.#offset(e.buffer, e.index)]!;
      }
      case 'guard':
        return this.#value(e.bounds.every((b) => this.#holds(b)) ? e.then : e.otherwise);
      case 'reduce': {
        let fold = this.#folds.get(e);
        if (fold === undefined) {
          fold = { free: [...freeAxes(e)], at: 'none', value: 0 };
          this.#folds.set(e, fold);
        }
        const here = fold.free.map((a) => this.#axis(a)).join();
        if (fold.at !== here) {
          fold.value = this.#reduce(e);
          fold.at = here;
        }
        return fold.value;
      }
      case 'acc':
        return this.#product(e);
      default:
        return e satisfies never;
    }
  }

  /** What `running` gives along its axis, at the other axes as they are. */
  #lineOf(running: Running): readonly number[] {
    const { axis } = running;
    const at = this.#nestAxes.map((a) => (a === axis ? '' : this.#axis(a))).join();
    if (this.#line?.at === at) return this.#line.values;
    const along = (e: Expr): number[] => {
      const list: number[] = [];
      this.#each([axis], () => list.push(this.#value(e)));
      return list;
    };
    const outer = this.#axes.get(axis);
    let values: readonly number[];
    if (running.kind === 'prefix') values = prefixOf(running, running.values.map(along));
    else {
      const elements = running.merge && along(running.merge.elements);
      values = sortRuns(along(running.key), running, elements);
    }
    if (outer !== undefined) this.#axes.set(axis, outer);
    this.#line = { at, values };
    return values;
  }

  #product({ name }: AccExpr): number {
    const running = this.#running;
    if (running !== undefined) return this.#lineOf(running)[this.#axis(running.axis)]!;
    const attend = this.#attend;
    if (attend === undefined) {
      const c = this.#contract ?? this.#fail('`acc` stands in a nest without contraction');
      return this.#sum(c.k, () => this.#value(c.a) * this.#value(c.b));
    }
    switch (name) {
      case 'score':
      case 'score1': {
        const score = attend.scores[name === 'score' ? 0 : 1] ?? this.#fail(`no ${name} here`);
        return this.#sum(score.depth, () => this.#value(score.a) * this.#value(score.b));
      }
      case 'norm':
        return this.#rowOf(attend).norm;
      case 'acc': {
        const { shares } = this.#rowOf(attend);
        let at = 0;
        return this.#sum(attend.k, () => {
          const kept = attend.kept === undefined ? 1 : this.#value(attend.kept);
          return shares[at++]! * kept * this.#value(attend.value);
        });
      }
      default:
        return name satisfies never;
    }
  }

  #sum(axes: readonly Axis[], value: () => number): number {
    let sum = 0;
    this.#each(axes, () => {
      sum += value();
    });
    return sum;
  }

  /** Weights do not depend on the columns, which run fastest: those of the last row are kept. */
  #rowOf(attend: Attention): AttentionRow {
    const at = [...attend.batch, ...attend.m].map((a) => this.#axis(a)).join();
    if (this.#row?.at === at) return this.#row;
    const weights: number[] = [];
    this.#each(attend.k, () => weights.push(this.#value(attend.weight)));
    this.#row = { at, ...foldWeights(attend.fold, weights) };
    return this.#row;
  }

  #reduce(e: ReduceExpr): number {
    let best: number | undefined;
    let position = 0;
    let at = 0;
    const fold = (value: number): void => {
      if (best === undefined) {
        best = value;
        return;
      }
      switch (e.op) {
        case 'add':
          best += value;
          return;
        case 'mul':
          best = valueIn('mul', e.dtype)(best, value);
          return;
        case 'max':
        case 'min':
          best = Number.isNaN(best) || Number.isNaN(value) ? Number.NaN : Math[e.op](best, value);
          return;
        case 'argmax':
        case 'argmin': {
          const wins = e.op === 'argmax' ? value > best : value < best;
          if (wins || (Number.isNaN(value) && !Number.isNaN(best))) {
            best = value;
            position = at;
          }
          return;
        }
        default:
          e.op satisfies never;
      }
    };
    this.#each(e.axes, () => {
      fold(this.#value(e.body));
      at++;
    });
    if (e.op === 'argmax' || e.op === 'argmin') return position;
    return roundInteger(e, best ?? neutral(e));
  }
}

interface AttentionRow {
  readonly at: string;
  readonly shares: readonly number[];
  readonly norm: number;
}

const foldWeights = (
  fold: Attention['fold'],
  weights: readonly number[],
): Omit<AttentionRow, 'at'> => {
  if (fold === 'sum') return { shares: weights, norm: Number.NaN };
  const present = weights.filter((w) => !(w <= ABSENT));
  if (present.length === 0) return { shares: weights.map(() => 0), norm: ABSENT };
  const top = Math.max(...present);
  const norm = top + Math.log(present.reduce((sum, w) => sum + Math.exp(w - top), 0));
  return { shares: weights.map((w) => (w <= ABSENT ? 0 : Math.exp(w - norm))), norm };
};

const roundInteger = (e: ReduceExpr, value: number): number =>
  isFloat(e.dtype) ? value : roundTo(e.dtype, value);

const neutral = (e: ReduceExpr): number => {
  switch (e.op) {
    case 'add':
    case 'argmax':
    case 'argmin':
      return 0;
    case 'mul':
      return 1;
    case 'max':
      return isFloat(e.dtype) ? Number.NEGATIVE_INFINITY : integerRange(e.dtype)[0];
    case 'min':
      return isFloat(e.dtype) ? Number.POSITIVE_INFINITY : integerRange(e.dtype)[1];
    default:
      return e.op satisfies never;
  }
};
