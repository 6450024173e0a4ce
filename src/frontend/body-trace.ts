/**
 * The trace of a loop's body, of a branch or of a gradient: a graph of its own inside another trace.
 *
 * Arrays from outside that it reads become its inputs (captures); arrays from outside that it assigns to become states
 * of the loop. Whoever made it turns all that into one call in the trace around.
 * Invariant: nothing is added to the trace around but what captured arrays need to be there.
 */
import type { DType } from '../ir/dtype.ts';
import { isFloat } from '../ir/dtype.ts';
import type { Graph, Node } from '../ir/graph/graph.ts';
import { stopGradient } from '../ir/graph/ops/view.ts';
import type { TensorType } from '../ir/type.ts';
import { failure } from './callsite.ts';
import { mode, withMode } from './mode.ts';
import type { NDArray } from './ndarray.ts';
import { checkAssignable, type Inside, Trace } from './trace.ts';

/** An array from outside, and what stands for it inside. */
export interface Capture {
  readonly array: NDArray;
  readonly input: Node;
}

/** Values of each step: made in the trace around when the body is known. */
export interface PerStep {
  readonly input: Node;
  readonly make: (trips: number) => NDArray;
}

/** An array from outside that the body assigns to. */
export interface Assigned extends Capture {
  readonly target: NDArray;
  readonly value: Node;
}

export class BodyTrace extends Trace {
  readonly around: Trace;
  readonly perSteps: PerStep[] = [];
  /** Through which values from outside pass while a part of the body runs that may not count: see {@link gated}. */
  #gate: ((input: Node) => Node) | undefined;
  readonly #captures = new Map<Node, Capture>();
  readonly #gated = new Map<Node, Node>();
  readonly #assigned = new Map<NDArray, Node>();

  constructor(name: string, around: Trace) {
    super(name, around.device, mode.recording, false, around);
    this.around = around;
  }

  override get inside(): Inside {
    return {
      around: this.around,
      perStep: (type, make) => {
        const input = this.builder.input(type, { name: `own${this.perSteps.length}` });
        this.perSteps.push({ input, make });
        return this.wrap(input);
      },
    };
  }

  /** An input of the body. */
  given(type: TensorType, name: string): NDArray {
    return this.wrap(this.builder.input(type, { name }));
  }

  override nodeOf(x: NDArray): Node {
    if (x.traced?.trace === this) return x.traced.node;
    const assigned = this.#assigned.get(x);
    if (assigned !== undefined) return assigned;
    const { input } = this.#captured(x);
    if (this.#gate === undefined || !isFloat(input.type.dtype)) return input;
    const gated = this.#gated.get(input) ?? this.#gate(input);
    this.#gated.set(input, gated);
    return gated;
  }

  /** Runs `body` with values from outside passing through `gate`. */
  through<T>(gate: (input: Node) => Node, body: () => T): T {
    this.#gate = gate;
    try {
      return body();
    } finally {
      this.#gate = undefined;
    }
  }

  #captured(x: NDArray): Capture {
    const node = this.around.nodeOf(x);
    let capture = this.#captures.get(node);
    if (capture === undefined) {
      const array = this.around.wrap(node);
      array.origin = this.around.originOf(x);
      const input = this.builder.input(x.type, { name: `p${this.#captures.size}` });
      capture = { array, input };
      this.#captures.set(node, capture);
    }
    return capture;
  }

  override assign(x: NDArray, value: NDArray): void {
    checkAssignable(x, value.type);
    const node = this.nodeOf(value);
    if (x.traced?.trace === this) x.traced = { trace: this, node };
    else {
      this.#captured(x);
      this.#assigned.set(x, node);
    }
  }

  /** Makes all assignments so far hold only where `condition` does. */
  assignIf(condition: Node): void {
    const b = this.builder;
    for (const [target, value] of this.#assigned) {
      const before = this.#captured(target).input;
      const where = b.broadcast(condition, value.type.shape, []);
      this.#assigned.set(target, b.op('select', where, value, before));
    }
  }

  override consume(): void {}

  override hostScalar(read: () => number, dtype: DType): NDArray {
    return this.wrap(this.nodeOf(this.around.hostScalar(read, dtype)));
  }

  override check(node: Node, test: (x: NDArray) => void): void {
    for (const [outer, { input }] of this.#captures)
      if (input === node) this.around.check(outer, test);
  }

  /** What was assigned to, and what was only read. */
  ends(): { readonly assigned: readonly Assigned[]; readonly captures: readonly Capture[] } {
    const assigned = [...this.#assigned].map(
      ([target, value]): Assigned => ({ ...this.#captured(target), target, value }),
    );
    const states = new Set(assigned.map((a) => a.input));
    return {
      assigned,
      captures: [...this.#captures.values()].filter((c) => !states.has(c.input)),
    };
  }

  /** The graph with these inputs and outputs. */
  graph(inputs: readonly Node[], outputs: readonly Node[]): Graph {
    return { name: this.name, inputs, outputs, assigns: [] };
  }
}

/** Runs `body` in a trace inside the present one. */
export const traceBody = <T>(name: string, body: (trace: BodyTrace) => T): T => {
  const around = mode.trace;
  if (around === undefined) throw failure('trace', `${name}: there is no trace around it`);
  const trace = new BodyTrace(name, around);
  try {
    return withMode({ trace, taping: false, scope: undefined }, () => body(trace));
  } finally {
    trace.ended = true;
  }
};

/**
 * The value of `x`, but that no gradient flows to it where `condition` is false: not even NaN, which zero times an
 * infinite slope would be.
 */
export const gated = ({ builder: b }: Pick<Trace, 'builder'>, condition: Node, x: Node): Node => {
  if (!isFloat(x.type.dtype)) return x;
  const where = b.broadcast(condition, x.type.shape, []);
  return b.op('select', where, x, b.emit(stopGradient, [x], {}));
};
