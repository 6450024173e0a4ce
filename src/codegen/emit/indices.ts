/**
 * Index expressions as i32 arithmetic.
 *
 * Invariant: what outer scopes know of a sum is added up there; divisions see non-negative operands alone; constants come
 * last, where they can go into an address.
 */
import { type Axis, type Idx, idxOffset, idxOfTerms } from '../../ir/dim.ts';
import type { Expr } from '../../ir/loop/loop.ts';
import { convert, i32, operate, splat, vec4 } from '../../ir/thread/build.ts';
import type { TExpr } from '../../ir/thread/thread.ts';
import { idxFree, stepAlong } from '../analysis.ts';
import type { Emitter } from './emitter.ts';
import { keyOf, LANES, type Mode, SCALAR } from './mode.ts';

/** Depth of the innermost scope that an index depends on. */
const idxDepth = (em: Emitter, idx: Idx): number => {
  let depth = 0;
  for (const { atom } of idx.terms) {
    if (atom.kind === 'axis') depth = Math.max(depth, em.depthOf(atom.axis));
    else if (atom.kind === 'opaque') depth = Math.max(depth, em.placement(atom.ref as Expr));
    else depth = Math.max(depth, idxDepth(em, atom.arg));
  }
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
  const parts = idx.terms.map((term) => {
    const alone = idxOfTerms([term], 0);
    const mode = along && wanted.lane !== 0 && idxFree(alone).has(along) ? wanted : SCALAR;
    const depth = em.belowGuards(idxDepth(em, alone), () => true);
    return { term, mode, depth: Math.min(depth, em.depth) };
  });
  parts.sort((x, y) => x.depth - y.depth);
  let sum: TExpr = i32(0);
  let key = 'i';
  for (let i = 0; i < parts.length; ) {
    const { depth } = parts[i]!;
    const group: typeof parts = [];
    while (i < parts.length && parts[i]!.depth === depth) group.push(parts[i++]!);
    key += group.map((p) => `${keyOf(p.mode)}${p.term.coef}*${p.term.atom.key}+`).join('');
    const before = sum;
    const total = (): TExpr =>
      group.reduce((s, { term, mode }) => {
        const part = operate('mul', atomValue(em, term.atom, mode), i32(term.coef));
        return operate('add', s, part);
      }, before);
    const keep = (): TExpr => {
      const named = em.name('at', total());
      em.memoize(key, named);
      return named;
    };
    sum = em.knownAt(key, depth) ?? (depth === em.depth ? total() : em.at(depth, keep));
  }
  return operate('add', sum, i32(idx.constant));
};

const atomValue = (em: Emitter, atom: Idx['terms'][number]['atom'], mode: Mode): TExpr => {
  switch (atom.kind) {
    case 'axis': {
      const shift = atom.axis === mode.along && mode.lane !== 'all' ? mode.lane : 0;
      return operate('add', em.axisValue(atom.axis), i32(shift));
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
