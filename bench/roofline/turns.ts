/**
 * Ceilings in turns with what is held against them: on a machine that others use, both are slowed alike.
 *
 * Invariant: a turn is a few calls between two looks at every ceiling that matters to them, none of it longer than need be.
 */
import type { Work } from '../../src/ir/loop/work.ts';
import type { CpuDevice } from '../../src/runtime/cpu/device.ts';
import { type Ceilings, copying, lookAt, multiplyAdds, type Probe } from './ceilings.ts';

/** Calls between two looks last as long at least. */
const TURN_MS = 3;

/** Some calls, and the ceilings around them. */
export interface Turn {
  /** Nanoseconds of a call, in the mean. */
  readonly nanoseconds: number;
  readonly ceilings: Ceilings;
}

/** Sizes whose copies bound work that memory bounds: the next smaller one and the next larger one of each. */
const boundingSizes = (works: readonly Work[], { arithmetic, memory }: Ceilings): number[] => {
  const sizes = memory.map((m) => m.bytes);
  const moved = works.flatMap((work) => {
    const bytes = work.bytesRead + work.bytesWritten;
    const above = memory.findIndex((m) => m.bytes >= bytes);
    const around = above < 0 ? memory.slice(-1) : memory.slice(Math.max(0, above - 1), above + 1);
    const slowest = Math.min(...around.map((m) => m.speed));
    return bytes / slowest > work.operations / arithmetic ? around.map((m) => m.bytes) : [];
  });
  return sizes.filter((bytes) => moved.includes(bytes));
};

/** What finds the ceilings that bound such works, warm. */
export const probesOf = (
  device: CpuDevice,
  works: readonly Work[],
  ceilings: Ceilings,
): readonly Probe[] => {
  const copies = boundingSizes(works, ceilings).map((bytes) => copying(device, bytes));
  const probes = [multiplyAdds(device), ...copies];
  probes.forEach(lookAt);
  return probes;
};

/** The speed over two equal amounts of work. */
const between = (a: number, b: number): number => 2 / (1 / a + 1 / b);

/** Turns for so many milliseconds; what no probe finds is as in `ceilings`. `called` is told how long each call took. */
export const takeTurns = async (
  probes: readonly Probe[],
  ceilings: Ceilings,
  milliseconds: number,
  call: () => unknown,
  called: (nanoseconds: number) => void,
): Promise<readonly Turn[]> => {
  const look = (): Map<number, number> => new Map(probes.map((p) => [p.bytes, p.speed()]));
  const turns: Turn[] = [];
  const end = performance.now() + milliseconds;
  let before = look();
  do {
    let [calls, sum] = [0, 0];
    while (sum < TURN_MS * 1e6) {
      const start = performance.now();
      await call();
      const nanoseconds = 1e6 * (performance.now() - start);
      called(nanoseconds);
      calls++;
      sum += nanoseconds;
    }
    const [earlier, later] = [before, look()];
    const here = (bytes: number, otherwise: number): number =>
      later.has(bytes) ? between(earlier.get(bytes)!, later.get(bytes)!) : otherwise;
    turns.push({
      nanoseconds: sum / calls,
      ceilings: {
        arithmetic: here(0, ceilings.arithmetic),
        memory: ceilings.memory.map(({ bytes, speed }) => ({ bytes, speed: here(bytes, speed) })),
      },
    });
    before = later;
  } while (performance.now() < end);
  return turns;
};
