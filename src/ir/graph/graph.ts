/**
 * L1 Graph IR: tensors in SSA form, hash-consed, and the op object that defines everything about one operation.
 *
 * Invariants: a node is immutable and complete (typed at construction); no implicit broadcast, cast or layout: operands
 * of a map have equal shapes and dtypes; the only effect is `Graph.assigns`, ordered.
 */
import type { Axis, Idx } from '../dim.ts';
import type { Attention, Contraction, Expr, Running, Scattering } from '../loop/loop.ts';
import type { TensorType } from '../type.ts';
import type { GraphBuilder } from './builder.ts';

/** A graph is what a loop does in each step. */
export type AttrValue = number | boolean | string | readonly number[] | Graph;
export type Attrs = Readonly<Record<string, AttrValue>>;

/** How an attribute is written and checked; `dtype` holds a DType name, `ints` a list of integers. */
export type AttrKind =
  | 'int'
  | 'number'
  | 'bool'
  | 'string'
  | 'dtype'
  | 'ints'
  | 'numbers'
  | 'graph';
export type AttrSchema = Readonly<
  Record<string, { readonly kind: AttrKind; readonly default?: AttrValue }>
>;

/** What the compiler may do with a node. */
export type OpKind =
  | 'leaf' // input, full, literal, iota
  | 'map' // one scalar op at every position
  | 'view' // index arithmetic only: reshape, transpose, broadcast, slice, pad, concat
  | 'reduce' // folds axes or windows away
  | 'contract' // dot and convolutions: lowered through `contract`; attention: through `attend`, or `decompose`
  | 'gather' // reads at loaded indices
  | 'scatter' // writes at loaded indices
  | 'running' // every partial result of a fold along an axis, or the order of what is along it
  | 'composite' // defined by `decompose`
  | 'loop'; // runs a graph many times: scan

/** The dense row-major values of a tensor during interpretation, in double precision (bool as 0/1). */
export type Values = Float64Array;

/** What an op's `lower` may ask for. */
export interface LowerContext {
  /** The value of an operand at an index: inlined or loaded, as fusion decided. */
  at(operand: Node, index: readonly Idx[]): Expr;
  /** A fresh reduction axis. */
  axis(name: string, extent: number): Axis;
  /** A fresh parallel axis (for `contract`). */
  parallel(name: string, extent: number): Axis;
}

/** An attention, and what of it is the node's value, in float32. */
export interface Attended {
  readonly attention: Attention;
  readonly value: Expr;
}

export interface Op<A extends Attrs = Attrs> {
  readonly name: string;
  readonly kind: OpKind;
  readonly schema: AttrSchema;
  /** Attributes in the one form that nodes have: numbers as the dtype holds them. */
  normalize?(attrs: A): A;
  /** Result type. Throws a TigonError that names the op, the operand types and the broken rule. */
  type(inputs: readonly TensorType[], attrs: A): TensorType;
  /** The value at `index` as a loop expression. Absent for `contract`, `scatter`, `composite` and inputs. */
  lower?(node: Node<A>, index: readonly Idx[], context: LowerContext): Expr;
  /** What runs along one of the axes, which are those of the node's value (kind `running`). */
  running?(node: Node<A>, context: LowerContext): { axes: readonly Axis[]; running: Running };
  /** The accumulation this node is (kind `scatter`). */
  scatter?(node: Node<A>, context: LowerContext): Scattering;
  /** The contraction this node is (kind `contract`). */
  contract?(node: Node<A>, context: LowerContext): Contraction;
  /** The attention this node is (kind `contract`), for devices with a schedule for it: others `decompose` it. */
  attend?(node: Node<A>, context: LowerContext): Attended;
  /** Of an op with `attend`: whether the nest of `other` gives this node's value as well. */
  comesWith?(node: Node<A>, other: Node): boolean;
  /** The same value from simpler ops (kind `composite`, and what has `attend`). */
  decompose?(builder: GraphBuilder, inputs: readonly Node[], attrs: A): Node;
  /** Gradient to each operand from the gradient of the result; `null` where none flows. Composites may leave it out. */
  gradient?(builder: GraphBuilder, node: Node<A>, dy: Node): readonly (Node | null)[];
}

export interface Node<A extends Attrs = Attrs> {
  /** Unique in this process, increasing: operands have smaller ids than their users. */
  readonly id: number;
  readonly op: Op;
  readonly inputs: readonly Node[];
  readonly attrs: A;
  readonly type: TensorType;
  /** Where the user asked for it: `train.ts:41:18`, with the block path when known. */
  readonly origin: string | undefined;
}

/** `input` nodes say what they stand for; `strides` (elements) and no contiguity when they are views of a buffer. */
export type InputRole = 'input' | 'param' | 'scalar';

/** After the program ran, the buffer of input node `target` holds `value`. */
export interface Assign {
  readonly target: Node;
  readonly value: Node;
}

export interface Graph {
  readonly name: string;
  readonly inputs: readonly Node[];
  readonly outputs: readonly Node[];
  readonly assigns: readonly Assign[];
}

/** Whether an attribute is the graph of a loop's step. */
export const isBody = (value: AttrValue | undefined): value is Graph =>
  typeof value === 'object' && 'outputs' in value;

/** Whether an attribute is a list of numbers. */
export const isList = (value: AttrValue | undefined): value is readonly number[] =>
  Array.isArray(value);

/**
 * Every node the graph computes, operands before users, each once.
 *
 * @throws nothing
 *
 * @example
 * const graph = ir.parseGraph('graph (%x: f32[4]) { %a = exp %x  return %a }');
 * ir.topological(graph).map((node) => node.op.name);   // ['input', 'exp']
 */
export const topological = (graph: Graph): readonly Node[] => {
  const known = orders.get(graph);
  if (known !== undefined) return known;
  const order = reachable(rootsOf(graph));
  orders.set(graph, order);
  return order;
};

/** Of each graph: every pass asks for it, and graphs never change. */
const orders = new WeakMap<Graph, readonly Node[]>();

/** What a graph is computed for: its outputs and the new values of its states. */
export const rootsOf = (graph: Pick<Graph, 'outputs' | 'assigns'>): Node[] => [
  ...graph.outputs,
  ...graph.assigns.map((a) => a.value),
];

/** All nodes that `roots` depend on (inclusive), operands first. Iterative: graphs may be deep. */
export const reachable = (roots: readonly Node[]): Node[] => {
  const seen = new Set<Node>();
  const order: Node[] = [];
  const stack: { node: Node; next: number }[] = [];
  for (const root of roots) {
    if (seen.has(root)) continue;
    seen.add(root);
    stack.push({ node: root, next: 0 });
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      const child = top.node.inputs[top.next++];
      if (child === undefined) {
        order.push(top.node);
        stack.pop();
      } else if (!seen.has(child)) {
        seen.add(child);
        stack.push({ node: child, next: 0 });
      }
    }
  }
  return order;
};

/**
 * The nodes that use each node (within the graph), in topological order.
 *
 * @throws nothing
 *
 * @example
 * const graph = ir.parseGraph('graph (%x: f32[4]) { %a = exp %x  return %a }');
 * ir.usersOf(graph).get(graph.inputs[0]!)!.length;   // 1
 */
export const usersOf = (graph: Graph): Map<Node, Node[]> => {
  const users = new Map<Node, Node[]>();
  for (const node of topological(graph)) {
    users.set(node, users.get(node) ?? []);
    for (const input of new Set(node.inputs)) users.get(input)!.push(node);
  }
  return users;
};
