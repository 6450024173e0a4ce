/**
 * Copies of any bytes to any place, by a kernel: WebGPU's own copies, writes and bindings need aligned offsets.
 *
 * Invariants: bytes beside the target keep their values; source and target are different buffers; one thread writes a
 * word.
 */
import type { ShaderBinding } from '../../codegen/wgsl/shader.ts';
import type { Block } from './block.ts';
import type { Counters } from './counters.ts';
import type { GpuDevice } from './gpu-types.ts';
import { Groups, makeGroup } from './groups.ts';
import type { Pipeline, Pipelines } from './pipelines.ts';
import type { Recorder } from './recorder.ts';
import { SLOT_BYTES } from './uniforms.ts';

const THREADS = 64;
const MOST_WORKGROUPS = 65_535;
const MOST_GROUPS = 256;

const BINDINGS: readonly ShaderBinding[] = [
  { binding: 0, kind: 'read-only-storage', buffers: [0], bytes: 16 },
  { binding: 1, kind: 'storage', buffers: [1], bytes: 16 },
  { binding: 2, kind: 'uniform', buffers: [], bytes: 16 },
];

const CODE = `// Copies bytes from any place to any place: one word of the target a turn.
struct Range {
  source: u32,
  into: u32,
  bytes: u32,
}
@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read_write> into: array<u32>;
@group(0) @binding(2) var<uniform> range: Range;

@compute @workgroup_size(${THREADS})
fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
) {
  let end = range.into + range.bytes;
  for (var word = range.into / 4u + id.x; 4u * word < end; word += ${THREADS}u * workgroups.x) {
    let first = max(4u * word, range.into);
    let count = min(4u * word + 4u, end) - first;
    let at = range.source + (first - range.into);
    let skip = at % 4u;
    var bits = source[at / 4u] >> (8u * skip);
    if (skip + count > 4u) {
      bits |= source[at / 4u + 1u] << (32u - 8u * skip);
    }
    if (count == 4u) {
      into[word] = bits;
    } else {
      let shift = 8u * (first % 4u);
      let mask = ((1u << (8u * count)) - 1u) << shift;
      into[word] = (into[word] & ~mask) | ((bits << shift) & mask);
    }
  }
}
`;

export interface CopyRange {
  readonly block: Block;
  readonly offset: number;
}

/** Uniform bytes that one copy takes. */
export const COPY_UNIFORM_BYTES: number = SLOT_BYTES;

export class Copier {
  readonly pipeline: Pipeline;
  readonly #gpu: GpuDevice;
  readonly #counters: Counters;
  readonly #recorder: Recorder;
  readonly #alignment: number;
  readonly #groups = new Groups(MOST_GROUPS);
  #generation = 0;

  constructor(
    gpu: GpuDevice,
    counters: Counters,
    recorder: Recorder,
    pipelines: Pipelines,
    alignment: number,
  ) {
    this.#gpu = gpu;
    this.#counters = counters;
    this.#recorder = recorder;
    this.#alignment = alignment;
    this.pipeline = pipelines.request(
      { code: CODE, entryPoint: 'main', bindings: BINDINGS, missing: [] },
      'copy of unaligned bytes',
    );
  }

  /** Records a copy. Slots for it must have been reserved; the pipeline is ready. */
  copy(from: CopyRange, to: CopyRange, bytes: number, program: string): void {
    if (bytes === 0) return;
    const { uniforms } = this.#recorder;
    if (this.#generation !== uniforms.generation) {
      this.#generation = uniforms.generation;
      this.#groups.clear();
    }
    const source = this.#rangeOf(from, bytes);
    const target = this.#rangeOf(to, bytes);
    const key = `${source.key} ${target.key}`;
    let group = this.#groups.find(key);
    if (group === undefined) {
      group = makeGroup(this.#gpu, this.#counters, this.pipeline.layout, 'copy', [
        { binding: 0, resource: source.resource },
        { binding: 1, resource: target.resource },
        { binding: 2, resource: { buffer: uniforms.buffer, offset: 0, size: 16 } },
      ]);
      this.#groups.keep(key, group);
    }
    const slot = uniforms.take(COPY_UNIFORM_BYTES);
    uniforms.view.setUint32(slot, source.skip, true);
    uniforms.view.setUint32(slot + 4, target.skip, true);
    uniforms.view.setUint32(slot + 8, bytes, true);
    this.#recorder.touch(from.block);
    this.#recorder.touch(to.block);
    const words = Math.ceil((bytes + 3) / 4);
    const workgroups = Math.min(MOST_WORKGROUPS, Math.ceil(words / THREADS));
    const launch = { program, kernel: 'copy of unaligned bytes' };
    this.#recorder.dispatch(launch, this.pipeline.ready!, group, slot, [workgroups, 1, 1]);
  }

  /** The aligned range around some bytes, and where in it they start. */
  #rangeOf({ block, offset }: CopyRange, bytes: number) {
    const begin = Math.floor(offset / this.#alignment) * this.#alignment;
    const skip = offset - begin;
    const size = Math.ceil((skip + bytes) / 4) * 4;
    return {
      key: `${block.id}@${begin}+${size}`,
      skip,
      resource: { buffer: block.buffer, offset: begin, size },
    };
  }
}
