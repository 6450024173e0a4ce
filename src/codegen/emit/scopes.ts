/**
 * Statement lists that grow, scope by scope, with the names, axis values and known values of each scope.
 *
 * Invariant: a value remembered in a scope is visible in it and in everything opened inside; when a scope closes, its
 * values and axis bindings are gone.
 */
import type { Axis } from '../../ir/dim.ts';
import { invariant } from '../../ir/errors.ts';
import type { LoopBuffer } from '../../ir/loop/loop.ts';
import {
  forOf,
  get,
  i32,
  ifOf,
  letOf,
  register,
  regType,
  setOf,
  storeTo,
  varOf,
} from '../../ir/thread/build.ts';
import type { Register, RegType, TExpr, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';

/** `loop` bodies run many times, `branch` bodies perhaps never, `same` shares the statements of its parent. */
type ScopeKind = 'body' | 'loop' | 'branch' | 'same';
interface Scope {
  readonly kind: ScopeKind;
  readonly stmts: TStmt[];
  /** Made by the first value that is remembered. */
  memo: Map<string, TExpr> | undefined;
  readonly undo: { readonly axis: Axis; readonly old: Binding | undefined }[];
}
interface Binding {
  readonly value: TExpr;
  readonly depth: number;
}

const IS_NAME = /^[A-Za-z_]\w*$/;

/** A hint as a name: most are one. */
const spelledOf = (hint: string): string =>
  IS_NAME.test(hint) ? hint : hint.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d)/, '_');

export class Scopes {
  readonly #resolve: (buffer: LoopBuffer) => ThreadBuffer;
  readonly #names = new Map<string, number>();
  readonly #bindings = new Map<Axis, Binding>();
  #scopes: Scope[] = [{ kind: 'body', stmts: [], memo: undefined, undo: [] }];

  constructor(resolve: (buffer: LoopBuffer) => ThreadBuffer) {
    this.#resolve = resolve;
  }

  /** Statements of the outermost scope. */
  get body(): TStmt[] {
    return this.#scopes[0]!.stmts;
  }
  get depth(): number {
    return this.#scopes.length - 1;
  }

  push(stmt: TStmt): void {
    this.#scopes[this.#scopes.length - 1]!.stmts.push(stmt);
  }
  fresh(hint: string, type: RegType): Register {
    // most hints were names before
    let n = this.#names.get(hint);
    const base = n === undefined ? spelledOf(hint) : hint;
    n ??= this.#names.get(base) ?? 0;
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
    const scopes = this.#scopes;
    const stmts = kind === 'same' ? scopes[scopes.length - 1]!.stmts : [];
    const scope: Scope = { kind, stmts, memo: undefined, undo: [] };
    scopes.push(scope);
    fill();
    invariant(this.#scopes.pop() === scope, 'scopes nest');
    for (let i = scope.undo.length - 1; i >= 0; i--) {
      const { axis, old } = scope.undo[i]!;
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
    const { depth } = this;
    this.#scopes[depth]!.undo.push({ axis, old: this.#bindings.get(axis) });
    this.#bindings.set(axis, { value, depth });
  }
  isAxisBound(axis: Axis): boolean {
    return this.#bindings.has(axis);
  }
  axisValue(axis: Axis): TExpr {
    return this.#binding(axis).value;
  }
  /** Depth of the scope that bound an axis. */
  depthOf(axis: Axis): number {
    return this.#binding(axis).depth;
  }
  #binding(axis: Axis): Binding {
    const binding = this.#bindings.get(axis);
    if (binding === undefined) invariant(false, `axis ${axis.name} is bound where it is used`);
    return binding;
  }

  /** Runs `emit` as if the current scope were the one at `depth`. */
  at<T>(depth: number, emit: () => T): T {
    const saved = this.#scopes;
    if (depth === saved.length - 1) return emit();
    this.#scopes = saved.slice(0, depth + 1);
    const result = emit();
    this.#scopes = saved;
    return result;
  }

  /**
   * Where code that could stand at `depth` goes. What may run unguarded leaves a branch only to leave a loop too; the rest
   * stays in the branch.
   */
  belowGuards(depth: number, safe: () => boolean): number {
    let branch = -1;
    let loop = -1;
    const scopes = this.#scopes;
    for (let i = depth + 1; i < scopes.length; i++) {
      const { kind } = scopes[i]!;
      if (kind === 'branch') branch = i;
      else if (kind === 'loop') loop = i;
    }
    return branch < 0 || (loop >= 0 && safe()) ? depth : branch;
  }

  /** Remembers a value in the current scope. */
  memoize(key: string, value: TExpr): void {
    const scope = this.#scopes[this.#scopes.length - 1]!;
    scope.memo ??= new Map();
    scope.memo.set(key, value);
  }
  /** A value known at `lowest` or deeper. Further out, the same axes may have had other values. */
  known(key: string, lowest: number): TExpr | undefined {
    const scopes = this.#scopes;
    for (let i = scopes.length - 1; i >= lowest; i--) {
      const value = scopes[i]!.memo?.get(key);
      if (value) return value;
    }
    return undefined;
  }
  /** A value remembered in the scope at `depth` itself. */
  knownAt(key: string, depth: number): TExpr | undefined {
    return this.#scopes[depth]!.memo?.get(key);
  }
  /** Depth of the innermost scope that knows a value; -1 if none does. */
  knownDepth(key: string): number {
    return this.#scopes.findLastIndex((scope) => scope.memo?.has(key) === true);
  }
}
