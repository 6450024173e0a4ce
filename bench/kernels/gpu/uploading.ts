/**
 * Uploads by staging buffers against `writeBuffer`: what a batch takes until the device has it.
 *
 * Invariant: rounds of the two ways take turns on one device; the same arrays are written, and the last one is checked.
 */
import { openWebGpu } from '../../../src/runtime/webgpu/open.ts';

/** Bytes. */
const SIZES = [1e5, 5e5, 1e6, 2e6, 4e6, 1e7, 5e7].map((bytes) => 64 * Math.ceil(bytes / 64));
/** Uploads that are waited for together. */
const BURST = 4;
const ROUNDS = 9;
const WAYS = ['writeBuffer', 'staged'] as const;

export interface Row {
  readonly bytes: number;
  /** Milliseconds an upload: each waited for, and in bursts. */
  readonly single: Readonly<Record<(typeof WAYS)[number], number>>;
  readonly burst: Readonly<Record<(typeof WAYS)[number], number>>;
}

export interface Measured {
  readonly adapter: string;
  readonly rows: readonly Row[];
}

const median = (times: number[]): number => times.sort((a, b) => a - b)[times.length >> 1]!;

export const measureUploads = async (): Promise<Measured> => {
  const device = await openWebGpu();
  const { uploads } = device.engine.recorder;
  const stage = uploads.stage.bind(uploads);
  const ways = {
    writeBuffer: () => undefined,
    staged: (bytes: Uint8Array) => stage(bytes),
  };
  const rows: Row[] = [];
  for (const bytes of SIZES) {
    const values = new Uint8Array(bytes).map((_, i) => i * 7);
    const targets = [0, 1].map((i) => device.allocate(bytes, `target ${i}`));
    const timed = async (way: (typeof WAYS)[number], together: number): Promise<number> => {
      uploads.stage = ways[way];
      const start = performance.now();
      for (let i = 0; i < BURST; i++) {
        device.write(targets[i % 2]!, 0, values);
        // what writeBuffer was given need not be under way before something is submitted
        if ((i + 1) % together === 0) await device.read(targets[i % 2]!, bytes - 4, 4);
      }
      return (performance.now() - start) / BURST;
    };
    const measured = async (together: number): Promise<Row['single']> => {
      const times = { writeBuffer: [] as number[], staged: [] as number[] };
      for (let round = 0; round < ROUNDS; round++)
        for (const way of WAYS) times[way].push(await timed(way, together));
      return { writeBuffer: median(times.writeBuffer), staged: median(times.staged) };
    };
    const row = { bytes, single: await measured(1), burst: await measured(BURST) };
    const got = await device.read(targets[1]!, 0, bytes);
    if (got.some((v, i) => v !== values[i])) throw new Error(`${bytes} bytes did not arrive`);
    for (const target of targets) device.release(target);
    rows.push(row);
  }
  device.dispose();
  return { adapter: device.adapter.description, rows };
};
