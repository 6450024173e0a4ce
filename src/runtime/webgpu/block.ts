/**
 * Blocks of a WebGPU device: buffers that storages live in, one each.
 *
 * Invariant: an id is never used again for another block: caches of bind groups key on it.
 */
import { Blocks } from '../blocks.ts';
import type { Counters } from './counters.ts';
import { BufferUsage, type GpuBuffer, type GpuDevice } from './gpu-types.ts';

export class Block {
  readonly id: number;
  readonly buffer: GpuBuffer;
  readonly size: number;
  label: string;
  /** The last batch of commands that names it. */
  batch = 0;
  /** The last run of a program that writes it. */
  written = 0;
  /** True when the device had no memory for it. */
  failed = false;
  constructor(id: number, buffer: GpuBuffer, label: string) {
    this.id = id;
    this.buffer = buffer;
    this.size = buffer.size;
    this.label = label;
  }
}

const USAGE = BufferUsage.storage | BufferUsage.copySource | BufferUsage.copyTarget;

export const blocksOf = (gpu: GpuDevice, counters: Counters): Blocks<Block> => {
  let nextId = 1;
  return new Blocks((size, label) => {
    counters.buffers++;
    return new Block(nextId++, gpu.createBuffer({ size, usage: USAGE, label }), label);
  });
};
