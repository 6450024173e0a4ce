/**
 * Turns loop expressions into Thread IR: scopes of growing statement lists, in which each value is computed once.
 *
 * Invariant: a value is placed in the outermost open scope that binds all axes it depends on, unless it stands under a
 * guard that it needs; so what is invariant in a loop is computed before it, reductions included.
 */
import { type Axis, type Idx, idxOffset } from '../../ir/dim.ts';
import { invariant } from '../../ir/errors.ts';
import { accumulator } from '../../ir/loop/expr.ts';
import type {
  AccExpr,
  Expr,
  LoadExpr,
  LoopBuffer,
  OpExpr,
  ReduceExpr,
} from '../../ir/loop/loop.ts';
import { operandsOf } from '../../ir/loop/visit.ts';
import type { ScalarOp } from '../../ir/scalar.ts';
import {
  constantOf,
  convert,
  i32,
  laneOf,
  loadFrom,
  operate,
  regType,
  shuffle,
  splat,
  storeTo,
  vec4,
  wrapTo,
} from '../../ir/thread/build.ts';
import { type RegType, registerOf, type TExpr, type ThreadBuffer } from '../../ir/thread/thread.ts';
import { accumulatorsIn, freeAxes, isSafe, offsetOf, stepAlong } from '../analysis.ts';
import { emitReduce } from './fold.ts';
import { guardScalar, guardVector } from './guards.ts';
import { indexScalar, indexVector } from './indices.ts';
import { keyOf, LANES, type Mode, SCALAR } from './mode.ts';
import { Scopes } from './scopes.ts';
import { everySecond } from './seconds.ts';

/** A row of values kept between passes over `axis`. */
export interface RowCache {
  readonly axis: Axis;
  readonly buffer: ThreadBuffer;
  /** Axis value of the first element kept, when not 0. */
  readonly start?: TExpr;
}
interface Pass {
  readonly axis: Axis;
  readonly filled: Map<Expr, number>;
  regions: number;
  /** Depth of the scope that runs for each element. */
  depth: number;
}

/** Threads that fold together: each takes some of the elements, all get the result. */
export interface Team {
  /** Whether a reduction placed in the scope at `depth` is theirs. */
  folds(e: ReduceExpr, depth: number): boolean;
  /** Results of reductions over the same elements, in the current scope. */
  fold(em: Emitter, group: readonly ReduceExpr[]): TExpr[];
}

export interface EmitterOptions {
  /** 4 lets reductions use vectors. */
  readonly lanes: 1 | 4;
  /** Short code: loops are not unrolled, because whoever compiles it next does that. */
  readonly compact?: boolean;
  resolve(buffer: LoopBuffer): ThreadBuffer;
}

export class Emitter extends Scopes {
  readonly lanes: 1 | 4;
  readonly compact: boolean;
  team: Team | undefined;
  /** Expressions worth keeping for later passes over a row. */
  readonly caches: Map<Expr, RowCache> = new Map();
  /** Reductions that are all needed: those that run over the same elements share a loop. */
  siblings: readonly Expr[] = [];
  readonly #uses = new Map<Expr, number>();
  readonly #accumulators = new Map<Expr, { value: TExpr; depth: number }>();
  #pass: Pass | undefined;

  constructor(options: EmitterOptions) {
    super((buffer) => options.resolve(buffer));
    this.lanes = options.lanes;
    this.compact = options.compact ?? false;
  }

  /** Gives what a product leaves (one number, or a vector along the axis later asked for) in the current scope. */
  setAccumulator(value: TExpr, of: AccExpr = accumulator): void {
    this.#accumulators.set(of, { value, depth: this.depth });
  }
  /** Tells which expressions will be evaluated, so that values used once need no name. */
  expect(roots: readonly Expr[]): void {
    const walk = (e: Expr): void => {
      const n = this.#uses.get(e) ?? 0;
      this.#uses.set(e, n + 1);
      if (n === 0) operandsOf(e).forEach(walk);
    };
    roots.forEach(walk);
  }
  /** True unless the expression is known to be used once. */
  isShared(e: Expr): boolean {
    return this.#uses.get(e) !== 1;
  }

  // ---- values -----------------------------------------------------------------------------------------------------

  /** The value at the bound axes. */
  scalar(e: Expr): TExpr {
    return this.evaluate(e, SCALAR);
  }
  /** Four lanes: the values at `along`, `along` + 1, + 2, + 3. */
  vector(e: Expr, along: Axis): TExpr {
    return this.evaluate(e, { along, lane: 'all' });
  }
  /** The value of an index at the bound axes. */
  index(idx: Idx): TExpr {
    return indexScalar(this, idx, SCALAR);
  }

  indexAt(idx: Idx, mode: Mode): TExpr {
    return indexScalar(this, idx, mode);
  }

  evaluate(e: Expr, wanted: Mode): TExpr {
    const varies = wanted.along !== undefined && this.#varies(e, wanted.along);
    if (wanted.lane === 'all' && !varies) return this.#splat(e);
    const mode = varies && wanted.lane !== 0 ? wanted : SCALAR;
    if (e.kind === 'const') return constantOf(e.value, this.#type(e, mode));
    const bound = this.#bound(e);
    const key = `${keyOf(mode)}${e.id}`;
    const known = this.known(key, bound);
    if (known) return known;
    const depth = this.#placedFrom(bound, e);
    // only what is needed here and nowhere else goes unnamed
    const inline = depth === this.depth && isCheap(e) && !this.isShared(e) && !this.caches.has(e);
    return this.at(depth, () => {
      const value = this.#cached(e, mode) ?? this.#compute(e, mode);
      const result = inline ? value : this.name(hintOf(e), value);
      if (result !== value || value.kind === 'get' || value.kind === 'const')
        this.memoize(key, result);
      this.#fill(e, mode, result);
      return result;
    });
  }

  /** Records a value computed together with another, for later uses in this scope. */
  remember(e: Expr, mode: Mode, value: TExpr): void {
    this.memoize(`${keyOf(mode)}${e.id}`, this.name(hintOf(e), value));
  }
  isKnown(e: Expr): boolean {
    return this.known(`${keyOf(SCALAR)}${e.id}`, this.#bound(e)) !== undefined;
  }
  isBound(e: Expr): boolean {
    for (const axis of freeAxes(e)) if (!this.isAxisBound(axis)) return false;
    return true;
  }

  /** Depth of the scope an expression belongs in. */
  placement(e: Expr): number {
    return this.#placedFrom(this.#bound(e), e);
  }
  #placedFrom(bound: number, e: Expr): number {
    return this.belowGuards(bound, () => isSafe(e));
  }
  /** Depth of the innermost scope that an expression depends on: inside of it, it has one value. */
  #bound(e: Expr): number {
    let depth = 0;
    for (const axis of freeAxes(e)) depth = Math.max(depth, this.depthOf(axis));
    const accumulators = accumulatorsIn(e);
    if (accumulators.size > 0)
      for (const acc of accumulators)
        depth = Math.max(depth, this.#accumulators.get(acc)?.depth ?? 0);
    return depth;
  }
  #varies(e: Expr, along: Axis): boolean {
    if (freeAxes(e).has(along)) return true;
    const accumulators = accumulatorsIn(e);
    if (accumulators.size > 0)
      for (const acc of accumulators)
        if (this.#accumulators.get(acc)?.value.type.lanes === 4) return true;
    return false;
  }
  #type(e: Expr, mode: Mode): RegType {
    return regType(registerOf(e.dtype), mode.lane === 'all' ? 4 : 1);
  }
  #splat(e: Expr): TExpr {
    if (e.kind === 'const') return constantOf(e.value, regType(registerOf(e.dtype), 4));
    const key = `w${e.id}`;
    const bound = this.#bound(e);
    const known = this.known(key, bound);
    if (known) return known;
    const wanted = this.#placedFrom(bound, e);
    const value = this.evaluate(e, SCALAR);
    // The value may be known from a branch around this loop: then it is not visible further out.
    const depth = Math.max(wanted, this.knownDepth(`${keyOf(SCALAR)}${e.id}`));
    return this.at(depth, () => {
      const wide = this.name(`${hintOf(e)}_x4`, splat(value));
      this.memoize(key, wide);
      return wide;
    });
  }

  #compute(e: Expr, mode: Mode): TExpr {
    switch (e.kind) {
      case 'const':
        return constantOf(e.value, this.#type(e, mode));
      case 'index':
        return mode.lane === 'all'
          ? indexVector(this, e.idx, mode.along!)
          : indexScalar(this, e.idx, mode);
      case 'op':
        return this.#op(e, mode);
      case 'cast':
        return convert(e.dtype, this.evaluate(e.arg, mode));
      case 'load':
        return this.#load(e, mode);
      case 'guard':
        return mode.lane === 'all' ? guardVector(this, e, mode.along!) : guardScalar(this, e, mode);
      case 'reduce':
        return emitReduce(this, e, mode);
      case 'acc': {
        const given = this.#accumulators.get(e);
        invariant(given, `${e.name} is set before it is used`);
        const { value } = given;
        return value.type.lanes === 4 && mode.lane !== 'all' ? laneOf(value, mode.lane) : value;
      }
      default:
        return e satisfies never;
    }
  }

  #op(e: OpExpr, mode: Mode): TExpr {
    const value = operate(e.op, ...e.args.map((a) => this.evaluate(a, mode)));
    // narrow integers are computed in i32: keep them in range after ops that can leave it
    return WRAPPING.includes(e.op) ? wrapTo(e.dtype, value) : value;
  }

  #load(e: LoadExpr, mode: Mode): TExpr {
    const offset = offsetOf(e);
    const buffer = this.resolve(e.buffer);
    if (mode.lane !== 'all') return loadFrom(buffer, indexScalar(this, offset, mode));
    const along = mode.along!;
    const step = stepAlong(offset, along);
    if (step === 1) return loadFrom(buffer, indexScalar(this, offset, SCALAR), 4);
    if (step === -1) {
      const reversed = loadFrom(buffer, indexScalar(this, idxOffset(offset, -3), SCALAR), 4);
      return shuffle(reversed, reversed, [3, 2, 1, 0]);
    }
    if (step === 2) {
      const value = (a: Axis): TExpr | undefined =>
        a !== along && this.isAxisBound(a) ? this.axisValue(a) : undefined;
      const { at, lanes } = everySecond(offset, this.compact ? 0 : buffer.elements, value);
      const [low, high] = at.map((idx) => loadFrom(buffer, indexScalar(this, idx, SCALAR), 4));
      return shuffle(this.name(e.buffer.name, low!), high!, lanes);
    }
    const [a, b, c, d] = LANES.map((lane) =>
      loadFrom(buffer, indexScalar(this, offset, { along, lane })),
    );
    return vec4(a!, b!, c!, d!);
  }

  // ---- rows kept between passes -----------------------------------------------------------------------------------

  /** Runs `emit`, which visits every element of `axis` once in `region`s; cached values met there are kept. */
  pass(axis: Axis, emit: () => void): void {
    const outer = this.#pass;
    const pass: Pass = { axis, filled: new Map(), regions: 0, depth: -1 };
    this.#pass = pass;
    emit();
    this.#pass = outer;
    for (const [e, regions] of pass.filled)
      if (regions === pass.regions) this.memoize(`full${e.id}`, i32(1));
  }
  /** The code for one part of the elements of a pass; the current scope runs for each of them. */
  region(emit: () => void): void {
    const pass = this.#pass;
    if (pass) {
      pass.regions++;
      pass.depth = this.depth;
    }
    emit();
    if (pass) pass.depth = -1;
  }
  /** From here on in this scope, `e` is read from `cache`. */
  cacheFilled(e: Expr, cache: RowCache): void {
    this.caches.set(e, cache);
    this.memoize(`full${e.id}`, i32(1));
  }
  #cacheIndex(cache: RowCache, mode: Mode): TExpr {
    const axisValue = this.axisValue(cache.axis);
    const value = cache.start ? operate('sub', axisValue, cache.start) : axisValue;
    if (mode.along === cache.axis)
      return mode.lane === 'all' ? value : operate('add', value, i32(mode.lane));
    return mode.lane === 'all' ? operate('mul', value, i32(4)) : value;
  }
  #cached(e: Expr, mode: Mode): TExpr | undefined {
    const cache = this.caches.get(e);
    if (!cache || !this.known(`full${e.id}`, 0)) return undefined;
    return loadFrom(cache.buffer, this.#cacheIndex(cache, mode), mode.lane === 'all' ? 4 : 1);
  }
  #fill(e: Expr, mode: Mode, value: TExpr): void {
    const cache = this.caches.get(e);
    const pass = this.#pass;
    if (!cache || pass?.axis !== cache.axis || pass.depth !== this.depth) return;
    if (this.known(`full${e.id}`, 0)) return;
    this.push(storeTo(cache.buffer, this.#cacheIndex(cache, mode), value));
    pass.filled.set(e, (pass.filled.get(e) ?? 0) + 1);
  }
}

/** Ops whose result of narrow integers may be none (the least one has no negative). */
const WRAPPING: readonly ScalarOp[] = ['add', 'sub', 'mul', 'neg', 'abs', 'floordiv'];

const isCheap = (e: Expr): boolean =>
  e.kind === 'op' || e.kind === 'cast' || e.kind === 'index' || e.kind === 'acc';

const hintOf = (e: Expr): string => {
  switch (e.kind) {
    case 'load':
      return e.buffer.name;
    case 'op':
      return e.op;
    case 'reduce':
      return e.op;
    case 'index':
      return 'at';
    default:
      return e.kind;
  }
};
