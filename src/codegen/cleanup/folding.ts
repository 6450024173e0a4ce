/**
 * What an operation is worth where that is known: operations on numbers, choices already made, comparisons that bounds
 * settle, and int32 arithmetic in its canonical form.
 *
 * Invariant: nothing is folded that could give another number at run time.
 */
import { isExactIn, roundTo } from '../../ir/rounding.ts';
import { type ScalarOp, valueIn } from '../../ir/scalar.ts';
import { type RegType, registerDType } from '../../ir/thread/thread.ts';
import { compare } from './bounds.ts';
import { indexOp } from './indices.ts';
import type { Maker } from './sums.ts';
import { isIndex, type Value } from './value.ts';

/** The number that a value is everywhere. */
const numberIn = (v: Value | undefined): number | undefined =>
  v?.shape.kind === 'const' ? v.shape.value : undefined;

/** The value of an operation that need not be computed as it stands. */
export const folded = (
  make: Maker,
  op: ScalarOp,
  type: RegType,
  args: readonly Value[],
): Value | undefined => {
  const a = args[0]!;
  const b = args[1]!;
  let constants = 0;
  for (let i = 0; i < args.length; i++) if (args[i]!.shape.kind === 'const') constants++;
  if (constants === args.length) return calculated(make, op, type, args);
  if (op === 'select') {
    const which = numberIn(a);
    const c = args[2]!;
    if (which !== undefined) return which ? b : c;
    return b === c ? b : undefined;
  }
  if (type.elem === 'bool') return decided(make, op, type, a, b);
  return isIndex(type) ? indexOp(make, op, a, b, numberIn(b)) : undefined;
};

/** An operation on numbers, unless the result is none of its type. */
const calculated = (
  make: Maker,
  op: ScalarOp,
  type: RegType,
  args: readonly Value[],
): Value | undefined => {
  const dtype = registerDType[type.elem];
  const of = registerDType[args.at(-1)!.type.elem];
  const result = roundTo(dtype, valueIn(op, of)(...args.map((v) => numberIn(v)!)));
  return isExactIn(dtype, result) ? make.constant(result, type) : undefined;
};

/** Comparisons and conjunctions that the bounds of their operands settle. */
const decided = (
  make: Maker,
  op: ScalarOp,
  type: RegType,
  a: Value,
  b: Value | undefined,
): Value | undefined => {
  if (b === undefined) return undefined;
  if (op === 'and' || op === 'or') {
    const [x, y] = [numberIn(a), numberIn(b)];
    if (x !== undefined) return (op === 'and') === (x !== 0) ? b : a;
    if (y !== undefined) return (op === 'and') === (y !== 0) ? a : b;
    return a === b ? a : undefined;
  }
  if (!isIndex(a.type)) return undefined;
  const answer = compare(op, a, b);
  return answer === undefined ? undefined : make.constant(answer ? 1 : 0, type);
};
