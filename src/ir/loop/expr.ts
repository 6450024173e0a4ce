/**
 * Constructors of loop expressions: interning, and the few local simplifications every producer wants.
 *
 * Invariant: equal expressions are the same object within one compilation (between two `freshExpressions`).
 */
import { type Axis, type Bound, boundFails, boundHolds, type Idx } from '../dim.ts';
import type { DType } from '../dtype.ts';
import { remember } from '../remember.ts';
import { castTo, isExactIn, roundTo } from '../rounding.ts';
import { type ScalarOp, scalarOps, valueIn } from '../scalar.ts';
import { type Shape, stridesOf } from '../type.ts';
import type { AccExpr, AccName, Expr, LoopBuffer, ReduceOp, Running } from './loop.ts';

let nextId = 1;
let nextBuffer = 1;

/** A new buffer, row-major unless `strides` say otherwise. Loads are interned by its id: make every buffer here. */
export const newBuffer = (
  name: string,
  type: { readonly dtype: DType; readonly shape: Shape },
  strides: readonly number[] = stridesOf(type.shape),
): LoopBuffer => ({ id: nextBuffer++, name, dtype: type.dtype, shape: type.shape, strides });

const pool = new Map<string, Expr>();

let compilations = 0;

/** Forgets all interned expressions: called when a compilation starts, since no two share axes or buffers. */
export const freshExpressions = (): void => {
  compilations++;
  pool.clear();
};

/** Says which compilation runs: what is kept for the length of one is kept beside it. */
export const compilation = (): number => compilations;

type Fresh<E> = E extends Expr ? Omit<E, 'id' | 'key'> : never;

const intern = (text: string, make: Fresh<Expr>): Expr => {
  const seen = pool.get(text);
  if (seen !== undefined) return seen;
  const id = nextId++;
  const expr = { ...make, id, key: `e${id}` } as Expr;
  pool.set(text, expr);
  return expr;
};

const indexKey = (index: readonly Idx[]): string => {
  let key = '';
  for (let i = 0; i < index.length; i++) key += `${index[i]!.key},`;
  return key;
};

export const constant = (value: number, dtype: DType): Expr => {
  const v = roundTo(dtype, value);
  return intern(`c${dtype}:${Object.is(v, -0) ? '-0' : v}`, { kind: 'const', value: v, dtype });
};

export const indexValue = (idx: Idx): Expr =>
  idx.terms.length === 0
    ? constant(idx.constant, 'int32')
    : intern(`i${idx.key}`, { kind: 'index', idx, dtype: 'int32' });

const bufferKeys = new WeakMap<LoopBuffer, string>();

const bufferKey = (buffer: LoopBuffer): string =>
  remember(bufferKeys, buffer, ({ id, strides }) => `l${id}:${strides.join('_')}`);

export const load = (buffer: LoopBuffer, index: readonly Idx[]): Expr =>
  intern(`${bufferKey(buffer)}[${indexKey(index)}]`, {
    kind: 'load',
    buffer,
    index,
    dtype: buffer.dtype,
  });

export const scalar = (op: ScalarOp, ...args: Expr[]): Expr => {
  let text = `${op}(`;
  for (let i = 0; i < args.length; i++) text += `${args[i]!.id},`;
  const seen = pool.get(text);
  if (seen !== undefined) return seen;
  const dtype = scalarOps[op].dtype(...args.map((a) => a.dtype));
  if (dtype === undefined)
    throw new Error(`scalar ${op} does not take ${args.map((a) => a.dtype).join(', ')}`);
  if (args.every((a) => a.kind === 'const')) {
    const value = roundTo(dtype, valueIn(op, args.at(-1)!.dtype)(...args.map((a) => a.value)));
    if (isExactIn(dtype, value)) return constant(value, dtype);
  }
  if (op === 'select' && args[0]!.kind === 'const') return args[0]!.value ? args[1]! : args[2]!;
  return intern(text, { kind: 'op', op, args, dtype });
};

export const cast = (arg: Expr, dtype: DType): Expr => {
  if (arg.dtype === dtype) return arg;
  const value = arg.kind === 'const' ? castTo(dtype, arg.value) : Number.NaN;
  return arg.kind === 'const' && isExactIn(dtype, value)
    ? constant(value, dtype)
    : intern(`cast${dtype}(${arg.id})`, { kind: 'cast', arg, dtype });
};

/** `then` where the bounds hold, else `otherwise`; bounds decided statically disappear. */
export const guard = (bounds: readonly Bound[], then: Expr, otherwise: Expr): Expr => {
  const open = bounds.filter((b) => !boundHolds(b));
  if (open.some(boundFails)) return otherwise;
  if (open.length === 0 || then === otherwise) return then;
  return intern(
    `g${open.map((b) => `${b.lo}<=${b.idx.key}<${b.hi}`).join('&')}?${then.id}:${otherwise.id}`,
    { kind: 'guard', bounds: open, then, otherwise, dtype: then.dtype },
  );
};

export const reduce = (op: ReduceOp, axes: readonly Axis[], body: Expr): Expr => {
  const dtype: DType = op === 'argmax' || op === 'argmin' ? 'int32' : body.dtype;
  const open = axes.filter((a) => a.extent !== 1);
  if (open.length === 0)
    return dtype === body.dtype && !op.startsWith('arg') ? body : constant(0, 'int32');
  return intern(`r${op}[${open.map((a) => a.id).join(',')}](${body.id})`, {
    kind: 'reduce',
    op,
    axes: open,
    body,
    dtype,
  });
};

let nextAcc = 0;
const acc = (name: AccName, dtype: DType = 'float32'): AccExpr => ({
  kind: 'acc',
  name,
  dtype,
  id: nextAcc--,
  key: name,
});

/** The result of the nest's contraction or attention. */
export const accumulator: AccExpr = acc('acc');
const accumulators = new Map<DType, AccExpr>([['float32', accumulator]]);
/** The same of another dtype. */
export const accumulatorOf = (dtype: DType): AccExpr =>
  remember(accumulators, dtype, () => acc('acc', dtype));
/** What a running fold or an order leaves at a point. */
export const runningValue = (running: Running): AccExpr =>
  accumulatorOf(running.kind === 'order' ? 'int32' : running.values[0]!.dtype);
/** The logarithm of the sum of an attention's exponentials. */
export const rowNorm: AccExpr = acc('norm');
/** The scores of an attention, in order. */
export const scoreValues: readonly AccExpr[] = [acc('score'), acc('score1')];
