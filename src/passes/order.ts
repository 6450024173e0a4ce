/**
 * Orders launches so that as few bytes as possible are alive at once.
 *
 * Invariant: the result runs every writer of a buffer before its readers, except for buffers that hold a value
 * beforehand: those are overwritten only after all other readers had it. Never worse than the order given, if that is
 * legal.
 */
import { invariant } from '../ir/errors.ts';

/** What one launch touches, by buffer number. */
export interface Unit {
  readonly reads: readonly number[];
  readonly writes: readonly number[];
}

/** How many launches ahead a choice is followed. */
const LOOK_AHEAD = 12;

/**
 * A least-memory order of `units` (their indices). `bytes[b]` counts what buffer `b` takes in the arena: 0 for those
 * that live elsewhere. `existing[b]`: the buffer holds a value before the first launch (inputs, states, constants).
 * Who reads the new value of an existing buffer must read it from a buffer of its own.
 */
export const orderUnits = (
  units: readonly Unit[],
  bytes: readonly number[],
  existing: readonly boolean[],
): number[] => {
  const given = units.map((_, i) => i);
  const after = successors(units, existing);
  const bound = leastBytes(units, bytes);
  const peaks = new Peaks(units, bytes);
  const keepsGiven = isLegal(given, after);
  if (keepsGiven && peaks.of(given) <= bound) return given;
  // Seen from its end, a program makes what it reads and frees what it writes: the same search, another greedy answer.
  const candidates = [
    schedule(units, after, bytes),
    schedule(units, reversed(after), bytes).reverse(),
  ];
  if (keepsGiven) candidates.unshift(given);
  const tops = candidates.map((order) => peaks.of(order));
  const least = Math.min(...tops);
  const best = candidates[tops.indexOf(least)]!;
  if (least <= bound) return best;
  const settled = settle(best, least, bound, after, peaks);
  const late = settle(delayed(settled, after, peaks), least, bound, after, peaks);
  return peaks.of(late) < peaks.of(settled) ? late : settled;
};

/**
 * Moves all units, last ones first, as late as what needs them allows, unless that takes more memory. One move alone
 * may gain nothing where a chain of them does: what is computed again just before it is used.
 */
const delayed = (
  order: readonly number[],
  after: readonly (readonly number[])[],
  peaks: Peaks,
): number[] => {
  let best = order.slice();
  let least = peaks.of(best);
  for (const u of order.toReversed()) {
    const rest = best.toSpliced(best.indexOf(u), 1);
    const high = after[u]!.reduce((at, v) => Math.min(at, rest.indexOf(v)), rest.length);
    if (best[high] === u) continue;
    const moved = [...rest.slice(0, high), u, ...rest.slice(high)];
    const now = peaks.of(moved);
    if (now <= least) [best, least] = [moved, now];
  }
  return best;
};

/** Whether there is an order of `units`. */
export const hasOrder = (units: readonly Unit[], existing: readonly boolean[]): boolean =>
  firstOrder(units, existing).length === units.length;

/** An order that is right, whatever it takes: each unit as early as the order given allows. Shorter if there is none. */
export const firstOrder = (units: readonly Unit[], existing: readonly boolean[]): number[] => {
  const after = successors(units, existing);
  const waiting = new Int32Array(units.length);
  for (const later of after) for (const v of later) waiting[v]!++;
  const ready = [...waiting.keys()].filter((u) => waiting[u] === 0).reverse();
  const order: number[] = [];
  for (let u = ready.pop(); u !== undefined; u = ready.pop()) {
    order.push(u);
    for (const v of after[u]!) {
      waiting[v]!--;
      if (waiting[v] === 0) ready.push(v);
    }
  }
  return order;
};

/** What orders of the same units take: asked for hundreds of them, and only of buffers that take anything. */
class Peaks {
  readonly #reads: readonly (readonly number[])[];
  readonly #writes: readonly (readonly number[])[];
  readonly #bytes: readonly number[];
  readonly #first: Int32Array;
  readonly #last: Int32Array;
  readonly #change: Float64Array;

  constructor(units: readonly Unit[], bytes: readonly number[]) {
    const counts = (b: number): boolean => bytes[b]! > 0;
    this.#reads = units.map((u) => u.reads.filter(counts));
    this.#writes = units.map((u) => u.writes.filter(counts));
    this.#bytes = bytes;
    this.#first = new Int32Array(bytes.length);
    this.#last = new Int32Array(bytes.length);
    this.#change = new Float64Array(units.length + 1);
  }

  /** The most bytes alive during one launch: from a buffer's first writer to its last user. */
  of(order: readonly number[]): number {
    const [bytes, first, last, change] = [this.#bytes, this.#first, this.#last, this.#change];
    first.fill(-1);
    for (let step = 0; step < order.length; step++) {
      const writes = this.#writes[order[step]!]!;
      for (let i = 0; i < writes.length; i++) {
        const b = writes[i]!;
        if (first[b] === -1) first[b] = step;
        last[b] = step;
      }
      const reads = this.#reads[order[step]!]!;
      for (let i = 0; i < reads.length; i++) last[reads[i]!] = step;
    }
    change.fill(0);
    for (let b = 0; b < first.length; b++) {
      const step = first[b]!;
      if (step === -1) continue;
      change[step] = change[step]! + bytes[b]!;
      change[last[b]! + 1] = change[last[b]! + 1]! - bytes[b]!;
    }
    let live = 0;
    let peak = 0;
    for (let step = 0; step < order.length; step++) {
      live += change[step]!;
      if (live > peak) peak = live;
    }
    return peak;
  }
}

/** The most bytes alive during one launch of an order. */
export const peakBytes = (
  order: readonly number[],
  units: readonly Unit[],
  bytes: readonly number[],
): number => new Peaks(units, bytes).of(order);

/** No order goes below what a single launch needs. */
const leastBytes = (units: readonly Unit[], bytes: readonly number[]): number =>
  units.reduce((most, { reads, writes }) => {
    let sum = 0;
    for (const b of new Set([...reads, ...writes])) sum += bytes[b]!;
    return Math.max(most, sum);
  }, 0);

/** For each unit, the units that must come later. */
const successors = (units: readonly Unit[], existing: readonly boolean[]): number[][] => {
  const readers = new Map<number, number[]>();
  const writers = new Map<number, number[]>();
  const note = (map: Map<number, number[]>, b: number, u: number): void => {
    const list = map.get(b);
    if (list === undefined) map.set(b, [u]);
    else if (list.at(-1) !== u) list.push(u);
  };
  units.forEach((unit, u) => {
    for (const b of unit.reads) note(readers, b, u);
    for (const b of unit.writes) note(writers, b, u);
  });
  const after = units.map(() => new Set<number>());
  for (const [b, writing] of writers) {
    // Several writers (parts of one buffer, or successive values) keep the order given.
    for (let i = 1; i < writing.length; i++) after[writing[i - 1]!]!.add(writing[i]!);
    for (const w of writing)
      for (const r of readers.get(b) ?? []) {
        if (writing.includes(r)) continue;
        if (existing[b] === true) after[r]!.add(w);
        else after[w]!.add(r);
      }
  }
  return after.map((set) => [...set]);
};

const reversed = (after: readonly (readonly number[])[]): number[][] => {
  const before = after.map((): number[] => []);
  after.forEach((later, u) => {
    for (const v of later) before[v]!.push(u);
  });
  return before;
};

const isLegal = (order: readonly number[], after: readonly (readonly number[])[]): boolean => {
  const at = new Int32Array(order.length);
  order.forEach((u, step) => {
    at[u] = step;
  });
  return after.every((later, u) => later.every((v) => at[v]! > at[u]!));
};

/** The state of a partial schedule; `run` and `undo` are inverse. */
class Progress {
  readonly ready: Set<number> = new Set();
  live = 0;
  readonly #after: readonly (readonly number[])[];
  readonly #bytes: readonly number[];
  readonly #waiting: Int32Array;
  /** Users of each buffer that have not run. */
  readonly #uses: Int32Array;
  readonly #alive: Uint8Array;
  /** Each unit's buffers, once. */
  readonly #touched: readonly (readonly number[])[];

  constructor(
    units: readonly Unit[],
    after: readonly (readonly number[])[],
    bytes: readonly number[],
  ) {
    this.#after = after;
    this.#bytes = bytes;
    this.#waiting = new Int32Array(units.length);
    this.#uses = new Int32Array(bytes.length);
    this.#alive = new Uint8Array(bytes.length);
    this.#touched = units.map((u) => [...new Set([...u.reads, ...u.writes])]);
    for (const later of after) for (const v of later) this.#waiting[v] = this.#waiting[v]! + 1;
    for (const touched of this.#touched)
      for (const b of touched) this.#uses[b] = this.#uses[b]! + 1;
    units.forEach((_, u) => {
      if (this.#waiting[u] === 0) this.ready.add(u);
    });
  }

  /** Runs a ready unit; returns the bytes alive while it runs. */
  run(u: number): number {
    const touched = this.#touched[u]!;
    for (let i = 0; i < touched.length; i++) {
      const b = touched[i]!;
      if (this.#alive[b] === 1) continue;
      this.#alive[b] = 1;
      this.live += this.#bytes[b]!;
    }
    const during = this.live;
    for (let i = 0; i < touched.length; i++) {
      const b = touched[i]!;
      this.#uses[b] = this.#uses[b]! - 1;
      if (this.#uses[b] === 0) this.live -= this.#bytes[b]!;
    }
    this.ready.delete(u);
    for (const v of this.#after[u]!) {
      this.#waiting[v] = this.#waiting[v]! - 1;
      if (this.#waiting[v] === 0) this.ready.add(v);
    }
    return during;
  }

  /** Takes back the latest unit, whose start left `live` at `before`. */
  undo(u: number, before: number, started: readonly number[]): void {
    for (const v of this.#after[u]!) {
      this.#waiting[v] = this.#waiting[v]! + 1;
      this.ready.delete(v);
    }
    this.ready.add(u);
    for (const b of this.#touched[u]!) this.#uses[b] = this.#uses[b]! + 1;
    for (const b of started) this.#alive[b] = 0;
    this.live = before;
  }

  /** The buffers that `u` would be the first to touch. */
  starts(u: number): number[] {
    const started: number[] = [];
    const touched = this.#touched[u]!;
    for (let i = 0; i < touched.length; i++)
      if (this.#alive[touched[i]!] === 0) started.push(touched[i]!);
    return started;
  }

  /** The units that become ready with `u`. */
  releases(u: number): number[] {
    const released: number[] = [];
    const later = this.#after[u]!;
    for (let i = 0; i < later.length; i++)
      if (this.#waiting[later[i]!] === 1) released.push(later[i]!);
    return released;
  }

  /** Bytes that running `u` would add, less those it would free. */
  net(u: number): number {
    let net = 0;
    const touched = this.#touched[u]!;
    for (let i = 0; i < touched.length; i++) {
      const b = touched[i]!;
      if (this.#alive[b] === 0) net += this.#bytes[b]!;
      if (this.#uses[b] === 1) net -= this.#bytes[b]!;
    }
    return net;
  }
}

/** A run of units: the most bytes it needs above the start, and what it leaves. */
interface Segment {
  readonly units: readonly number[];
  readonly hill: number;
  readonly valley: number;
}

/**
 * List scheduling by segments, after Liu's rule for trees ("An application of generalized tree pebbling to sparse
 * matrix factorization", 1987): first what frees memory, the cheapest first; then what needs most above what it leaves.
 */
const schedule = (
  units: readonly Unit[],
  after: readonly (readonly number[])[],
  bytes: readonly number[],
): number[] => {
  const progress = new Progress(units, after, bytes);
  const order: number[] = [];
  while (progress.ready.size > 0) {
    let best: Segment | undefined;
    for (const u of [...progress.ready].sort((a, b) => a - b)) {
      const segment = follow(progress, u);
      if (best === undefined || precedes(segment, best)) best = segment;
    }
    for (const u of best!.units) {
      progress.run(u);
      order.push(u);
    }
  }
  invariant(order.length === units.length, 'launches that wait for each other have no order');
  return order;
};

const precedes = (a: Segment, b: Segment): boolean => {
  const frees = a.valley <= 0;
  if (frees !== b.valley <= 0) return frees;
  return frees ? a.hill < b.hill : a.hill - a.valley > b.hill - b.valley;
};

/** From `start` on through what it makes possible, up to the point where least is alive. */
const follow = (progress: Progress, start: number): Segment => {
  const base = progress.live;
  const done: { unit: number; before: number; started: number[] }[] = [];
  const reachable = new Set<number>();
  let hill = 0;
  let best: Segment | undefined;
  let unit: number | undefined = start;
  while (unit !== undefined && done.length < LOOK_AHEAD) {
    for (const v of progress.releases(unit)) reachable.add(v);
    reachable.delete(unit);
    done.push({ unit, before: progress.live, started: progress.starts(unit) });
    hill = Math.max(hill, progress.run(unit) - base);
    const valley = progress.live - base;
    if (best === undefined || valley < best.valley)
      best = { units: done.map((d) => d.unit), hill, valley };
    unit = undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const v of reachable) {
      const net = progress.net(v);
      if (net >= least) continue;
      unit = v;
      least = net;
    }
  }
  for (const { unit: u, before, started } of done.reverse()) progress.undo(u, before, started);
  return best!;
};

/** Moves units that free memory as early, and units that take it as late, as the order of the others allows. */
const settle = (
  order: readonly number[],
  peak: number,
  bound: number,
  after: readonly (readonly number[])[],
  peaks: Peaks,
): number[] => {
  let best = order.slice();
  let least = peak;
  /** The peak of the best order, once it was asked for. */
  let own: number | undefined;
  const before = reversed(after);
  for (const u of order) {
    if (least <= bound) break;
    const rest = best.toSpliced(best.indexOf(u), 1);
    const low = before[u]!.reduce((at, v) => Math.max(at, rest.indexOf(v) + 1), 0);
    const high = after[u]!.reduce((at, v) => Math.min(at, rest.indexOf(v)), rest.length);
    for (const at of [low, high]) {
      const stays = best[at] === u;
      const moved = stays ? best : [...rest.slice(0, at), u, ...rest.slice(at)];
      if (stays) own ??= peaks.of(best);
      const now = stays ? own! : peaks.of(moved);
      if (now < least) [best, least, own] = [moved, now, now];
    }
  }
  return best;
};
