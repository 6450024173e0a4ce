/**
 * Keeps compiled programs: a graph that was compiled once for a device is loaded by the next process, without its
 * schedules being worked out and its code being written again.
 *
 * Invariants: an entry is used only for the very graph, device and build of Tigon that it was made by (its whole key is in
 * it, and compared); what a program without its kernels cannot answer (stages, kernels: for `explain` and profiles) is
 * compiled then, and comes out the same. An entry that cannot be loaded is forgotten, and the graph compiled.
 */
import type { Graph } from '../../ir/graph/graph.ts';
import { printGraph } from '../../ir/graph/print.ts';
import type { Program } from '../../ir/program.ts';
import type { Compiled } from '../../passes/pipeline.ts';
import { PLAIN, type Recipe, recipeKey } from '../../passes/recipe.ts';
import type { Code, Device } from '../../runtime/device.ts';
import { compileFor, fresh, type Ready } from './fresh.ts';
import type { Store } from './store.ts';

interface Entry {
  readonly key: string;
  /** Of the code. */
  readonly checksum: number;
  readonly program: Omit<Program, 'kernels'>;
  readonly outputs: Compiled['outputs'];
  readonly code: Code;
}

/** Programs that are compiled faster are not worth a file. */
const WORTH_MS = 4;

/** FNV-1a (Fowler, Noll and Vo 1991) of 32 bits. */
const checksumOf = (bytes: Uint8Array): number => {
  let sum = 0x811c9dc5;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193);
  return sum >>> 0;
};

const isEntry = (value: unknown, key: string): value is Entry => {
  if (typeof value !== 'object' || value === null) return false;
  const entry = value as Partial<Entry>;
  return entry.key === key && entry.checksum === checksumOf(entry.code?.bytes ?? new Uint8Array());
};

/** A program whose stages and kernels are compiled when somebody asks for them. */
const restored = (
  { program, outputs }: Entry,
  graph: Graph,
  device: Device,
  recipe: Recipe,
): Compiled => {
  const { caps } = device;
  let whole: Compiled | undefined;
  const compiled = (): Compiled => {
    whole ??= compileFor(graph, device, recipe);
    return whole;
  };
  return {
    program: {
      ...program,
      get kernels() {
        return compiled().program.kernels;
      },
    },
    outputs,
    get stages() {
      return compiled().stages;
    },
    caps,
  };
};

/** Compiles graphs, or finds them compiled. */
export class Keeper {
  readonly store: Store;
  readonly #build: string;
  readonly #worthMs: number;
  /** Programs that were found, and those that had to be compiled and were kept. */
  found = 0;
  kept = 0;

  /** `worthMs`: what takes less time to compile is not kept. */
  constructor(store: Store, build: string, worthMs: number = WORTH_MS) {
    this.store = store;
    this.#build = build;
    this.#worthMs = worthMs;
  }

  ready(graph: Graph, device: Device, recipe: Recipe = PLAIN): Ready {
    const { codeKey } = device;
    if (codeKey === undefined) return fresh(graph, device, recipe);
    const key = `${this.#build}\n${codeKey}${recipeKey(recipe)}\n${printGraph(graph)}`;
    const known = this.store.get(key);
    if (isEntry(known, key)) {
      try {
        const compiled = restored(known, graph, device, recipe);
        const executable = device.load(compiled.program, { code: known.code });
        this.found++;
        return { compiled, executable };
      } catch {
        // compiled anew, below: what is wrong with the graph or the device is said there
      }
    }
    if (known !== undefined) this.store.drop(key);
    const start = performance.now();
    const compiled = compileFor(graph, device, recipe);
    let code: Code | undefined;
    const keep = (made: Code): void => {
      code = made;
    };
    const executable = device.load(compiled.program, { keep });
    if (code === undefined || performance.now() - start < this.#worthMs)
      return { compiled, executable };
    const { kernels: _, ...program } = compiled.program;
    const checksum = checksumOf(code.bytes);
    const entry: Entry = { key, checksum, program, outputs: compiled.outputs, code };
    this.store.put(key, entry);
    this.kept++;
    return { compiled, executable };
  }
}
