/**
 * Algebra on maps: identities of scalar arithmetic that hold for every value, NaN and infinities included.
 *
 * Invariant: a rule may change the sign of a zero or the last bit of a float, nothing else; so `x * 0` stays for floats.
 * Operands of commutative ops come in one order (constants last), so that equal sums are one node.
 */
import { type DType, holds, isFloat } from '../ir/dtype.ts';
import type { GraphBuilder } from '../ir/graph/builder.ts';
import type { Node } from '../ir/graph/graph.ts';
import type { BroadcastAttrs } from '../ir/graph/ops/view.ts';
import { isExactIn, roundTo } from '../ir/rounding.ts';
import { valueIn } from '../ir/scalar.ts';
import { sameShape } from '../ir/type.ts';
import type { GraphPass } from './pass.ts';
import { isOp, type Rule, type RuleTable, rewrite, uniform } from './rewrite.ts';

export const simplifyAlgebra: GraphPass = {
  name: 'algebra',
  run: (graph) => rewrite(graph, algebraRules),
};

const isConst = (node: Node, value: number): boolean => uniform(node) === value;
const isInt = (node: Node): boolean => !isFloat(node.type.dtype) && node.type.dtype !== 'bool';

/** Constants last, repeated values before them, else the older operand first. */
const ordered: Rule = ({ op, inputs: [x, y] }, b) => {
  const [left, right] = [place(x!), place(y!)];
  const swap = left === right ? x!.id > y!.id : left > right;
  return swap ? b.emit(op, [y!, x!], {}) : undefined;
};

const place = (node: Node): number => {
  if (uniform(node) !== undefined) return 2;
  return isOp(node, 'broadcast') ? 1 : 0;
};

/** `f(f(x)) = f(x)`. */
const idempotent: Rule = ({ op, inputs: [x] }) => (isOp(x!, op.name) ? x : undefined);
/** `f(x, x) = x`. */
const selfIdentity: Rule = ({ inputs: [x, y] }) => (x === y ? x : undefined);
/** `f(-x) = f(x)`. */
const even: Rule = ({ op, inputs: [x] }, b) =>
  isOp(x!, 'neg') ? b.emit(op, [x!.inputs[0]!], {}) : undefined;

const neg: Rule = ({ inputs: [x] }, b) => {
  if (isOp(x!, 'neg')) return x!.inputs[0];
  if (isOp(x!, 'sub')) return b.op('sub', x!.inputs[1]!, x!.inputs[0]!);
  const factor = isOp(x!, 'mul') ? uniform(x!.inputs[1]) : undefined;
  if (factor !== undefined && isFloat(x!.type.dtype))
    return b.op('mul', x!.inputs[0]!, b.lit(-factor, x!));
  return undefined;
};

const add: Rule = ({ inputs: [x, y] }, b) => {
  if (isConst(y!, 0)) return x;
  if (isOp(y!, 'neg')) return b.op('sub', x!, y!.inputs[0]!);
  if (isOp(x!, 'neg')) return b.op('sub', y!, x!.inputs[0]!);
  // what both factors of a square give its gradient
  if (x === y && isOp(x!, 'mul')) return gather('mul', x!, b.lit(2, x!), b);
  return gather('add', x!, y!, b);
};

const sub: Rule = ({ inputs: [x, y] }, b) => {
  if (isConst(y!, 0)) return x;
  if (isConst(x!, 0)) return b.op('neg', y!);
  if (x === y && isInt(x!)) return b.lit(0, x!);
  if (isOp(y!, 'neg')) return b.op('add', x!, y!.inputs[0]!);
  return undefined;
};

const mul: Rule = ({ inputs: [x, y] }, b) => {
  if (isConst(y!, 1)) return x;
  if (isConst(y!, -1)) return b.op('neg', x!);
  if (isConst(y!, 0) && isInt(x!)) return y;
  if (isOp(x!, 'neg') && isOp(y!, 'neg')) return b.op('mul', x!.inputs[0]!, y!.inputs[0]!);
  if (isOp(x!, 'neg') && uniform(y) !== undefined && isFloat(x!.type.dtype))
    return b.op('mul', x!.inputs[0]!, b.lit(-uniform(y)!, x!));
  return gather('mul', x!, y!, b);
};

/** `(x ∘ c) ∘ d = x ∘ (c ∘ d)` where it is exact: for integers, and for float factors that are powers of two. */
const gather = (name: 'add' | 'mul', x: Node, y: Node, b: GraphBuilder): Node | undefined => {
  const outer = uniform(y);
  const inner = isOp(x, name) ? uniform(x.inputs[1]) : undefined;
  if (outer === undefined || inner === undefined) return undefined;
  const { dtype } = x.type;
  const both = roundTo(dtype, valueIn(name, dtype)(inner, outer));
  const exact =
    name === 'mul' &&
    dtype === 'float32' &&
    (isExactScale(outer) || isExactScale(inner)) &&
    Math.abs(Math.log2(Math.abs(both))) < 64;
  return exact || (isInt(x) && isExactIn(dtype, both))
    ? b.op(name, x.inputs[0]!, b.lit(both, y))
    : undefined;
};

/** Multiplying by it only moves the exponent, far from the ends of the range. */
const isExactScale = (value: number): boolean => {
  const exponent = Math.log2(Math.abs(value));
  return Number.isInteger(exponent) && Math.abs(exponent) < 64;
};

const div: Rule = ({ inputs: [x, y] }, b) => {
  const divisor = uniform(y);
  if (divisor === 1) return x;
  if (divisor !== undefined && isExactScale(divisor))
    return b.op('mul', x!, b.lit(1 / divisor, y!));
  if (isConst(x!, 1) && isOp(y!, 'sqrt')) return b.op('rsqrt', y!.inputs[0]!);
  return undefined;
};

const pow: Rule = ({ inputs: [x, y] }, b) => {
  switch (uniform(y)) {
    case 0:
      return b.lit(1, x!);
    case 1:
      return x;
    case 2:
      return b.op('mul', x!, x!);
    case 3:
      return b.op('mul', b.op('mul', x!, x!), x!);
    case -1:
      return b.op('div', b.lit(1, x!), x!);
    default:
      return undefined;
  }
};

const not: Rule = ({ inputs: [x] }, b) => {
  if (isOp(x!, 'not')) return x!.inputs[0];
  if (isOp(x!, 'eq')) return b.op('ne', ...x!.inputs);
  if (isOp(x!, 'ne')) return b.op('eq', ...x!.inputs);
  return undefined;
};

const select: Rule = ({ inputs: [condition, x, y] }, b) => {
  if (x === y) return x;
  if (uniform(condition) !== undefined) return uniform(condition) === 0 ? y : x;
  if (isOp(condition!, 'not')) return b.op('select', condition!.inputs[0]!, y!, x!);
  return undefined;
};

const cast: Rule = ({ inputs: [x], attrs }, b) => {
  const dtype = attrs['dtype'] as DType;
  if (x!.type.dtype === dtype) return x;
  if (!isOp(x!, 'cast')) return undefined;
  const from = x!.inputs[0]!;
  return holds(x!.type.dtype, from.type.dtype) ? b.cast(from, dtype) : undefined;
};

/** A map of values that all went through the same view is computed before the view: on fewer values, or in fewer shapes. */
const mapBeforeView: Rule = ({ op, inputs, attrs }, b) => {
  if (op.kind !== 'map') return undefined;
  const view = inputs.find((x) => uniform(x) === undefined);
  if (view === undefined || !(isOp(view, 'broadcast') || isSqueeze(view))) return undefined;
  const shape = view.inputs[0]!.type.shape;
  const sources = inputs.map((x): Node | undefined => {
    const value = uniform(x);
    if (value !== undefined) return b.full(value, x.type.dtype, shape);
    return isSameView(x, view) ? x.inputs[0] : undefined;
  });
  if (!sources.every((x) => x !== undefined)) return undefined;
  return b.emit(view.op, [b.emit(op, sources, attrs)], view.attrs);
};

/** A map of a reshaped product is computed in the product's shape, where it can be its epilogue. */
const mapBeforeReshape: Rule = ({ op, inputs, attrs }, b) => {
  if (op.kind !== 'map') return undefined;
  const view = inputs.find((x) => isOp(x, 'reshape') && endsProduct(x.inputs[0]!));
  if (view === undefined) return undefined;
  // Another product, or repeats that would need dividing and remainders, would rather keep the shape as it is.
  if (inputs.some((x) => endsProduct(x) || isOp(x, 'broadcast'))) return undefined;
  const { shape } = view.inputs[0]!.type;
  const sources = inputs.map((x) => {
    const value = uniform(x);
    if (value !== undefined) return b.full(value, x.type.dtype, shape);
    return isSameView(x, view) ? x.inputs[0]! : b.reshape(x, shape);
  });
  return b.reshape(b.emit(op, sources, attrs), view.type.shape);
};

/** A product, or a few maps on one. */
const endsProduct = (node: Node, depth = 4): boolean =>
  node.op.kind === 'contract' ||
  (node.op.kind === 'map' && depth > 0 && node.inputs.some((x) => endsProduct(x, depth - 1)));

/** A reshape that only adds or removes axes of size 1. */
const isSqueeze = (x: Node): boolean =>
  isOp(x, 'reshape') && sameShape(large(x.inputs[0]!), large(x));

const large = (x: Node): number[] => x.type.shape.filter((d) => d !== 1);

const isSameView = (x: Node, view: Node): boolean => {
  if (x.op !== view.op || !sameShape(x.inputs[0]!.type.shape, view.inputs[0]!.type.shape))
    return false;
  return (
    isOp(x, 'reshape') ||
    sameShape((x.attrs as BroadcastAttrs).axes, (view.attrs as BroadcastAttrs).axes)
  );
};

export const algebraRules: RuleTable = {
  neg,
  add: [ordered, add],
  sub,
  mul: [ordered, mul],
  div,
  pow,
  not,
  select,
  cast,
  abs: [idempotent, even],
  relu: idempotent,
  floor: idempotent,
  ceil: idempotent,
  round: idempotent,
  cos: even,
  min: [ordered, selfIdentity],
  max: [ordered, selfIdentity],
  and: [ordered, selfIdentity],
  or: [ordered, selfIdentity],
  xor: ordered,
  eq: ordered,
  ne: ordered,
  any: [mapBeforeView, mapBeforeReshape],
};
