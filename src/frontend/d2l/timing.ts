/**
 * How long work takes that ends on a device: many short samples, in turns with what it is compared with.
 *
 * Invariant: the clock stops after the device has done all it was given; a sample is long enough for a coarse clock;
 * what one side suffers from the machine, the other one suffers too.
 */
import type { Device } from '../../runtime/device.ts';
import type { NDArray } from '../ndarray.ts';
import { mapArrays } from '../signature.ts';

/** The clocks of pages are right to a tenth of a millisecond: to one part in fifty then. */
const LEAST_SAMPLE_MS = 5;
/** Rounds, however long they take. */
const LEAST_ROUNDS = 3;

/** One of two ways to do the same. */
export interface Side {
  readonly call: () => unknown;
}

/** Milliseconds: half of all samples lie between the quartiles. */
export interface Spread {
  readonly median: number;
  readonly quartiles: readonly [lower: number, upper: number];
  readonly samples: number;
}

/** The value below which a part of them lies, between samples in proportion. */
const quantile = (sorted: readonly number[], part: number): number => {
  const at = part * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return low + (at - Math.floor(at)) * (high - low);
};

/** Median and quartiles of some milliseconds. */
export const spreadOf = (ms: readonly number[]): Spread => {
  const sorted = ms.toSorted((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    quartiles: [quantile(sorted, 0.25), quantile(sorted, 0.75)],
    samples: ms.length,
  };
};

/** Gives back the memory of results. */
export const drop = (result: unknown): void => {
  mapArrays(result, (x: NDArray) => x.dispose());
};

/** Milliseconds a call, of several in a row. */
const sample = async ({ call }: Side, calls: number, device: Device): Promise<number> => {
  const start = performance.now();
  for (let i = 0; i < calls; i++) drop(call());
  await device.synchronize();
  return (performance.now() - start) / calls;
};

/** How many calls a sample needs; they warm the side up, too. */
const callsFor = async (side: Side, device: Device): Promise<number> => {
  let calls = 1;
  for (;;) {
    const ms = (await sample(side, calls, device)) * calls;
    await device.relieve();
    if (ms >= LEAST_SAMPLE_MS) return calls;
    calls *= Math.max(2, Math.ceil(LEAST_SAMPLE_MS / Math.max(ms, 0.1) / 4));
  }
};

/**
 * Times two sides in turns, first the one and then the other first, for so many rounds, or for so many seconds if that
 * is shorter.
 */
export const timeInTurns = async (
  sides: readonly [Side, Side],
  device: Device,
  effort: { readonly rounds: number; readonly seconds: number },
): Promise<readonly [Spread, Spread]> => {
  const calls = [await callsFor(sides[0], device), await callsFor(sides[1], device)] as const;
  const ms: [number[], number[]] = [[], []];
  const end = performance.now() + 1000 * effort.seconds;
  for (let round = 0; round < effort.rounds; round++) {
    if (round >= LEAST_ROUNDS && performance.now() > end) break;
    for (const i of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      ms[i].push(await sample(sides[i], calls[i], device));
      await device.relieve();
    }
  }
  return [spreadOf(ms[0]), spreadOf(ms[1])];
};
