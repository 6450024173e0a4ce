/**
 * Builds L1 graphs: types each node as it is made and gives equal computations one node.
 *
 * Invariant: within one builder, two nodes with the same op, operands and attributes are the same object, except
 * inputs, which are never merged.
 */
import type { DType } from '../dtype.ts';
import { TigonError } from '../errors.ts';
import type { Algebra, ScalarOp } from '../scalar.ts';
import { type Shape, sameShape, showType, type TensorType } from '../type.ts';
import {
  type Attrs,
  type Graph,
  type InputRole,
  isBody,
  type Node,
  type Op,
  topological,
} from './graph.ts';
import { full, input } from './ops/leaf.ts';
import { cast, mapOps } from './ops/map.ts';
import { sum } from './ops/reduce.ts';
import { slice } from './ops/slice.ts';
import { broadcast, reshape, transpose } from './ops/view.ts';

let nextId = 1;

export interface InputOptions {
  readonly name?: string;
  readonly role?: InputRole;
  /** In elements; set when the bound array is a view that is not row-major. */
  readonly strides?: readonly number[];
}

/**
 * Builds graphs node by node: types each as it is made, and gives equal computations one node.
 *
 * Nothing broadcasts or converts by itself: operands of a map have equal shapes and dtypes.
 *
 * @throws nothing; its methods throw where they break a rule of their op
 *
 * @example
 * const b = new ir.GraphBuilder();
 * const x = b.input(ir.tensor('float32', [2, 3]), { name: 'x' });
 * const y = b.op('exp', b.transpose(x, [1, 0]));
 * const graph = b.graph('main', [b.sumTo(b.broadcastTo(b.reshape(y, [3, 2]), [4, 3, 2]), [3, 2])]);
 * graph.outputs[0]!.type.shape;   // [3, 2]
 * b.broadcast(x, [2, 3, 4], [0, 1]).type.shape;   // [2, 3, 4]
 * b.emit(ir.graphOps.get('exp')!, [x], {}).type === x.type;   // true
 * b.remake(y, [b.transpose(x, [1, 0])]) === y;   // true
 */
export class GraphBuilder implements Algebra<Node> {
  readonly #interned = new Map<string, Node>();
  readonly #inputs: Node[] = [];
  /** Attached to nodes made from now on. */
  origin: string | undefined;

  /** The inputs made so far, in order. */
  get inputs(): readonly Node[] {
    return this.#inputs;
  }

  /**
   * A new input of the graph, of this shape and dtype.
   *
   * @throws nothing
   */
  input(type: TensorType, options: InputOptions = {}): Node {
    const index = this.#inputs.length;
    const attrs: Attrs = {
      name: options.name ?? `x${index}`,
      role: options.role ?? 'input',
      ...(options.strides === undefined ? {} : { strides: options.strides }),
    };
    const node: Node = { id: nextId++, op: input, inputs: [], attrs, type, origin: this.origin };
    this.#inputs.push(node);
    return node;
  }

  /**
   * A node of `op`; returns the existing one if it was made before. Leaves take their type from `attrs`.
   *
   * @throws {ShapeError}, {DTypeError} or {ValueError} where operands or attributes break the rule of the op, which it
   * names
   * @throws {ValueError} without an op
   */
  emit<A extends Attrs>(op: Op<A>, inputs: readonly Node[], given: A): Node {
    if (op === undefined)
      throw new TigonError('value', 'there is no such op', 'take it from graphOps');
    return this.#made(op as Op, inputs, op.normalize?.(given) ?? given, undefined);
  }

  /**
   * A node like `node`, which another builder may have made, of other operands.
   *
   * @throws what `emit` throws
   */
  remake(node: Node, inputs: readonly Node[]): Node {
    const isTyped = inputs.every((x, i) => x.type === node.inputs[i]!.type);
    return this.#made(node.op, inputs, node.attrs, isTyped ? node.type : undefined);
  }

  /** `type`: that of the node, where it is known. */
  #made(op: Op, inputs: readonly Node[], attrs: Attrs, type: TensorType | undefined): Node {
    let key = op.name;
    for (let i = 0; i < inputs.length; i++) key += ` ${inputs[i]!.id}`;
    for (const name in attrs) key += ` ${name}=${attrKey(attrs[name])}`;
    const seen = this.#interned.get(key);
    if (seen !== undefined) return seen;
    const node: Node = {
      id: nextId++,
      op,
      inputs,
      attrs,
      type:
        type ??
        op.type(
          inputs.map((x) => x.type),
          attrs,
        ),
      origin: this.origin,
    };
    this.#interned.set(key, node);
    return node;
  }

  op(name: ScalarOp, ...args: Node[]): Node {
    return this.emit(mapOps[name], args, {});
  }

  cast(x: Node, dtype: DType): Node {
    return x.type.dtype === dtype ? x : this.emit(cast, [x], { dtype });
  }

  /** A constant of the dtype and shape of `like`. */
  lit(value: number, like: Node): Node {
    return this.full(value, like.type.dtype, like.type.shape);
  }

  /**
   * The same number everywhere, as the dtype holds it.
   *
   * @throws {DTypeError} for what is no dtype
   * @throws {ShapeError} unless sizes are integers ≥ 0
   */
  full(value: number, dtype: DType, shape: Shape): Node {
    return this.emit(full, [], { value, dtype, shape });
  }

  /**
   * The elements in another shape, in the same order; the dtype stays.
   *
   * @throws {ShapeError} unless both shapes have as many elements
   */
  reshape(x: Node, shape: Shape): Node {
    return sameShape(x.type.shape, shape) ? x : this.emit(reshape, [x], { shape });
  }

  /**
   * Axis `i` of the result is axis `axes[i]` of `x`.
   *
   * @throws {ShapeError} unless `axes` names each axis once
   */
  transpose(x: Node, axes: readonly number[]): Node {
    const stays = axes.length === x.type.shape.length && axes.every((a, i) => a === i);
    return stays ? x : this.emit(transpose, [x], { axes });
  }

  /**
   * Axis `i` of `x` becomes axis `axes[i]` of the result; other axes repeat. Sizes must be equal (1 does not stretch).
   *
   * @throws {ShapeError} unless they are
   */
  broadcast(x: Node, shape: Shape, axes: readonly number[]): Node {
    return sameShape(x.type.shape, shape) ? x : this.emit(broadcast, [x], { shape, axes });
  }

  /**
   * NumPy broadcasting of `x` to `shape`: aligns trailing axes and stretches axes of size 1.
   *
   * @throws {ShapeError} unless axes are equal or 1
   */
  broadcastTo(x: Node, shape: Shape): Node {
    if (sameShape(x.type.shape, shape)) return x;
    const offset = shape.length - x.type.shape.length;
    if (x.type.shape.some((d, i) => d !== 1 && d !== shape[i + offset]))
      throw new TigonError(
        'shape',
        `cannot broadcast ${showType(x.type)} to [${shape.join(', ')}]`,
        'axes must be equal or 1, counted from the last',
      );
    const kept = x.type.shape.flatMap((d, i) => (d === shape[i + offset] ? [i] : []));
    const squeezed = this.reshape(
      x,
      kept.map((i) => x.type.shape[i]!),
    );
    return this.broadcast(
      squeezed,
      shape,
      kept.map((i) => i + offset),
    );
  }

  /**
   * Sums `x` down to `shape`, the adjoint of {@link broadcastTo}.
   *
   * @throws {ShapeError} unless `shape` broadcasts to that of `x`
   */
  sumTo(x: Node, shape: Shape): Node {
    if (sameShape(x.type.shape, shape)) return x;
    const offset = x.type.shape.length - shape.length;
    const axes = x.type.shape.flatMap((d, i) => (i < offset || shape[i - offset] !== d ? [i] : []));
    return this.reshape(this.sum(x, axes), shape);
  }

  /**
   * Elements `begin[i], begin[i] + step[i], ...` before `end[i]` (for negative steps: above `end[i]`, which may be -1).
   *
   * @throws {ShapeError} where that leaves the array
   * @throws {ValueError} unless there are three integers for each axis, and no step is 0
   */
  slice(x: Node, begin: readonly number[], end: readonly number[], step: readonly number[]): Node {
    return this.emit(slice, [x], { begin, end, step });
  }

  /**
   * Sums over axes, which go; the dtype stays.
   *
   * @throws {ShapeError} unless they are axes of `x`, in order
   */
  sum(x: Node, axes: readonly number[]): Node {
    return axes.length === 0 ? x : this.emit(sum, [x], { axes });
  }

  /**
   * The graph of these outputs (and new values of states) from all inputs. Whether it keeps all rules is for
   * `verifyGraph` to say.
   *
   * @throws nothing
   */
  graph(name: string, outputs: readonly Node[], assigns: Graph['assigns'] = []): Graph {
    return { name, inputs: this.#inputs.slice(), outputs, assigns };
  }
}

const attrKey = (value: Attrs[string] | undefined): string => {
  if (typeof value !== 'object') return Object.is(value, -0) ? '-0' : String(value);
  return isBody(value) ? graphKey(value) : value.join(',');
};

const graphKeys = new WeakMap<Graph, string>();

/** Equal for graphs that compute the same from inputs in the same order, whatever these are called. */
export const graphKey = (graph: Graph): string => {
  let key = graphKeys.get(graph);
  if (key === undefined) {
    const numbers = new Map<Node, number>(graph.inputs.map((x, i) => [x, i]));
    key = `(${graph.inputs.map((x) => x.type.id).join()})`;
    for (const node of topological(graph)) {
      if (numbers.has(node)) continue;
      numbers.set(node, numbers.size);
      key += `${node.op.name} ${node.inputs.map((x) => numbers.get(x)!).join()}`;
      for (const name in node.attrs) key += ` ${name}=${attrKey(node.attrs[name])}`;
      key += ';';
    }
    key += graph.outputs.map((x) => numbers.get(x)!).join();
    graphKeys.set(graph, key);
  }
  return key;
};
