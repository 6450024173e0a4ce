/**
 * Memory of unreachable owners: given back by finalizers, or at once when a loop leaves them no turn.
 *
 * Invariants: what a finalizer holds is a lease, never the owner; a lease gives its block back once, whoever ends it
 * first.
 */
import * as platform from '#platform';

/** The right to a block, until it is given back. */
export interface Lease<B> {
  block: B | undefined;
  /** Tells whether the owner is still reachable; watched owners only. */
  owner: WeakRef<object> | undefined;
}

export const leaseOf = <B>(block: B): Lease<B> => ({ block, owner: undefined });

/** New memory in one job, as multiples of the pressure signal, after which dead owners are looked for at once. */
const PATIENCE = 1.5;

export class Leases<B extends object> {
  readonly #pressureBytes: number;
  readonly #registry: FinalizationRegistry<Lease<B>>;
  readonly #watched = new Set<Lease<B>>();
  readonly #free: (block: B) => number;
  /** Bytes handed out and not yet seen to come back since the last collection. */
  #debt = 0;

  /** `free` takes a block back and says how many bytes it had. */
  constructor(pressureBytes: number, free: (block: B) => number) {
    this.#pressureBytes = pressureBytes;
    this.#free = free;
    this.#registry = new FinalizationRegistry((lease) => this.end(lease));
  }

  /** True when so much was handed out that a collection is worth its time. */
  get pressure(): boolean {
    return this.#debt > this.#pressureBytes;
  }

  /** True when the running job has handed out so much that it should look for dead owners itself. */
  get overdue(): boolean {
    return this.#debt > PATIENCE * this.#pressureBytes;
  }

  /** Called when a collection has run. */
  settle(): void {
    this.#debt = 0;
  }

  /** Counts memory handed out. */
  owe(bytes: number): void {
    this.#debt += bytes;
  }

  /** Ends the lease when `owner` is collected; `closely`: `reclaim` may find that out before its finalizer runs. */
  watch(owner: object, lease: Lease<B>, closely: boolean): void {
    this.#registry.register(owner, lease);
    if (!closely) return;
    lease.owner = new WeakRef(owner);
    this.#watched.add(lease);
  }

  end(lease: Lease<B>): void {
    const { block } = lease;
    if (block === undefined) return;
    lease.block = undefined;
    this.#watched.delete(lease);
    this.#debt = Math.max(0, this.#debt - this.#free(block));
  }

  /**
   * Ends the leases of unreachable owners without leaving the running job, where the platform can: a loop that never
   * awaits anything gives finalizers no turn.
   */
  reclaim(): void {
    if (!platform.collectNow()) return;
    this.#debt = 0;
    for (const lease of this.#watched) if (lease.owner?.deref() === undefined) this.end(lease);
  }
}
