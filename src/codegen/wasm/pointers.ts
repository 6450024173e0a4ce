/**
 * Addresses of the elements a function reads and writes, each computed once where it is used again.
 *
 * Invariant: addresses are computed modulo 2^32 from byte pointers not below `LOW_BYTES`, which is why small constant
 * offsets may sit in the instruction; what is shared is only what no register can change in its scope.
 */
import { bytesOf } from '../../ir/dtype.ts';
import type { Register, TExpr, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';
import { Indices, type Sum } from './address.ts';
import type { FunctionBuilder } from './builder.ts';
import { LOW_BYTES } from './layout.ts';
import type { Access, Survey } from './survey.ts';
import { get, i32, type Local, plus, set, times, type Wasm } from './tree.ts';

/** Where a buffer starts: a pointer and a constant beyond it. */
export interface Place {
  readonly pointer: Wasm;
  readonly offset: number;
}

/** What accesses differ from by a small constant: all of the address but what their instructions add. */
interface Address {
  readonly buffer: ThreadBuffer;
  readonly pointer: Wasm;
  /** Bytes of an element. */
  readonly size: number;
  readonly sum: Sum;
  readonly coarse: number;
  /** How often it occurs: only what is used again is shared. */
  uses: number;
  /** What holds it at this place of the function. */
  held: Wasm | undefined;
}

/** An access' address, and the constant that its instruction adds. */
interface Element {
  readonly address: Address;
  readonly offset: number;
}

/** What pointers need of the function they are part of. */
interface Host {
  value(e: TExpr): Wasm;
  /** Whether a register has its value here. */
  declared(register: Register): boolean;
}

/** What of an address' constant part goes into the sum: so much that instructions can add the rest. */
const coarseOf = (constant: number): number =>
  constant >= 0 && constant < LOW_BYTES ? 0 : Math.floor(constant / 65536) * 65536;

export class Pointers {
  readonly #fb: FunctionBuilder;
  readonly #survey: Survey;
  readonly #indices: Indices;
  readonly #places: ReadonlyMap<ThreadBuffer, Place>;
  readonly #host: Host;
  readonly #elements = new Map<Access, Element>();
  /** Addresses by their sums, found by the sum itself or by its key. */
  readonly #bySum = new Map<Sum | string, Address[]>();
  /** The addresses of loops, each once. */
  readonly #ofBody = new Map<readonly TStmt[], readonly Address[]>();
  /** Addresses that are held, and how many were when each open block began. */
  readonly #held: Address[] = [];
  readonly #blocks: number[] = [];

  constructor(
    fb: FunctionBuilder,
    survey: Survey,
    places: ReadonlyMap<ThreadBuffer, Place>,
    host: Host,
  ) {
    this.#fb = fb;
    this.#survey = survey;
    this.#indices = new Indices(survey);
    this.#places = places;
    this.#host = host;
  }

  /** Begins a block: addresses made in it are forgotten at its end. */
  open(): void {
    this.#blocks.push(this.#held.length);
  }
  close(): void {
    for (let n = this.#held.length - this.#blocks.pop()!; n > 0; n--)
      this.#held.pop()!.held = undefined;
  }

  /** Looks at all accesses, those in branches last: loops do not prepare for them. */
  count(): void {
    for (const list of this.#survey.lists) this.#addressesIn(list);
  }

  #addressesIn(body: readonly TStmt[]): readonly Address[] {
    const all = new Set<Address>();
    const accesses = this.#survey.accesses.get(body)!;
    for (let i = 0; i < accesses.length; i++) {
      const item = accesses[i]!;
      if (!isList(item)) all.add(this.#count(item));
      else for (const address of this.#addressesIn(item)) all.add(address);
    }
    const list = [...all];
    this.#ofBody.set(body, list);
    return list;
  }

  #count(access: Access): Address {
    const { buffer } = access;
    const { sum, constant } = this.#indices.of(access.index, true);
    const { pointer, offset } = this.#places.get(buffer)!;
    const size = bytesOf(buffer.dtype);
    const bytes = offset + constant * size;
    const coarse = coarseOf(bytes);
    const same = this.#sharing(sum);
    let address = same.find((a) => a.pointer === pointer && a.size === size && a.coarse === coarse);
    if (address === undefined) {
      address = { buffer, pointer, size, sum, coarse, uses: 0, held: undefined };
      same.push(address);
    }
    address.uses++;
    this.#elements.set(access, { address, offset: bytes - coarse });
    return address;
  }

  /** The addresses with this sum. */
  #sharing(sum: Sum): Address[] {
    let list = this.#bySum.get(sum);
    if (list === undefined) {
      list = this.#bySum.get(sum.key) ?? [];
      this.#bySum.set(sum, list).set(sum.key, list);
    }
    return list;
  }

  #sum(pointer: Wasm, { terms }: Sum, coarse: number, size: number): Wasm {
    let sum = pointer;
    for (const t of terms) sum = plus(sum, times(this.#host.value(t.atom), t.coef * size));
    return plus(sum, i32(coarse));
  }

  /** Keeps a value as an address of the innermost block. */
  #hold(address: Address, value: Wasm): Local {
    const local = this.#fb.local('i32', `at_${address.buffer.name}`);
    this.#fb.push(set(local, value));
    address.held = get(local);
    this.#held.push(address);
    return local;
  }

  /** Pointer and constant offset of an element. */
  element(access: Access): { address: Wasm; offset: number } {
    const { address, offset } = this.#elements.get(access)!;
    if (address.held !== undefined) return { address: address.held, offset };
    const { pointer, sum, coarse, size, uses } = address;
    // the short form reads registers where the long one computes again what they hold
    const short = this.#indices.of(access.index, false);
    const bytes = this.#places.get(access.buffer)!.offset + short.constant * size;
    const own = coarseOf(bytes);
    const value = this.#sum(pointer, short.sum, own, size);
    if (!isShared(sum) || uses < 2) return { address: value, offset: bytes - own };
    // the shared address leaves out the constant that this access adds: see whether the short form does so too
    const same = own === coarse && bytes - own === offset;
    this.#hold(address, same ? value : this.#sum(pointer, sum, coarse, size));
    return { address: address.held!, offset };
  }

  /** Addresses of a loop that are fixed in it, and those that advance by a constant; gives the steps to append. */
  prepareLoop(loop: Extract<TStmt, { kind: 'for' }>): readonly (readonly [Local, number])[] {
    const steps: (readonly [Local, number])[] = [];
    const addresses = this.#ofBody.get(loop.body)!;
    for (let i = 0; i < addresses.length; i++) {
      const address = addresses[i]!;
      const { pointer, sum, coarse, size, held } = address;
      if (held !== undefined || !isShared(sum)) continue;
      let step = 0;
      let open = false;
      for (let t = 0; t < sum.terms.length; t++) {
        const { atom, coef, registers } = sum.terms[t]!;
        if (atom.kind === 'get' && atom.register === loop.counter) step = coef * loop.step;
        else if (!registers.every((r) => r !== loop.counter && this.#host.declared(r))) open = true;
      }
      if (open) continue;
      const local = this.#hold(address, this.#sum(pointer, sum, coarse, size));
      if (step !== 0) steps.push([local, step * size]);
    }
    return steps;
  }
}

const isList = (item: Access | readonly TStmt[]): item is readonly TStmt[] => Array.isArray(item);

/** Whether the sum has the same value wherever its registers have. */
const isShared = ({ stable, terms }: Sum): boolean => stable && terms.length > 0;
