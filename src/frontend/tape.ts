/**
 * The tape: what each recorded call was, where its operands came from, and the values its backward needs.
 *
 * Invariants: entries are linked from results to operands, never the other way, so forgotten results free their
 * history; saved values are snapshots, which rebinding a handle does not change.
 */
import { isFloat } from '../ir/dtype.ts';
import type { Callable } from './callable.ts';
import { backwardOf } from './differentiate.ts';
import type { Layout } from './layout.ts';
import { mode, withMode } from './mode.ts';
import { filled } from './nd/filled.ts';
import { letGo, type NDArray, type Operand, viewOf } from './ndarray.ts';

export type GradientMode = 'write' | 'add' | 'null';

/** An array that asked for its gradient. */
export interface Leaf {
  readonly kind: 'leaf';
  readonly mode: GradientMode;
  /** Made when first written or read. */
  gradient: NDArray | undefined;
  /** Set by each backward pass that writes the gradient; optimizers clear it when they have used it. */
  fresh?: boolean;
}
/** A place where a trace's gradients end: an argument or captured array that is recorded outside. */
export interface Border {
  readonly kind: 'border';
}
/** Result `index` of a recorded call. */
export interface Produced {
  readonly kind: 'produced';
  readonly entry: TapeEntry;
  readonly index: number;
  /** Where its gradient is kept when somebody asked for it. */
  kept?: Leaf | undefined;
}
export type Origin = Leaf | Border | Produced;

/** How gradients pass through a recorded call. */
export type Pullback =
  | { readonly kind: 'graph'; readonly callable: Callable }
  | {
      readonly kind: 'custom';
      readonly run: (dys: readonly (NDArray | undefined)[]) => readonly (NDArray | undefined)[];
      /** True when nobody else has the arrays that it gets and returns. */
      readonly owned?: boolean;
    };

export interface TapeEntry {
  /** Increasing: operands were recorded before. */
  readonly id: number;
  readonly name: string;
  readonly pullback: Pullback;
  readonly inputs: readonly (Origin | undefined)[];
  readonly results: readonly Produced[];
  readonly layouts: readonly Layout[];
  /** Operands, then results, where the backward needs them; undefined once freed. */
  saved: readonly (Operand | undefined)[] | undefined;
}

/** The gradient array of a leaf, zeros when it is made here. */
export const leafGradient = (leaf: Leaf, like: NDArray): NDArray => {
  leaf.gradient ??= withMode({ trace: undefined, scope: undefined }, () =>
    filled(like.type, 0, like.device),
  );
  return leaf.gradient;
};

let nextId = 1;

/** The number of the next entry. */
export const nextEntry = (): number => nextId;

/** Where gradients of `x` flow to, as seen from here (a trace sees arrays recorded outside as its border). */
export const originOf = (x: NDArray): Origin | undefined =>
  mode.trace === undefined ? x.origin : mode.trace.originOf(x);

/** The value of an operand now, whatever becomes of its handle, and its history. */
export const snapshot = (x: Operand): Operand => {
  if (typeof x === 'number') return x;
  const copy =
    mode.trace === undefined
      ? viewOf(x, x.layout, x.offset)
      : mode.trace.wrap(mode.trace.nodeOf(x));
  copy.origin = originOf(x);
  return copy;
};

/** Puts a call on the tape if gradients can flow through it. */
export const record = (
  callable: Callable,
  operands: readonly Operand[],
  outputs: readonly NDArray[],
): void => {
  const inputs = new Array<Origin | undefined>(operands.length);
  let wanted = '';
  let any = false;
  for (let i = 0; i < operands.length; i++) {
    const x = operands[i]!;
    const origin = typeof x === 'number' || !isFloat(x.dtype) ? undefined : originOf(x);
    inputs[i] = origin;
    wanted += origin === undefined ? '0' : '1';
    any ||= origin !== undefined;
  }
  if (!any) return;
  let given = '';
  for (const y of outputs) given += isFloat(y.dtype) ? '1' : '0';
  if (!given.includes('1')) return;
  const backward = backwardOf(callable, wanted, given);
  if (backward.callable === undefined) return;
  const saved = new Array<Operand | undefined>(operands.length + outputs.length);
  const entry = push({ kind: 'graph', callable }, callable.name, inputs, outputs);
  for (const { from, index } of backward.takes) {
    if (from === 'input') saved[index] = snapshot(operands[index]!);
    else if (from === 'output') saved[operands.length + index] = snapshot(outputs[index]!);
  }
  if (callable.exact !== undefined)
    for (let i = 0; i < operands.length; i++) saved[i] ??= snapshot(operands[i]!);
  entry.saved = saved;
};

/** Adds an entry and gives its float outputs their origin. */
export const push = (
  pullback: Pullback,
  name: string,
  inputs: readonly (Origin | undefined)[],
  outputs: readonly NDArray[],
): TapeEntry => {
  const results: Produced[] = [];
  const entry: TapeEntry = {
    id: nextId++,
    name,
    pullback,
    inputs,
    results,
    layouts: outputs.map((y) => y.layout),
    saved: [],
  };
  outputs.forEach((y, index) => {
    const produced: Produced = { kind: 'produced', entry, index };
    results.push(produced);
    if (isFloat(y.dtype)) y.origin = produced;
  });
  return entry;
};

/** Lets go of what the entry saved: its backward has run. */
export const forget = (entry: TapeEntry): void => {
  for (const x of entry.saved ?? [])
    if (x !== undefined && typeof x !== 'number' && x.storage !== undefined) {
      letGo(x.storage);
      x.storage = undefined;
    }
  entry.saved = undefined;
};
