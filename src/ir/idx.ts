/**
 * How indices are made: sums, multiples, quotients and remainders, simplified as they are made.
 *
 * Invariant: an `Idx` is in normal form (terms sorted by key, no zero coefficients, nested sums flattened), so equal
 * indices have one `key`; `lo`/`hi` (inclusive) bound every value it can take.
 */
import { type Atom, type Axis, type Idx, leastOf, mostOf, type Opaque, type Term } from './axis.ts';
import { TigonError } from './errors.ts';

/** Padded, so that terms sort by the order in which axes were made, whatever the first id of a kernel is. */
const axisKey = (axis: Axis): string => `a${String(axis.id).padStart(7, '0')}`;

/** An index whose key is put together when somebody asks: most are made on the way to another, and nobody does. */
class Sum implements Idx {
  readonly terms: readonly Term[];
  readonly constant: number;
  readonly lo: number;
  readonly hi: number;
  #key: string | undefined;

  constructor(terms: readonly Term[], constant: number) {
    let lo = constant;
    let hi = constant;
    for (let i = 0; i < terms.length; i++) {
      const { coef, atom } = terms[i]!;
      const least = coef * leastOf(atom);
      const most = coef * mostOf(atom);
      lo += coef > 0 ? least : most;
      hi += coef > 0 ? most : least;
    }
    this.terms = terms;
    this.constant = constant;
    this.lo = lo;
    this.hi = hi;
  }

  get key(): string {
    if (this.#key === undefined) {
      let key = '';
      for (let i = 0; i < this.terms.length; i++) {
        const { coef, atom } = this.terms[i]!;
        key += `${coef}*${atom.key}+`;
      }
      this.#key = `${key}${this.constant}`;
    }
    return this.#key;
  }
}

const build = (terms: readonly Term[], constant: number): Idx => new Sum(terms, constant);

/**
 * The sum of terms of an index, in the order of an index that has them (integer coefficients).
 *
 * @throws nothing
 *
 * @example
 * const i = newAxis('i', 4, 'par');
 * idxOfTerms(idxAxis(i).terms, 3).constant;   // 3
 */
export const idxOfTerms = (terms: readonly Term[], constant: number): Idx => build(terms, constant);

/**
 * The same number everywhere.
 *
 * Of whole numbers, as all indices: that is not looked at.
 *
 * @throws nothing
 *
 * @see {@link newAxis}
 */
export const idxConst = (value: number): Idx => (value === 0 ? ZERO : build([], value));

const ZERO: Idx = build([], 0);

const places = new WeakMap<Axis, Idx>();

/**
 * The place along an axis.
 *
 * @throws nothing
 *
 * @see {@link newAxis}
 */
export const idxAxis = (axis: Axis): Idx => {
  let idx = places.get(axis);
  if (idx === undefined) {
    const atom: Atom = { kind: 'axis', axis, key: axisKey(axis) };
    idx = axis.extent === 1 ? idxConst(0) : build([{ coef: 1, atom }], 0);
    places.set(axis, idx);
  }
  return idx;
};

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
  const terms: Term[] = [];
  let i = 0;
  let j = 0;
  while (i < a.terms.length || j < b.terms.length) {
    const x = a.terms[i];
    const y = b.terms[j];
    if (y === undefined || (x !== undefined && x.atom.key < y.atom.key)) {
      terms.push(x!);
      i++;
    } else if (x === undefined || y.atom.key < x.atom.key) {
      terms.push(y);
      j++;
    } else {
      const coef = x.coef + y.coef;
      if (coef !== 0) terms.push({ coef, atom: x.atom });
      i++;
      j++;
    }
  }
  return recombine(build(terms, a.constant + b.constant));
};

/**
 * `c*b*(x div b) + c*(x mod b)` is `c*x`, and `c*b*((x div b) mod m) + c*(x mod b)` is `c*(x mod b*m)`: undoes what a
 * reshape and its inverse leave behind.
 */
const recombine = (idx: Idx): Idx => {
  const { terms } = idx;
  for (let i = 0; i < terms.length; i++) {
    const mod = terms[i]!;
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
  if (!Number.isInteger(by) || by < 0)
    throw new TigonError('value', `${name}: the divisor is ${by}`, 'pass an integer ≥ 1');
};

/** Splits `a` into the part divisible by `by`, divided, and the rest. */
const splitMultiples = (a: Idx, by: number): readonly [Idx, Idx] => {
  const whole: Term[] = [];
  const rest: Term[] = [];
  for (let i = 0; i < a.terms.length; i++) {
    const term = a.terms[i]!;
    if (term.coef % by === 0) whole.push({ coef: term.coef / by, atom: term.atom });
    else rest.push(term);
  }
  const q = Math.floor(a.constant / by);
  if (whole.length === 0 && q === 0) return [ZERO, a];
  return [build(whole, q), build(rest, a.constant - q * by)];
};

/**
 * Floor division by a positive constant. By 0, the extent of an axis without elements, it is 0: nobody asks.
 *
 * @throws {ValueError} unless `by` is an integer ≥ 0
 *
 * @see {@link newAxis}
 */
export const idxDiv = (a: Idx, by: number): Idx => {
  if (by === 1) return a;
  checkDivisor('idxDiv', by);
  if (by === 0) return idxConst(0);
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
 * Non-negative remainder by a positive constant. By 0, the extent of an axis without elements, it is 0: nobody asks.
 *
 * @throws {ValueError} unless `by` is an integer ≥ 0
 *
 * @see {@link newAxis}
 */
export const idxMod = (a: Idx, by: number): Idx => {
  if (by === 1) return idxConst(0);
  checkDivisor('idxMod', by);
  if (by === 0) return idxConst(0);
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
