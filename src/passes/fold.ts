/**
 * Constant folding: what depends on constants alone is computed by the compiler.
 *
 * Invariant: a folded value is what the op lowers to, rounded to its dtype; only uniform or tiny results are folded,
 * since a literal is code and a computed position (iota) is cheaper than a table.
 */
import { idxConst, newAxis } from '../ir/dim.ts';
import type { DType } from '../ir/dtype.ts';
import type { GraphBuilder } from '../ir/graph/builder.ts';
import type { LowerContext, Node } from '../ir/graph/graph.ts';
import { literal } from '../ir/graph/ops/leaf.ts';
import { castTo, isExactIn, roundTo } from '../ir/rounding.ts';
import { isScalarOp, valueIn } from '../ir/scalar.ts';
import { stridesOf, type TensorType, tensor } from '../ir/type.ts';
import type { GraphPass } from './pass.ts';
import { type Candidate, type RuleTable, rewrite, uniform } from './rewrite.ts';

/** Operands and results up to this size are evaluated to see whether the result is uniform. */
const EVALUATED = 1024;
/** The largest literal that folding makes. */
const LITERAL = 16;

export const foldConstants: GraphPass = {
  name: 'fold',
  run: (graph) => rewrite(graph, foldRules),
};

const fold = (candidate: Candidate, builder: GraphBuilder): Node | undefined => {
  const { op, inputs, attrs } = candidate;
  if (inputs.length === 0 || !inputs.every(isConstant)) return undefined;
  const type = op.type(
    inputs.map((x) => x.type),
    attrs,
  );
  if (op.kind === 'map' && inputs.every((x) => uniform(x) !== undefined)) {
    const value = foldScalar(candidate, type.dtype);
    return isExactIn(type.dtype, value) ? builder.full(value, type.dtype, type.shape) : undefined;
  }
  if (isPlainView(op.name) && uniform(inputs[0]) !== undefined)
    return builder.full(uniform(inputs[0])!, type.dtype, type.shape);
  if (op.lower === undefined || [...inputs.map((x) => x.type), type].some(isLarge))
    return undefined;
  const values = valuesOf({ id: 0, op, inputs, attrs, type, origin: undefined });
  const first = values?.[0];
  if (values === undefined || first === undefined) return undefined;
  if (values.every((v) => Object.is(v, first))) return builder.full(first, type.dtype, type.shape);
  if (values.length > LITERAL) return undefined;
  return builder.emit(literal, [], { values, dtype: type.dtype, shape: type.shape });
};

/** Every element, where each is a constant once it is lowered at its place. */
const valuesOf = (node: Node): readonly number[] | undefined => {
  const { shape, dtype, size } = node.type;
  const context: LowerContext = {
    at: (operand, index) => operand.op.lower!(operand, index, context),
    axis: (name, extent) => newAxis(name, extent, 'red'),
    parallel: (name, extent) => newAxis(name, extent, 'par'),
  };
  const strides = stridesOf(shape);
  const values: number[] = [];
  for (let flat = 0; flat < size; flat++) {
    const index = shape.map((d, i) => idxConst(Math.floor(flat / strides[i]!) % d));
    const element = node.op.lower!(node, index, context);
    if (element.kind !== 'const') return undefined;
    values.push(roundTo(dtype, element.value));
  }
  return values;
};

const foldScalar = ({ op, inputs }: Candidate, dtype: DType): number => {
  const args = inputs.map((x) => uniform(x)!);
  if (!isScalarOp(op.name)) return castTo(dtype, args[0]!);
  return roundTo(dtype, valueIn(op.name, inputs.at(-1)!.type.dtype)(...args));
};

const isConstant = ({ op }: Node): boolean =>
  op.name === 'full' || op.name === 'literal' || op.name === 'iota';

/** Views that only move or repeat elements. */
const isPlainView = (name: string): boolean =>
  name === 'reshape' || name === 'transpose' || name === 'broadcast' || name === 'slice';

const isLarge = (type: TensorType): boolean => type.size > EVALUATED;

/** A literal of one repeated value is that value. */
const foldLiteral = ({ attrs }: Candidate, builder: GraphBuilder): Node | undefined => {
  const values = attrs['values'] as readonly number[];
  const first = values[0];
  if (first === undefined || !values.every((v) => Object.is(v, first))) return undefined;
  const { dtype, shape } = tensor(attrs['dtype'] as DType, attrs['shape'] as readonly number[]);
  return builder.full(first, dtype, shape);
};

export const foldRules: RuleTable = { any: fold, literal: foldLiteral };
