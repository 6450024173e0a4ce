/**
 * What attention that is composed by hand is made of: matrices of queries, keys and values, their products, and what lies
 * between two products, which has an element for each pair of a query and a key.
 *
 * Invariant: at products pairs are the last two axes, queries first; between them all is element by element, so that
 * elements may be in other shapes, in the same order.
 */
import { isFloat } from '../../ir/dtype.ts';
import type { Node } from '../../ir/graph/graph.ts';
import type { BroadcastAttrs } from '../../ir/graph/ops/view.ts';
import { uniform } from '../rewrite.ts';

/** A node as a matrix for each place of leading axes: those, then its rows, then its columns. */
export interface Matrix {
  readonly node: Node;
  readonly axes: readonly number[];
}

export const isSameMatrix = (x: Matrix, y: Matrix): boolean =>
  x.node === y.node && x.axes.every((a, i) => a === y.axes[i]);

/** One operand of a product: its leading axes, the one that stays and the one that is summed over. */
interface Side {
  readonly node: Node;
  readonly batch: readonly number[];
  readonly free: number;
  readonly summed: number;
}

const sidesOf = (dot: Node): readonly [Side, Side] | undefined => {
  if (dot.op.name !== 'dot') return undefined;
  const side = (i: 0 | 1): Side | undefined => {
    const [batch, contract] = (i === 0 ? ['aBatch', 'aContract'] : ['bBatch', 'bContract']).map(
      (name) => dot.attrs[name] as readonly number[],
    ) as [readonly number[], readonly number[]];
    const node = dot.inputs[i]!;
    const rest = node.type.shape.flatMap((_, a) =>
      batch.includes(a) || contract.includes(a) ? [] : [a],
    );
    return rest.length === 1 && contract.length === 1
      ? { node, batch, free: rest[0]!, summed: contract[0]! }
      : undefined;
  };
  const [a, b] = [side(0), side(1)];
  return a === undefined || b === undefined ? undefined : [a, b];
};

/** The matrices that a node with an element for each pair is the product of: rows are positions, columns features. */
export const factorsOf = (pairs: Node): readonly [rows: Matrix, columns: Matrix] | undefined => {
  const sides = sidesOf(pairs);
  if (sides === undefined) return undefined;
  const [rows, columns] = sides.map(({ node, batch, free, summed }) => ({
    node,
    axes: [...batch, free, summed],
  }));
  return [rows!, columns!];
};

/** A product of something with an element for each pair and a matrix. */
export interface Weighed {
  readonly node: Node;
  /** What is summed over: the matrix has a row for each of these. */
  readonly over: 'queries' | 'keys';
  readonly matrix: Matrix;
  /** Whether features come before positions in the result. */
  readonly turned: boolean;
}

export const weighedBy = (pairs: Node, node: Node): Weighed | undefined => {
  const sides = sidesOf(node);
  if (sides === undefined || sides[0].node === sides[1].node) return undefined;
  const turned = sides[1].node === pairs;
  const [own, other] = turned ? [sides[1], sides[0]] : sides;
  const { length } = pairs.type.shape;
  if (own.node !== pairs || own.batch.some((a, i) => a !== i)) return undefined;
  if (own.batch.length !== length - 2) return undefined;
  return {
    node,
    over: own.summed === length - 1 ? 'keys' : 'queries',
    matrix: { node: other.node, axes: [...other.batch, other.summed, other.free] },
    turned,
  };
};

/** Whether the last two axes are as long as those of another node. */
export const hasPairsOf = (node: Node, other: Node): boolean => {
  const [own, others] = [node.type.shape.slice(-2), other.type.shape.slice(-2)];
  return own.length === 2 && others.length === 2 && own.every((d, i) => d === others[i]);
};

/** Whether a node is its operand in another dtype, or in another shape: elements keep their order. */
export const isSameInOrder = (node: Node): boolean => {
  const [x] = node.inputs;
  if (node.op.name === 'cast')
    return [node, x!].every(({ type }) => isFloat(type.dtype) && type.dtype !== 'float64');
  return node.op.name === 'reshape';
};

/** The operand and the number that a node is the product of. */
export const scaledBy = (node: Node): { readonly x: Node; readonly by: number } | undefined => {
  const [x, y] = node.inputs;
  const by = uniform(y);
  switch (node.op.name) {
    case 'mul':
      return by === undefined ? undefined : { x: x!, by };
    case 'div':
      return by === undefined ? undefined : { x: x!, by: 1 / by };
    case 'neg':
      return { x: x!, by: -1 };
    default:
      return undefined;
  }
};

/** Without what only repeats it along leading axes. */
export const withoutLead = (node: Node): Node => {
  const x = node.inputs[0]!;
  if (node.op.name === 'reshape' && hasPairsOf(node, x)) return withoutLead(x);
  if (node.op.name !== 'broadcast') return node;
  const { axes, shape } = node.attrs as BroadcastAttrs;
  const { length } = x.type.shape;
  const keeps = length >= 2 && axes.at(-1) === shape.length - 1 && axes.at(-2) === shape.length - 2;
  return keeps && hasPairsOf(node, x) ? withoutLead(x) : node;
};
