/**
 * Reductions over leading axes: whole rows are added to a row of partial results, so that memory is read in its order.
 *
 * Invariant: each workgroup owns a range of columns; sums add a few hundred rows before they go to a second row of
 * totals.
 */
import { type Axis, idxAxis, newAxis, pointsOf } from '../ir/dim.ts';
import { type DType, isFloat, isNarrowInteger } from '../ir/dtype.ts';
import type { Expr, Nest, ReduceExpr, Store } from '../ir/loop/loop.ts';
import {
  constantOf,
  fma,
  i32,
  loadFrom,
  operate,
  regType,
  sharedBuffer,
  storeTo,
} from '../ir/thread/build.ts';
import { registerDType, registerOf, type TExpr, type ThreadBuffer } from '../ir/thread/thread.ts';
import {
  contains,
  evaluationCost,
  freeAxes,
  offsetOf,
  reductionsIn,
  stepAlong,
  visitLoads,
} from './analysis.ts';
import type { Caps } from './caps.ts';
import { combine, isArg, neutralOf } from './emit/combine.ts';
import { Emitter } from './emit/emitter.ts';
import type { Mode } from './emit/mode.ts';
import type { Loops } from './loops.ts';
import { rowsApart } from './places.ts';
import type { NestPlan } from './plan.ts';
import { rewriter } from './rewrite.ts';
import { emitRows, share, vectorLoop } from './sharing.ts';
import { writeTo } from './stores.ts';
import { bytesMoved } from './work.ts';

/** Fewer columns stay in registers. */
const LEAST_COLUMNS = 32;
/** Fewer rows are not worth a row of partial results. */
const LEAST_ROWS = 16;
/** Columns done together, and the fewest in a workgroup: partial results stay in the first-level cache, reads stay long. */
const TILE = 1024;
/** Rows read together, so that partial results are loaded and stored once for all of them; fewer for short rows. */
const ROWS = 8;
const SHORT_ROWS = 4;
const SHORT = 256;
/** Rows summed before partial sums go to the totals. */
const BLOCK = 256;

/** A column reduction with its row of results, and of totals where sums are long. */
interface Column {
  readonly reduction: ReduceExpr;
  readonly row: ThreadBuffer;
  readonly totals: ThreadBuffer | undefined;
}
interface Columns {
  readonly along: Axis;
  /** Axes outside: what reductions depend on besides `along`. */
  readonly rows: readonly Axis[];
  /** Axes inside, over which results are used again. */
  readonly inner: readonly Axis[];
  readonly list: readonly Column[];
}

const isLong = (e: ReduceExpr): boolean => pointsOf(e.axes) >= LEAST_ROWS;

/** True when neighbouring columns are neighbours in memory for everything the reduction reads. */
const streams = (e: ReduceExpr, along: Axis): boolean => {
  let wide = false;
  let other = false;
  visitLoads(e.body, (l) => {
    const step = stepAlong(offsetOf(l), along);
    if (step === 1) wide = true;
    else if (step !== 0) other = true;
  });
  return wide && !other;
};

const analyse = (nest: Nest, loops: Loops, caps: Caps): Columns | undefined => {
  const { along } = loops;
  if (along === undefined || along.extent < LEAST_COLUMNS) return undefined;
  const reductions = reductionsIn(nest.stores.map((s) => s.value)).filter(isLong);
  if (reductions.length === 0) return undefined;
  const outside = (e: Expr): Axis[] => nest.axes.filter((a) => a !== along && freeAxes(e).has(a));
  const rows = outside(reductions[0]!);
  for (const e of reductions) {
    if (!freeAxes(e).has(along) || !streams(e, along)) return undefined;
    if (isArg(e.op) || e.dtype === 'bool' || isNarrowInteger(e.dtype)) return undefined;
    const own = outside(e);
    if (own.length !== rows.length || own.some((a) => !rows.includes(a))) return undefined;
    if ([...freeAxes(e)].some((a) => !nest.axes.includes(a))) return undefined;
  }
  const inner = nest.axes.filter((a) => a !== along && !rows.includes(a));
  const fits = (s: Store): boolean =>
    s.axes.includes(along) &&
    (s.axes.length === nest.axes.length || s.axes.length === rows.length + 1) &&
    rows.every((a) => s.axes.includes(a));
  if (!nest.stores.every(fits)) return undefined;
  const tile = Math.min(TILE, Math.ceil(along.extent / 4) * 4);
  const scratch = (name: string, dtype: DType): ThreadBuffer =>
    sharedBuffer(name, registerDType[registerOf(dtype)], tile);
  const list = reductions.map((reduction): Column => {
    const long =
      reduction.op === 'add' && isFloat(reduction.dtype) && pointsOf(reduction.axes) > 2 * BLOCK;
    return {
      reduction,
      row: scratch('columns', reduction.dtype),
      totals: long ? scratch('totals', reduction.dtype) : undefined,
    };
  });
  const bytes = list.reduce((n, c) => n + (c.totals ? 8 : 4) * tile, 0);
  return bytes <= caps.sharedBytes ? { along, rows, inner, list } : undefined;
};

/** Plans a nest whose reductions run down columns; `undefined` where it is not one. */
export const planColumns = (nest: Nest, loops: Loops, caps: Caps): NestPlan | undefined => {
  const columns = analyse(nest, loops, caps);
  if (columns === undefined) return undefined;
  const { along, rows, list } = columns;
  const sharing = share(rows, along, loops.cost, caps.parallelism, { leastChunk: TILE });
  const flops = nest.stores.reduce((n, s) => n + pointsOf(s.axes) * evaluationCost(s.value), 0);
  return {
    grid: sharing.groups * sharing.chunks,
    threads: 1,
    shared: list.flatMap((c) => (c.totals ? [c.row, c.totals] : [c.row])),
    cost: { flops: Math.round(flops), bytes: bytesMoved(nest) },
    notes: [
      `columns: ${along.name}:${along.extent} in tiles of ${TILE}, ${list.length} reductions by rows`,
    ],
    emit: ({ workgroup }, buffer) => {
      const em = new Emitter({ lanes: 4, resolve: buffer });
      em.expect(nest.stores.map((s) => s.value));
      const { chunks, chunk } = sharing;
      const group = chunks === 1 ? workgroup : operate('floordiv', workgroup, i32(chunks));
      const piece = chunks === 1 ? i32(0) : operate('mod', workgroup, i32(chunks));
      const from = em.name('first', operate('mul', piece, i32(chunk)));
      const end = operate('min', operate('add', from, i32(chunk)), i32(along.extent));
      const to = chunks === 1 ? i32(along.extent) : em.name('last', end);
      const nested = (axes: readonly Axis[], inside: () => void): void => {
        const [axis, ...deeper] = axes;
        if (axis === undefined) inside();
        else em.axisLoop(axis, () => nested(deeper, inside));
      };
      emitRows(em, rows.slice(0, sharing.flattened), sharing, group, () =>
        nested(rows.slice(sharing.flattened), () =>
          em.loop('tile', from, to, TILE, (start) => {
            const tileEnd = operate('min', operate('add', start, i32(TILE)), to);
            const whole = along.extent <= TILE && chunks === 1;
            const last = whole ? to : em.name('tile_end', tileEnd);
            const range = whole ? undefined : { from: start, to: last };
            emitTile(em, nest, columns, start, range);
          }),
        ),
      );
      return em.body;
    },
  };
};

type Range = { readonly from: TExpr; readonly to: TExpr } | undefined;

const emitTile = (em: Emitter, nest: Nest, columns: Columns, start: TExpr, range: Range): void => {
  const { along, rows, inner, list } = columns;
  let waiting = [...list];
  while (waiting.length > 0) {
    const first = waiting[0]!;
    const group = waiting.filter(
      (c) =>
        c === first ||
        (sameAxes(c.reduction, first.reduction) &&
          !waiting.some((o) => o !== c && contains(c.reduction, o.reduction))),
    );
    waiting = waiting.filter((c) => !group.includes(c));
    fillRows(em, group, along, start, range);
    for (const c of group)
      em.cacheFilled(c.reduction, { axis: along, buffer: c.totals ?? c.row, start });
  }
  const write = (stores: readonly Store[]): void =>
    vectorLoop(em, along, 1, range, (mode) => {
      const values = stores.map((s) => em.evaluate(s.value, mode));
      stores.forEach((s, i) => {
        writeTo(em, s, values[i]!, mode);
      });
    });
  const once = nest.stores.filter((s) => s.axes.length === rows.length + 1);
  const often = nest.stores.filter((s) => !once.includes(s));
  if (once.length > 0) write(once);
  const nested = (axes: readonly Axis[]): void => {
    const [axis, ...deeper] = axes;
    if (axis === undefined) write(often);
    else em.axisLoop(axis, () => nested(deeper));
  };
  if (often.length > 0) nested(inner);
};

const sameAxes = (a: ReduceExpr, b: ReduceExpr): boolean =>
  a.axes.length === b.axes.length && a.axes.every((x, i) => x === b.axes[i]);

/** Fills the rows of results of `group`, which run over the same axes. */
const fillRows = (
  em: Emitter,
  group: readonly Column[],
  along: Axis,
  start: TExpr,
  range: Range,
): void => {
  const { axes } = group[0]!.reduction;
  const outer = axes.slice(0, -1);
  const last = axes[axes.length - 1]!;
  const cell = (v: TExpr): TExpr => operate('sub', v, start);
  const each = (unroll: number, visit: (mode: Mode, index: TExpr) => void): void =>
    vectorLoop(em, along, unroll, range, (mode) => {
      const v = em.index(idxAxis(along));
      visit(mode, em.name('cell', cell(v)));
    });
  const typeOf = (b: ThreadBuffer, mode: Mode) =>
    regType(registerOf(b.dtype), mode.lane === 'all' ? 4 : 1);
  const reset = (pick: (c: Column) => ThreadBuffer | undefined): void =>
    each(1, (mode, index) => {
      for (const c of group) {
        const b = pick(c);
        const { op, body } = c.reduction;
        if (b) em.push(storeTo(b, index, neutralOf(op, body.dtype, mode.lane === 'all' ? 4 : 1)));
      }
    });
  const flush = (): void =>
    each(1, (mode, index) => {
      for (const { row, totals } of group) {
        if (!totals) continue;
        const lanes = mode.lane === 'all' ? 4 : 1;
        const sum = operate('add', loadFrom(totals, index, lanes), loadFrom(row, index, lanes));
        em.push(storeTo(totals, index, sum));
        em.push(storeTo(row, index, constantOf(0, typeOf(row, mode))));
      }
    });
  /** Adds `count` rows from `row` on. */
  const addRows = (row: TExpr, count: number): void => {
    const copies = Array.from({ length: count }, (_, u) =>
      newAxis(`${last.name}${u}`, last.extent, 'red'),
    );
    copies.forEach((a, u) => {
      em.bind(a, operate('add', row, i32(u)));
    });
    const bodies = group.map((c) =>
      copies.map((a) =>
        rewriter({ axis: (x) => (x === last ? idxAxis(a) : undefined) }).expr(c.reduction.body),
      ),
    );
    each(count > 1 ? 4 : 1, (mode, index) => {
      group.forEach((c, i) => {
        const value = bodies[i]!.reduce<TExpr | undefined>(
          (sum, body) => step(em, c.reduction, sum, body, mode),
          undefined,
        )!;
        const before = loadFrom(c.row, index, mode.lane === 'all' ? 4 : 1);
        em.push(
          storeTo(c.row, index, combine(c.reduction.op, c.reduction.body.dtype, before, value)),
        );
      });
    });
  };
  const addRange = (from: TExpr, to: TExpr, count: number): void => {
    const together = Math.min(along.extent < SHORT ? SHORT_ROWS : ROWS, apart);
    const even = count - (count % together);
    const middle = count === even ? to : operate('add', from, i32(even));
    em.loop(last.name, from, middle, together, (r) => addRows(r, together));
    if (count !== even) em.loop(last.name, middle, to, 1, (r) => addRows(r, 1));
  };
  const apart = rowsApart(
    group.map((c) => c.reduction.body),
    last,
    ROWS,
  );
  const long = group.some((c) => c.totals);
  reset((c) => c.row);
  if (long) reset((c) => c.totals);
  const n = last.extent;
  const rowsOnce = (): void => {
    const whole = long && n > 2 * BLOCK ? n - (n % BLOCK) : 0;
    em.loop('block', i32(0), i32(whole), BLOCK, (b) => {
      addRange(b, operate('add', b, i32(BLOCK)), BLOCK);
      flush();
    });
    if (n > whole) addRange(i32(whole), i32(n), n - whole);
  };
  const nested = (deeper: readonly Axis[]): void => {
    const [axis, ...rest] = deeper;
    if (axis === undefined) {
      rowsOnce();
      return;
    }
    em.axisLoop(axis, () => {
      nested(rest);
      if (long && pointsOf(rest) * n >= BLOCK / 4 && pointsOf(rest.slice(1)) * n < BLOCK) flush();
    });
  };
  nested(outer);
  if (long) flush();
};

/** `sum` and the body of one more row. */
const step = (
  em: Emitter,
  e: ReduceExpr,
  sum: TExpr | undefined,
  body: Expr,
  mode: Mode,
): TExpr => {
  if (sum && e.op === 'add' && body.kind === 'op' && body.op === 'mul' && isFloat(body.dtype)) {
    const [a, b] = body.args.map((x) => em.evaluate(x, mode));
    return em.name('sum', fma(a!, b!, sum));
  }
  const value = em.evaluate(body, mode);
  return sum ? em.name(e.op, combine(e.op, e.body.dtype, sum, value)) : value;
};
