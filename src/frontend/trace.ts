/**
 * A trace: collects the calls of a user's function into one graph, with everything it reads from outside as inputs.
 *
 * Invariants: concrete arrays are captured by handle (their value at each replay counts, not the one at trace time);
 * writes to handles become assigns, in effect for later reads in the same trace; an array made here is of no use after.
 */
import { type DType, isFloat } from '../ir/dtype.ts';
import { GraphBuilder } from '../ir/graph/builder.ts';
import type { Assign, Node } from '../ir/graph/graph.ts';
import { stopGradient } from '../ir/graph/ops/view.ts';
import { remember } from '../ir/remember.ts';
import { showType, type TensorType, tensor } from '../ir/type.ts';
import type { Device } from '../runtime/device.ts';
import { type Callable, copyOf, inline } from './callable.ts';
import { failure, userPlace } from './callsite.ts';
import { denseLayout, type Layout } from './layout.ts';
import { mode, withMode } from './mode.ts';
import { filled } from './nd/filled.ts';
import { NDArray, type Operand, rebind, type Traced, valueError } from './ndarray.ts';
import { filledIn, slotted } from './slots.ts';
import { type Border, type Leaf, leafGradient, type Origin } from './tape.ts';

/** What is bound to an input of the traced graph at each replay. */
export type Bound =
  | { readonly kind: 'argument'; readonly index: number }
  | {
      readonly kind: 'capture';
      readonly array: NDArray;
      readonly layout: Layout;
      /** Whether it took part in recording when the plan was made, and as which leaf. */
      readonly differentiable: boolean;
      readonly leaf: Leaf | undefined;
    }
  /** The gradient array of an argument. */
  | { readonly kind: 'gradient'; readonly index: number; readonly of: (x: NDArray) => NDArray }
  | { readonly kind: 'scalar'; readonly read: () => number };

/** Thrown by what needs a tape in a trace without one: the trace starts again with one. Never reaches users. */
export class NeedsTape extends Error {}

/** What to do about arrays of several devices in one program. */
export const ONE_DEVICE =
  'one program runs on one device: make all its arrays there; to train on several, hybridize the net and the loss, and call record, backward and trainer.step outside';

/** Of a trace inside another, as the body of a loop or a branch is: what it has from the one around it. */
export interface Inside {
  readonly around: Trace;
  /**
   * A value that each run of the body has for itself. `make` gives those of all `trips` runs, stacked, when the body is
   * known; it runs in the trace around.
   */
  perStep(type: TensorType, make: (trips: number) => NDArray): NDArray;
}

/** Arrays that somebody looks at after each replay. */
export interface Observation {
  readonly nodes: readonly Node[];
  /** Gets the arrays of a replay, in the order of `nodes`. */
  readonly tell: (arrays: readonly NDArray[]) => void;
}

interface Captured {
  readonly array: NDArray;
  /** Made when the value is first read (or at the end, for arrays that are only written). */
  input: Node | undefined;
  current: Node | undefined;
}

export class Trace {
  readonly name: string;
  readonly device: Device;
  readonly builder: GraphBuilder = new GraphBuilder();
  /** One per input of the graph, in order. */
  readonly bounds: Bound[] = [];
  readonly captured: Map<NDArray, Captured> = new Map();
  /** Run before each replay, after the scalars are read. */
  readonly hooks: (() => void)[];
  /** Gradients written or consumed so far in this trace: whether they are fresh. */
  readonly fresh: Map<Leaf, boolean>;
  /** What must still hold for the plan to be replayed: options that shaped the graph. */
  readonly guards: (() => boolean)[];
  /** Handles whose new value nobody needs outside the program. */
  readonly dropped: Set<NDArray> = new Set();
  /** Looked at after each replay, in order. */
  readonly observed: Observation[] = [];
  /** Run before each replay on the array that is bound to an input then. */
  readonly checks: { readonly input: number; readonly test: (x: NDArray) => void }[] = [];
  readonly #keepGradients: boolean;
  readonly #arguments: { readonly inside: NDArray; readonly input: Node }[] = [];
  readonly #borders = new Map<NDArray, Border>();
  readonly #gradients = new Map<NDArray, number>();
  /** True when the call being traced is recorded outside: its graph will be differentiated. */
  readonly recorded: boolean;
  ended = false;

  constructor(
    name: string,
    device: Device,
    recorded: boolean,
    keepGradients: boolean,
    around?: Trace,
  ) {
    this.name = name;
    this.device = device;
    this.recorded = recorded;
    this.#keepGradients = keepGradients;
    this.hooks = around?.hooks ?? [];
    this.fresh = around?.fresh ?? new Map<Leaf, boolean>();
    this.guards = around?.guards ?? [];
  }

  /** The trace around this one, if there is one. */
  get inside(): Inside | undefined {
    return undefined;
  }

  /** An update in this trace has used up `gradient`: unless asked otherwise, its value stays inside the program. */
  consume(gradient: NDArray): void {
    if (!this.#keepGradients && gradient.traced === undefined && this.captured.has(gradient))
      this.dropped.add(gradient);
  }

  /** What a dropped handle holds after a replay: the node it stood for, without a value. */
  remains(x: NDArray): Traced {
    return { trace: this, node: this.captured.get(x)!.current! };
  }

  /** The value of `x`, cut from its history in the graph too. */
  stopGradient(x: NDArray): NDArray {
    return this.wrap(this.#still(this.nodeOf(x)));
  }

  #still(node: Node): Node {
    return isFloat(node.type.dtype) ? this.builder.emit(stopGradient, [node], {}) : node;
  }

  wrap(node: Node): NDArray {
    return new NDArray(denseLayout(this.device, node.type), undefined, 0, { trace: this, node });
  }

  /** A handle for argument `index`, seen from inside. */
  argument(index: number, outside: NDArray): NDArray {
    this.bounds.push({ kind: 'argument', index });
    const input = this.builder.input(outside.type, { name: `arg${index}` });
    const inside = this.wrap(input);
    this.#arguments.push({ inside, input });
    const { origin } = outside;
    if (origin?.kind === 'leaf') inside.origin = this.#argumentLeaf(index, outside, origin);
    else if (origin !== undefined) inside.origin = { kind: 'border' };
    return inside;
  }

  /** An argument with a gradient: the gradient written is that of the argument of the replay. */
  #argumentLeaf(index: number, outside: NDArray, leaf: Leaf): Leaf {
    const stand = new NDArray(denseLayout(this.device, outside.type), undefined, 0, undefined);
    this.#gradients.set(stand, index);
    return { kind: 'leaf', mode: leaf.mode, gradient: stand };
  }

  /** The node that stands for `x` now. */
  nodeOf(x: NDArray): Node {
    if (x.traced !== undefined) {
      if (x.traced.trace === this) return x.traced.node;
      throw valueError(x, this.name);
    }
    const captured = this.#capture(x);
    captured.current ??= captured.input ??= this.#bind(x);
    return captured.current;
  }

  #capture(x: NDArray): Captured {
    let captured = this.captured.get(x);
    if (captured === undefined) {
      if (x.storage === undefined && !this.#gradients.has(x)) throw valueError(x, this.name);
      if (x.device !== this.device)
        throw failure(
          'device',
          `${this.name}: an array on ${x.device.name} is used in a function traced for ${this.device.name}`,
          ONE_DEVICE,
        );
      captured = { array: x, input: undefined, current: undefined };
      this.captured.set(x, captured);
    }
    return captured;
  }

  #bind(array: NDArray): Node {
    const index = this.#gradients.get(array);
    this.bounds.push(
      index === undefined
        ? {
            kind: 'capture',
            array,
            layout: array.layout,
            differentiable: array.origin !== undefined,
            leaf: leafOf(array),
          }
        : { kind: 'gradient', index, of: gradientArray },
    );
    const role = array.origin === undefined ? 'input' : 'param';
    return this.builder.input(array.type, { name: `p${this.bounds.length - 1}`, role });
  }

  /** Has `test` look at what `node` is bound to before each replay, if it is an array that comes in from outside. */
  check(node: Node, test: (x: NDArray) => void): void {
    const input = this.builder.inputs.indexOf(node);
    const kind = this.bounds[input]?.kind;
    if (kind === 'argument' || kind === 'capture') this.checks.push({ input, test });
  }

  /** Has `call` get `value` after each replay, with the arrays that it has then. */
  observe<T>(value: T, call: (value: T) => void): void {
    const arrays: NDArray[] = [];
    const structure = slotted(value, arrays);
    this.observed.push({
      nodes: arrays.map((x) => this.#still(this.nodeOf(x))),
      tell: (found) => {
        for (const x of found) x.origin = undefined;
        withMode({ recording: false, taping: false, monitor: undefined }, () =>
          call(filledIn(structure, found) as T),
        );
      },
    });
  }

  /** From here on `x` stands for `value`; concrete arrays are overwritten when the program runs. */
  assign(x: NDArray, value: NDArray): void {
    const node = this.nodeOf(value);
    if (x.traced?.trace === this) {
      x.traced = { trace: this, node };
      return;
    }
    // A gradient that an earlier program kept to itself gets memory again.
    if (x.traced?.trace.dropped.has(x)) revive(x);
    // The program writes it as a whole, so it must lie row-major.
    if (x.layout.strides !== undefined) rebind(x, copyOf(x));
    this.#capture(x).current = node;
  }

  /** A number read anew at each replay. */
  hostScalar(read: () => number, dtype: DType): NDArray {
    this.bounds.push({ kind: 'scalar', read });
    const name = `s${this.bounds.length - 1}`;
    return this.wrap(this.builder.input(tensor(dtype, []), { name, role: 'scalar' }));
  }

  originOf(x: NDArray): Origin | undefined {
    if (x.traced !== undefined || x.origin === undefined || x.origin.kind === 'leaf')
      return x.origin;
    return remember(this.#borders, x, () => ({ kind: 'border' }));
  }

  /** Emits a call; numbers become constants. */
  emit(callable: Callable, operands: readonly Operand[]): NDArray[] {
    this.builder.origin = userPlace();
    const inputs = operands.map((x, i) =>
      typeof x === 'number'
        ? this.builder.full(x, callable.graph.inputs[i]!.type.dtype, [])
        : this.nodeOf(x),
    );
    const became = inline(callable.graph, this.builder, inputs);
    const paused = this.recorded && !mode.recording;
    return callable.graph.outputs.map((n) => {
      const node = became.get(n)!;
      return this.wrap(paused ? this.#still(node) : node);
    });
  }

  /**
   * Inputs that are likely to be the same array, unchanged, at the next replay: arrays from outside, but for those that
   * the program writes, or updates are about to write: it gives their gradients, or `learns` says so.
   */
  heldInputs(learns: (input: number) => boolean): readonly number[] {
    const isWritten = (x: NDArray): boolean => {
      const captured = this.captured.get(x);
      return captured?.current !== undefined && captured.current !== captured.input;
    };
    return this.bounds.flatMap((bound, i) => {
      if (bound.kind !== 'capture' || learns(i)) return [];
      const gradient = bound.leaf?.gradient;
      const changes = isWritten(bound.array) || (gradient !== undefined && isWritten(gradient));
      return changes ? [] : [i];
    });
  }

  /** The writes, in the order in which the handles were first touched. */
  assigns(): Assign[] {
    const assigns: Assign[] = [];
    for (const captured of this.captured.values()) {
      const { current, array } = captured;
      if (current === undefined || current === captured.input || this.dropped.has(array)) continue;
      captured.input ??= this.#bind(array);
      assigns.push({ target: captured.input, value: current });
    }
    // Arguments that were assigned to change the caller's arrays, as they do imperatively.
    for (const { inside, input } of this.#arguments)
      if (inside.traced!.node !== input)
        assigns.push({ target: input, value: inside.traced!.node });
    return assigns;
  }
}

/** The leaf that `x` is, if any. */
export const leafOf = (x: NDArray): Leaf | undefined =>
  x.origin?.kind === 'leaf' ? x.origin : undefined;

const revive = (x: NDArray): void =>
  withMode({ trace: undefined }, () => rebind(x, filled(x.type, 0, x.device)));

/** The gradient array of an argument at a replay, which writes it. */
const gradientArray = (x: NDArray): NDArray => {
  const leaf = x.origin as Leaf;
  leaf.fresh = true;
  return leafGradient(leaf, x);
};

/** Throws unless an array of this type can be assigned to `x`. */
export const checkAssignable = (x: NDArray, type: TensorType): void => {
  if (x.type === type) return;
  throw failure(
    x.type.dtype === type.dtype ? 'shape' : 'dtype',
    `assign: ${showType(type)} does not fit ${showType(x.type)}`,
    'the new value must have the same shape and dtype',
  );
};

/** Where an array that is asked for on `device` is made: while tracing, on no other than that of the program. */
export const deviceAsked = (device: Device): Device => {
  const { trace } = mode;
  if (trace === undefined || device === trace.device) return device;
  throw failure(
    'device',
    `${trace.name}: an array is made on ${device.name} in a function traced for ${trace.device.name}`,
    ONE_DEVICE,
  );
};

/** Calls `hook` before each replay of the program being traced; outside a trace, calls it once now. */
export const onReplay = (hook: () => void): void => {
  if (mode.trace === undefined) hook();
  else mode.trace.hooks.push(hook);
};

/** `read()` now, or, while tracing, an array of shape [] that is read anew at each replay. */
export const hostScalar = (read: () => number, dtype: DType = 'float32'): Operand =>
  mode.trace === undefined ? read() : mode.trace.hostScalar(read, dtype);
