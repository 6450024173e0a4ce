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

/** Turns nodes into expressions for one unit. */
export class Lowering implements LowerContext {
  readonly #stored: (node: Node) => Stored | undefined;
  readonly #unit: Unit | undefined;
  readonly #memo = new Map<string, Expr>();
  readonly #positions = new Map<Node, number>();
  readonly #reductionAxes = new Map<string, Axis[]>();
  #scope = '';
  #count = 0;

  readonly #observe: ((node: Node, index: readonly Idx[]) => void) | undefined;

  constructor(
    unit: Unit | undefined,
    stored: (node: Node) => Stored | undefined,
    observe?: (node: Node, index: readonly Idx[]) => void,
  ) {
    this.#observe = observe;
    this.#unit = unit;
    this.#stored = stored;
  }

  /**
   * A reduction axis. The same node lowered twice at the same index gets the same axes (so the expressions are the same
   * object), and axes of equal name and extent are shared along the unit only where that is so.
   */
  axis(name: string, extent: number): Axis {
    const axes = this.#reductionAxes.get(this.#scope) ?? [];
    this.#reductionAxes.set(this.#scope, axes);
    const made = axes[this.#count++];
    if (made !== undefined) return made;
    const axis = newAxis(name, extent, 'red');
    axes.push(axis);
    return axis;
  }

  parallel(name: string, extent: number): Axis {
    return newAxis(name, extent, 'par');
  }

  /** At how many different indices a value was asked for. */
  positionsOf(node: Node): number {
    return this.#positions.get(node) ?? 0;
  }

  at(node: Node, index: readonly Idx[]): Expr {
    const key = `${node.id}@${index.map((i) => i.key).join(',')}`;
    const seen = this.#memo.get(key);
    if (seen !== undefined) return seen;
    this.#observe?.(node, index);
    const expr = this.#value(node, index, key);
    this.#memo.set(key, expr);
    this.#positions.set(node, this.positionsOf(node) + 1);
    return expr;
  }

  #value(node: Node, index: readonly Idx[], key: string): Expr {
    const stored = this.#stored(node);
    const member = this.#unit?.members.find((m) => m.node === node);
    if (member !== undefined) {
      if (!sameIndex(member.index, index))
        throw new CannotLower(`${node.op.name} is needed away from where it is computed`);
    } else if (stored !== undefined) return load(stored.buffer, index);
    return this.inline(node, index, key);
  }

  /** The value computed in place, whether or not it is stored somewhere. */
  inline(node: Node, index: readonly Idx[], key = `${node.id}!`): Expr {
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
    const scope = this.#scope;
    const count = this.#count;
    this.#scope = key;
    this.#count = 0;
    const expr = node.op.lower(node, index, this);
    this.#scope = scope;
    this.#count = count;
    return expr;
  }
}

const sameIndex = (a: readonly Idx[], b: readonly Idx[]): boolean =>
  a.every((x, i) => x.key === b[i]!.key);

/** The index that enumerates a tensor by one axis per dimension. */
export const canonicalIndex = (axes: readonly Axis[]): Idx[] => axes.map(idxAxis);
