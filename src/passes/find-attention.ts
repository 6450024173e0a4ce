/**
 * Finds attention that is composed of products and a softmax, its gradients too, and makes it one op, which meets keys
 * block by block where the device has a schedule for that.
 *
 * Runs where forward and backward are in one graph, before anything is saved between them.
 * Invariant: what is found means the same up to rounding, but for queries whose scores are all hidden by -infinity (or by
 * what adds less than -10³⁷): they give 0, not NaN. Keys behind each query that are hidden by -10⁶ or less take no part.
 */
import type { Caps } from '../codegen/caps.ts';
import type { GraphBuilder } from '../ir/graph/builder.ts';
import { type Graph, type Node, rootsOf, topological, usersOf } from '../ir/graph/graph.ts';
import { ATTENTION, attention, attentionNorm, NORM } from '../ir/graph/ops/attention.ts';
import {
  attentionGradKey,
  attentionGradQuery,
  attentionGradValue,
  SCORE_GRADIENT,
  VALUE_GRADIENT,
} from '../ir/graph/ops/attention-gradient.ts';
import {
  type AttentionAttrs,
  attentionAttrs,
  operandsOf,
  type Parts,
} from '../ir/graph/ops/attention-operands.ts';
import { showType } from '../ir/type.ts';
import { refusedAttention } from './attention.ts';
import { canonicalBuilder } from './canonicalize.ts';
import type { GradientTo } from './composed/gradients.ts';
import { type Composed, composedAround } from './composed/match.ts';
import type { Matrix } from './composed/pairs.ts';
import type { GraphPass, PassContext } from './pass.ts';
import { recognize } from './recognize.ts';
import { copyInputs, copyNodes } from './rewrite.ts';

/** `apart`: gradients are compiled apart from the result, so that shares would have to be saved for them. */
export const findAttention = (caps: Caps, apart = false): GraphPass => ({
  name: 'find attention',
  run: (graph, context) => {
    const plain = found(graph, caps, apart, context);
    if (plain !== undefined) return plain;
    const spelled = !context.without?.has('recognize') && hasSpelled(graph);
    return (spelled && found(recognize.run(graph, context), caps, apart, context)) || graph;
  },
});

const has = (graph: Graph, name: string): boolean =>
  topological(graph).some((node) => node.op.name === name);

/** Whether exponentials that something is made of are an operand of a product. */
const hasSpelled = (graph: Graph): boolean =>
  topological(graph).some(
    ({ op, inputs }) =>
      op.name === 'dot' &&
      inputs.some(
        (x) =>
          (x.op.name === 'div' || x.op.name === 'mul') && x.inputs.some((y) => y.op.name === 'exp'),
      ),
  );

/** The graph with whole attentions; `undefined` where nothing looks like one. */
const found = (
  graph: Graph,
  caps: Caps,
  apart: boolean,
  context: PassContext,
): Graph | undefined => {
  if (!has(graph, 'softmax')) return undefined;
  const around = { users: usersOf(graph), roots: new Set(rootsOf(graph)) };
  const plans = new Map<Node, (made: Map<Node, Node>) => Node | undefined>();
  const builder = canonicalBuilder(context);
  for (const softmax of topological(graph)) {
    const composed = softmax.op.name === 'softmax' ? composedAround(softmax, around) : undefined;
    if (composed === undefined) continue;
    if (typeof composed === 'string') {
      context.note(`softmax ${showType(softmax.type)} looks like attention, but ${composed}`);
      continue;
    }
    const { result, gradients } = composed;
    const whole = new Rewriting(builder, composed, (node) =>
      refusedAttention(node, caps, { result: true, gradients: !apart && gradients !== undefined }),
    );
    plans.set(result.node, (made) => whole.result(made, (text) => context.note(text)));
    for (const to of gradients?.results ?? [])
      plans.set(to.node, (made) => whole.gradient(made, to));
  }
  return plans.size === 0 ? undefined : replaced(graph, builder, plans);
};

const replaced = (
  graph: Graph,
  builder: GraphBuilder,
  plans: ReadonlyMap<Node, (made: Map<Node, Node>) => Node | undefined>,
): Graph => {
  const made = copyInputs(graph, builder);
  for (const node of topological(graph)) {
    builder.origin = node.origin;
    const better = made.has(node) ? undefined : plans.get(node)?.(made);
    if (better === undefined) copyNodes([node], builder, made);
    else made.set(node, better);
  }
  return builder.graph(
    graph.name,
    graph.outputs.map((x) => made.get(x)!),
    graph.assigns.map(({ target, value }) => ({
      target: made.get(target)!,
      value: made.get(value)!,
    })),
  );
};

/** One attention in place of what it is composed of. */
class Rewriting {
  private readonly b: GraphBuilder;
  private readonly found: Composed;
  private readonly refused: (node: Node) => string | undefined;
  private readonly attrs: AttentionAttrs;
  /** Once it was asked for: its operands, or nothing where the device has no schedule for it. */
  private parts: Parts<Node> | undefined;
  private asked = false;

  constructor(b: GraphBuilder, found: Composed, refused: (node: Node) => string | undefined) {
    this.b = b;
    this.found = found;
    this.refused = refused;
    const { scale, causal, fill, biases } = found.scores;
    this.attrs = attentionAttrs({
      ...{ scale, causal, fill },
      biased: biases.length > 0,
      dropout: found.drop !== undefined,
    });
  }

  /** What weighs the values, in place of the product. */
  result(made: Map<Node, Node>, note: (text: string) => void): Node | undefined {
    const { softmax, result, gradients } = this.found;
    const name = `softmax ${showType(softmax.type)} and its products`;
    const parts = this.partsIn(made, (why) => note(`${name} stay: ${why}`));
    if (parts === undefined) return undefined;
    const more = gradients === undefined ? '' : ', its gradients too';
    const { causal } = this.attrs;
    note(`${name} are ${causal ? 'causal ' : ''}attention${more}`);
    return this.shaped(this.whole(parts), result.node, result.turned);
  }

  gradient(made: Map<Node, Node>, { node, to, turned }: GradientTo): Node | undefined {
    const parts = this.partsIn(made, () => {});
    if (parts === undefined) return undefined;
    const { b, attrs } = this;
    const plain = { ...attrs, dropout: false };
    const dy = this.matrix(made, this.found.gradients!.dy);
    const norm = b.emit(attentionNorm, operandsOf(NORM, parts, plain), plain);
    const terms = b.op('mul', b.cast(dy, 'float32'), b.cast(this.whole(parts), 'float32'));
    const delta = b.sum(terms, [terms.type.shape.length - 1]);
    const all = { ...parts, dy, norm, delta };
    const scores = operandsOf(SCORE_GRADIENT, all, attrs);
    switch (to) {
      case 'q':
        return this.shaped(b.emit(attentionGradQuery, scores, attrs), node, turned);
      case 'k':
        return this.shaped(b.emit(attentionGradKey, scores, attrs), node, turned);
      case 'v': {
        const own = operandsOf(VALUE_GRADIENT, all, attrs);
        return this.shaped(b.emit(attentionGradValue, own, attrs), node, turned);
      }
      default:
        return to satisfies never;
    }
  }

  private whole(parts: Parts<Node>): Node {
    return this.b.emit(attention, operandsOf(ATTENTION, parts, this.attrs), this.attrs);
  }

  private partsIn(made: Map<Node, Node>, tell: (why: string) => void): Parts<Node> | undefined {
    if (this.asked) return this.parts;
    this.asked = true;
    const parts = this.operands(made);
    const [q, ...others] = [parts.q, parts.k, parts.v!];
    if (others.some((x) => x.type.dtype !== q!.type.dtype)) {
      tell('its operands have several dtypes');
      return undefined;
    }
    const why = this.refused(this.whole(parts));
    if (why === undefined) this.parts = parts;
    else tell(why);
    return this.parts;
  }

  private operands(made: Map<Node, Node>): Parts<Node> {
    const { b, found } = this;
    const { q, k, hidden, biases } = found.scores;
    const { shape } = found.softmax.type;
    const pairs = (node: Node): Node => b.reshape(made.get(node)!, shape);
    const masks = hidden.map(({ condition, hides }) =>
      hides ? b.op('not', pairs(condition)) : pairs(condition),
    );
    const added = biases.map(({ node, by }) => {
      const x = b.cast(pairs(node), 'float32');
      return b.op('mul', x, b.lit(by, x));
    });
    const { drop } = found;
    const key = drop?.key.map((x) => made.get(x)!);
    return {
      q: this.matrix(made, q),
      k: this.matrix(made, k),
      v: this.matrix(made, found.result.matrix),
      ...(added.length === 0 ? {} : { bias: added.reduce((x, y) => b.op('add', x, y)) }),
      ...(key === undefined ? {} : { low: key[0]!, high: key[1]!, draw: key[2]! }),
      ...(drop === undefined ? {} : { rate: b.full(drop.rate, 'float32', []) }),
      ...(masks.length === 0 ? {} : { mask: masks.reduce((x, y) => b.op('and', x, y)) }),
    };
  }

  /** Rows and columns for each place of the softmax's leading axes. */
  private matrix(made: Map<Node, Node>, { node, axes }: Matrix): Node {
    const x = this.b.transpose(made.get(node)!, axes);
    const lead = this.found.softmax.type.shape.slice(0, -2);
    return this.b.reshape(x, [...lead, ...x.type.shape.slice(-2)]);
  }

  /** In the shape and dtype of what it takes the place of. */
  private shaped(x: Node, like: Node, turned: boolean): Node {
    const { b } = this;
    const rank = x.type.shape.length;
    const axes = x.type.shape.map((_, i) => i);
    const own = turned ? b.transpose(x, [...axes.slice(0, -2), rank - 1, rank - 2]) : x;
    return b.cast(b.reshape(own, like.type.shape), like.type.dtype);
  }
}
