/**
 * What operands of a product are to matrix units: which numbers they take, and what can be copied to them as it lies.
 *
 * Invariants: an operand of float32 keeps all its bits unless the device may round to TF32: 16-bit units take it only
 * where it is a 16-bit number that was widened; values of a 16-bit dtype are rounded to it when they are staged, as they
 * would be if they were stored.
 */
import { type Axis, type Bound, type Idx, idxOfTerms } from '../../../ir/dim.ts';
import { type DType, isNarrowFloat } from '../../../ir/dtype.ts';
import type { Contraction, Expr, LoadExpr } from '../../../ir/loop/loop.ts';
import { roundTo } from '../../../ir/rounding.ts';
import { type MmaInputs, WARP } from '../../../ir/thread/tensor.ts';
import { offsetOf, opaqueExprs, stepAlong } from '../../analysis.ts';
import type { Caps } from '../../caps.ts';
import type { Direction, Operand } from '../contraction/problem.ts';

/** The dtype that holds all values of an expression: a narrow one where it is one, or was widened from it. */
export const heldBy = (e: Expr): DType => {
  if (isNarrowFloat(e.dtype) || e.dtype !== 'float32') return e.dtype;
  if (e.kind === 'cast') {
    const { arg } = e;
    const exact = arg.kind === 'load' || arg.kind === 'cast' || arg.kind === 'guard';
    return exact && isNarrowFloat(arg.dtype) ? arg.dtype : e.dtype;
  }
  if (e.kind === 'guard' && e.otherwise.kind === 'const') {
    const dtype = heldBy(e.then);
    return roundTo(dtype, e.otherwise.value) === e.otherwise.value ? dtype : e.dtype;
  }
  return e.dtype;
};

/** What units take for a product of `a` and `b`, or why they do not. */
export const inputsOf = (
  { a, b }: Pick<Contraction, 'a' | 'b'>,
  caps: Caps,
): MmaInputs | { readonly refused: string } => {
  if (caps.tensorCores === 'none' || caps.threads < WARP) return { refused: 'no matrix units' };
  const [left, right] = [heldBy(a), heldBy(b)];
  if (left === right && (left === 'bfloat16' || left === 'float16')) return left;
  if (caps.tf32) return 'tfloat32';
  return {
    refused: `matrix units take 16-bit floats, these are ${left}${left === right ? '' : ` and ${right}`}: float32 is rounded only where tf32 was asked for`,
  };
};

/** What is staged for units. */
export const stagedAs = (inputs: MmaInputs): 'bfloat16' | 'float16' | 'float32' =>
  inputs === 'tfloat32' ? 'float32' : inputs;

/** An operand that is read as it lies: an element of memory, or zero outside of bounds. */
export interface Plain {
  readonly load: LoadExpr;
  readonly bounds: readonly Bound[];
}

/** The operand as a plain read of memory that holds `dtype`; `undefined` where something is computed. */
export const plainRead = (e: Expr, dtype: DType): Plain | undefined => {
  switch (e.kind) {
    case 'load':
      return e.buffer.dtype === dtype && opaqueExprs([offsetOf(e)]).length === 0
        ? { load: e, bounds: [] }
        : undefined;
    case 'cast':
      // widened to be multiplied in float32, which units do in any case
      return e.dtype === 'float32' && isNarrowFloat(dtype) ? plainRead(e.arg, dtype) : undefined;
    case 'guard': {
      if (e.otherwise.kind !== 'const' || e.otherwise.value !== 0) return undefined;
      if (opaqueExprs(e.bounds.map((b) => b.idx)).length > 0) return undefined;
      const inner = plainRead(e.then, dtype);
      return inner && { load: inner.load, bounds: [...e.bounds, ...inner.bounds] };
    }
    default:
      return undefined;
  }
};

/** Sizes of copies, in bytes. */
const COPIES = [16, 8, 4];

/**
 * Elements of `bytes` that copies along `layout` take at a time: as many as lie next to each other from aligned places on
 * and are inside or outside of all bounds together. `undefined` where not even the least copy does.
 */
export const copyUnit = (
  { axes }: Pick<Operand, 'axes'>,
  { load, bounds }: Plain,
  layout: Direction,
  bytes: number,
): number | undefined => {
  const along = axes[layout].at(-1);
  const offset = offsetOf(load);
  if (along === undefined || stepAlong(offset, along) !== 1) return undefined;
  const others = [...axes.free, ...axes.depth].filter((a) => a !== along);
  return COPIES.map((size) => size / bytes).find(
    (unit) =>
      unit >= 1 &&
      along.extent % unit === 0 &&
      isMultiple(offset, along, others, unit) &&
      bounds.every(({ idx, lo, hi }) => {
        const step = stepAlong(idx, along);
        if (step === 0) return true;
        const base = ((idx.constant % unit) + unit) % unit;
        const same = (limit: number): boolean => (limit - base) % unit === 0;
        return (
          step === 1 &&
          isMultiple(without(idx, along), along, others, unit, base) &&
          same(lo) &&
          same(hi)
        );
      }),
  );
};

const without = (idx: Idx, axis: Axis): Idx =>
  idxOfTerms(
    idx.terms.filter(({ atom }) => atom.kind !== 'axis' || atom.axis !== axis),
    idx.constant,
  );

/** Whether `idx` is `base` more than a multiple of `unit` wherever `along` is a multiple of it. */
const isMultiple = (
  idx: Idx,
  along: Axis,
  others: readonly Axis[],
  unit: number,
  base = 0,
): boolean =>
  (idx.constant - base) % unit === 0 &&
  idx.terms.every(({ coef, atom }) => {
    if (coef % unit === 0) return true;
    if (atom.kind === 'axis') return atom.axis === along && !others.includes(along);
    return false;
  });
