/**
 * Indices as records: sums of multiples of atoms, and what is made of them term by term.
 *
 * Invariant: terms are sorted by the keys of their atoms, none with coefficient 0; `lo`/`hi` (inclusive) bound every
 * value an index can take.
 */
import type { Atom, Axis, Idx, Opaque, Term } from './axis.ts';

/** Padded, so that terms sort by the order in which axes were made, whatever the first id of a kernel is. */
const axisKey = (axis: Axis): string => `a${String(axis.id).padStart(7, '0')}`;

/** An index whose key is put together when somebody asks: most are made on the way to another, and nobody does. */
class Sum implements Idx {
  // declared alone: an initializer of fields would be one more call for each index
  declare readonly terms: readonly Term[];
  declare readonly constant: number;
  declare readonly lo: number;
  declare readonly hi: number;
  declare private keyText: string | undefined;

  constructor(terms: readonly Term[], constant: number) {
    let lo = constant;
    let hi = constant;
    for (let i = 0; i < terms.length; i++) {
      const { coef, atom } = terms[i]!;
      lo += coef * (coef > 0 ? atom.lo : atom.hi);
      hi += coef * (coef > 0 ? atom.hi : atom.lo);
    }
    this.terms = terms;
    this.constant = constant;
    this.lo = lo;
    this.hi = hi;
    this.keyText = undefined;
  }

  get key(): string {
    if (this.keyText === undefined) {
      let text = '';
      for (let i = 0; i < this.terms.length; i++) {
        const { coef, atom } = this.terms[i]!;
        text += `${coef}*${atom.key}+`;
      }
      this.keyText = `${text}${this.constant}`;
    }
    return this.keyText;
  }
}

/**
 * The sum of terms of an index, in the order of an index that has them (integer coefficients).
 *
 * @throws nothing
 *
 * @example
 * const i = newAxis('i', 4, 'par');
 * idxOfTerms(idxAxis(i).terms, 3).constant;   // 3
 */
export const idxOfTerms = (terms: readonly Term[], constant: number): Idx =>
  new Sum(terms, constant);

/**
 * The same number everywhere.
 *
 * Of whole numbers, as all indices: that is not looked at.
 *
 * @throws nothing
 *
 * @see {@link newAxis}
 */
export const idxConst = (value: number): Idx => (value === 0 ? ZERO : idxOfTerms([], value));

const ZERO: Idx = idxOfTerms([], 0);

/** An index of one atom. */
export const idxOfAtom = (atom: Atom): Idx => idxOfTerms([{ coef: 1, atom }], 0);

const axisAtom = (axis: Axis): Atom => ({
  kind: 'axis',
  axis,
  lo: 0,
  hi: Math.max(0, axis.extent - 1),
  key: axisKey(axis),
});

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
    idx = axis.extent === 1 ? ZERO : idxOfAtom(axisAtom(axis));
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
  idxOfAtom({ kind: 'opaque', ref, lo, hi, key: `v(${ref.key})` });

/**
 * The index, times a whole number.
 *
 * @throws nothing
 *
 * @see {@link newAxis}
 */
export const idxScale = (a: Idx, by: number): Idx => {
  if (by === 1) return a;
  if (by === 0 || a.terms.length === 0) return idxConst(a.constant * by);
  const terms = a.terms.map((t) => ({ coef: t.coef * by, atom: t.atom }));
  return idxOfTerms(terms, a.constant * by);
};

/**
 * The index, plus a whole number.
 *
 * @throws nothing
 *
 * @see {@link newAxis}
 */
export const idxOffset = (a: Idx, by: number): Idx =>
  by === 0
    ? a
    : a.terms.length === 0
      ? idxConst(a.constant + by)
      : idxOfTerms(a.terms, a.constant + by);

/**
 * Greatest common divisor, not negative.
 *
 * @throws nothing
 *
 * @example ir.gcd(12, 18);   // 6
 */
export const gcd = (a: number, b: number): number => {
  let x = a;
  let y = b;
  while (y !== 0) {
    const rest = x % y;
    x = y;
    y = rest;
  }
  return Math.abs(x);
};
