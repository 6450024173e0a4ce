/**
 * The index algebra, one simplifier for all levels: affine sums of axes with floor-division and modulo by constants
 * (sum.ts, idx.ts), and here what indices are asked: places in arrays, values, axes, bounds.
 *
 * Invariant: an index that is made of others is in normal form again.
 */
import type { Atom, Axis, Bound, Idx, Opaque } from './axis.ts';
import { TigonError } from './errors.ts';
import { idxAddTimes, idxDiv, idxMod } from './idx.ts';
import { idxConst, idxOfTerms, idxOpaque } from './sum.ts';

export {
  type Atom,
  type Axis,
  atomBounds,
  type Bound,
  type Idx,
  newAxis,
  type Opaque,
  pointsOf,
  type Term,
} from './axis.ts';
export { idxAdd, idxDiv, idxMod } from './idx.ts';
export {
  gcd,
  idxAxis,
  idxConst,
  idxOffset,
  idxOfTerms,
  idxOpaque,
  idxScale,
} from './sum.ts';

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
  let sum = idxConst(0);
  for (let i = 0; i < index.length; i++) sum = idxAddTimes(sum, index[i]!, strides[i]!);
  return sum;
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
  const { terms } = idx;
  // what nothing changes in stays as it is
  let out: Idx | undefined;
  for (let i = 0; i < terms.length; i++) {
    const { coef, atom } = terms[i]!;
    const part = substituted(atom, axis, opaque);
    if (part !== undefined)
      out = idxAddTimes(out ?? idxOfTerms(terms.slice(0, i), idx.constant), part, coef);
    else if (out !== undefined) out = idxAddTimes(out, idxOfTerms([terms[i]!], 0), 1);
  }
  return out ?? idx;
};

/** What stands for an atom; `undefined` where it stays. */
const substituted = (
  atom: Atom,
  axis: (a: Axis) => Idx,
  opaque: (ref: Opaque) => Opaque,
): Idx | undefined => {
  switch (atom.kind) {
    case 'axis': {
      const place = axis(atom.axis);
      const term = place.terms[0];
      const stays = term?.atom === atom && place.terms.length === 1 && term.coef === 1;
      return stays && place.constant === 0 ? undefined : place;
    }
    case 'div':
    case 'mod': {
      const arg = idxSubstitute(atom.arg, axis, opaque);
      if (arg === atom.arg) return undefined;
      return atom.kind === 'div' ? idxDiv(arg, atom.by) : idxMod(arg, atom.by);
    }
    case 'opaque': {
      const ref = opaque(atom.ref);
      return ref === atom.ref ? undefined : idxOpaque(ref, atom.lo, atom.hi);
    }
    default:
      return atom satisfies never;
  }
};

/**
 * Calls `visit` for each axis the index depends on (opaque references excluded).
 *
 * @throws nothing of its own: what `visit` throws
 *
 * @see {@link idxFlatten}
 */
export const idxAxes = (idx: Idx, visit: (axis: Axis) => void): void => {
  const { terms } = idx;
  for (let i = 0; i < terms.length; i++) {
    const { atom } = terms[i]!;
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
  const { terms } = idx;
  for (let i = 0; i < terms.length; i++) {
    const { atom } = terms[i]!;
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
