/**
 * The index algebra: affine sums of axes with floor-division and modulo by constants, one simplifier for all levels.
 *
 * Invariant: an `Idx` is in normal form (terms sorted by key, no zero coefficients, nested sums flattened) and
 * interned by `key`, so equal indices are the same text; `lo`/`hi` (inclusive) bound every value it can take.
 */
import { TigonError } from './errors.ts';

/** A loop axis. Identity is `id`; `extent` is its trip count. */
export interface Axis {
  readonly id: number;
  /** For people: `i`, `row`, `k`. Unique within a kernel. */
  readonly name: string;
  readonly extent: number;
  readonly kind: 'par' | 'red';
}

let nextAxis = 1;

/**
 * A new axis. Expressions are interned in one pool for the whole process, so axes of different kernels must never share
 * an id: make every axis here.
 *
 * @throws {ValueError} unless `extent` is an integer ≥ 0
 *
 * @example
 * const i = ir.newAxis('i', 4, 'par');
 * const at = ir.idxAdd(ir.idxScale(ir.idxAxis(i), 8), ir.idxConst(3));
 * at.hi;   // 27
 * ir.idxEvaluate(at, () => 2, () => 0);   // 19
 * ir.idxEvaluate(ir.idxDiv(at, 8), () => 2, () => 0);   // 2
 * ir.boundHolds({ idx: at, lo: 0, hi: 32 });   // true
 */
export const newAxis = (name: string, extent: number, kind: Axis['kind']): Axis => {
  if (!Number.isInteger(extent) || extent < 0)
    throw new TigonError('value', `axis ${name}: the extent is ${extent}`, 'pass an integer ≥ 0');
  return { id: nextAxis++, name, extent, kind };
};

/**
 * How many points a loop nest over `axes` visits.
 *
 * @throws nothing
 *
 * @example ir.pointsOf([ir.newAxis('i', 4, 'par'), ir.newAxis('j', 3, 'red')]);   // 12
 */
export const pointsOf = (axes: Iterable<Axis>): number => {
  let points = 1;
  for (const axis of axes) points *= axis.extent;
  return points;
};

/** Padded, so that terms sort by the order in which axes were made, whatever the first id of a kernel is. */
const axisKey = (axis: Axis): string => `a${String(axis.id).padStart(7, '0')}`;

/** What an index may depend on besides axes: a loaded integer (gather). `key` decides equality. */
export interface Opaque {
  readonly key: string;
}

export type Atom =
  | { readonly kind: 'axis'; readonly axis: Axis; readonly key: string }
  | { readonly kind: 'div'; readonly arg: Idx; readonly by: number; readonly key: string }
  | { readonly kind: 'mod'; readonly arg: Idx; readonly by: number; readonly key: string }
  | {
      readonly kind: 'opaque';
      readonly ref: Opaque;
      readonly lo: number;
      readonly hi: number;
      readonly key: string;
    };

export interface Term {
  readonly coef: number;
  readonly atom: Atom;
}

/** `sum(coef * atom) + constant`. */
export interface Idx {
  readonly terms: readonly Term[];
  readonly constant: number;
  readonly lo: number;
  readonly hi: number;
  readonly key: string;
}

/** `lo <= idx < hi`; a list of them is a conjunction. */
export interface Bound {
  readonly idx: Idx;
  readonly lo: number;
  readonly hi: number;
}

/**
 * The least and greatest value of an atom.
 *
 * @throws nothing
 *
 * @see {@link newAxis}
 */
export const atomBounds = (atom: Atom): readonly [number, number] => {
  switch (atom.kind) {
    case 'axis':
      return [0, Math.max(0, atom.axis.extent - 1)];
    case 'div':
      return [Math.floor(atom.arg.lo / atom.by), Math.floor(atom.arg.hi / atom.by)];
    case 'mod':
      return [0, atom.by - 1];
    case 'opaque':
      return [atom.lo, atom.hi];
    default:
      return atom satisfies never;
  }
};

const build = (terms: readonly Term[], constant: number): Idx => {
  let lo = constant;
  let hi = constant;
  let key = '';
  for (const { coef, atom } of terms) {
    const [a, b] = atomBounds(atom);
    lo += coef > 0 ? coef * a : coef * b;
    hi += coef > 0 ? coef * b : coef * a;
    key += `${coef}*${atom.key}+`;
  }
  return { terms, constant, lo, hi, key: `${key}${constant}` };
};

/**
 * The same number everywhere.
 *
 * Of whole numbers, as all indices: that is not looked at.
 *
 * @throws nothing
 *
 * @see {@link newAxis}
 */
export const idxConst = (value: number): Idx => build([], value);

/**
 * The place along an axis.
 *
 * @throws nothing
 *
 * @see {@link newAxis}
 */
export const idxAxis = (axis: Axis): Idx =>
  axis.extent === 1
    ? idxConst(0)
    : build([{ coef: 1, atom: { kind: 'axis', axis, key: axisKey(axis) } }], 0);

/**
 * An index read from memory, known (or clamped by its producer) to lie in `[lo, hi]`.
 *
 * @throws nothing
 *
 * @example
 * const loaded = ir.idxOpaque({ key: 'index' }, 0, 9);
 * loaded.hi;   // 9
 * ir.idxOpaques(loaded, (ref) => console.log(ref.key));
 */
export const idxOpaque = (ref: Opaque, lo: number, hi: number): Idx =>
  build([{ coef: 1, atom: { kind: 'opaque', ref, lo, hi, key: `v(${ref.key})` } }], 0);

/**
 * The sum.
 *
 * @throws nothing
 *
 * @see {@link newAxis}
 */
export const idxAdd = (a: Idx, b: Idx): Idx => {
  if (a.terms.length === 0 && a.constant === 0) return b;
  if (b.terms.length === 0 && b.constant === 0) return a;
  const byKey = new Map<string, Term>();
  for (const term of [...a.terms, ...b.terms]) {
    const seen = byKey.get(term.atom.key);
    byKey.set(term.atom.key, seen ? { coef: seen.coef + term.coef, atom: term.atom } : term);
  }
  const terms = [...byKey.values()].filter((t) => t.coef !== 0);
  terms.sort((x, y) => (x.atom.key < y.atom.key ? -1 : x.atom.key > y.atom.key ? 1 : 0));
  return recombine(build(terms, a.constant + b.constant));
};

/**
 * `c*b*(x div b) + c*(x mod b)` is `c*x`, and `c*b*((x div b) mod m) + c*(x mod b)` is `c*(x mod b*m)`: undoes what a
 * reshape and its inverse leave behind.
 */
const recombine = (idx: Idx): Idx => {
  for (const mod of idx.terms) {
    if (mod.atom.kind !== 'mod') continue;
    const { arg, by } = mod.atom;
    const partners = idx.terms.filter((t) => t !== mod && t.coef === mod.coef * by);
    if (partners.length === 0) continue;
    // The quotient may look different: (y div p) div q is kept as y div (p q).
    const quotient = idxDiv(arg, by);
    const only =
      quotient.constant === 0 && quotient.terms.length === 1 ? quotient.terms[0] : undefined;
    for (const partner of partners) {
      const { atom } = partner;
      const joined =
        only?.coef === 1 && atom.key === only.atom.key
          ? arg
          : atom.kind === 'mod' && atom.arg.key === quotient.key
            ? idxMod(arg, by * atom.by)
            : undefined;
      if (joined === undefined) continue;
      const rest = idx.terms.filter((t) => t !== mod && t !== partner);
      return idxAdd(build(rest, idx.constant), idxScale(joined, mod.coef));
    }
  }
  return idx;
};

/**
 * The index, times a whole number.
 *
 * @throws nothing
 *
 * @see {@link newAxis}
 */
export const idxScale = (a: Idx, by: number): Idx =>
  by === 0
    ? idxConst(0)
    : by === 1
      ? a
      : build(
          a.terms.map((t) => ({ coef: t.coef * by, atom: t.atom })),
          a.constant * by,
        );

/**
 * The index, plus a whole number.
 *
 * @throws nothing
 *
 * @see {@link newAxis}
 */
export const idxOffset = (a: Idx, by: number): Idx =>
  by === 0 ? a : build(a.terms, a.constant + by);

const checkDivisor = (name: string, by: number): void => {
  if (!Number.isInteger(by) || by < 1)
    throw new TigonError('value', `${name}: the divisor is ${by}`, 'pass an integer ≥ 1');
};

/** Splits `a` into the part divisible by `by` and the rest. */
const splitMultiples = (a: Idx, by: number): readonly [Idx, Idx] => {
  const whole = a.terms.filter((t) => t.coef % by === 0);
  const rest = a.terms.filter((t) => t.coef % by !== 0);
  const q = Math.floor(a.constant / by);
  return [
    build(
      whole.map((t) => ({ coef: t.coef / by, atom: t.atom })),
      q,
    ),
    build(rest, a.constant - q * by),
  ];
};

/**
 * Floor division by a positive constant.
 *
 * @throws {ValueError} unless `by` is an integer ≥ 1
 *
 * @see {@link newAxis}
 */
export const idxDiv = (a: Idx, by: number): Idx => {
  if (by === 1) return a;
  checkDivisor('idxDiv', by);
  if (a.terms.length === 0) return idxConst(Math.floor(a.constant / by));
  const [whole, rest] = splitMultiples(a, by);
  const low = Math.floor(rest.lo / by);
  if (low === Math.floor(rest.hi / by)) return idxOffset(whole, low);
  const only = rest.terms.length === 1 && rest.constant === 0 ? rest.terms[0] : undefined;
  // (x div p) div q = x div (p q)
  if (only?.coef === 1 && only.atom.kind === 'div')
    return idxAdd(whole, idxDiv(only.atom.arg, only.atom.by * by));
  // (x mod p q) div p = (x div p) mod q
  if (only?.coef === 1 && only.atom.kind === 'mod' && only.atom.by % by === 0)
    return idxAdd(whole, idxMod(idxDiv(only.atom.arg, by), only.atom.by / by));
  // c x div (c d) = x div d for the common factor c of all terms; the constant below it cannot matter
  const g = rest.terms.reduce((n, t) => gcd(n, t.coef), by);
  if (g > 1) {
    const reduced = build(
      rest.terms.map((t) => ({ coef: t.coef / g, atom: t.atom })),
      Math.floor(rest.constant / g),
    );
    return idxAdd(whole, idxDiv(reduced, by / g));
  }
  const atom: Atom = { kind: 'div', arg: rest, by, key: `(${rest.key})/${by}` };
  return idxAdd(whole, build([{ coef: 1, atom }], 0));
};

/**
 * Non-negative remainder by a positive constant.
 *
 * @throws {ValueError} unless `by` is an integer ≥ 1
 *
 * @see {@link newAxis}
 */
export const idxMod = (a: Idx, by: number): Idx => {
  if (by === 1) return idxConst(0);
  checkDivisor('idxMod', by);
  const [, rest] = splitMultiples(a, by);
  const low = Math.floor(rest.lo / by);
  if (low === Math.floor(rest.hi / by)) return idxOffset(rest, -low * by);
  // (c (x mod m) + y) mod b = (c x + y) mod b when b divides c m
  const inner = rest.terms.find((t) => t.atom.kind === 'mod' && (t.coef * t.atom.by) % by === 0);
  if (inner?.atom.kind === 'mod') {
    const others = build(
      rest.terms.filter((t) => t !== inner),
      rest.constant,
    );
    return idxMod(idxAdd(others, idxScale(inner.atom.arg, inner.coef)), by);
  }
  const g = rest.terms.reduce((n, t) => gcd(n, t.coef), by);
  if (g > 1) {
    const q = Math.floor(rest.constant / g);
    const reduced = build(
      rest.terms.map((t) => ({ coef: t.coef / g, atom: t.atom })),
      q,
    );
    return idxOffset(idxScale(idxMod(reduced, by / g), g), rest.constant - q * g);
  }
  const atom: Atom = { kind: 'mod', arg: rest, by, key: `(${rest.key})%${by}` };
  return build([{ coef: 1, atom }], 0);
};

/**
 * Greatest common divisor, not negative.
 *
 * @throws nothing
 *
 * @example ir.gcd(12, 18);   // 6
 */
export const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));

/**
 * Row-major flattening of a multi-index.
 *
 * @throws {ValueError} unless there is a stride for each axis
 *
 * @example
 * const [i, j] = [ir.newAxis('i', 2, 'par'), ir.newAxis('j', 3, 'par')];
 * const flat = ir.idxFlatten([ir.idxAxis(i), ir.idxAxis(j)], [3, 1]);
 * flat.hi;   // 5
 * const second = ir.idxSubstitute(flat, (axis) => (axis === i ? ir.idxConst(1) : ir.idxAxis(axis)));
 * ir.idxAxes(second, (axis) => console.log(axis.name));
 * second.lo;   // 3
 */
export const idxFlatten = (index: readonly Idx[], strides: readonly number[]): Idx => {
  if (strides.length !== index.length)
    throw new TigonError(
      'value',
      `idxFlatten: ${strides.length} strides for ${index.length} axes`,
      'pass a stride for each axis',
    );
  return index.reduce((sum, idx, i) => idxAdd(sum, idxScale(idx, strides[i]!)), idxConst(0));
};

/**
 * The multi-index of a flat position in `shape` (row-major).
 *
 * @throws {ValueError} for a size 0 behind the first
 *
 * @example ir.idxUnflatten(ir.idxConst(5), [2, 3]).map(({ constant }) => constant);   // [1, 2]
 */
export const idxUnflatten = (flat: Idx, shape: readonly number[]): Idx[] => {
  const out = new Array<Idx>(shape.length);
  let rest = flat;
  for (let i = shape.length - 1; i >= 0; i--) {
    out[i] = i === 0 ? rest : idxMod(rest, shape[i]!);
    if (i > 0) rest = idxDiv(rest, shape[i]!);
  }
  if (shape.length > 0 && shape[0] === 1) out[0] = idxConst(0);
  return out;
};

/**
 * Replaces axes (and opaque references) by other indices, re-simplifying.
 *
 * @throws nothing of its own: what the two functions throw
 *
 * @see {@link idxFlatten}
 */
export const idxSubstitute = (
  idx: Idx,
  axis: (a: Axis) => Idx,
  opaque: (ref: Opaque) => Opaque = (r) => r,
): Idx => {
  let out = idxConst(idx.constant);
  for (const { coef, atom } of idx.terms) {
    const value = ((): Idx => {
      switch (atom.kind) {
        case 'axis':
          return axis(atom.axis);
        case 'div':
          return idxDiv(idxSubstitute(atom.arg, axis, opaque), atom.by);
        case 'mod':
          return idxMod(idxSubstitute(atom.arg, axis, opaque), atom.by);
        case 'opaque':
          return idxOpaque(opaque(atom.ref), atom.lo, atom.hi);
        default:
          return atom satisfies never;
      }
    })();
    out = idxAdd(out, idxScale(value, coef));
  }
  return out;
};

/**
 * Calls `visit` for each axis the index depends on (opaque references excluded).
 *
 * @throws nothing of its own: what `visit` throws
 *
 * @see {@link idxFlatten}
 */
export const idxAxes = (idx: Idx, visit: (axis: Axis) => void): void => {
  for (const { atom } of idx.terms) {
    if (atom.kind === 'axis') visit(atom.axis);
    else if (atom.kind === 'div' || atom.kind === 'mod') idxAxes(atom.arg, visit);
  }
};

/**
 * Calls `visit` for each opaque reference in the index.
 *
 * @throws nothing of its own: what `visit` throws
 *
 * @see {@link idxOpaque}
 */
export const idxOpaques = (idx: Idx, visit: (ref: Opaque) => void): void => {
  for (const { atom } of idx.terms) {
    if (atom.kind === 'opaque') visit(atom.ref);
    else if (atom.kind === 'div' || atom.kind === 'mod') idxOpaques(atom.arg, visit);
  }
};

/**
 * The value of an index for given axis values.
 *
 * @throws nothing of its own: what the two functions throw
 *
 * @see {@link newAxis}
 */
export const idxEvaluate = (
  idx: Idx,
  axis: (a: Axis) => number,
  opaque: (ref: Opaque) => number,
): number => {
  let sum = idx.constant;
  for (const { coef, atom } of idx.terms) {
    switch (atom.kind) {
      case 'axis':
        sum += coef * axis(atom.axis);
        break;
      case 'div':
        sum += coef * Math.floor(idxEvaluate(atom.arg, axis, opaque) / atom.by);
        break;
      case 'mod': {
        const v = idxEvaluate(atom.arg, axis, opaque) % atom.by;
        sum += coef * (v < 0 ? v + atom.by : v);
        break;
      }
      case 'opaque':
        sum += coef * opaque(atom.ref);
        break;
      default:
        atom satisfies never;
    }
  }
  return sum;
};

/**
 * True when the bound holds for every value the index can take.
 *
 * @throws nothing
 *
 * @see {@link newAxis}
 */
export const boundHolds = (b: Bound): boolean => b.idx.lo >= b.lo && b.idx.hi < b.hi;
/**
 * True when no value the index can take satisfies the bound.
 *
 * @throws nothing
 *
 * @see {@link newAxis}
 */
export const boundFails = (b: Bound): boolean => b.idx.hi < b.lo || b.idx.lo >= b.hi;
