/**
 * Index expressions as i32 arithmetic.
 *
 * Invariant: what outer scopes know of a sum is added up there; divisions see non-negative operands alone; constants come
 * last, where they can go into an address.
 */
import { type Atom, type Axis, type Idx, idxOffset, type Term } from '../../ir/dim.ts';
import type { Expr } from '../../ir/loop/loop.ts';
import { convert, i32, operate, splat, vec4 } from '../../ir/thread/build.ts';
import type { TExpr } from '../../ir/thread/thread.ts';
import { freeAxes, idxFree, stepAlong } from '../analysis.ts';
import type { Emitter } from './emitter.ts';
import { keyOf, LANES, type Mode, SCALAR } from './mode.ts';

/** Depth of the innermost scope that an atom depends on. */
const atomDepth = (em: Emitter, atom: Atom): number => {
  switch (atom.kind) {
    case 'axis':
      return em.depthOf(atom.axis);
    case 'opaque':
      return em.placement(atom.ref as Expr);
    case 'div':
    case 'mod':
      return idxDepth(em, atom.arg);
    default:
      return atom satisfies never;
  }
};

/** Depth of the innermost scope that an index depends on. */
const idxDepth = (em: Emitter, { terms }: Idx): number => {
  let depth = 0;
  for (let i = 0; i < terms.length; i++) depth = Math.max(depth, atomDepth(em, terms[i]!.atom));
  return depth;
};

/** The index in four lanes along `along`. */
export const indexVector = (em: Emitter, idx: Idx, along: Axis): TExpr => {
  const step = stepAlong(idx, along);
  if (step === undefined) {
    const [a, b, c, d] = LANES.map((lane) => indexScalar(em, idx, { along, lane }));
    return vec4(a!, b!, c!, d!);
  }
  const base = splat(indexScalar(em, idx, SCALAR));
  const ramp = vec4(i32(0), i32(step), i32(2 * step), i32(3 * step));
  return step === 0 ? base : operate('add', base, ramp);
};

/** The index at the bound axes, or in one lane. */
export const indexScalar = (em: Emitter, idx: Idx, wanted: Mode): TExpr => {
  const along = wanted.along;
  if (along && wanted.lane !== 0) {
    const step = stepAlong(idx, along);
    if (step !== undefined)
      return operate('add', indexScalar(em, idx, SCALAR), i32(step * (wanted.lane as number)));
  }
  const { terms } = idx;
  const parts: Part[] = [];
  for (let i = 0; i < terms.length; i++) {
    const term = terms[i]!;
    const varies = along !== undefined && wanted.lane !== 0 && atomVaries(term.atom, along);
    const depth = em.belowGuards(atomDepth(em, term.atom), always);
    insert(parts, { term, mode: varies ? wanted : SCALAR, depth: Math.min(depth, em.depth) });
  }
  let sum: TExpr | undefined;
  let key = 'i';
  for (let i = 0; i < parts.length; ) {
    const { depth } = parts[i]!;
    const start = i;
    for (; i < parts.length && parts[i]!.depth === depth; i++) {
      const { mode, term } = parts[i]!;
      key += `${keyOf(mode)}${term.coef}*${term.atom.key}+`;
    }
    const known = em.knownAt(key, depth);
    if (known !== undefined) sum = known;
    else if (depth === em.depth) sum = added(em, sum, parts, start, i);
    else sum = kept(em, key, sum, parts, start, i);
  }
  if (sum === undefined) return i32(idx.constant);
  return idx.constant === 0 ? sum : operate('add', sum, i32(idx.constant));
};

/** A term, how it is evaluated, and the scope in which it is known. */
interface Part {
  readonly term: Term;
  readonly mode: Mode;
  readonly depth: number;
}

/** Behind all that are no deeper. */
const insert = (parts: Part[], part: Part): void => {
  let at = parts.length;
  while (at > 0 && parts[at - 1]!.depth > part.depth) at--;
  if (at === parts.length) parts.push(part);
  else parts.splice(at, 0, part);
};

const always = (): boolean => true;

const atomVaries = (atom: Atom, along: Axis): boolean => {
  switch (atom.kind) {
    case 'axis':
      return atom.axis === along;
    case 'opaque':
      return freeAxes(atom.ref as Expr).has(along);
    case 'div':
    case 'mod':
      return idxFree(atom.arg).has(along);
    default:
      return atom satisfies never;
  }
};

/** `before` and the parts from `start` to `end - 1`. */
const added = (
  em: Emitter,
  before: TExpr | undefined,
  parts: readonly Part[],
  start: number,
  end: number,
): TExpr => {
  let sum = before;
  for (let i = start; i < end; i++) {
    const { term, mode } = parts[i]!;
    const value = atomValue(em, term.atom, mode);
    const part = term.coef === 1 ? value : operate('mul', value, i32(term.coef));
    sum = sum === undefined ? part : operate('add', sum, part);
  }
  return sum!;
};

/** The same, named in the outer scope that knows all of it. */
const kept = (
  em: Emitter,
  key: string,
  before: TExpr | undefined,
  parts: readonly Part[],
  start: number,
  end: number,
): TExpr =>
  em.at(parts[start]!.depth, () => {
    const named = em.name('at', added(em, before, parts, start, end));
    em.memoize(key, named);
    return named;
  });

const atomValue = (em: Emitter, atom: Atom, mode: Mode): TExpr => {
  switch (atom.kind) {
    case 'axis': {
      const shift = atom.axis === mode.along && mode.lane !== 'all' ? mode.lane : 0;
      const value = em.axisValue(atom.axis);
      return shift === 0 ? value : operate('add', value, i32(shift));
    }
    case 'opaque': {
      const value = em.evaluate(atom.ref as Expr, mode);
      return value.type.elem === 'i32' ? value : convert('int32', value);
    }
    case 'div':
    case 'mod': {
      const depth = Math.min(idxDepth(em, atom.arg), em.depth);
      const key = `${keyOf(mode)}d${atom.key}`;
      return (
        em.knownAt(key, depth) ??
        em.at(depth, () => {
          const lift = Math.max(0, Math.ceil(-atom.arg.lo / atom.by));
          const arg = indexScalar(em, idxOffset(atom.arg, lift * atom.by), mode);
          const value =
            atom.kind === 'mod'
              ? operate('mod', arg, i32(atom.by))
              : operate('add', operate('floordiv', arg, i32(atom.by)), i32(-lift));
          const named = em.name(atom.kind, value);
          em.memoize(key, named);
          return named;
        })
      );
    }
    default:
      return atom satisfies never;
  }
};
