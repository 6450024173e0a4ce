/**
 * One dispatch of a program, and the bind groups that it has been run with.
 *
 * Invariant: a group is used again exactly while all buffers it names are the same: arrays by block and offset, the
 * others by the generation of the engine.
 */
import type { DispatchShader } from '../../codegen/wgsl/shader.ts';
import { invariant } from '../../ir/errors.ts';
import type { Window } from '../../ir/program.ts';
import type { Block } from './block.ts';
import type { Engine } from './engine.ts';
import type { BindGroupEntry, GpuBindGroup, GpuBuffer } from './gpu-types.ts';
import { Groups, makeGroup } from './groups.ts';
import type { Pipeline } from './pipelines.ts';
import type { Launch } from './recorder.ts';

/** Bind groups kept for each step: arrays that come from the pool take turns. */
const MOST_GROUPS = 16;

/** Where the bytes of a binding are. */
export type Source =
  | { readonly kind: 'external'; readonly position: number; readonly offset: number }
  | { readonly kind: 'constant' | 'arena'; readonly offset: number };

/** A buffer bound at each call: a range of a block. */
export interface Placed {
  readonly block: Block;
  readonly offset: number;
}

interface Binding {
  readonly binding: number;
  readonly bytes: number;
  /** Undefined for the numbers of the call. */
  readonly source: Source | undefined;
}

export class Step {
  readonly launch: Launch;
  readonly pipeline: Pipeline;
  readonly dispatch: DispatchShader['dispatch'];
  /** Offset of its numbers among the program's. */
  readonly uniform: number | undefined;
  readonly #bindings: readonly Binding[];
  /** Positions of the externals it binds. */
  readonly #externals: readonly number[];
  readonly #groups = new Groups(MOST_GROUPS);
  #group: GpuBindGroup | undefined;
  /** Block ids and offsets that `#group` names, in turn. */
  readonly #bound: number[] = [];
  #generation = -1;

  constructor(
    launch: Launch,
    pipeline: Pipeline,
    shader: DispatchShader,
    sourceOf: (buffer: number, window: Window | undefined) => Source,
  ) {
    this.launch = launch;
    this.pipeline = pipeline;
    this.dispatch = shader.dispatch;
    this.uniform = shader.bindings.find((b) => b.kind === 'uniform')?.offset;
    this.#bindings = shader.bindings.map((range) => ({
      binding: range.binding,
      bytes: range.bytes,
      source: range.kind === 'uniform' ? undefined : sourceOf(range.buffer, range.window),
    }));
    this.#externals = this.#bindings.flatMap(({ source }) =>
      source?.kind === 'external' ? [source.position] : [],
    );
  }

  groupFor(engine: Engine, placed: readonly Placed[], constants: Block | undefined): GpuBindGroup {
    if (this.#generation !== engine.generation) {
      this.#generation = engine.generation;
      this.#groups.clear();
      this.#group = undefined;
    }
    let same = this.#group !== undefined;
    for (let i = 0; i < this.#externals.length; i++) {
      const { block, offset } = placed[this.#externals[i]!]!;
      same &&= this.#bound[2 * i] === block.id && this.#bound[2 * i + 1] === offset;
      this.#bound[2 * i] = block.id;
      this.#bound[2 * i + 1] = offset;
    }
    if (same) return this.#group!;
    const key = this.#bound.join();
    let group = this.#groups.find(key);
    if (group === undefined) {
      const entries = this.#bindings.map((b) => entryFor(b, engine, placed, constants));
      const label = `${this.launch.kernel} of ${this.launch.program}`;
      group = makeGroup(engine.gpu, engine.counters, this.pipeline.layout, label, entries);
      this.#groups.keep(key, group);
    }
    this.#group = group;
    return group;
  }
}

const entryFor = (
  { binding, bytes, source }: Binding,
  engine: Engine,
  placed: readonly Placed[],
  constants: Block | undefined,
): BindGroupEntry => {
  const range = (buffer: GpuBuffer | undefined, offset: number): BindGroupEntry => {
    invariant(buffer !== undefined, `binding ${binding} has a buffer`);
    return { binding, resource: { buffer, offset, size: bytes } };
  };
  switch (source?.kind) {
    case undefined:
      return range(engine.recorder.uniforms.buffer, 0);
    case 'external': {
      const { block, offset } = placed[source.position]!;
      return range(block.buffer, offset + source.offset);
    }
    case 'constant':
      return range(constants?.buffer, source.offset);
    case 'arena':
      return range(engine.arena?.buffer, source.offset);
    default:
      return source satisfies never;
  }
};
