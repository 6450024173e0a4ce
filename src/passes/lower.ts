/**
 * Lowers units to L2 loop nests: expressions by inlining everything that is not stored.
 *
 * Invariant: a stored value is computed only in its own unit at its canonical index; everywhere else it is loaded, unless
 * it is made of nothing (`isRead`).
 */
import { type Axis, type Idx, idxAxis, newAxis } from '../ir/dim.ts';
import type { LowerContext, Node } from '../ir/graph/graph.ts';
import { cast, constant, load, rowNorm } from '../ir/loop/expr.ts';
import type { Expr, LoopBuffer } from '../ir/loop/loop.ts';
import { isNormOf } from './products.ts';
import type { Unit } from './units.ts';

/** Where a stored value lives, and in which unit it is computed. */
export interface Stored {
  readonly buffer: LoopBuffer;
  readonly unit: Unit | undefined;
}

/** Whether a value that is stored is read by who needs it: constants and positions are made wherever they are needed. */
export const isRead = ({ op }: Node): boolean =>
  op.kind !== 'leaf' || op.name === 'input' || op.name === 'literal';

/** Why a unit cannot be lowered as it is: fusion takes the last step back. Where that was seen is asked by nobody. */
export class CannotLower extends Error {
  constructor(message: string) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** A value at an index; the others of the same node follow. */
interface Lowered {
  readonly index: readonly Idx[];
  readonly expr: Expr;
  readonly next: Lowered | undefined;
}

/** Turns nodes into expressions for one unit, each once at an index; `stored`: where values are read from. */
export class Lowering implements LowerContext {
  readonly #stored: (node: Node) => LoopBuffer | undefined;
  readonly #unit: Unit | undefined;
  readonly #lowered = new Map<Node, Lowered>();
  readonly #observe: ((node: Node, index: readonly Idx[]) => void) | undefined;

  constructor(
    unit: Unit | undefined,
    stored: (node: Node) => LoopBuffer | undefined,
    observe?: (node: Node, index: readonly Idx[]) => void,
  ) {
    this.#observe = observe;
    this.#unit = unit;
    this.#stored = stored;
  }

  axis(name: string, extent: number): Axis {
    return newAxis(name, extent, 'red');
  }

  parallel(name: string, extent: number): Axis {
    return newAxis(name, extent, 'par');
  }

  /** At how many different indices a value was asked for. */
  positionsOf(node: Node): number {
    let count = 0;
    for (let at = this.#lowered.get(node); at !== undefined; at = at.next) count++;
    return count;
  }

  at(node: Node, index: readonly Idx[]): Expr {
    for (let seen = this.#lowered.get(node); seen !== undefined; seen = seen.next)
      if (seen.index === index || sameIndex(seen.index, index)) return seen.expr;
    this.#observe?.(node, index);
    const expr = this.#value(node, index);
    this.#lowered.set(node, { index, expr, next: this.#lowered.get(node) });
    return expr;
  }

  #value(node: Node, index: readonly Idx[]): Expr {
    const members = this.#unit?.members ?? [];
    for (let i = 0; i < members.length; i++) {
      const member = members[i]!;
      if (member.node !== node) continue;
      if (!sameIndex(member.index, index))
        throw new CannotLower(`${node.op.name} is needed away from where it is computed`);
      return this.inline(node, index);
    }
    const stored = this.#stored(node);
    return stored === undefined ? this.inline(node, index) : load(stored, index);
  }

  /** The value computed in place, whether or not it is stored somewhere. */
  inline(node: Node, index: readonly Idx[]): Expr {
    const contract = this.#unit?.contract;
    if (contract?.node === node) {
      if (!sameIndex(contract.loops.index, index))
        throw new CannotLower('the accumulator is needed at another position');
      // Sums are float32; half precision rounds where the node's value is used or stored.
      return cast(contract.value, node.type.dtype);
    }
    if (contract !== undefined && isNormOf(node, contract.node)) {
      if (!sameIndex(contract.loops.index.slice(0, -1), index))
        throw new CannotLower('the norm is needed at another row');
      return rowNorm;
    }
    if (node.op.name === 'full') return constant(node.attrs['value'] as number, node.type.dtype);
    if (node.op.lower === undefined) throw new CannotLower(`${node.op.name} cannot be inlined`);
    return node.op.lower(node, index, this);
  }
}

const sameIndex = (a: readonly Idx[], b: readonly Idx[]): boolean => {
  for (let i = 0; i < a.length; i++) if (a[i]!.key !== b[i]!.key) return false;
  return true;
};

/** The index that enumerates a tensor by one axis per dimension. */
export const canonicalIndex = (axes: readonly Axis[]): Idx[] => axes.map(idxAxis);
