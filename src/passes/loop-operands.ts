/**
 * What a loop reads, as parts of what is stored: an operand that only looks at a stored value otherwise (a slice, a
 * transposition) is not written out, its body sees that value through a moving window.
 *
 * Invariant: depends on the graph and the alignment of windows alone, since fusion asks which values have to be stored
 * and lowering where they are.
 */
import { bytesOf } from '../ir/dtype.ts';
import { isList, type Node } from '../ir/graph/graph.ts';
import type { ScanNode } from '../ir/graph/ops/scan.ts';
import type { SliceAttrs } from '../ir/graph/ops/slice.ts';
import { stackStrides } from '../ir/program/windows.ts';
import { stridesOf } from '../ir/type.ts';
import { uniform } from './rewrite.ts';

/** An operand of a loop as a part of a stored value; in elements. */
export interface LoopOperand {
  readonly base: Node;
  readonly offset: number;
  /** Along each axis of the operand. */
  readonly strides: readonly number[];
  /** It lies where no window can begin: it is copied to where one can. */
  readonly copied: boolean;
  /** An initial state that is this number everywhere is written where the loop finds it, and stored nowhere else. */
  readonly constant: number | undefined;
}

/** The operands of a loop, in order. */
export const loopOperands = (
  { inputs, attrs }: ScanNode,
  alignment: number,
): readonly LoopOperand[] => {
  const { sequences, states } = attrs;
  return inputs.map((x, i): LoopOperand => {
    const constant = i < sequences || i >= sequences + states ? undefined : uniform(x);
    return { ...operandOf(x, i < sequences, alignment), constant };
  });
};

/** The stored values that a loop reads. */
export const loopReads = (node: ScanNode, alignment: number): readonly Node[] =>
  loopOperands(node, alignment).flatMap((x) => (x.constant === undefined ? [x.base] : []));

const operandOf = (
  x: Node,
  isSequence: boolean,
  alignment: number,
): Omit<LoopOperand, 'constant'> => {
  const fits = ({ offset, strides }: Place): boolean => {
    const bytes = bytesOf(x.type.dtype);
    const moves = isSequence ? strides[0]! : 0;
    return (offset * bytes) % alignment === 0 && (moves * bytes) % alignment === 0;
  };
  const seen = placeOf(x, alignment);
  if (seen !== undefined && fits(seen)) return { ...seen, copied: false };
  const own = { base: x, offset: 0, strides: baseStrides(x, alignment) };
  return { ...own, copied: !fits(own) };
};

interface Place {
  readonly base: Node;
  readonly offset: number;
  readonly strides: readonly number[];
}

/** How a stored value lies in memory. */
const baseStrides = (node: Node, alignment: number): readonly number[] => {
  const { strides } = node.attrs;
  if (node.op.name === 'input' && isList(strides)) return strides;
  return node.op.kind === 'loop' ? stackStrides(node.type, alignment) : stridesOf(node.type.shape);
};

/** `undefined` where the elements would have to move. */
const placeOf = (node: Node, alignment: number): Place | undefined => {
  const [x] = node.inputs;
  if (!MOVEMENTS.has(node.op.name))
    return { base: node, offset: 0, strides: baseStrides(node, alignment) };
  const inner = placeOf(x!, alignment);
  if (inner === undefined) return undefined;
  const { base, offset, strides } = inner;
  const { shape } = node.type;
  switch (node.op.name) {
    case 'transpose':
      return { base, offset, strides: (node.attrs['axes'] as number[]).map((a) => strides[a]!) };
    case 'broadcast': {
      const axes = node.attrs['axes'] as readonly number[];
      const at = (i: number): number => strides[axes.indexOf(i)] ?? 0;
      return { base, offset, strides: shape.map((_, i) => at(i)) };
    }
    case 'slice': {
      const { begin, step } = node.attrs as SliceAttrs;
      if (step.some((s) => s < 1)) return undefined;
      return {
        base,
        offset: begin.reduce((sum, b, i) => sum + b * strides[i]!, offset),
        strides: strides.map((s, i) => s * step[i]!),
      };
    }
    default: {
      // A reshape: of what lies without gaps, or that only adds and drops axes of size 1.
      const from = x!.type.shape;
      const dense = stridesOf(from);
      if (strides.every((s, i) => from[i] === 1 || s === dense[i]))
        return { base, offset, strides: stridesOf(shape) };
      const kept = strides.filter((_, i) => from[i] !== 1);
      if (shape.filter((d) => d !== 1).join() !== from.filter((d) => d !== 1).join())
        return undefined;
      let next = 0;
      return { base, offset, strides: shape.map((d) => (d === 1 ? 0 : kept[next++]!)) };
    }
  }
};

const MOVEMENTS: ReadonlySet<string> = new Set(['reshape', 'transpose', 'broadcast', 'slice']);
