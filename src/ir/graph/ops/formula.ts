/**
 * Functions of numbers that are formulas of the scalar ops, with gradients of their own: one node until it is lowered, so
 * that derivatives are exact formulas too, not those of a polynomial.
 *
 * Invariant: a formula computes in float32, of float64 in float64, and holds no sum that rounding or reassociation of
 * floats would make wrong. Operands have one float dtype and one shape.
 */
import { summedIn } from '../../dtype.ts';
import type { ScalarOp } from '../../scalar.ts';
import { sameShape } from '../../type.ts';
import type { GraphBuilder } from '../builder.ts';
import type { Attrs, Node, Op } from '../graph.ts';
import { checkFloat, type NoAttrs, ruleFor } from './define.ts';

/** A value, or a number everywhere. */
export type Term = Node | number;
/** Writes one operation; numbers take the dtype of the other operands. */
export type Write = (op: ScalarOp, ...terms: Term[]) => Node;

const isNode = (x: Term): x is Node => typeof x !== 'number';

/** Formulas over `builder`, of the shape and dtype of `like` where all operands are numbers. */
export const writing =
  (builder: GraphBuilder, like: Node): Write =>
  (op, ...terms) => {
    const values = op === 'select' ? terms.slice(1) : terms;
    const model = values.find(isNode) ?? like;
    return builder.op(op, ...terms.map((x) => (isNode(x) ? x : builder.lit(x, model))));
  };

/** Horner's rule, highest coefficient first. */
export const polynomial = (f: Write, x: Node, coefficients: readonly number[]): Node => {
  const [first, second, ...rest] = coefficients;
  const start = f('add', f('mul', x, first!), second!);
  return rest.reduce<Node>((sum, c) => f('add', f('mul', sum, x), c), start);
};

/** Whether a formula's operands need the last bits of doubles. */
export const isDouble = (x: Node): boolean => x.type.dtype === 'float64';

interface Formula<A extends Attrs> {
  readonly name: string;
  /** Names of the operands. */
  readonly operands: readonly string[];
  readonly schema?: Op<A>['schema'];
  readonly check?: (attrs: A, fail: (rule: string, help: string) => never) => void;
  /** The value, of operands of float32 or float64. */
  readonly value: (f: Write, args: readonly Node[], attrs: A) => Node;
  /** Gradients to the operands: factors of `dy`. `node` is the result. */
  readonly slopes: (
    f: Write,
    args: readonly Node[],
    node: Node,
    attrs: A,
    builder: GraphBuilder,
  ) => readonly Node[];
}

/** Makes the op of a formula. */
export const defineFormula = <A extends Attrs = NoAttrs>(formula: Formula<A>): Op<A> => ({
  name: formula.name,
  kind: 'composite',
  schema: formula.schema ?? {},
  type: (inputs, attrs) => {
    const rule = ruleFor(formula.name, inputs, formula.operands);
    const first = inputs[0]!;
    checkFloat(rule, first.dtype);
    formula.check?.(attrs, (broken, help) => rule.fail(broken, help, 'value'));
    for (const t of inputs)
      rule.check(
        t.dtype === first.dtype && sameShape(t.shape, first.shape),
        'operands must have one dtype and one shape',
        'convert and broadcast them first',
      );
    return first;
  },
  decompose: (builder, inputs, attrs) => {
    const args = inputs.map((x) => builder.cast(x, summedIn(x.type.dtype)));
    const value = formula.value(writing(builder, args[0]!), args, attrs);
    return builder.cast(value, inputs[0]!.type.dtype);
  },
  gradient: (builder, node, dy) => {
    const f = writing(builder, node);
    const slopes = formula.slopes(f, node.inputs, node, node.attrs, builder);
    return slopes.map((slope) => f('mul', dy, slope));
  },
});

/** `1 - x²` without cancellation near 1: as a product. */
export const differenceOfSquares = (f: Write, x: Node): Node =>
  f('mul', f('sub', 1, x), f('add', 1, x));
