/**
 * Maps: one scalar operation at every position, one graph op per row of the scalar table, and `cast`.
 *
 * Invariant: operands have equal shapes and the dtypes the table asks for; broadcasting and promotion are other nodes.
 */
import { type DType, isFloat, shortName } from '../../dtype.ts';
import { cast as castExpr, scalar } from '../../loop/expr.ts';
import { SCALAR_OPS, type ScalarOp, scalarOps } from '../../scalar.ts';
import { sameShape, type TensorType, tensor } from '../../type.ts';
import type { Op } from '../graph.ts';
import { defineOp, leafType, type NoAttrs, ruleFor } from './define.ts';

const OPERANDS: Readonly<Record<1 | 2 | 3 | 4, readonly string[]>> = {
  1: ['x'],
  2: ['a', 'b'],
  3: ['condition', 'a', 'b'],
  4: ['key0', 'key1', 'counter0', 'counter1'],
};

const mapOp = (name: ScalarOp): Op => {
  const row = scalarOps[name];
  const derivative = row.derivative;
  return defineOp<NoAttrs>({
    name,
    kind: 'map',
    schema: {},
    type: (inputs) => {
      const rule = ruleFor(name, inputs, OPERANDS[row.arity]);
      const first = inputs[0]!;
      const other = inputs.find((t) => !sameShape(t.shape, first.shape));
      if (other !== undefined)
        rule.fail(
          `operands have different shapes ([${first.shape.join(', ')}] ≠ [${other.shape.join(', ')}])`,
          'broadcast them to one shape first',
        );
      const dtype = row.dtype(...inputs.map((t) => t.dtype));
      if (dtype === undefined)
        return rule.fail(
          `does not take ${inputs.map((t) => shortName(t.dtype)).join(', ')}`,
          dtypeHelp(name, inputs),
          'dtype',
        );
      return tensor(dtype, first.shape);
    },
    lower: ({ inputs }, index, context) => scalar(name, ...inputs.map((x) => context.at(x, index))),
    ...(derivative === undefined
      ? {}
      : { gradient: (builder, node, dy) => derivative(builder, node.inputs, node, dy) }),
  }) as Op;
};

const dtypeHelp = (name: ScalarOp, inputs: readonly TensorType[]): string => {
  const values = name === 'select' ? inputs.slice(1) : inputs;
  if (name === 'select' && inputs[0]!.dtype !== 'bool')
    return "the condition must be bool: compare first, or use .astype('bool')";
  return values.some((t) => t.dtype !== values[0]!.dtype)
    ? 'convert the operands to one dtype with .astype(...)'
    : "convert with .astype('float32') (or to an integer dtype for bit operations)";
};

/** The graph op of each scalar op. */
export const mapOps: Readonly<Record<ScalarOp, Op>> = Object.fromEntries(
  SCALAR_OPS.map((name) => [name, mapOp(name)]),
) as Record<ScalarOp, Op>;

export type CastAttrs = { readonly dtype: DType };
/** The same numbers in another dtype. Floats to integers truncate and saturate. */
export const cast: Op<CastAttrs> = defineOp<CastAttrs>({
  name: 'cast',
  kind: 'map',
  schema: { dtype: { kind: 'dtype' } },
  type: (inputs, { dtype }) => {
    ruleFor('cast', inputs, ['x']);
    return leafType('cast', dtype, inputs[0]!.shape);
  },
  lower: ({ inputs, attrs }, index, context) =>
    castExpr(context.at(inputs[0]!, index), attrs.dtype),
  gradient: (builder, { inputs: [x] }, dy) => [
    isFloat(x!.type.dtype) ? builder.cast(dy, x!.type.dtype) : null,
  ],
});
