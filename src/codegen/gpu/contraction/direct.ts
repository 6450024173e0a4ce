/**
 * The schedule of a contraction where barriers are dear: a thread sums its own block of the result, straight from memory.
 *
 * Invariants: no shared memory and no barriers; places beyond the last row or column sum some other one, whose results are
 * never stored; operands are evaluated where their indices are in bounds.
 */
import type { Expr, LoopBuffer, Nest } from '../../../ir/loop/loop.ts';
import {
  add,
  constantOf,
  fma,
  get,
  i32,
  laneOf,
  mul,
  operate,
  regType,
  splat,
  vec4,
} from '../../../ir/thread/build.ts';
import type { Register, TExpr, ThreadBuffer, TStmt } from '../../../ir/thread/thread.ts';
import type { Caps } from '../../caps.ts';
import { Emitter } from '../../emit/emitter.ts';
import { LANES } from '../../emit/mode.ts';
import { bindAll, type Position, positionOf } from '../../emit/position.ts';
import type { NestPlan, Place, Refusal } from '../../plan.ts';
import { storeScalars, storeVectors } from '../../stores.ts';
import { inside } from './finish.ts';
import { type Operand, type Problem, problems, refusal } from './problem.ts';

/** Threads of a workgroup: few, because each has much to do. */
const THREADS = 32;
/** Threads that all processors of such a device run at once, with some to spare. */
const ENOUGH = 128;
/** Multiply-adds of vectors in the innermost loop: drivers take more than twice as long for code twice as long. */
const MOST_CODE = 32;
/** Sums of a thread: more do not fit into registers. */
const MOST_SUMS = 40;
/** Rows, in time, that reading four columns takes: once, and behind guards that are tested one by one. */
const READING = 2;
const GUARDED = 6;

/** The block of a thread, and the grid of threads. */
interface Block {
  readonly problem: Problem;
  readonly rows: number;
  readonly columns: number;
  readonly across: number;
  readonly down: number;
  readonly rowBlocks: number;
  readonly columnBlocks: number;
}

/** How badly memory lies for a problem: columns are read and stored in vectors, rows along the sum. */
const badness = ({ rows, columns, results }: Problem): number =>
  (columns.quads.free && columns.contiguous === 'free' ? 0 : 4) +
  4 * columns.guards.free +
  (results.quads ? 0 : 4) +
  (results.contiguous ? 0 : 2) +
  (rows.quads.depth && rows.contiguous === 'depth' ? 0 : 1);

/** The schedule of a nest with a contraction, or why another one is better. */
export const planDirectContraction = (
  nest: Nest,
  caps: Caps,
  threads: number = THREADS,
): NestPlan | Refusal => {
  const c = nest.contract;
  if (c === undefined) return { refused: 'no contraction' };
  const refused = refusal(nest, c, caps);
  if (refused !== undefined) return { refused };
  const problem = problems(nest, c).reduce((a, b) => (badness(b) < badness(a) ? b : a));
  const block = blockOf(problem, threads);
  const { batches, rows, columns, depth, results } = problem;
  return {
    grid: block.rowBlocks * block.columnBlocks * batches,
    threads,
    shared: [],
    cost: {
      flops: batches * rows.size * columns.size * (depth + results.cost),
      bytes: 4 * batches * (rows.size * depth + depth * columns.size + rows.size * columns.size),
    },
    notes: [
      `contraction ${batches > 1 ? `${batches} x ` : ''}${rows.size} x ${columns.size} x ${depth}: ` +
        `${block.rows} x ${block.columns} a thread, straight from memory`,
    ],
    emit: (place, buffer) => new Direct(block, buffer).emit(place),
  };
};

const blockOf = (problem: Problem, threads: number): Block => {
  const { rows, columns, batches, results } = problem;
  const count = (r: number, c: number): number =>
    Math.ceil(rows.size / r) * Math.ceil(columns.size / c) * batches;
  const wide = results.quads && columns.quads.free && columns.guarded === 0 && columns.size >= 8;
  const together = stepsTogether(problem);
  const dear = columns.guarded > 0 ? GUARDED : READING;
  /** Rows of a thread that has `width` columns: the fewest reads and the least that sticks out. */
  const rowsFor = (width: number): number => {
    let best = 1;
    const most = Math.min(
      rows.size,
      Math.floor((4 * MOST_CODE) / (together * width)),
      MOST_SUMS / width,
    );
    const cost = (r: number): number => Math.ceil(rows.size / r) * (r + dear);
    for (let r = 2; r <= most; r++)
      if (cost(r) <= cost(best) && count(r, width) >= ENOUGH) best = r;
    return best;
  };
  const isWide = wide && count(rowsFor(8), 8) >= ENOUGH;
  const width = isWide ? 8 : 4;
  const high = rowsFor(width);
  const groups = 2 ** Math.ceil(Math.log2(Math.ceil(columns.size / width)));
  const across = Math.min(8, threads, groups);
  const down = threads / across;
  return {
    problem,
    rows: high,
    columns: width,
    across,
    down,
    rowBlocks: Math.ceil(rows.size / (down * high)),
    columnBlocks: Math.ceil(columns.size / (across * width)),
  };
};

/** The operand whose sum runs over more axes. */
const finerOf = ({ rows, columns }: Problem): Operand =>
  rows.axes.depth.length > columns.axes.depth.length ? rows : columns;

/** Elements of the sum in one round of the innermost loop. Guarded operands are long: one at a time. */
const stepsTogether = (problem: Problem): 1 | 4 => {
  const axes = finerOf(problem).axes.depth;
  if (problem.columns.guarded + problem.rows.guarded > 0) return 1;
  return axes.length > 1 && axes.at(-1)!.extent % 4 !== 0 ? 1 : 4;
};

/** A place in the sum: as a number, and along the axes of one of the operands. */
interface Depth {
  readonly linear: TExpr;
  readonly of: Operand;
  readonly position: Position;
}

/** `by` elements further along the last axis. */
const further = ({ linear, of, position }: Depth, by: number): Depth => ({
  linear: add(linear, i32(by)),
  of,
  position: position.map(([axis, value], i) =>
    i === position.length - 1 ? [axis, add(value, i32(by))] : [axis, value],
  ),
});

class Direct {
  private readonly block: Block;
  private readonly em: Emitter;

  constructor(block: Block, resolve: (b: LoopBuffer) => ThreadBuffer) {
    this.block = block;
    this.em = new Emitter({ lanes: 4, compact: true, resolve });
  }

  emit({ workgroup, local }: Place): TStmt[] {
    const { em } = this;
    const { problem, rows, columns, across, down, rowBlocks, columnBlocks } = this.block;
    em.scope('same', () => {
      const columnBlock = em.name('columnBlock', operate('mod', workgroup, i32(columnBlocks)));
      let rowBlock = em.name('rowBlock', operate('floordiv', workgroup, i32(columnBlocks)));
      if (problem.batches > 1) {
        const batch = em.name('batch', operate('floordiv', rowBlock, i32(rowBlocks)));
        rowBlock = em.name('rowBlock', operate('mod', rowBlock, i32(rowBlocks)));
        bindAll(em, positionOf(em, problem.batch, batch));
      }
      const seat = (block: TExpr, each: number, own: TExpr): TExpr =>
        add(mul(block, i32(each)), own);
      const lane = operate('mod', local, i32(across));
      const line = operate('floordiv', local, i32(across));
      const row = em.name('row', mul(seat(rowBlock, down, line), i32(rows)));
      const column = em.name('column', mul(seat(columnBlock, across, lane), i32(columns)));
      const sums = this.sum(row, column);
      this.store(row, column, sums);
    });
    return em.body.slice();
  }

  /** Groups of four columns, for each row. */
  private sum(row: TExpr, column: TExpr): Register[][] {
    const { em } = this;
    const { problem, rows, columns } = this.block;
    const groups = Array.from({ length: columns / 4 }, (_, g) =>
      quadPlaces(em, problem.columns, add(column, i32(4 * g))),
    );
    const lines = Array.from({ length: rows }, (_, i) => {
      const at = operate('min', add(row, i32(i)), i32(problem.rows.size - 1));
      return positionOf(em, problem.rows.axes.free, em.name('line', at));
    });
    const zero = constantOf(0, regType('f32', 4));
    const sums = lines.map(() => groups.map(() => em.variable('c', zero)));
    const step = (k: Depth, count: number): void => {
      const factors = lines.map((line) => this.factors(line, k, count));
      for (let i = 0; i < count; i++) {
        const values = groups.map((places) => this.quad(places, further(k, i)));
        sums.forEach((own, r) => {
          const factor = splat(factors[r]![i]!);
          own.forEach((sum, g) => {
            em.set(sum, fma(factor, values[g]!, get(sum)));
          });
        });
      }
    };
    this.overDepth(step);
    return sums;
  }

  /** Loops over the axes of the operand that has more of them: what it computes of its index needs no division. */
  private overDepth(step: (k: Depth, count: number) => void): void {
    const { em } = this;
    const finer = finerOf(this.block.problem);
    const axes = finer.axes.depth;
    const last = axes.at(-1);
    const together = stepsTogether(this.block.problem);
    const nest = (position: Position, linear: TExpr): void => {
      const axis = axes[position.length];
      if (axis === undefined || axis === last) {
        const extent = axis?.extent ?? 1;
        const whole = extent - (extent % together);
        const at = (value: TExpr): Depth => ({
          linear: add(mul(linear, i32(extent)), value),
          of: finer,
          position: axis === undefined ? position : [...position, [axis, value]],
        });
        em.loop('k', i32(0), i32(whole), together, (k) => step(at(k), together));
        em.loop('k', i32(whole), i32(extent), 1, (k) => step(at(k), 1));
        return;
      }
      em.loop(axis.name, i32(0), i32(axis.extent), 1, (value) => {
        nest(
          [...position, [axis, value]],
          em.name('depth', add(mul(linear, i32(axis.extent)), value)),
        );
      });
    };
    nest([], i32(0));
  }

  private at<T>(operand: Operand, place: Position, k: Depth, evaluate: () => T): T {
    const { em } = this;
    let value: T | undefined;
    em.scope('same', () => {
      bindAll(em, place);
      bindAll(em, k.of === operand ? k.position : positionOf(em, operand.axes.depth, k.linear));
      value = evaluate();
    });
    return value!;
  }

  /** `count` elements of a row from `k` on. */
  private factors(line: Position, k: Depth, count: number): TExpr[] {
    const { em } = this;
    const { rows } = this.block.problem;
    if (count === 4 && rows.quads.depth && rows.guarded === 0) {
      const last = rows.axes.depth.at(-1)!;
      const four = this.at(rows, line, k, () => em.name('a', em.vector(rows.expr, last)));
      return LANES.map((lane) => laneOf(four, lane));
    }
    return Array.from({ length: count }, (_, i) =>
      this.at(rows, line, further(k, i), () => em.name('a', em.scalar(rows.expr))),
    );
  }

  /** Four columns at `k`. */
  private quad(places: readonly Position[], k: Depth): TExpr {
    const { em } = this;
    const { columns } = this.block.problem;
    const { expr } = columns;
    if (places.length === 1) {
      const along = columns.axes.free.at(-1)!;
      return this.at(columns, places[0]!, k, () =>
        em.name(
          'b',
          columns.guards.free === 0
            ? em.vector(expr, along)
            : joined(LANES.map((lane) => em.evaluate(expr, { along, lane }))),
        ),
      );
    }
    const one = (e: Expr) => () => em.name('x', em.scalar(e));
    return em.name('b', joined(places.map((place) => this.at(columns, place, k, one(expr)))));
  }

  private store(row: TExpr, column: TExpr, sums: readonly (readonly Register[])[]): void {
    const { em } = this;
    const { problem, rows, columns, across, down } = this.block;
    const { results } = problem;
    const eachRow = (emit: (index: number) => void): void => {
      for (let i = 0; i < rows; i++) {
        const at = add(row, i32(i));
        inside(em, at, problem.rows.size, down * rows, () => {
          bindAll(em, positionOf(em, results.rows, at));
          emit(i);
        });
      }
    };
    const eachColumn = (at: TExpr, emit: () => void): void =>
      inside(em, at, problem.columns.size, across * columns, () => {
        bindAll(em, positionOf(em, results.columns, at));
        emit();
      });
    sums[0]!.forEach((_, g) => {
      const first = em.name('column', add(column, i32(4 * g)));
      if (results.quads)
        eachColumn(first, () =>
          eachRow((i) => {
            em.setAccumulator(get(sums[i]![g]!));
            storeVectors(em, results.outputs, results.columns.at(-1)!);
          }),
        );
      else
        for (const lane of LANES)
          eachColumn(add(first, i32(lane)), () =>
            eachRow((i) => {
              em.setAccumulator(em.name('sum', laneOf(get(sums[i]![g]!), lane)));
              storeScalars(em, results.outputs);
            }),
          );
    });
  }
}

/** Where a group of four columns is: one place where they are neighbours on the last axis, else four. */
const quadPlaces = (em: Emitter, operand: Operand, first: TExpr): Position[] => {
  const { axes, size, quads } = operand;
  const place = (at: TExpr, lanes: number): Position => {
    const within = operate('min', at, i32(size - lanes));
    return positionOf(em, axes.free, em.name('place', within));
  };
  return quads.free ? [place(first, 4)] : LANES.map((lane) => place(add(first, i32(lane)), 1));
};

const joined = (lanes: readonly TExpr[]): TExpr => {
  const [a, b, c, d] = lanes as readonly [TExpr, TExpr, TExpr, TExpr];
  return vec4(a, b, c, d);
};
