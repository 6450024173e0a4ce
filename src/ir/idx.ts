/**
 * How indices are made of others: sums, quotients and remainders, simplified as they are made.
 *
 * Invariant: an `Idx` is in normal form (as in sum.ts, nested sums flattened), so equal indices have one `key`.
 */
import type { Atom, Idx, Term } from './axis.ts';
import { TigonError } from './errors.ts';
import { gcd, idxConst, idxOfAtom, idxOffset, idxOfTerms, idxScale } from './sum.ts';

/**
 * The sum.
 *
 * @throws nothing
 *
 * @see {@link newAxis}
 */
export const idxAdd = (a: Idx, b: Idx): Idx => idxAddTimes(a, b, 1);

/** `a + by * b`, in one step. */
export const idxAddTimes = (a: Idx, b: Idx, by: number): Idx => {
  if (by === 0) return a;
  if (b.terms.length === 0) return idxOffset(a, b.constant * by);
  if (a.terms.length === 0) return idxOffset(idxScale(b, by), a.constant);
  const terms: Term[] = [];
  let i = 0;
  for (let j = 0; j < b.terms.length; j++) {
    const { coef, atom } = b.terms[j]!;
    let x = a.terms[i];
    while (x !== undefined && x.atom !== atom && x.atom.key < atom.key) {
      terms.push(x);
      x = a.terms[++i];
    }
    if (x !== undefined && (x.atom === atom || x.atom.key === atom.key)) {
      const sum = x.coef + coef * by;
      if (sum !== 0) terms.push({ coef: sum, atom: x.atom });
      i++;
    } else terms.push(by === 1 ? b.terms[j]! : { coef: coef * by, atom });
  }
  while (i < a.terms.length) terms.push(a.terms[i++]!);
  return recombine(idxOfTerms(terms, a.constant + b.constant * by));
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
    for (let j = 0; j < terms.length; j++) {
      const partner = terms[j]!;
      if (j === i || partner.coef !== mod.coef * mod.atom.by) continue;
      const joined = union(mod.atom, partner.atom);
      if (joined === undefined) continue;
      const rest = terms.filter((t) => t !== mod && t !== partner);
      return idxAddTimes(idxOfTerms(rest, idx.constant), joined, mod.coef);
    }
  }
  return idx;
};

/** `by * quotient + (arg mod by)` as one index, if that atom is the quotient, or a remainder of it. */
const union = ({ arg, by }: Division, atom: Atom): Idx | undefined => {
  // The quotient may look different: (y div p) div q is kept as y div (p q).
  const quotient = idxDiv(arg, by);
  if (only(quotient)?.key === atom.key) return arg;
  return atom.kind === 'mod' && atom.arg.key === quotient.key
    ? idxMod(arg, by * atom.by)
    : undefined;
};

type Division = Atom & { readonly kind: 'div' | 'mod' };

/** The atom that an index is. */
const only = ({ terms, constant }: Idx): Atom | undefined =>
  terms.length === 1 && constant === 0 && terms[0]!.coef === 1 ? terms[0]!.atom : undefined;

const checkDivisor = (name: string, by: number): void => {
  if (!Number.isInteger(by) || by < 0)
    throw new TigonError('value', `${name}: the divisor is ${by}`, 'pass an integer ≥ 1');
};

const isMultiple = (a: Idx, by: number): boolean => {
  for (let i = 0; i < a.terms.length; i++) if (a.terms[i]!.coef % by === 0) return true;
  return a.constant < 0 || a.constant >= by;
};

/** What is left of `a` without its multiples of `by`. */
const restOf = (a: Idx, by: number): Idx =>
  isMultiple(a, by)
    ? idxOfTerms(
        a.terms.filter((t) => t.coef % by !== 0),
        a.constant - Math.floor(a.constant / by) * by,
      )
    : a;

/** The part of `a` that `restOf` leaves out, divided. */
const wholeOf = (a: Idx, by: number): Idx => {
  const whole = a.terms.filter((t) => t.coef % by === 0);
  const terms = whole.map((t) => ({ coef: t.coef / by, atom: t.atom }));
  return idxOfTerms(terms, Math.floor(a.constant / by));
};

/** The greatest divisor of `by` and of all coefficients. */
const commonDivisor = (terms: readonly Term[], by: number): number => {
  let divisor = by;
  for (let i = 0; i < terms.length && divisor > 1; i++) divisor = gcd(divisor, terms[i]!.coef);
  return divisor;
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
  const least = Math.floor(a.lo / by);
  if (least === Math.floor(a.hi / by)) return idxConst(least);
  const rest = restOf(a, by);
  return rest === a ? quotient(a, by) : idxAdd(wholeOf(a, by), quotient(rest, by));
};

/** The quotient of what has no multiples of `by`. */
const quotient = (rest: Idx, by: number): Idx => {
  const least = Math.floor(rest.lo / by);
  if (least === Math.floor(rest.hi / by)) return idxConst(least);
  const atom = only(rest);
  // (x div p) div q = x div (p q)
  if (atom?.kind === 'div') return idxDiv(atom.arg, atom.by * by);
  // (x mod p q) div p = (x div p) mod q
  if (atom?.kind === 'mod' && atom.by % by === 0) return idxMod(idxDiv(atom.arg, by), atom.by / by);
  // c x div (c d) = x div d for the common factor c of all terms; the constant below it cannot matter
  const common = commonDivisor(rest.terms, by);
  return common > 1
    ? idxDiv(reduced(rest, common), by / common)
    : idxOfAtom({
        kind: 'div',
        arg: rest,
        by,
        lo: least,
        hi: Math.floor(rest.hi / by),
        key: `(${rest.key})/${by}`,
      });
};

/** An index without a divisor of its coefficients, rounded down. */
const reduced = (a: Idx, by: number): Idx =>
  idxOfTerms(
    a.terms.map((t) => ({ coef: t.coef / by, atom: t.atom })),
    Math.floor(a.constant / by),
  );

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
  const rest = restOf(a, by);
  const least = Math.floor(rest.lo / by);
  if (least === Math.floor(rest.hi / by)) return idxOffset(rest, -least * by);
  // (c (x mod m) + y) mod b = (c x + y) mod b when b divides c m
  const inner = rest.terms.find((t) => t.atom.kind === 'mod' && (t.coef * t.atom.by) % by === 0);
  if (inner?.atom.kind === 'mod') {
    const others = rest.terms.filter((t) => t !== inner);
    return idxMod(idxAddTimes(idxOfTerms(others, rest.constant), inner.atom.arg, inner.coef), by);
  }
  const common = commonDivisor(rest.terms, by);
  if (common > 1) {
    const less = reduced(rest, common);
    return idxOffset(
      idxScale(idxMod(less, by / common), common),
      rest.constant - less.constant * common,
    );
  }
  return idxOfAtom({ kind: 'mod', arg: rest, by, lo: 0, hi: by - 1, key: `(${rest.key})%${by}` });
};
