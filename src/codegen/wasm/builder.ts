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

const IS_WORD = /^[\w.]+$/;

export class FunctionBuilder {
  readonly #params: Local[] = [];
  readonly #locals: Local[] = [];
  readonly #names = new Map<string, number>();
  readonly #constants = new Map<string, Local>();
  readonly #prologue: Wasm[] = [];
  #block: Wasm[] = [];

  #make(type: ValueType, name: string, index: number): Local {
    const word = IS_WORD.test(name) ? name : name.replace(/[^\w.]/g, '_') || 'v';
    const seen = this.#names.get(word) ?? 0;
    this.#names.set(word, seen + 1);
    return { name: seen === 0 ? word : `${word}.${seen}`, type, index };
  }

  /** Parameters must be declared before locals. */
  param(type: ValueType, name: string): Local {
    const local = this.#make(type, name, this.#params.length);
    this.#params.push(local);
    return local;
  }

  local(type: ValueType, name: string): Local {
    const local = this.#make(type, name, this.#params.length + this.#locals.length);
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
    const key = `${shape}:${Object.is(value, -0) ? '-0' : value}`;
    let local = this.#constants.get(key);
    if (local === undefined) {
      local = this.local('v128', `c${String(value)}`);
      this.#constants.set(key, local);
      const single =
        shape === 'f32x4'
          ? f32(Number(value))
          : shape === 'f64x2'
            ? f64(Number(value))
            : shape === 'i32x4'
              ? i32(Number(value))
              : i64(BigInt(value));
      this.#prologue.push(set(local, op(`${shape}.splat`, single)));
    }
    return get(local);
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
