/**
 * The state of a random graph in the making: the values so far, and what is known of each.
 *
 * Invariant: magnitudes stay below `LIMIT` (floats are squashed, integers wrapped when they grow beyond).
 */
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import type { Attrs, Node, Op } from '../../src/ir/graph/graph.ts';
import { graphOps } from '../../src/ir/graph/registry.ts';
import type { Shape, TensorType } from '../../src/ir/type.ts';
import { type Random, random } from './random.ts';

export const LIMIT = 64;
export const MOST_ELEMENTS = 3000;

/** What is known of a value besides its type. */
export interface Known {
  /** No larger in magnitude. */
  readonly bound: number;
  /** A small multiple of a power of two: free of rounding. */
  readonly exact: boolean;
}

export class Maker {
  readonly rng: Random;
  readonly builder: GraphBuilder = new GraphBuilder();
  readonly #known = new Map<Node, Known>();
  readonly values: Node[] = [];

  constructor(seed: number) {
    this.rng = random(seed);
  }

  known(node: Node): Known {
    return this.#known.get(node)!;
  }

  /** Registers a node; floats that grow too large are squashed, integers wrapped into a small range. */
  add(node: Node, known: Known): Node {
    let result = node;
    let result_ = known;
    if (known.bound > LIMIT && node.type.dtype === 'float32') {
      result = this.builder.op(
        'tanh',
        this.builder.op('mul', node, this.builder.lit(1 / known.bound, node)),
      );
      result_ = { bound: 1, exact: false };
    } else if (known.bound > 1e6) {
      result = this.builder.op('mod', node, this.builder.lit(11, node));
      result_ = { bound: 11, exact: true };
    }
    if (this.#known.has(result)) return result;
    this.#known.set(result, result_);
    this.values.push(result);
    return result;
  }

  input(type: TensorType, role: 'input' | 'param' | 'scalar' = 'input'): Node {
    const strides =
      role === 'input' && this.rng.chance(0.2) ? this.#viewStrides(type.shape) : undefined;
    const name = `${role === 'input' ? 'x' : role === 'param' ? 'w' : 's'}${this.builder.inputs.length}`;
    const node = this.builder.input(type, {
      name,
      role,
      ...(strides === undefined ? {} : { strides }),
    });
    return this.add(node, { bound: type.dtype === 'float32' ? 4 : 8, exact: true });
  }

  /** A transposed or repeated (stride 0) view. */
  #viewStrides(shape: Shape): number[] | undefined {
    if (shape.length === 0) return undefined;
    const order = this.rng.shuffled(shape.map((_, i) => i));
    const strides = new Array<number>(shape.length).fill(0);
    let step = this.rng.pick([1, 1, 2]);
    for (const axis of order) {
      if (this.rng.chance(0.15)) continue;
      strides[axis] = step;
      step *= shape[axis]!;
    }
    return strides;
  }

  shape(rank: number): number[] {
    return Array.from({ length: rank }, () => this.rng.pick([1, 2, 2, 3, 4, 5, 6, 7, 9, 13]));
  }

  /** A value made before, preferably a late one. */
  some(accepts: (node: Node) => boolean): Node | undefined {
    const fitting = this.values.filter(accepts);
    if (fitting.length === 0) return undefined;
    const recent = fitting.slice(-4);
    return this.rng.chance(0.6) ? this.rng.pick(recent) : this.rng.pick(fitting);
  }

  emit(name: string, inputs: readonly Node[], attrs: Attrs = {}): Node {
    return this.builder.emit(graphOps.get(name) as Op, inputs, attrs);
  }
}

/** Adds one node, or nothing. */
export type Step = (m: Maker) => Node | undefined;

export const isFloat = (n: Node): boolean => n.type.dtype === 'float32';
export const isInt = (n: Node): boolean => n.type.dtype === 'int32';
export const hasAxes = (n: Node): boolean => n.type.shape.length > 0;

/** An operand of the same type: an old value, or a new input. */
export const partner = (m: Maker, x: Node): Node =>
  (m.rng.chance(0.7) ? m.some((n) => n.type === x.type) : undefined) ?? m.input(x.type);
