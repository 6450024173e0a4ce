/**
 * Rewriting of L1 graphs by local rules, applied while the graph is rebuilt.
 *
 * Invariant: inputs are kept, in order; every node a rule makes is itself put to the rules, so that a rebuilt graph
 * holds nothing that a rule would change (and equal computations are one node, as in any built graph).
 */
import { invariant } from '../ir/errors.ts';
import { GraphBuilder } from '../ir/graph/builder.ts';
import {
  type Attrs,
  type Graph,
  type InputRole,
  isList,
  type Node,
  type Op,
  topological,
} from '../ir/graph/graph.ts';

/** A node about to be made. */
export interface Candidate {
  readonly op: Op;
  readonly inputs: readonly Node[];
  readonly attrs: Attrs;
}

/** A better way to get the same value, or `undefined` when the rule has nothing to say. */
export type Rule = (candidate: Candidate, builder: GraphBuilder) => Node | undefined;

/** Rules by the name of the op they look at; those under `any` look at all. */
export type RuleTable = Readonly<Record<string, Rule | readonly Rule[]>>;

/** Rules that feed each other deeper than this would never end. */
const MAX_DEPTH = 400;

const NONE: readonly Rule[] = [];

/** A builder that makes the best form its rules know. */
export class RewritingBuilder extends GraphBuilder {
  /** By the name of the op: its own, then those that look at all. */
  readonly #rules: ReadonlyMap<string, readonly Rule[]>;
  readonly #general: readonly Rule[];
  #depth = 0;

  constructor(...tables: readonly RuleTable[]) {
    super();
    const rules = new Map<string, Rule[]>();
    for (const table of tables)
      for (const [name, rule] of Object.entries(table)) {
        const list = typeof rule === 'function' ? [rule] : rule;
        rules.set(name, [...(rules.get(name) ?? []), ...list]);
      }
    this.#general = rules.get('any') ?? NONE;
    for (const list of rules.values()) if (list !== this.#general) list.push(...this.#general);
    this.#rules = rules;
  }

  override emit<A extends Attrs>(op: Op<A>, inputs: readonly Node[], attrs: A): Node {
    return this.#better({ op: op as Op, inputs, attrs }) ?? super.emit(op, inputs, attrs);
  }

  override remake(node: Node, inputs: readonly Node[]): Node {
    const { op, attrs } = node;
    return this.#better({ op, inputs, attrs }) ?? super.remake(node, inputs);
  }

  /** What the first rule that has something to say makes of it. */
  #better(candidate: Candidate): Node | undefined {
    const { name } = candidate.op;
    if (++this.#depth >= MAX_DEPTH)
      invariant(false, `rewrite rules of ${name} feed each other without end`);
    try {
      const rules = this.#rules.get(name) ?? this.#general;
      for (let i = 0; i < rules.length; i++) {
        const better = rules[i]!(candidate, this);
        if (better !== undefined) return better;
      }
      return undefined;
    } finally {
      this.#depth--;
    }
  }
}

/** The graph in the form that the rules prefer. */
export const rewrite = (graph: Graph, ...tables: readonly RuleTable[]): Graph =>
  rebuild(graph, new RewritingBuilder(...tables));

/** The graph again, made by `builder`. */
export const rebuild = (graph: Graph, builder: GraphBuilder): Graph => {
  const made = copyInto(graph, builder);
  return builder.graph(
    graph.name,
    graph.outputs.map((x) => made.get(x)!),
    graph.assigns.map(({ target, value }) => ({
      target: made.get(target)!,
      value: made.get(value)!,
    })),
  );
};

/** Makes all nodes of `graph` again in `builder`, its inputs first; maps old to new. */
export const copyInto = (graph: Graph, builder: GraphBuilder): Map<Node, Node> => {
  const made = copyInputs(graph, builder);
  copyNodes(topological(graph), builder, made);
  return made;
};

/** Inputs of `builder` like those of the graph; maps old to new. */
export const copyInputs = (graph: Graph, builder: GraphBuilder): Map<Node, Node> =>
  new Map(graph.inputs.map((x) => [x, copyInput(x, builder)]));

export const copyInput = (x: Node, builder: GraphBuilder): Node => {
  const { name, role, strides } = x.attrs;
  builder.origin = x.origin;
  return builder.input(x.type, {
    name: String(name),
    role: role as InputRole,
    ...(isList(strides) ? { strides } : {}),
  });
};

/** Makes `nodes` (operands first) again in `builder`, adding to `made`, which must know what they start from. */
export const copyNodes = (
  nodes: readonly Node[],
  builder: GraphBuilder,
  made: Map<Node, Node>,
): void => {
  for (const node of nodes) {
    if (made.has(node)) continue;
    builder.origin = node.origin;
    const inputs = node.inputs.map((x) => made.get(x)!);
    made.set(node, builder.remake(node, inputs));
  }
  builder.origin = undefined;
};

/** For rules: whether a node is made by the op of that name. */
export const isOp = (node: Node, name: string): boolean => node.op.name === name;

/** How many nodes a graph computes: what a rewrite may not increase without saying why. */
export const nodeCount = (graph: Graph): number => topological(graph).length;

/** The value of a tensor that is the same number everywhere. */
export const uniform = (node: Node | undefined): number | undefined =>
  node?.op.name === 'full' ? (node.attrs['value'] as number) : undefined;
