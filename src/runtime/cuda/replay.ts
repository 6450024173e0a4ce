/**
 * The launches of a program: as a CUDA graph that is built once and replayed, or one by one.
 *
 * Invariants: a run on buffers that a graph was run on before starts that graph and does nothing else; for other buffers
 * only the nodes that name them are changed. A program of one kernel is launched without a graph. Graphs are forgotten
 * when the arena was replaced; the least recently used one is changed when there are enough.
 */
import type { MapShape } from '../../codegen/cuda/module.ts';
import type { Address, GraphNode, Handle } from '../native/api.ts';
import type { Engine, Held } from './engine.ts';

/** Runnable graphs of a program: arrays that come from the pool take turns. */
const MOST_GRAPHS = 8;
const POINTER_BYTES = 8;
const MAP_BYTES = 128;

/** Where the address of a parameter comes from. */
export type AddressSource =
  | { readonly kind: 'external'; readonly position: number; readonly offset: number }
  | { readonly kind: 'arena' | 'constants' | 'scalars'; readonly offset: number };
export type Source =
  | AddressSource
  /** What describes the memory there to copies of tiles. */
  | { readonly kind: 'tensorMap'; readonly of: AddressSource; readonly map: MapShape };

/** A kernel as a program launches it. */
export interface Launch {
  /** For people. */
  readonly name: string;
  /** Index among the kernels of the unit. */
  readonly kernel: number;
  readonly grid: readonly [number, number, number];
  readonly threads: number;
  readonly sharedBytes: number;
  readonly sources: readonly Source[];
  /** The launches it waits for. */
  readonly after: readonly number[];
}

/** Memory that a program has for itself. */
export interface OwnMemory {
  readonly constants: Address;
  readonly scalars: Address;
}

interface Instance {
  readonly exec: Handle;
  /** Of the externals that its nodes name. */
  addresses: readonly Address[];
}

const same = (a: readonly Address[], b: readonly Address[]): boolean => {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

export class Replay {
  readonly #program: string;
  readonly #engine: Engine;
  readonly #launches: readonly Launch[];
  readonly #own: OwnMemory;
  /** For each external, the launches that name it. */
  readonly #users: readonly (readonly number[])[];
  readonly #held: Held = { release: undefined };
  #graph: Handle | undefined;
  /** What the nodes of `#graph` name. */
  #built: readonly Address[] = [];
  #instances = new Map<string, Instance>();
  #current: Instance | undefined;
  #generation = -1;

  constructor(
    program: string,
    engine: Engine,
    launches: readonly Launch[],
    externals: number,
    own: OwnMemory,
  ) {
    this.#program = program;
    this.#engine = engine;
    this.#launches = launches;
    this.#own = own;
    const users: number[][] = Array.from({ length: externals }, () => []);
    launches.forEach(({ sources }, i) => {
      for (const source of sources) {
        const from = source.kind === 'tensorMap' ? source.of : source;
        if (from.kind === 'external' && users[from.position]!.at(-1) !== i)
          users[from.position]!.push(i);
      }
    });
    this.#users = users;
    engine.hold(this, this.#held);
  }

  /** True when the last run was on exactly these. */
  ranOn(addresses: readonly Address[]): boolean {
    return this.#current !== undefined && same(this.#current.addresses, addresses);
  }

  /** Launches everything on these buffers. */
  run(kernels: readonly Handle[], addresses: readonly Address[]): void {
    const { profiler, blocking, counters, context, stream } = this.#engine;
    if (this.#launches.length === 0) return;
    if (this.#launches.length === 1 || profiler !== undefined || blocking) {
      for (const launch of this.#launches) this.#single(launch, kernels, addresses);
      return;
    }
    const instance = this.#instanceFor(kernels, addresses);
    context.launchGraph(instance.exec, stream);
    counters.launches++;
  }

  #single(launch: Launch, kernels: readonly Handle[], addresses: readonly Address[]): void {
    const { context, stream, counters, profiler, blocking, faults } = this.#engine;
    const { kernel, grid, threads, sharedBytes, name } = launch;
    const args = this.#pack(launch, addresses);
    const start = (): void =>
      context.launch(stream, kernels[kernel]!, grid, threads, sharedBytes, args);
    counters.launches++;
    if (profiler === undefined) start();
    else profiler.time(this.#program, name, start);
    if (!blocking) return;
    try {
      context.synchronize(stream);
    } catch (error) {
      const which = `kernel ${name} of program ${this.#program}`;
      throw faults.explain(error, `running ${which}`, which);
    }
  }

  #instanceFor(kernels: readonly Handle[], addresses: readonly Address[]): Instance {
    if (this.#generation !== this.#engine.generation) {
      this.dispose();
      this.#generation = this.#engine.generation;
    }
    if (this.#current !== undefined && same(this.#current.addresses, addresses))
      return this.#current;
    const key = addresses.join();
    let instance = this.#instances.get(key);
    if (instance === undefined) {
      instance = this.#spare() ?? this.#instantiate(kernels, addresses);
      this.#change(instance, kernels, addresses);
    } else this.#instances.delete(key);
    this.#instances.set(key, instance);
    this.#current = instance;
    return instance;
  }

  /** The least recently used one, if there are enough. */
  #spare(): Instance | undefined {
    if (this.#instances.size < MOST_GRAPHS) return undefined;
    const [oldest] = this.#instances;
    this.#instances.delete(oldest![0]);
    return oldest![1];
  }

  #instantiate(kernels: readonly Handle[], addresses: readonly Address[]): Instance {
    const { context, counters } = this.#engine;
    if (this.#graph === undefined) {
      this.#graph = context.graph(this.#launches.map((l) => this.#node(l, kernels, addresses)));
      this.#built = [...addresses];
      this.#held.release = releaseOf(this.#engine, this.#graph, this.#instances);
    }
    counters.graphs++;
    return { exec: context.instantiate(this.#graph), addresses: this.#built };
  }

  /** Has an instance name these buffers. */
  #change(instance: Instance, kernels: readonly Handle[], addresses: readonly Address[]): void {
    const { context, counters } = this.#engine;
    const nodes = new Set<number>();
    for (let i = 0; i < addresses.length; i++)
      if (addresses[i] !== instance.addresses[i]) for (const n of this.#users[i]!) nodes.add(n);
    for (const n of nodes) {
      const node = this.#node(this.#launches[n]!, kernels, addresses);
      context.setNode(instance.exec, this.#graph!, n, node);
      counters.updates++;
    }
    instance.addresses = [...addresses];
  }

  #node(launch: Launch, kernels: readonly Handle[], addresses: readonly Address[]): GraphNode {
    const { kernel, grid, threads, sharedBytes, after } = launch;
    const args = this.#pack(launch, addresses);
    return { kind: 'kernel', kernel: kernels[kernel]!, grid, threads, sharedBytes, args, after };
  }

  /** The parameters of a launch as a C struct. */
  #pack({ sources }: Launch, addresses: readonly Address[]): Uint8Array {
    const sizes = sources.map((s) => (s.kind === 'tensorMap' ? MAP_BYTES : POINTER_BYTES));
    const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
    const view = new DataView(bytes.buffer);
    let at = 0;
    sources.forEach((source, i) => {
      if (source.kind === 'tensorMap') bytes.set(this.#mapOf(source, addresses), at);
      else {
        const address = this.#addressOf(source, addresses);
        view.setUint32(at, address % 2 ** 32, true);
        view.setUint32(at + 4, Math.floor(address / 2 ** 32), true);
      }
      at += sizes[i]!;
    });
    return bytes;
  }

  #mapOf({ of, map }: Source & { kind: 'tensorMap' }, addresses: readonly Address[]): Uint8Array {
    return this.#engine.context.tensorMap({
      element: map.dtype,
      address: this.#addressOf(of, addresses) + map.offset,
      sizes: map.extents,
      strides: map.strides,
      box: map.box,
      swizzle: 128,
      promotion: 256,
    });
  }

  #addressOf(source: AddressSource, addresses: readonly Address[]): Address {
    switch (source.kind) {
      case 'external':
        return addresses[source.position]! + source.offset;
      case 'arena':
        return this.#engine.arena + source.offset;
      case 'constants':
        return this.#own.constants + source.offset;
      case 'scalars':
        return this.#own.scalars + source.offset;
      default:
        return source satisfies never;
    }
  }

  /** Gives all graphs back; a later run makes new ones. */
  dispose(): void {
    this.#engine.letGo(this.#held);
    this.#graph = undefined;
    this.#instances = new Map();
    this.#current = undefined;
  }
}

/** Apart from the owner, which it must not keep alive. */
const releaseOf = (
  { context }: Engine,
  graph: Handle,
  instances: ReadonlyMap<string, Instance>,
): (() => void) => {
  return () => {
    for (const { exec } of instances.values()) context.destroyExec(exec);
    context.destroyGraph(graph);
  };
};
