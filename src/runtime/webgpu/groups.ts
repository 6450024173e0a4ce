/**
 * Bind groups by the buffers and ranges they name.
 *
 * Invariant: a group found again names the very buffers of the key; the least recently used go first.
 */
import type { Counters } from './counters.ts';
import type { BindGroupEntry, GpuBindGroup, GpuBindGroupLayout, GpuDevice } from './gpu-types.ts';

export class Groups {
  readonly #most: number;
  readonly #byKey = new Map<string, GpuBindGroup>();

  constructor(most: number) {
    this.#most = most;
  }

  find(key: string): GpuBindGroup | undefined {
    const group = this.#byKey.get(key);
    if (group === undefined) return undefined;
    this.#byKey.delete(key);
    this.#byKey.set(key, group);
    return group;
  }

  keep(key: string, group: GpuBindGroup): void {
    this.#byKey.set(key, group);
    if (this.#byKey.size > this.#most) this.#byKey.delete(this.#byKey.keys().next().value!);
  }

  clear(): void {
    this.#byKey.clear();
  }
}

export const makeGroup = (
  gpu: GpuDevice,
  counters: Counters,
  layout: GpuBindGroupLayout,
  label: string,
  entries: readonly BindGroupEntry[],
): GpuBindGroup => {
  counters.bindGroups++;
  return gpu.createBindGroup({ label, layout, entries });
};
