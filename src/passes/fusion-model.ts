/**
 * What fusion decides by: which values must be stored whatever it costs, and how often and how dearly others are computed.
 *
 * Invariant: depends on the graph alone, never on decisions already taken.
 */
import type { Graph, Node } from '../ir/graph/graph.ts';
import { isScan } from '../ir/graph/ops/scan.ts';
import { isScalarOp, scalarOps } from '../ir/scalar.ts';
import { loopFamily } from './loop-family.ts';

const isView = (node: Node): boolean => node.op.kind === 'view';

/** Arrays among which a value may be chosen where it is used. */
const MOST_JOINED = 8;

/** Joins so many arrays that each is copied to its place by a loop of its own, which nothing else shares. */
export const isLongJoin = (node: Node): boolean =>
  node.op.name === 'concat' && node.inputs.length > MOST_JOINED;

/**
 * Values that are stored for a reason other than cost: results, operands of contractions and windows over computed
 * data, and operands of reductions that hold another reduction along the same axis.
 */
export const mustStore = (
  graph: Graph,
  order: readonly Node[],
  alignment: number,
): ReadonlyMap<Node, string> => {
  const required = new Map<Node, string>();
  const require = (node: Node, why: string): void => {
    if (node.op.name === 'input' || node.op.name === 'literal' || required.has(node)) return;
    required.set(node, why);
  };
  for (const node of graph.outputs) require(unreshaped(node), 'result');
  for (const { value } of graph.assigns) require(unreshaped(value), 'assigned');
  for (const node of order)
    if (node.op.kind === 'contract')
      for (const operand of node.inputs) requireOperand(operand, require);
  for (const node of order)
    if (isScan(node))
      for (const base of loopFamily().reads(node, alignment)) require(base, 'a loop reads it');
  // A reduction inside a reduction along the same axis would be computed again for each step.
  const reducing = new Map<Node, ReadonlySet<number>>();
  for (const node of order) {
    const dims = required.has(node) ? NONE : reducingDims(node, reducing);
    if (node.op.kind === 'reduce') {
      const operand = node.inputs[0]!;
      const inside = reducing.get(operand) ?? NONE;
      const folded = foldedAxes(node);
      if ([...folded].some((a) => inside.has(a))) {
        require(unreshaped(operand), 'holds a reduction along an axis that is reduced again');
        reducing.set(operand, NONE);
      }
    }
    reducing.set(node, dims);
  }
  return required;
};

/** All values that take computing: what is stored where nothing is fused. Views and constants are read as they are. */
export const everyValue = (order: readonly Node[]): ReadonlyMap<Node, string> =>
  new Map(
    order
      .filter(({ op }) => op.kind !== 'leaf' && op.kind !== 'view')
      .map((node) => [node, 'nothing is fused']),
  );

/** Reshapes of computed values are the same bytes: what must be stored is what they reshape. */
export const unreshaped = (node: Node): Node => {
  let source = node;
  while (source.op.name === 'reshape') source = source.inputs[0]!;
  const { name, kind } = source.op;
  // Stacks of loops may have gaps.
  return name === 'input' || kind === 'leaf' || kind === 'loop' ? node : source;
};

const requireOperand = (operand: Node, require: (n: Node, why: string) => void): void => {
  let node = operand;
  while ((isView(node) && node.op.name !== 'concat') || node.op.name === 'cast')
    node = node.inputs[0]!;
  if (node.op.kind === 'leaf') return;
  require(node, 'operand of a contraction');
};

const NONE: ReadonlySet<number> = new Set();

/** Axes of its operand that a reduction folds. */
const foldedAxes = (node: Node): ReadonlySet<number> => {
  const axes = node.attrs['axes'];
  if (Array.isArray(axes)) return new Set(axes as number[]);
  const kernel = node.attrs['kernel'];
  const rank = node.inputs[0]!.type.shape.length;
  if (Array.isArray(kernel)) return new Set(kernel.map((_, i) => rank - kernel.length + i));
  return new Set(node.inputs[0]!.type.shape.keys());
};

/** Dimensions of a value along which a reduction inside its expression varies. */
const reducingDims = (
  node: Node,
  known: ReadonlyMap<Node, ReadonlySet<number>>,
): ReadonlySet<number> => {
  const of = (x: Node): ReadonlySet<number> => known.get(x) ?? NONE;
  const all = (): ReadonlySet<number> => new Set(node.type.shape.keys());
  switch (node.op.kind) {
    case 'leaf':
    case 'contract':
    case 'scatter':
    case 'running':
    case 'loop':
      return NONE;
    case 'reduce':
      return node.attrs['kernel'] !== undefined ? of(node.inputs[0]!) : all();
    case 'map': {
      const dims = new Set<number>();
      for (const x of node.inputs) for (const d of of(x)) dims.add(d);
      return dims;
    }
    case 'view': {
      const inside = of(node.inputs[0]!);
      const axes = node.attrs['axes'] as readonly number[] | undefined;
      if (node.op.name === 'broadcast') return new Set([...inside].map((d) => axes![d]!));
      if (node.op.name === 'transpose') return new Set([...inside].map((d) => axes!.indexOf(d)));
      if (node.op.name === 'slice' || node.op.name === 'pad') return inside;
      return node.inputs.some((x) => of(x).size > 0) ? all() : NONE;
    }
    case 'gather':
    case 'composite':
      return node.inputs.some((x) => of(x).size > 0) ? all() : NONE;
    default:
      return node.op.kind satisfies never;
  }
};

/** Cost of computing one element from stored values, in multiply-adds; a load counts `access`. */
export const coneCosts = (order: readonly Node[], access: number): ReadonlyMap<Node, number> => {
  const costs = new Map<Node, number>();
  for (const node of order) {
    const operands = node.inputs.reduce((sum, x) => sum + Math.min(costs.get(x)!, 1e6), 0);
    switch (node.op.kind) {
      case 'leaf':
        costs.set(node, leafCost(node, access));
        break;
      case 'map':
        costs.set(node, operands + (isScalarOp(node.op.name) ? scalarOps[node.op.name].cost : 1));
        break;
      case 'view':
        costs.set(
          node,
          node.op.name === 'concat' || node.op.name === 'pad' ? operands + 2 : operands,
        );
        break;
      case 'gather':
        costs.set(node, operands + 2);
        break;
      case 'reduce':
        // Folds along whole axes are computed once per row or stored: either way a load. Windows are not.
        costs.set(
          node,
          node.attrs['kernel'] === undefined ? access : (operands + 1) * foldSize(node),
        );
        break;
      case 'contract':
      case 'scatter':
      case 'running':
      case 'loop':
        costs.set(node, access);
        break;
      case 'composite':
        costs.set(node, operands + 20);
        break;
      default:
        node.op.kind satisfies never;
    }
  }
  return costs;
};

const leafCost = (node: Node, access: number): number => {
  switch (node.op.name) {
    case 'full':
      return 0;
    case 'iota':
      return 1;
    default:
      return access;
  }
};

/** How many operand elements one result element of a reduction reads. */
const foldSize = (node: Node): number => {
  const kernel = node.attrs['kernel'];
  if (Array.isArray(kernel)) return (kernel as number[]).reduce((n, k) => n * k, 1);
  return node.inputs[0]!.type.size / Math.max(1, node.type.size);
};

/**
 * Values of one element a row: folds along whole axes, and maps of nothing else. In the nest that has the fold they are
 * computed where it is, once a row.
 */
export const rowValues = (order: readonly Node[]): ReadonlySet<Node> => {
  const rows = new Set<Node>();
  for (const node of order) {
    const folds = node.op.kind === 'reduce' && node.attrs['kernel'] === undefined;
    const mapsRows =
      node.op.kind === 'map' &&
      node.inputs.some((x) => rows.has(x)) &&
      node.inputs.every((x) => rows.has(x) || x.op.name === 'full');
    if (folds || mapsRows) rows.add(node);
  }
  return rows;
};

/** How often `operand` is evaluated when `user` is evaluated `times` times in place. */
export const evaluationsBy = (user: Node, operand: Node, times: number): number => {
  const uses = user.inputs.filter((x) => x === operand).length;
  switch (user.op.kind) {
    case 'reduce':
      return times * foldSize(user);
    case 'scatter':
    case 'contract':
    case 'loop':
      return operand.type.size * uses;
    case 'running':
      // an order looks at its keys again and again
      return operand.type.size * (user.op.name === 'argsort' ? 8 : uses);
    case 'view':
      return evaluationsByView(user, operand, times);
    case 'leaf':
    case 'map':
    case 'gather':
    case 'composite':
      return times;
    default:
      return user.op.kind satisfies never;
  }
};

const evaluationsByView = (user: Node, operand: Node, times: number): number => {
  const share = times / Math.max(1, user.type.size);
  switch (user.op.name) {
    case 'pad':
    case 'concat':
      return operand.type.size * Math.max(1, share);
    case 'broadcast': {
      // Loop levels below the last axis it has see one value: it is hoisted out of them.
      const last = Math.max(-1, ...(user.attrs['axes'] as readonly number[]));
      return share * user.type.shape.slice(0, last + 1).reduce((n, d) => n * d, 1);
    }
    default:
      return times;
  }
};
