/**
 * WebAssembly code as a tree: what the renderer builds, the encoder turns into bytes and the printer into text.
 *
 * Invariant: a value tree has no effect but traps and is evaluated where it stands; only `get` and `const` nodes may be
 * used in more than one place (see `FunctionBuilder.hold`).
 */
import type { LaneOp, MemoryOp, PlainOp } from './instructions.ts';

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

export interface Local {
  /** What it is called in text, where others may have the same name. */
  readonly name: string;
  readonly type: ValueType;
  readonly index: number;
}
/** Where a branch goes: the start of a loop, the end of a block. Identity is what counts. */
export interface Label {
  readonly name: string;
}
export interface WasmFunction {
  readonly name: string;
  readonly params: readonly Local[];
  /** Locals after the parameters. */
  readonly locals: readonly Local[];
  readonly result: ValueType | undefined;
  readonly body: readonly Wasm[];
  /** What it calls, in order, where that was counted when it was made. */
  readonly calls?: readonly WasmFunction[];
  /** Comments that `explain` prints above it. */
  readonly notes: readonly string[];
  readonly exported: boolean;
  /** It is `env`'s under its name, and has no body here. */
  readonly imported?: true;
}

/** A local's value. */
export interface Reading {
  readonly kind: 'get';
  readonly local: Local;
}

export type Wasm =
  | Reading
  | { readonly kind: 'const'; readonly type: 'i32' | 'f32' | 'f64'; readonly value: number }
  | { readonly kind: 'long'; readonly value: bigint }
  | { readonly kind: 'set'; readonly local: Local; readonly value: Wasm }
  | { readonly kind: 'plain'; readonly op: PlainOp; readonly args: readonly Wasm[] }
  | {
      readonly kind: 'lane';
      readonly op: LaneOp;
      readonly lane: number;
      readonly args: readonly Wasm[];
    }
  | {
      readonly kind: 'memory';
      readonly op: MemoryOp;
      readonly offset: number;
      readonly args: readonly Wasm[];
    }
  | { readonly kind: 'shuffle'; readonly bytes: readonly number[]; readonly args: readonly Wasm[] }
  | { readonly kind: 'call'; readonly target: WasmFunction; readonly args: readonly Wasm[] }
  | { readonly kind: 'block' | 'loop'; readonly label: Label; readonly body: readonly Wasm[] }
  | {
      readonly kind: 'if';
      readonly condition: Wasm;
      readonly then: readonly Wasm[];
      readonly otherwise: readonly Wasm[];
    }
  | { readonly kind: 'branch'; readonly label: Label; readonly condition: Wasm | undefined }
  | { readonly kind: 'return'; readonly value: Wasm | undefined };

export const i32 = (value: number): Wasm => ({ kind: 'const', type: 'i32', value: value | 0 });
export const f32 = (value: number): Wasm => ({ kind: 'const', type: 'f32', value });
export const f64 = (value: number): Wasm => ({ kind: 'const', type: 'f64', value });
export const i64 = (value: bigint): Wasm => ({ kind: 'long', value });
export const get = (local: Local): Reading => ({ kind: 'get', local });
export const set = (local: Local, value: Wasm): Wasm => ({ kind: 'set', local, value });
export const op = (name: PlainOp, ...args: Wasm[]): Wasm => ({ kind: 'plain', op: name, args });
export const lane = (name: LaneOp, index: number, ...args: Wasm[]): Wasm => ({
  kind: 'lane',
  op: name,
  lane: index,
  args,
});
export const memory = (name: MemoryOp, offset: number, ...args: Wasm[]): Wasm => ({
  kind: 'memory',
  op: name,
  offset,
  args,
});
/** Lanes of 32 bits chosen from two vectors: 0-3 of `a`, 4-7 of `b`. */
export const shuffle = (a: Wasm, b: Wasm, lanes: readonly number[]): Wasm => {
  const bytes: number[] = [];
  for (let i = 0; i < lanes.length; i++) {
    const l = 4 * lanes[i]!;
    bytes.push(l, l + 1, l + 2, l + 3);
  }
  return shuffleBytes(a, b, bytes);
};
/** Bytes chosen from two vectors: 0-15 of `a`, 16-31 of `b`. */
export const shuffleBytes = (a: Wasm, b: Wasm, bytes: readonly number[]): Wasm => ({
  kind: 'shuffle',
  bytes,
  args: [a, b],
});
export const call = (target: WasmFunction, ...args: Wasm[]): Wasm => ({
  kind: 'call',
  target,
  args,
});

/** `a + b` with constants folded. */
export const plus = (a: Wasm, b: Wasm): Wasm => {
  if (a.kind === 'const' && b.kind === 'const') return i32(a.value + b.value);
  if (b.kind === 'const' && b.value === 0) return a;
  if (a.kind === 'const' && a.value === 0) return b;
  return op('i32.add', a, b);
};

/** `a * factor` as a shift where it is one. */
export const times = (a: Wasm, factor: number): Wasm => {
  if (a.kind === 'const') return i32(Math.imul(a.value, factor));
  if (factor === 1) return a;
  const shift = Math.log2(factor);
  return factor > 0 && Number.isInteger(shift)
    ? op('i32.shl', a, i32(shift))
    : op('i32.mul', a, i32(factor));
};
