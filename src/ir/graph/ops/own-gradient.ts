/**
 * A value with a gradient that somebody wrote for it: another graph says what flows back, whatever the value was
 * computed by.
 *
 * Operands are the value, what it is a function of, then what the graph reads (captures). Inputs of `pull` are the
 * gradient that arrives and the captures; `gives[i]` is the output of it that flows to argument `i`, or -1.
 * What is not `additive` needs all that arrives at once: where a value was computed a second time (`repeated`), and part
 * of what belongs to it arrives there, what flows back is not defined.
 * Invariant: nothing flows back through the value itself; compiled, the node is the value.
 */
import { TigonError } from '../../errors.ts';
import { showType } from '../../type.ts';
import { type Graph, type Node, type Op, topological } from '../graph.ts';
import { defineOp, ruleFor } from './define.ts';

export type OwnGradientAttrs = {
  readonly pull: Graph;
  readonly gives: readonly number[];
  /** What flows back of a sum is the sum of what flows back of its parts. */
  readonly additive: boolean;
  /** The value is that of another node, computed again for a gradient. */
  readonly repeated: boolean;
};

export const ownGradient: Op<OwnGradientAttrs> = defineOp<OwnGradientAttrs>({
  name: 'ownGradient',
  kind: 'composite',
  schema: {
    pull: { kind: 'graph' },
    gives: { kind: 'ints' },
    additive: { kind: 'bool', default: true },
    repeated: { kind: 'bool', default: false },
  },
  type: (inputs, { pull, gives }) => {
    const count = gives.length;
    const rule = ruleFor(
      'ownGradient',
      inputs,
      inputs.map((_, i) => (i === 0 ? 'value' : i <= count ? `x${i - 1}` : `p${i - 1 - count}`)),
    );
    const [value] = inputs;
    const wanted = [value, ...inputs.slice(1 + count)];
    rule.check(
      value !== undefined && inputs.length > count,
      `${inputs.length} operands for ${count} arguments`,
      'operands are the value, its arguments, and what the gradient reads',
      'value',
    );
    rule.check(
      pull.assigns.length === 0 &&
        pull.inputs.length === wanted.length &&
        pull.inputs.every((x, i) => x.type === wanted[i]),
      `the gradient takes ${pull.inputs.map((x) => showType(x.type)).join(' · ')}`,
      'it takes the gradient of the value, then what it reads, and assigns nothing',
      'value',
    );
    gives.forEach((at, i) => {
      const given = pull.outputs[at]?.type;
      rule.check(
        at === -1 || given === inputs[1 + i],
        `gradient ${i} is ${given === undefined ? 'missing' : showType(given)}`,
        'a gradient has the shape and dtype of what it belongs to',
      );
    });
    return value!;
  },
  decompose: (_builder, [value]) => value!,
  gradient: (builder, { inputs, attrs: { pull, gives, additive, repeated } }, dy) => {
    if (repeated && !additive)
      throw new TigonError(
        'gradient',
        `${pull.name}: is not linear in the gradients it is given, so second derivatives through it are ambiguous: what is compiled computes values again for their gradients, which arrive in two parts then`,
        'differentiate twice outside of hybridized functions and loops, or return what is linear in the gradients',
      );
    const operands = [dy, ...inputs.slice(1 + gives.length)];
    const made = new Map<Node, Node>(pull.inputs.map((x, i) => [x, operands[i]!]));
    for (const node of topological(pull))
      if (!made.has(node))
        made.set(
          node,
          builder.emit(
            node.op,
            node.inputs.map((x) => made.get(x)!),
            node.attrs,
          ),
        );
    return inputs.map((_, i) => {
      const at = i === 0 ? -1 : (gives[i - 1] ?? -1);
      return at < 0 ? null : made.get(pull.outputs[at]!)!;
    });
  },
});
