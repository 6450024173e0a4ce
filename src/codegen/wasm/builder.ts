/**
 * Builds one function: locals, the statement list being filled, and constants that live in locals.
 *
 * Invariant: vector constants are splat once, at the start of the function: inside a loop a constant is a register or
 * a stack slot (materializing it at each use costs up to three times as much).
 */
import {
  f32,
  f64,
  get,
  i32,
  i64,
  type Local,
  op,
  set,
  type ValueType,
  type Wasm,
  type WasmFunction,
} from './tree.ts';

export type VectorShape = 'f32x4' | 'i32x4' | 'f64x2' | 'i64x2';

export class FunctionBuilder {
  readonly #params: Local[] = [];
  readonly #locals: Local[] = [];
  /** By their shapes, then by value; -0 is written. */
  readonly #constants: Record<VectorShape, Map<number | bigint | '-0', Wasm>> = {
    f32x4: new Map(),
    i32x4: new Map(),
    f64x2: new Map(),
    i64x2: new Map(),
  };
  readonly #prologue: Wasm[] = [];
  #block: Wasm[] = [];

  /** Parameters must be declared before locals. */
  param(type: ValueType, name: string): Local {
    const local = { name, type, index: this.#params.length };
    this.#params.push(local);
    return local;
  }

  local(type: ValueType, name: string): Local {
    const local = { name, type, index: this.#params.length + this.#locals.length };
    this.#locals.push(local);
    return local;
  }

  /** Appends a statement to the block being filled. */
  push(statement: Wasm): void {
    this.#block.push(statement);
  }

  /** The statements that `fill` pushes, apart. */
  nested(fill: () => void): Wasm[] {
    const outer = this.#block;
    this.#block = [];
    fill();
    const inner = this.#block;
    this.#block = outer;
    return inner;
  }

  /** Computes `value` now and gives a reading of it that may be used many times. */
  bind(value: Wasm, type: ValueType, name = 't'): Wasm {
    const local = this.local(type, name);
    this.push(set(local, value));
    return get(local);
  }

  /** As `bind`, unless it is free to repeat. */
  hold(value: Wasm, type: ValueType, name?: string): Wasm {
    return value.kind === 'get' || value.kind === 'const' ? value : this.bind(value, type, name);
  }

  /** `value` in all lanes. */
  constant(shape: VectorShape, value: number | bigint): Wasm {
    const key = Object.is(value, -0) ? '-0' : value;
    let reading = this.#constants[shape].get(key);
    if (reading === undefined) {
      const local = this.local('v128', `c${value}`);
      reading = get(local);
      this.#constants[shape].set(key, reading);
      this.#prologue.push(set(local, op(`${shape}.splat`, single(shape, value))));
    }
    return reading;
  }

  finish(
    name: string,
    options: { result?: ValueType; notes?: readonly string[]; exported?: boolean } = {},
  ): WasmFunction {
    return {
      name,
      params: this.#params,
      locals: this.#locals,
      result: options.result,
      body: [...this.#prologue, ...this.#block],
      notes: options.notes ?? [],
      exported: options.exported ?? false,
    };
  }
}

const single = (shape: VectorShape, value: number | bigint): Wasm => {
  switch (shape) {
    case 'f32x4':
      return f32(Number(value));
    case 'f64x2':
      return f64(Number(value));
    case 'i32x4':
      return i32(Number(value));
    case 'i64x2':
      return i64(BigInt(value));
    default:
      return shape satisfies never;
  }
};
