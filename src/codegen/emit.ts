/**
 * Turns loop expressions into Thread IR: scopes of growing statement lists, in which each value is computed once.
 *
 * Invariant: a value is placed in the outermost open scope that binds all axes it depends on, unless it stands under a
 * guard that it needs; so what is invariant in a loop is computed before it, reductions included.
 */
import { type Axis, type Bound, type Idx, idxOffset } from '../ir/dim.ts';
import { invariant } from '../ir/errors.ts';
import type { Expr, GuardExpr, LoadExpr, LoopBuffer, OpExpr } from '../ir/loop/loop.ts';
import { operandsOf } from '../ir/loop/visit.ts';
import {
  constantOf,
  convert,
  forOf,
  get,
  i32,
  ifOf,
  laneOf,
  letOf,
  loadFrom,
  operate,
  register,
  regType,
  setOf,
  shuffle,
  splat,
  storeTo,
  varOf,
  vec4,
} from '../ir/thread/build.ts';
import {
  type Register,
  type RegType,
  registerOf,
  type TExpr,
  type ThreadBuffer,
  type TStmt,
} from '../ir/thread/thread.ts';
import {
  evaluationCost,
  freeAxes,
  idxFree,
  isSafe,
  offsetOf,
  stepAlong,
  usesAccumulator,
} from './analysis.ts';
import { emitReduce } from './fold.ts';
import { LANES, type Mode, SCALAR } from './mode.ts';

/** `loop` bodies run many times, `branch` bodies perhaps never, `same` shares the statements of its parent. */
type ScopeKind = 'body' | 'loop' | 'branch' | 'same';
interface Scope {
  readonly kind: ScopeKind;
  readonly stmts: TStmt[];
  readonly memo: Map<string, TExpr>;
  readonly undo: [Axis, Binding | undefined][];
}
interface Binding {
  readonly value: TExpr;
  readonly depth: number;
}

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

export interface EmitterOptions {
  /** 4 lets reductions use vectors. */
  readonly lanes: 1 | 4;
  resolve(buffer: LoopBuffer): ThreadBuffer;
}

export class Emitter {
  readonly lanes: 1 | 4;
  /** Expressions worth keeping for later passes over a row. */
  readonly caches: Map<Expr, RowCache> = new Map();
  /** Reductions that are all needed: those that run over the same elements share a loop. */
  siblings: readonly Expr[] = [];
  readonly #resolve: (buffer: LoopBuffer) => ThreadBuffer;
  readonly #names = new Map<string, number>();
  readonly #bindings = new Map<Axis, Binding>();
  readonly #uses = new Map<Expr, number>();
  #scopes: Scope[] = [{ kind: 'body', stmts: [], memo: new Map(), undo: [] }];
  #accumulator: { value: TExpr; depth: number } | undefined;
  #pass: Pass | undefined;

  constructor(options: EmitterOptions) {
    this.lanes = options.lanes;
    this.#resolve = options.resolve;
  }

  /** Statements of the outermost scope. */
  get body(): TStmt[] {
    return this.#scopes[0]!.stmts;
  }
  get depth(): number {
    return this.#scopes.length - 1;
  }

  // ---- statements -------------------------------------------------------------------------------------------------

  push(stmt: TStmt): void {
    this.#scopes[this.depth]!.stmts.push(stmt);
  }
  fresh(hint: string, type: RegType): Register {
    const base = hint.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d)/, '_');
    const n = this.#names.get(base) ?? 0;
    this.#names.set(base, n + 1);
    return register(n === 0 ? base : `${base}_${n}`, type);
  }
  /** Names a value in the current scope. Constants and registers stay as they are. */
  name(hint: string, value: TExpr): TExpr {
    if (value.kind === 'const' || value.kind === 'get') return value;
    const reg = this.fresh(hint, value.type);
    this.push(letOf(reg, value));
    return get(reg);
  }
  variable(hint: string, value: TExpr): Register {
    const reg = this.fresh(hint, value.type);
    this.push(varOf(reg, value));
    return reg;
  }
  set(reg: Register, value: TExpr): void {
    this.push(setOf(reg, value));
  }
  store(buffer: LoopBuffer, index: TExpr, value: TExpr): void {
    this.push(storeTo(this.#resolve(buffer), index, value));
  }
  resolve(buffer: LoopBuffer): ThreadBuffer {
    return this.#resolve(buffer);
  }

  /** Runs `fill` in a new scope and returns its statements. */
  scope(kind: ScopeKind, fill: () => void): TStmt[] {
    const parent = this.#scopes[this.depth]!;
    const stmts = kind === 'same' ? parent.stmts : [];
    const scope: Scope = { kind, stmts, memo: new Map(), undo: [] };
    this.#scopes.push(scope);
    fill();
    const closed = this.#scopes.pop();
    invariant(closed === scope, 'scopes nest');
    for (const [axis, old] of scope.undo.reverse()) {
      if (old) this.#bindings.set(axis, old);
      else this.#bindings.delete(axis);
    }
    return stmts;
  }
  /** `for (counter = from; counter < to; counter += step)`; a single known trip becomes straight code. */
  loop(hint: string, from: TExpr, to: TExpr, step: number, fill: (counter: TExpr) => void): void {
    if (from.kind === 'const' && to.kind === 'const') {
      if (from.value >= to.value) return;
      if (from.value + step >= to.value) {
        this.scope('same', () => fill(from));
        return;
      }
    }
    const counter = this.fresh(hint, regType('i32'));
    const stmts = this.scope('loop', () => fill(get(counter)));
    if (stmts.length > 0) this.push(forOf(counter, from, to, step, stmts));
  }
  /** A loop whose body binds `axis`, over its whole extent. */
  axisLoop(axis: Axis, fill: () => void): void {
    this.loop(axis.name, i32(0), i32(axis.extent), 1, (v) => {
      this.bind(axis, v);
      fill();
    });
  }
  branch(condition: TExpr, then: () => void, otherwise: () => void = () => {}): void {
    if (condition.kind === 'const') {
      this.scope('same', condition.value ? then : otherwise);
      return;
    }
    const yes = this.scope('branch', then);
    const no = this.scope('branch', otherwise);
    if (yes.length + no.length > 0) this.push(ifOf(condition, yes, no));
  }

  /** Gives `axis` a value until the current scope closes. */
  bind(axis: Axis, value: TExpr): void {
    this.#scopes[this.depth]!.undo.push([axis, this.#bindings.get(axis)]);
    this.#bindings.set(axis, { value, depth: this.depth });
  }
  /** Gives the contraction's result (one number, or a vector along the axis later asked for) in the current scope. */
  setAccumulator(value: TExpr): void {
    this.#accumulator = { value, depth: this.depth };
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
    return this.#index(idx, SCALAR);
  }

  indexAt(idx: Idx, mode: Mode): TExpr {
    return this.#index(idx, mode);
  }

  evaluate(e: Expr, wanted: Mode): TExpr {
    const varies = wanted.along !== undefined && this.#varies(e, wanted.along);
    if (wanted.lane === 'all' && !varies) return this.#splat(e);
    const mode = varies && wanted.lane !== 0 ? wanted : SCALAR;
    if (e.kind === 'const') return constantOf(e.value, this.#type(e, mode));
    const depth = this.placement(e);
    const key = `${keyOf(mode)}${e.id}`;
    const known = this.#lookup(key, depth);
    if (known) return known;
    // only what is needed here and nowhere else goes unnamed
    const inline = depth === this.depth && isCheap(e) && !this.isShared(e) && !this.caches.has(e);
    return this.at(depth, () => {
      const value = this.#cached(e, mode) ?? this.#compute(e, mode);
      const result = inline ? value : this.name(hintOf(e), value);
      if (result !== value || value.kind === 'get' || value.kind === 'const')
        this.#scopes[this.depth]!.memo.set(key, result);
      this.#fill(e, mode, result);
      return result;
    });
  }

  /** Records a value computed together with another, for later uses in this scope. */
  remember(e: Expr, mode: Mode, value: TExpr): void {
    this.#scopes[this.depth]!.memo.set(`${keyOf(mode)}${e.id}`, this.name(hintOf(e), value));
  }
  isKnown(e: Expr): boolean {
    return this.#lookup(`${keyOf(SCALAR)}${e.id}`, 0) !== undefined;
  }
  isBound(e: Expr): boolean {
    return [...freeAxes(e)].every((a) => this.#bindings.has(a));
  }

  /** Depth of the scope an expression belongs in. */
  placement(e: Expr): number {
    let depth = 0;
    for (const axis of freeAxes(e)) depth = Math.max(depth, this.#depthOf(axis));
    if (this.#accumulator && usesAccumulator(e)) depth = Math.max(depth, this.#accumulator.depth);
    return this.#belowGuards(depth, () => isSafe(e));
  }
  /** Runs `emit` as if the current scope were the one at `depth`. */
  at<T>(depth: number, emit: () => T): T {
    if (depth === this.depth) return emit();
    const saved = this.#scopes;
    this.#scopes = saved.slice(0, depth + 1);
    const result = emit();
    this.#scopes = saved;
    return result;
  }

  #depthOf(axis: Axis): number {
    const binding = this.#bindings.get(axis);
    invariant(binding, `axis ${axis.name} is bound where it is used`);
    return binding.depth;
  }
  /** What may run unguarded leaves the branch only to leave a loop too; the rest stays in it. */
  #belowGuards(depth: number, safe: () => boolean): number {
    let branch = -1;
    let loop = -1;
    for (let i = depth + 1; i < this.#scopes.length; i++) {
      const kind = this.#scopes[i]!.kind;
      if (kind === 'branch') branch = i;
      else if (kind === 'loop') loop = i;
    }
    return branch < 0 || (loop >= 0 && safe()) ? depth : branch;
  }
  /** Depth of the innermost scope that knows a value; -1 if none does. */
  #foundAt(key: string): number {
    return this.#scopes.findLastIndex((scope) => scope.memo.has(key));
  }
  #lookup(key: string, depth: number): TExpr | undefined {
    for (let i = this.depth; i >= depth; i--) {
      const value = this.#scopes[i]!.memo.get(key);
      if (value) return value;
    }
    return undefined;
  }
  #varies(e: Expr, along: Axis): boolean {
    return (
      freeAxes(e).has(along) || (usesAccumulator(e) && this.#accumulator?.value.type.lanes === 4)
    );
  }
  #type(e: Expr, mode: Mode): RegType {
    return regType(registerOf(e.dtype), mode.lane === 'all' ? 4 : 1);
  }
  #splat(e: Expr): TExpr {
    if (e.kind === 'const') return constantOf(e.value, regType(registerOf(e.dtype), 4));
    const key = `w${e.id}`;
    const wanted = this.placement(e);
    const known = this.#lookup(key, wanted);
    if (known) return known;
    const value = this.evaluate(e, SCALAR);
    // The value may be known from a branch around this loop: then it is not visible further out.
    const depth = Math.max(wanted, this.#foundAt(`${keyOf(SCALAR)}${e.id}`));
    return this.at(depth, () => {
      const wide = this.name(`${hintOf(e)}_x4`, splat(value));
      this.#scopes[this.depth]!.memo.set(key, wide);
      return wide;
    });
  }

  #compute(e: Expr, mode: Mode): TExpr {
    switch (e.kind) {
      case 'const':
        return constantOf(e.value, this.#type(e, mode));
      case 'index':
        return mode.lane === 'all'
          ? this.#indexVector(e.idx, mode.along!)
          : this.#index(e.idx, mode);
      case 'op':
        return this.#op(e, mode);
      case 'cast':
        return convert(e.dtype, this.evaluate(e.arg, mode));
      case 'load':
        return this.#load(e, mode);
      case 'guard':
        return mode.lane === 'all' ? this.#guardVector(e, mode.along!) : this.#guard(e, mode);
      case 'reduce':
        return emitReduce(this, e, mode);
      case 'acc': {
        invariant(this.#accumulator, 'the contraction result is set before the epilogue');
        const { value } = this.#accumulator;
        return value.type.lanes === 4 && mode.lane !== 'all' ? laneOf(value, mode.lane) : value;
      }
      default:
        return e satisfies never;
    }
  }

  #op(e: OpExpr, mode: Mode): TExpr {
    const value = operate(e.op, ...e.args.map((a) => this.evaluate(a, mode)));
    // uint8 is computed in i32: keep it in range after ops that can leave it
    const wraps = e.op === 'add' || e.op === 'sub' || e.op === 'mul' || e.op === 'neg';
    return e.dtype === 'uint8' && wraps
      ? operate('and', value, constantOf(255, value.type))
      : value;
  }

  #load(e: LoadExpr, mode: Mode): TExpr {
    const offset = offsetOf(e);
    const buffer = this.#resolve(e.buffer);
    if (mode.lane !== 'all') return loadFrom(buffer, this.#index(offset, mode));
    const along = mode.along!;
    const step = stepAlong(offset, along);
    if (step === 1) return loadFrom(buffer, this.#index(offset, SCALAR), 4);
    if (step === -1) {
      const reversed = loadFrom(buffer, this.#index(idxOffset(offset, -3), SCALAR), 4);
      return shuffle(reversed, reversed, [3, 2, 1, 0]);
    }
    if (step === 2) {
      const low = this.name(e.buffer.name, loadFrom(buffer, this.#index(offset, SCALAR), 4));
      const high = loadFrom(buffer, this.#index(idxOffset(offset, 3), SCALAR), 4);
      return shuffle(low, high, [0, 2, 5, 7]);
    }
    const [a, b, c, d] = LANES.map((lane) =>
      loadFrom(buffer, this.#index(offset, { along, lane })),
    );
    return vec4(a!, b!, c!, d!);
  }

  // ---- guards -----------------------------------------------------------------------------------------------------

  #guard(e: GuardExpr, mode: Mode): TExpr {
    const holds = this.#all(e.bounds.map((b) => this.#holds(b, mode)));
    if (isSafe(e.then) && isSafe(e.otherwise) && evaluationCost(e) <= CHEAP_GUARD)
      return operate(
        'select',
        holds,
        this.evaluate(e.then, mode),
        this.evaluate(e.otherwise, mode),
      );
    return this.#choose(e, mode, holds);
  }
  /** `if` that leaves the value of one side in a variable; `otherwise` replaces the other side. */
  #choose(e: GuardExpr, mode: Mode, holds: TExpr, otherwise?: (result: Register) => void): TExpr {
    const known = e.otherwise.kind === 'const' ? e.otherwise.value : undefined;
    const result = this.variable('guarded', constantOf(known ?? 0, this.#type(e, mode)));
    const other = (): void => {
      if (otherwise) otherwise(result);
      else if (known === undefined) this.set(result, this.evaluate(e.otherwise, mode));
    };
    this.branch(holds, () => this.set(result, this.evaluate(e.then, mode)), other);
    return get(result);
  }

  #guardVector(e: GuardExpr, along: Axis): TExpr {
    const mode: Mode = { along, lane: 'all' };
    const varying = e.bounds.filter((b) => idxFree(b.idx).has(along));
    const uniform = this.#all(
      e.bounds.filter((b) => !varying.includes(b)).map((b) => this.#holds(b, SCALAR)),
    );
    if (varying.length === 0) return this.#choose(e, mode, uniform);
    if (isSafe(e.then) && isSafe(e.otherwise) && evaluationCost(e) <= CHEAP_GUARD) {
      const lanes = this.#all([splat(uniform), ...varying.map((b) => this.#holdsVector(b, along))]);
      return operate(
        'select',
        lanes,
        this.evaluate(e.then, mode),
        this.evaluate(e.otherwise, mode),
      );
    }
    const perLane = (): TExpr => {
      const [a, b, c, d] = LANES.map((lane) => this.#guard(e, { along, lane }));
      return vec4(a!, b!, c!, d!);
    };
    const steps = varying.map((b) => stepAlong(b.idx, along));
    if (steps.includes(undefined)) return perLane();
    // four lanes are mostly all inside or all outside: only the border is done lane by lane
    const ends = varying.flatMap((b, i) => {
      const last: Bound = { ...b, idx: idxOffset(b.idx, 3 * steps[i]!) };
      return [this.#holds(b, SCALAR), this.#holds(last, SCALAR)];
    });
    const outside = [
      operate('not', uniform),
      ...varying.flatMap((b, i) => this.#outside(b, 3 * steps[i]!)),
    ].reduce((x, y) => operate('or', x, y));
    return this.#choose(e, mode, this.#all([uniform, ...ends]), (result) =>
      this.branch(
        outside,
        () => this.set(result, this.evaluate(e.otherwise, mode)),
        () => this.set(result, perLane()),
      ),
    );
  }
  #all(conditions: readonly TExpr[]): TExpr {
    return conditions.length === 0
      ? constantOf(1, regType('bool'))
      : conditions.reduce((x, y) => operate('and', x, y));
  }
  #holds(b: Bound, mode: Mode): TExpr {
    const value = this.#index(b.idx, mode);
    return this.#all([
      ...(b.idx.lo < b.lo ? [operate('ge', value, i32(b.lo))] : []),
      ...(b.idx.hi >= b.hi ? [operate('lt', value, i32(b.hi))] : []),
    ]);
  }
  #holdsVector(b: Bound, along: Axis): TExpr {
    const value = this.#indexVector(b.idx, along);
    const type = regType('i32', 4);
    return this.#all([
      operate('ge', value, constantOf(b.lo, type)),
      operate('lt', value, constantOf(b.hi, type)),
    ]);
  }
  /** Conditions that each put all four lanes outside. */
  #outside(b: Bound, span: number): TExpr[] {
    const first = this.#index(b.idx, SCALAR);
    const last = operate('add', first, i32(span));
    const [low, high] = span >= 0 ? [first, last] : [last, first];
    return [operate('lt', high, i32(b.lo)), operate('ge', low, i32(b.hi))];
  }

  // ---- indices ----------------------------------------------------------------------------------------------------

  #idxDepth(idx: Idx): number {
    let depth = 0;
    for (const { atom } of idx.terms) {
      if (atom.kind === 'axis') depth = Math.max(depth, this.#depthOf(atom.axis));
      else if (atom.kind === 'opaque') depth = Math.max(depth, this.placement(atom.ref as Expr));
      else depth = Math.max(depth, this.#idxDepth(atom.arg));
    }
    return depth;
  }
  #indexVector(idx: Idx, along: Axis): TExpr {
    const step = stepAlong(idx, along);
    if (step === undefined) {
      const [a, b, c, d] = LANES.map((lane) => this.#index(idx, { along, lane }));
      return vec4(a!, b!, c!, d!);
    }
    const base = splat(this.#index(idx, SCALAR));
    const ramp = vec4(i32(0), i32(step), i32(2 * step), i32(3 * step));
    return step === 0 ? base : operate('add', base, ramp);
  }
  /** Sums what outer scopes know in outer scopes, constants last. */
  #index(idx: Idx, wanted: Mode): TExpr {
    const along = wanted.along;
    if (along && wanted.lane !== 0) {
      const step = stepAlong(idx, along);
      if (step !== undefined)
        return operate('add', this.#index(idx, SCALAR), i32(step * (wanted.lane as number)));
    }
    const parts = idx.terms.map((term) => {
      const alone: Idx = { ...idx, terms: [term], constant: 0 };
      const mode = along && wanted.lane !== 0 && idxFree(alone).has(along) ? wanted : SCALAR;
      const depth = this.#belowGuards(this.#idxDepth(alone), () => true);
      return { term, mode, depth: Math.min(depth, this.depth) };
    });
    parts.sort((x, y) => x.depth - y.depth);
    let sum: TExpr = i32(0);
    let key = 'i';
    for (let i = 0; i < parts.length; ) {
      const { depth } = parts[i]!;
      const group: typeof parts = [];
      while (i < parts.length && parts[i]!.depth === depth) group.push(parts[i++]!);
      key += group.map((p) => `${keyOf(p.mode)}${p.term.coef}*${p.term.atom.key}+`).join('');
      const known = this.#lookup(key, depth);
      const before = sum;
      const here = depth === this.depth;
      const total = (): TExpr =>
        group.reduce((s, { term, mode }) => {
          const part = operate('mul', this.#atom(term.atom, mode), i32(term.coef));
          return operate('add', s, part);
        }, before);
      const place = this.#scopes[depth]!;
      const keep = (): TExpr => {
        const named = this.name('at', total());
        place.memo.set(key, named);
        return named;
      };
      sum = known ?? (here ? total() : this.at(depth, keep));
    }
    return operate('add', sum, i32(idx.constant));
  }
  #atom(atom: Idx['terms'][number]['atom'], mode: Mode): TExpr {
    switch (atom.kind) {
      case 'axis': {
        const value = this.#bindings.get(atom.axis)!.value;
        const shift = atom.axis === mode.along && mode.lane !== 'all' ? mode.lane : 0;
        return operate('add', value, i32(shift));
      }
      case 'opaque': {
        const value = this.evaluate(atom.ref as Expr, mode);
        return value.type.elem === 'i32' ? value : convert('int32', value);
      }
      case 'div':
      case 'mod': {
        const depth = Math.min(this.#idxDepth(atom.arg), this.depth);
        const key = `${keyOf(mode)}d${atom.key}`;
        const known = this.#lookup(key, depth);
        if (known) return known;
        return this.at(depth, () => {
          // operands are made non-negative, where division needs no correction
          const lift = Math.max(0, Math.ceil(-atom.arg.lo / atom.by));
          const arg = this.#index(idxOffset(atom.arg, lift * atom.by), mode);
          const value =
            atom.kind === 'mod'
              ? operate('mod', arg, i32(atom.by))
              : operate('add', operate('floordiv', arg, i32(atom.by)), i32(-lift));
          const named = this.name(atom.kind, value);
          this.#scopes[this.depth]!.memo.set(key, named);
          return named;
        });
      }
      default:
        return atom satisfies never;
    }
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
      if (regions === pass.regions) this.#scopes[this.depth]!.memo.set(`full${e.id}`, i32(1));
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
    this.#scopes[this.depth]!.memo.set(`full${e.id}`, i32(1));
  }
  #cacheIndex(cache: RowCache, mode: Mode): TExpr {
    const axisValue = this.#bindings.get(cache.axis)!.value;
    const value = cache.start ? operate('sub', axisValue, cache.start) : axisValue;
    if (mode.along === cache.axis)
      return mode.lane === 'all' ? value : operate('add', value, i32(mode.lane));
    return mode.lane === 'all' ? operate('mul', value, i32(4)) : value;
  }
  #cached(e: Expr, mode: Mode): TExpr | undefined {
    const cache = this.caches.get(e);
    if (!cache || !this.#lookup(`full${e.id}`, 0)) return undefined;
    return loadFrom(cache.buffer, this.#cacheIndex(cache, mode), mode.lane === 'all' ? 4 : 1);
  }
  #fill(e: Expr, mode: Mode, value: TExpr): void {
    const cache = this.caches.get(e);
    const pass = this.#pass;
    if (!cache || pass?.axis !== cache.axis || pass.depth !== this.depth) return;
    if (this.#lookup(`full${e.id}`, 0)) return;
    this.push(storeTo(cache.buffer, this.#cacheIndex(cache, mode), value));
    pass.filled.set(e, (pass.filled.get(e) ?? 0) + 1);
  }
}

/** Guards whose sides cost less than a branch are computed on both sides. */
const CHEAP_GUARD = 8;

const keyOf = (mode: Mode): string =>
  mode.along === undefined ? 's' : `${mode.lane === 'all' ? 'v' : mode.lane}@${mode.along.id}:`;

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
