/**
 * Sums over CUDA devices of this process, by NCCL: from card to card, in each device's own order of work.
 *
 * Invariants: devices have one communicator for each list of devices that they sum in, made by its first sum; where NCCL
 * cannot be used, sums go through host memory, and it is said once why.
 */
import * as platform from '#platform';
import type { DType } from '../../ir/dtype.ts';
import { type Collective, throughHost } from '../collective.ts';
import type { Binding } from '../device.ts';
import type { Handle, NativeNccl, NcclElement } from '../native/api.ts';
import { openCuda } from '../native/open.ts';
import { turn } from '../stream.ts';
import type { CudaDevice } from './device.ts';
import type { Engine } from './engine.ts';
import type { CudaStorage } from './storage.ts';

/** Devices that sum together: `parts` are their communicators, in their order. */
interface Team {
  readonly nccl: NativeNccl;
  readonly parts: readonly Handle[];
}

const ELEMENTS: Readonly<Partial<Record<DType, NcclElement>>> = {
  float32: 'float32',
  float16: 'float16',
  bfloat16: 'bfloat16',
  float64: 'float64',
};

class NcclCollective implements Collective {
  readonly #engines: readonly Engine[];
  /** Opened by the first sum. */
  #team: Promise<Team | undefined> | undefined;

  constructor(engines: readonly Engine[]) {
    this.#engines = engines;
  }

  isOf(devices: readonly CudaDevice[]): boolean {
    return (
      devices.length === this.#engines.length &&
      devices.every((d, i) => d.engine === this.#engines[i])
    );
  }

  async sum(buffers: readonly Binding[], dtype: DType, count: number): Promise<void> {
    this.#team ??= this.#open();
    const team = await this.#team;
    if (team === undefined) return throughHost.sum(buffers, dtype, count);
    await Promise.all(this.#engines.map(reached));
    for (const engine of this.#engines) engine.faults.check();
    team.nccl.group(() => {
      this.#engines.forEach((engine, i) => {
        const { storage, offset } = buffers[i]!;
        const at = (storage as CudaStorage).block.address + offset;
        const part = team.parts[i]!;
        team.nccl.allReduce(part, engine.stream, at, at, count, ELEMENTS[dtype]!, 'add');
        engine.launched('all-reduce');
      });
    });
    return undefined;
  }

  async #open(): Promise<Team | undefined> {
    try {
      const nccl = await (await openCuda()).openNccl();
      return { nccl, parts: await nccl.communicators(this.#engines.map((e) => e.context)) };
    } catch (error) {
      const names = this.#engines.map((e) => e.name).join(', ');
      const reason = error instanceof Error ? error.message : String(error);
      platform.warn(
        `tigon: ${names} sum gradients through host memory, which is slower: ${reason}`,
      );
      return undefined;
    }
  }
}

/** Resolves when all work that was accepted before is launched. */
const reached = (engine: Engine): Promise<void> =>
  new Promise((resolve) => {
    engine.order.add(turn(resolve));
  });

/** By the first of their devices. */
const known = new WeakMap<CudaDevice, NcclCollective[]>();

/** What sums over these devices. */
export const ncclOver = (devices: readonly CudaDevice[]): Collective => {
  const [first] = devices;
  const own = known.get(first!) ?? [];
  known.set(first!, own);
  let found = own.find((collective) => collective.isOf(devices));
  if (found === undefined) {
    found = new NcclCollective(devices.map((d) => d.engine));
    own.push(found);
  }
  return found;
};
