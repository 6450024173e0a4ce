/**
 * Addresses of the elements a function reads and writes, each computed once where it is used again.
 *
 * Invariant: addresses are computed modulo 2^32 from byte pointers not below `LOW_BYTES`, which is why small constant
 * offsets may sit in the instruction; what is shared is only what no register can change in its scope.
 */
import { bytesOf } from '../../ir/dtype.ts';
import type { Register, TExpr, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';
import { type Access, Accesses, type Indices, type Linear } from './address.ts';
import type { FunctionBuilder } from './builder.ts';
import { LOW_BYTES } from './layout.ts';
import { get, i32, type Local, plus, set, times, type Wasm } from './tree.ts';

/** Where a buffer starts: a pointer and a constant beyond it. */
export interface Place {
  readonly pointer: Wasm;
  readonly offset: number;
}

/** An access' index as a sum; its constant as what the instruction adds (`offset`) and what the key has in it. */
interface Address {
  readonly form: Linear;
  readonly key: string;
  readonly offset: number;
  readonly coarse: number;
  /** Bytes of an element. */
  readonly size: number;
}

/** What pointers need of the function they are part of. */
interface Host {
  value(e: TExpr): Wasm;
  /** Whether a register has its value here. */
  declared(register: Register): boolean;
}

export class Pointers {
  readonly #fb: FunctionBuilder;
  readonly #indices: Indices;
  readonly #places: ReadonlyMap<ThreadBuffer, Place>;
  readonly #host: Host;
  readonly #accesses = new Accesses();
  readonly #addresses = new Map<Access, Address>();
  /** Addresses at hand by key, innermost scope last. */
  readonly #scopes: Map<string, Local>[] = [new Map()];
  /** How often each address occurs, to share only what is used again. */
  readonly #uses = new Map<string, number>();

  constructor(
    fb: FunctionBuilder,
    indices: Indices,
    places: ReadonlyMap<ThreadBuffer, Place>,
    host: Host,
  ) {
    this.#fb = fb;
    this.#indices = indices;
    this.#places = places;
    this.#host = host;
  }

  /** Begins a block: addresses made in it are forgotten at its end. */
  open(): void {
    this.#scopes.push(new Map());
  }
  close(): void {
    this.#scopes.pop();
  }

  /** Counts accesses by address; those in branches too, which loops do not prepare for. */
  count(body: readonly TStmt[]): void {
    const accesses = this.#accesses.of(body);
    for (let i = 0; i < accesses.length; i++) {
      const { key } = this.#address(accesses[i]!);
      this.#uses.set(key, (this.#uses.get(key) ?? 0) + 1);
    }
    this.#countBranches(body);
  }
  #countBranches(body: readonly TStmt[]): void {
    for (let i = 0; i < body.length; i++) {
      const s = body[i]!;
      if (s.kind === 'for') this.#countBranches(s.body);
      else if (s.kind === 'if') {
        this.count(s.then);
        this.count(s.otherwise);
      }
    }
  }

  #address(access: Access): Address {
    let address = this.#addresses.get(access);
    if (address === undefined) {
      const form = this.#indices.of(access.index, true);
      const split = this.#split(access.buffer, form);
      const base = this.#place(access.buffer).pointer;
      const name = base.kind === 'get' ? base.local.index : -1;
      const key = `${name}:${split.size}:${split.coarse}:${form.key}`;
      address = { form, key, ...split };
      this.#addresses.set(access, address);
    }
    return address;
  }

  /** What of an address' constant part goes into the instruction, and what into the sum. */
  #split(buffer: ThreadBuffer, form: Linear): { offset: number; coarse: number; size: number } {
    const size = bytesOf(buffer.dtype);
    const constant = this.#place(buffer).offset + form.constant * size;
    const coarse = constant >= 0 && constant < LOW_BYTES ? 0 : Math.floor(constant / 65536) * 65536;
    return { offset: constant - coarse, coarse, size };
  }

  #place(buffer: ThreadBuffer): Place {
    return this.#places.get(buffer)!;
  }

  #known(key: string): Local | undefined {
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const local = this.#scopes[i]!.get(key);
      if (local !== undefined) return local;
    }
    return undefined;
  }

  #sum(buffer: ThreadBuffer, form: Linear, coarse: number, size: number): Wasm {
    let sum = this.#place(buffer).pointer;
    for (const t of form.terms) sum = plus(sum, times(this.#host.value(t.atom), t.coef * size));
    return plus(sum, i32(coarse));
  }

  /** Pointer and constant offset of an element. */
  element(access: Access): { address: Wasm; offset: number } {
    const { buffer, index } = access;
    const { form, key, offset, coarse, size } = this.#address(access);
    const sharable = form.stable && form.terms.length > 0;
    const known = sharable ? this.#known(key) : undefined;
    if (known !== undefined) return { address: get(known), offset };
    // the short form reads registers where the long one computes again what they hold
    const short = this.#indices.of(index, false);
    const own = this.#split(buffer, short);
    const address = this.#sum(buffer, short, own.coarse, size);
    if (!sharable || (this.#uses.get(key) ?? 0) < 2) return { address, offset: own.offset };
    const local = this.#fb.local('i32', `at_${buffer.name}`);
    // the shared address leaves out the constant that this access adds: see whether the short form does so too
    const same = own.coarse === coarse && own.offset === offset;
    this.#fb.push(set(local, same ? address : this.#sum(buffer, form, coarse, size)));
    this.#scopes.at(-1)!.set(key, local);
    return { address: get(local), offset };
  }

  /** Addresses of a loop that are fixed in it, and those that advance by a constant; gives the steps to append. */
  prepareLoop(loop: Extract<TStmt, { kind: 'for' }>): readonly (readonly [Local, number])[] {
    const steps: (readonly [Local, number])[] = [];
    const scope = this.#scopes.at(-1)!;
    const accesses = this.#accesses.of(loop.body);
    for (let i = 0; i < accesses.length; i++) {
      const access = accesses[i]!;
      const { form, key, coarse, size } = this.#address(access);
      if (!form.stable || form.terms.length === 0 || this.#known(key) !== undefined) continue;
      let step = 0;
      let open = false;
      for (const t of form.terms) {
        if (t.atom.kind === 'get' && t.atom.register === loop.counter) step = t.coef * loop.step;
        else if (!t.registers.every((r) => r !== loop.counter && this.#host.declared(r)))
          open = true;
      }
      if (open) continue;
      const { buffer } = access;
      const local = this.#fb.local('i32', `at_${buffer.name}`);
      this.#fb.push(set(local, this.#sum(buffer, form, coarse, size)));
      scope.set(key, local);
      if (step !== 0) steps.push([local, step * size]);
    }
    return steps;
  }
}
