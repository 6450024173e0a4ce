/**
 * The rules of Loop IR, checked: what schedules may assume of every kernel they are given.
 *
 * Invariant: a kernel that passes reads and writes within its buffers for all axis values; what cannot be proven by
 * intervals and guards is refused.
 */
import {
  type Axis,
  atomBounds,
  type Bound,
  type Idx,
  idxAdd,
  idxAxes,
  idxDiv,
  idxOffset,
  idxOpaques,
  idxScale,
  pointsOf,
} from '../dim.ts';
import { TigonError } from '../errors.ts';
import { scalarOps } from '../scalar.ts';
import { runningOperands } from './access.ts';
import { runningValue } from './expr.ts';
import type {
  AccName,
  Attention,
  Expr,
  LoopBuffer,
  LoopKernel,
  Nest,
  Running,
  Store,
} from './loop.ts';
import { visitExpr } from './visit.ts';

/** Throws a `VerifyError` that names the kernel, the place and the broken rule. */
export const verifyKernel = (kernel: LoopKernel): void => {
  const verifier = new Verifier(kernel);
  for (const nest of kernel.nests) verifier.nest(nest);
};

/** The range `idx` can take where all `bounds` hold: replaces sub-sums that a bound limits by that limit. */
export const rangeUnder = (idx: Idx, bounds: readonly Bound[]): readonly [number, number] => {
  let rest = idx;
  let lo = 0;
  let hi = 0;
  // What bounds a number bounds its quotients.
  const merged = intersect(bounds);
  const quotients = [...divisorsIn(idx)].flatMap((by) =>
    [...bounds, ...merged].map((b) => ({
      idx: idxDiv(b.idx, by),
      lo: Math.floor(b.lo / by),
      hi: Math.floor((b.hi - 1) / by) + 1,
    })),
  );
  for (const bound of [...intersect(quotients), ...merged]) {
    const first = bound.idx.terms[0];
    const same = first && rest.terms.find((t) => t.atom.key === first.atom.key);
    if (!first || !same || same.coef % first.coef !== 0) continue;
    const by = same.coef / first.coef;
    const without = idxAdd(rest, idxScale(bound.idx, -by));
    const a = by * Math.max(bound.lo, bound.idx.lo);
    const b = by * Math.min(bound.hi - 1, bound.idx.hi);
    const low = Math.min(a, b);
    const high = Math.max(a, b);
    if (without.hi - without.lo + high - low >= rest.hi - rest.lo) continue;
    rest = without;
    lo += low;
    hi += high;
  }
  // What is left: quotients by the range of what they divide.
  for (const { coef, atom } of rest.terms) {
    const [from, to] =
      atom.kind === 'div'
        ? rangeUnder(atom.arg, bounds).map((x) => Math.floor(x / atom.by))
        : atomBounds(atom);
    lo += Math.min(coef * from!, coef * to!);
    hi += Math.max(coef * from!, coef * to!);
  }
  const whole = merged.find((b) => b.idx.key === idxOffset(idx, -idx.constant).key);
  return [
    Math.max(rest.constant + lo, whole === undefined ? -Infinity : whole.lo + idx.constant),
    Math.min(rest.constant + hi, whole === undefined ? Infinity : whole.hi - 1 + idx.constant),
  ];
};

/** Divisions by more than this are not taken apart. */
const LARGEST_DIVISOR = 4096;

/**
 * The range of a quotient whose dividend (shifted by something) is bounded: what is left when a flat position under a
 * guard is taken apart into a multi-index.
 */
const quotientRange = (
  idx: Idx,
  bounds: readonly Bound[],
  /** Sizes of the dimensions after the one that `idx` is for, innermost first. */
  inner: readonly number[],
): readonly [number, number] => {
  const bare = idxOffset(idx, -idx.constant).key;
  let { lo, hi } = idx;
  for (const b of intersect(bounds)) {
    const divisors = [...new Set([...divisorsIn(idx), ...inner, ...factorsBetween(b.idx, idx)])];
    const chains = [inner, ...divisors.flatMap((d) => [[d], ...divisors.map((e) => [d, e])])];
    for (const chain of chains) {
      const by = chain.reduce((n, d) => n * d, 1);
      for (let shift = 0; by <= LARGEST_DIVISOR && shift < by; shift++) {
        const quotient = chain.reduce(idxDiv, idxOffset(b.idx, shift));
        if (idxOffset(quotient, -quotient.constant).key !== bare) continue;
        const offset = idx.constant - quotient.constant;
        lo = Math.max(lo, Math.floor((b.lo + shift) / by) + offset);
        hi = Math.min(hi, Math.floor((b.hi - 1 + shift) / by) + offset);
      }
    }
  }
  return [lo, hi];
};

/** Bounds on the same sum (up to a constant) as one. */
const intersect = (bounds: readonly Bound[]): Bound[] => {
  const bySum = new Map<string, Bound>();
  for (const b of bounds) {
    const idx = idxOffset(b.idx, -b.idx.constant);
    const lo = b.lo - b.idx.constant;
    const hi = b.hi - b.idx.constant;
    const seen = bySum.get(idx.key);
    bySum.set(
      idx.key,
      seen === undefined
        ? { idx, lo, hi }
        : { idx, lo: Math.max(lo, seen.lo), hi: Math.min(hi, seen.hi) },
    );
  }
  return [...bySum.values()];
};

/** What divides `whole` on the way to `part`: 2 from 2i to i, 2 from i div 2 to i div 4. */
const factorsBetween = (whole: Idx, part: Idx): number[] => {
  const steps = whole.terms.map((t) => Math.abs(t.coef));
  const own = [...divisorsIn(whole)];
  const ratios = [...divisorsIn(part)].flatMap((by) => own.map((d) => by / d));
  return [...steps, ...ratios].filter((by) => Number.isInteger(by) && by > 1);
};

const divisorsIn = (idx: Idx, found: Set<number> = new Set()): Set<number> => {
  for (const { atom } of idx.terms) {
    if (atom.kind === 'div') found.add(atom.by);
    if (atom.kind === 'div' || atom.kind === 'mod') divisorsIn(atom.arg, found);
  }
  return found;
};

/** What is known where a conjunction fails: something for a single bound with one open side. */
export const boundsOtherwise = (
  bounds: readonly Bound[],
  known: readonly Bound[] = [],
): readonly Bound[] => {
  const [b] = bounds;
  if (b === undefined || bounds.length > 1) return [];
  const { idx } = b;
  const [lo, hi] = rangeUnder(idx, known);
  if (b.lo <= lo) return [{ idx, lo: b.hi, hi: hi + 1 }];
  if (b.hi > hi) return [{ idx, lo, hi: b.lo }];
  return [];
};

const NOTHING: ReadonlySet<AccName> = new Set();

type Frame = Pick<Attention, 'batch' | 'm' | 'n' | 'k'>;

const usesResult = (value: Expr): boolean => {
  let uses = false;
  const expr = (e: Expr): void => {
    uses ||= e.kind === 'acc' && e.name === 'acc';
  };
  visitExpr(value, { expr });
  return uses;
};

class Verifier {
  readonly #kernel: LoopKernel;
  /** Expressions found correct, by the guards they stood under. */
  #done = new Map<string, Set<Expr>>();
  /** What products leave to use, where the verifier stands. */
  #given: ReadonlySet<AccName> = NOTHING;

  constructor(kernel: LoopKernel) {
    this.#kernel = kernel;
    const { buffers } = kernel;
    this.#rule(new Set(buffers).size === buffers.length, 'a buffer is listed twice');
    for (const b of buffers)
      this.#rule(
        b.shape.length === b.strides.length,
        `${b.name} has one stride for each dimension`,
      );
  }

  nest(nest: Nest): void {
    this.#done = new Map();
    this.#given = NOTHING;
    this.#rule(new Set(nest.axes).size === nest.axes.length, 'an axis is listed twice');
    for (const a of nest.axes) this.#rule(a.kind === 'par', `nest axis ${a.name} is parallel`);
    const c = nest.contract;
    if (c) {
      this.#rule(nest.attend === undefined, 'a nest has one product');
      this.#frame(nest, c, 'contraction');
      this.#expr(c.a, new Set([...c.batch, ...c.m, ...c.k]), []);
      this.#expr(c.b, new Set([...c.batch, ...c.n, ...c.k]), []);
      this.#given = new Set(['acc']);
    }
    if (nest.attend) this.#attention(nest, nest.attend);
    if (nest.running) this.#running(nest, nest.running);
    for (const s of nest.stores) this.#store(s, nest);
  }

  #frame(nest: Nest, { batch, m, n, k }: Frame, what: string): void {
    const order = [...batch, ...m, ...n];
    this.#rule(
      order.length === nest.axes.length && order.every((a, i) => a === nest.axes[i]),
      `the axes of a nest with ${what} are its batch, m and n axes in order`,
    );
    for (const a of k) this.#rule(a.kind === 'red', `${what} axis ${a.name} is summed over`);
  }

  #running(nest: Nest, running: Running): void {
    const { axis } = running;
    this.#rule(!nest.contract && !nest.attend, 'a nest has one product or running fold');
    this.#rule(nest.axes.includes(axis), `${axis.name} is an axis of its nest`);
    const bound = new Set(nest.axes);
    for (const e of runningOperands(running)) this.#expr(e, bound, []);
    if (running.kind === 'prefix') {
      const [first, second] = running.values;
      const count = running.op === 'affine' ? 2 : 1;
      this.#rule(running.values.length === count, `${running.op} has ${count} values`);
      this.#rule(
        second === undefined || second.dtype === first!.dtype,
        'values of a running fold have one dtype',
      );
    } else {
      const { width, merge } = running;
      this.#rule(width >= 1, 'runs have places');
      if (merge !== undefined) {
        this.#rule(width === 2 * merge.width, 'two runs are merged');
        this.#rule(merge.elements.dtype === 'int32', 'elements are told by int32');
      }
    }
    const acc = runningValue(running);
    for (const s of nest.stores)
      visitExpr(s.value, {
        expr: (e) => this.#rule(e.kind !== 'acc' || e === acc, `\`acc\` is ${acc.dtype} here`),
      });
    this.#given = new Set(['acc']);
  }

  #attention(nest: Nest, attend: Attention): void {
    const { batch, m, n, k, scores, weight, value } = attend;
    this.#frame(nest, attend, 'attention');
    this.#rule(scores.length > 0 && scores.length <= 2, 'an attention has one score or two');
    for (const { depth, a, b } of scores) {
      for (const axis of depth)
        this.#rule(axis.kind === 'red', `score axis ${axis.name} is summed over`);
      this.#expr(a, new Set([...batch, ...m, ...depth]), []);
      this.#expr(b, new Set([...batch, ...k, ...depth]), []);
    }
    this.#expr(value, new Set([...batch, ...n, ...k]), []);
    this.#given = new Set(scores.map((_, i) => (i === 0 ? 'score' : 'score1')));
    this.#expr(weight, new Set([...batch, ...m, ...k]), []);
    this.#given = new Set(attend.fold === 'softmax' ? ['acc', 'norm'] : ['acc']);
    // What was right under another set of names may not be here.
    this.#done = new Map();
    for (const s of nest.stores)
      this.#rule(
        nest.axes.every((a) => a.extent === 1 || s.axes.includes(a)) || !usesResult(s.value),
        `the store to ${s.buffer.name} uses \`acc\`, which differs along axes it has not`,
      );
  }

  #store(s: Store, nest: Nest): void {
    const name = s.buffer.name;
    this.#rule(this.#kernel.buffers.includes(s.buffer), `${name} is written but not listed`);
    this.#rule(
      s.axes.every((a, i) => a === nest.axes[i]),
      `axes of the store to ${name} are the first of its nest`,
    );
    this.#rule(
      s.mode !== 'set' || s.over.length === 0,
      `${name}: only accumulation runs over axes`,
    );
    this.#rule(
      s.value.dtype === s.buffer.dtype,
      `${name} holds ${s.buffer.dtype}, the value stored is ${s.value.dtype}`,
    );
    const bound = new Set([...s.axes, ...s.over]);
    this.#expr(s.value, bound, []);
    this.#access(s.buffer, s.index, bound, [], 'store to');
    if (s.mode === 'set') this.#disjoint(s);
  }

  /** Different axis values reach different elements: axes sorted by step must each step over the reach of the smaller. */
  #disjoint(s: Store): void {
    if (pointsOf(s.axes) === 0) return;
    const steps = new Map<Axis, number>();
    for (const [d, idx] of s.index.entries())
      for (const { coef, atom } of idx.terms) {
        // divisions and remainders permute elements in ways intervals do not see
        if (atom.kind !== 'axis') return;
        steps.set(atom.axis, (steps.get(atom.axis) ?? 0) + coef * s.buffer.strides[d]!);
      }
    const moving = s.axes.filter((a) => a.extent > 1);
    const sorted = moving
      .map((a) => ({ axis: a, step: Math.abs(steps.get(a) ?? 0) }))
      .sort((x, y) => x.step - y.step);
    let reach = 0;
    for (const { axis, step } of sorted) {
      this.#rule(
        step > reach,
        `store to ${s.buffer.name}: different values of ${axis.name} write the same element`,
      );
      reach += step * (axis.extent - 1);
    }
  }

  #access(
    buffer: LoopBuffer,
    index: readonly Idx[],
    bound: ReadonlySet<Axis>,
    bounds: readonly Bound[],
    what: string,
  ): void {
    const { name, shape } = buffer;
    this.#rule(index.length === shape.length, `${what} ${name} has one index for each dimension`);
    index.forEach((idx, d) => {
      this.#idx(idx, bound, bounds, `${what} ${name}`);
      const size = shape[d]!;
      let [lo, hi] = rangeUnder(idx, bounds);
      if (lo < 0 || hi >= size) {
        const [low, high] = quotientRange(idx, bounds, shape.slice(d + 1).reverse());
        lo = Math.max(lo, low);
        hi = Math.min(hi, high);
      }
      this.#rule(
        size === 0 || (lo >= 0 && hi < size),
        `${what} ${name}: index ${d} can be ${lo < 0 ? lo : hi}, outside 0..${size - 1}`,
      );
    });
  }
  #idx(idx: Idx, bound: ReadonlySet<Axis>, bounds: readonly Bound[], where: string): void {
    idxAxes(idx, (a) => this.#rule(bound.has(a), `${where}: axis ${a.name} is not bound here`));
    idxOpaques(idx, (ref) => this.#expr(ref as Expr, bound, bounds));
  }

  #expr(e: Expr, bound: ReadonlySet<Axis>, bounds: readonly Bound[]): void {
    const key = [
      ...[...bound].map((a) => a.id),
      ...bounds.map((b) => `${b.lo}<=${b.idx.key}<${b.hi}`),
    ].join();
    const seen = this.#done.get(key) ?? new Set();
    this.#done.set(key, seen);
    if (seen.has(e)) return;
    seen.add(e);
    switch (e.kind) {
      case 'const':
        return;
      case 'acc':
        this.#rule(
          this.#given.has(e.name),
          `\`${e.name}\` stands in a nest whose product gives it`,
        );
        return;
      case 'index':
        this.#idx(e.idx, bound, bounds, 'index value');
        return;
      case 'op': {
        for (const a of e.args) this.#expr(a, bound, bounds);
        const dtype = scalarOps[e.op].dtype(...e.args.map((a) => a.dtype));
        this.#rule(dtype === e.dtype, `${e.op} of its operands gives ${dtype}, not ${e.dtype}`);
        return;
      }
      case 'cast':
        this.#expr(e.arg, bound, bounds);
        return;
      case 'load':
        this.#rule(
          this.#kernel.buffers.includes(e.buffer),
          `${e.buffer.name} is read but not listed`,
        );
        this.#access(e.buffer, e.index, bound, bounds, 'load from');
        return;
      case 'guard':
        for (const b of e.bounds) this.#idx(b.idx, bound, bounds, 'guard');
        this.#rule(e.then.dtype === e.otherwise.dtype, 'both sides of a guard have one dtype');
        this.#branch(e.then, bound, [...bounds, ...e.bounds]);
        this.#branch(e.otherwise, bound, [...bounds, ...boundsOtherwise(e.bounds, bounds)]);
        return;
      case 'reduce':
        for (const a of e.axes)
          this.#rule(a.kind === 'red', `reductions run over reduction axes, not ${a.name}`);
        this.#expr(e.body, new Set([...bound, ...e.axes]), bounds);
        return;
      default:
        e satisfies never;
    }
  }

  /** One side of a guard; nothing is asked of a side that is never taken. */
  #branch(e: Expr, bound: ReadonlySet<Axis>, bounds: readonly Bound[]): void {
    if (intersect(bounds).every((b) => b.lo < b.hi)) this.#expr(e, bound, bounds);
  }

  #rule(holds: boolean, rule: string): void {
    if (!holds) throw new TigonError('verify', `loop kernel ${this.#kernel.name}: ${rule}`);
  }
}
