/**
 * The rules of Loop IR, checked: what schedules may assume of every kernel they are given.
 *
 * Invariant: a kernel that passes reads and writes within its buffers for all axis values; what can be proven neither
 * by intervals and guards nor by going through the values of few axes is refused.
 */
import { type Axis, type Bound, type Idx, idxAxes, idxOpaques, pointsOf } from '../dim.ts';
import { TigonError } from '../errors.ts';
import { type LazyText, textOf } from '../lazy-text.ts';
import { scalarOps } from '../scalar.ts';
import { runningOperands } from './access.ts';
import { exactRange } from './exact.ts';
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
import { boundsOtherwise, intersect, quotientRange, rangeUnder } from './ranges.ts';
import { visitExpr } from './visit.ts';

/**
 * Checks that `kernel` keeps the rules of L2.
 *
 * @throws {VerifyError} that names the kernel, the place and the broken rule
 *
 * @see {@link verifyGraph}
 */
export const verifyKernel = (kernel: LoopKernel): void => {
  const verifier = new Verifier(kernel);
  for (const nest of kernel.nests) verifier.nest(nest);
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
  #done = new Map<ReadonlySet<Axis>, Map<readonly Bound[], Set<Expr>>>();
  /** The same by what axes and guards are, whatever holds them. */
  #alike = new Map<string, Set<Expr>>();
  /** What products leave to use, where the verifier stands. */
  #given: ReadonlySet<AccName> = NOTHING;

  constructor(kernel: LoopKernel) {
    this.#kernel = kernel;
    const { buffers } = kernel;
    this.#rule(new Set(buffers).size === buffers.length, 'a buffer is listed twice');
    for (const b of buffers)
      this.#rule(
        b.shape.length === b.strides.length,
        () => `${b.name} has one stride for each dimension`,
      );
  }

  nest(nest: Nest): void {
    this.#forget();
    this.#given = NOTHING;
    this.#rule(new Set(nest.axes).size === nest.axes.length, 'an axis is listed twice');
    for (const a of nest.axes)
      this.#rule(a.kind === 'par', () => `nest axis ${a.name} is parallel`);
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
      () => `the axes of a nest with ${what} are its batch, m and n axes in order`,
    );
    for (const a of k) this.#rule(a.kind === 'red', () => `${what} axis ${a.name} is summed over`);
  }

  #running(nest: Nest, running: Running): void {
    const { axis } = running;
    this.#rule(!nest.contract && !nest.attend, 'a nest has one product or running fold');
    this.#rule(nest.axes.includes(axis), () => `${axis.name} is an axis of its nest`);
    const bound = new Set(nest.axes);
    for (const e of runningOperands(running)) this.#expr(e, bound, []);
    if (running.kind === 'prefix') {
      const [first, second] = running.values;
      const count = running.op === 'affine' ? 2 : 1;
      this.#rule(running.values.length === count, () => `${running.op} has ${count} values`);
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
        expr: (e) =>
          this.#rule(e.kind !== 'acc' || e === acc, () => `\`acc\` is ${acc.dtype} here`),
      });
    this.#given = new Set(['acc']);
  }

  #attention(nest: Nest, attend: Attention): void {
    const { batch, m, n, k, scores, weight, value, kept } = attend;
    this.#frame(nest, attend, 'attention');
    this.#rule(scores.length > 0 && scores.length <= 2, 'an attention has one score or two');
    for (const { depth, a, b } of scores) {
      for (const axis of depth)
        this.#rule(axis.kind === 'red', () => `score axis ${axis.name} is summed over`);
      this.#expr(a, new Set([...batch, ...m, ...depth]), []);
      this.#expr(b, new Set([...batch, ...k, ...depth]), []);
    }
    this.#expr(value, new Set([...batch, ...n, ...k]), []);
    this.#given = new Set(scores.map((_, i) => (i === 0 ? 'score' : 'score1')));
    this.#expr(weight, new Set([...batch, ...m, ...k]), []);
    if (kept !== undefined) this.#expr(kept, new Set([...batch, ...m, ...k]), []);
    this.#rule(
      kept === undefined || attend.fold === 'softmax',
      'what a sum keeps belongs to its weights',
    );
    this.#given = new Set(attend.fold === 'softmax' ? ['acc', 'norm'] : ['acc']);
    // What was right under another set of names may not be here.
    this.#forget();
    for (const s of nest.stores)
      this.#rule(
        nest.axes.every((a) => a.extent === 1 || s.axes.includes(a)) || !usesResult(s.value),
        () => `the store to ${s.buffer.name} uses \`acc\`, which differs along axes it has not`,
      );
  }

  #store(s: Store, nest: Nest): void {
    const name = s.buffer.name;
    this.#rule(this.#kernel.buffers.includes(s.buffer), () => `${name} is written but not listed`);
    this.#rule(
      s.axes.every((a, i) => a === nest.axes[i]),
      () => `axes of the store to ${name} are the first of its nest`,
    );
    this.#rule(
      s.mode !== 'set' || s.over.length === 0,
      () => `${name}: only accumulation runs over axes`,
    );
    this.#rule(
      s.value.dtype === s.buffer.dtype,
      () => `${name} holds ${s.buffer.dtype}, the value stored is ${s.value.dtype}`,
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
        () => `store to ${s.buffer.name}: different values of ${axis.name} write the same element`,
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
    this.#rule(
      index.length === shape.length,
      () => `${what} ${name} has one index for each dimension`,
    );
    index.forEach((idx, d) => {
      this.#idx(idx, bound, bounds, () => `${what} ${name}`);
      const size = shape[d]!;
      let [lo, hi] = rangeUnder(idx, bounds);
      if (lo < 0 || hi >= size) {
        const [low, high] = quotientRange(idx, bounds, shape.slice(d + 1).reverse());
        lo = Math.max(lo, low);
        hi = Math.min(hi, high);
      }
      if (lo < 0 || hi >= size) [lo, hi] = exactRange(idx, bounds) ?? [lo, hi];
      this.#rule(
        size === 0 || (lo >= 0 && hi < size),
        () => `${what} ${name}: index ${d} can be ${lo < 0 ? lo : hi}, outside 0..${size - 1}`,
      );
    });
  }
  #idx(idx: Idx, bound: ReadonlySet<Axis>, bounds: readonly Bound[], where: LazyText): void {
    idxAxes(idx, (a) =>
      this.#rule(bound.has(a), () => `${textOf(where)}: axis ${a.name} is not bound here`),
    );
    idxOpaques(idx, (ref) => this.#expr(ref as Expr, bound, bounds));
  }

  #expr(e: Expr, bound: ReadonlySet<Axis>, bounds: readonly Bound[]): void {
    const seen = this.#doneUnder(bound, bounds);
    if (seen.has(e)) return;
    seen.add(e);
    switch (e.kind) {
      case 'const':
        return;
      case 'acc':
        this.#rule(
          this.#given.has(e.name),
          () => `\`${e.name}\` stands in a nest whose product gives it`,
        );
        return;
      case 'index':
        this.#idx(e.idx, bound, bounds, 'index value');
        return;
      case 'op': {
        for (const a of e.args) this.#expr(a, bound, bounds);
        const dtype = scalarOps[e.op].dtype(...e.args.map((a) => a.dtype));
        this.#rule(
          dtype === e.dtype,
          () => `${e.op} of its operands gives ${dtype}, not ${e.dtype}`,
        );
        return;
      }
      case 'cast':
        this.#expr(e.arg, bound, bounds);
        return;
      case 'load':
        this.#rule(
          this.#kernel.buffers.includes(e.buffer),
          () => `${e.buffer.name} is read but not listed`,
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
          this.#rule(a.kind === 'red', () => `reductions run over reduction axes, not ${a.name}`);
        this.#expr(e.body, new Set([...bound, ...e.axes]), bounds);
        return;
      default:
        e satisfies never;
    }
  }

  #doneUnder(bound: ReadonlySet<Axis>, bounds: readonly Bound[]): Set<Expr> {
    const known = this.#done.get(bound)?.get(bounds);
    if (known !== undefined) return known;
    const key = [
      ...[...bound].map((a) => a.id),
      ...bounds.map((b) => `${b.lo}<=${b.idx.key}<${b.hi}`),
    ].join();
    const seen = this.#alike.get(key) ?? new Set();
    this.#alike.set(key, seen);
    const same = this.#done.get(bound) ?? new Map();
    this.#done.set(bound, same.set(bounds, seen));
    return seen;
  }

  #forget(): void {
    this.#done = new Map();
    this.#alike = new Map();
  }

  /** One side of a guard; nothing is asked of a side that is never taken. */
  #branch(e: Expr, bound: ReadonlySet<Axis>, bounds: readonly Bound[]): void {
    if (intersect(bounds).every((b) => b.lo < b.hi)) this.#expr(e, bound, bounds);
  }

  #rule(holds: boolean, rule: LazyText): void {
    if (!holds) throw new TigonError('verify', `loop kernel ${this.#kernel.name}: ${textOf(rule)}`);
  }
}
