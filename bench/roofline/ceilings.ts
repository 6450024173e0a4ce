/**
 * What the CPU device can do at most: multiply-adds in registers, and copying memory that lies near or far. Kernels by
 * hand, run by the device with as many threads as everything else.
 *
 * Invariant: a ceiling is the lower quartile of many runs, the best of several looks, so what disturbs the machine does not
 * lower it; the compiler of WebAssembly cannot leave its work out.
 */
import type { Program } from '../../src/ir/program.ts';
import {
  add,
  f32,
  fma,
  forOf,
  get,
  i32,
  loadFrom,
  mul,
  operate,
  register,
  regType,
  setOf,
  splat,
  storeTo,
  varOf,
} from '../../src/ir/thread/build.ts';
import type { ThreadBuffer, ThreadKernel, TStmt } from '../../src/ir/thread/thread.ts';
import type { CpuDevice } from '../../src/runtime/cpu/device.ts';

/** The speeds of a device. */
export interface Ceilings {
  /** Multiply-adds of one element in a nanosecond, fused where the engine fuses. */
  readonly arithmetic: number;
  /** Bytes (read and written together) a nanosecond, by how many bytes a copy moves; by bytes, increasing. */
  readonly memory: readonly { readonly bytes: number; readonly speed: number }[];
}

const LANES = 4;
/** Vectors that depend on nothing but themselves: enough for the units to be busy, few enough for registers. */
const CHAINS = 8;
const STEPS = 40_000;
const PIECES = 16;
/** How long each ceiling is looked for at a time. */
const LOOK_MS = 25;
/** Read and written together: in the first-level cache of each thread, up to memory. */
const SIZES = [15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26].map((n) => 2 ** n);
/** What one run of a copy moves at least. */
const LEAST_MOVED = 2 ** 26;

const vector = regType('f32', 4);

const globalBuffer = (
  name: string,
  access: ThreadBuffer['access'],
  elements: number,
): ThreadBuffer => ({ name, dtype: 'float32', space: 'global', access, elements });

/** A program of one launch, that reads one array and writes another. */
const programOf = (
  name: string,
  buffers: readonly [ThreadBuffer, ThreadBuffer],
  grid: number,
  bodyOf: (kernel: Pick<ThreadKernel, 'workgroup'>) => TStmt[],
): Program => {
  const workgroup = register('group', regType('i32'));
  const kernel: ThreadKernel = {
    name,
    buffers,
    workgroup,
    local: register('local', regType('i32')),
    grid,
    threads: 1,
    body: bodyOf({ workgroup }),
    // enough for all threads to be asked
    cost: { flops: 1e9, bytes: 1e9 },
    notes: [],
  };
  return {
    name,
    buffers: buffers.map((b, i) => ({
      name: b.name,
      dtype: b.dtype,
      shape: [b.elements],
      strides: [1],
      role: i === 0 ? 'input' : 'output',
      bytes: 4 * b.elements,
      offset: undefined,
      inPlaceOf: undefined,
      values: undefined,
    })),
    kernels: [kernel],
    steps: [{ kernel: 0, bindings: [0, 1], barrier: false }],
    loops: [],
    arenaBytes: 0,
    lowerBoundBytes: 0,
  };
};

/** What finds a ceiling: work by hand, ready to run. */
export interface Probe {
  /** What a run moves; of multiply-adds, nothing. */
  readonly bytes: number;
  /** One run: multiply-adds, or bytes, a nanosecond. */
  readonly speed: () => number;
  readonly dispose: () => void;
}

/** A program whose run is so many multiply-adds, or moves so many bytes. */
const probeOf = (device: CpuDevice, program: Program, bytes: number, amount: number): Probe => {
  const executable = device.load(program);
  const storages = program.buffers.map((b) => {
    const storage = device.allocate(b.bytes, b.name);
    device.write(storage, 0, new Uint8Array(b.bytes));
    return storage;
  });
  return {
    bytes,
    speed: () => {
      const start = performance.now();
      executable.run(storages, [0, 0], []);
      return amount / (1e6 * (performance.now() - start));
    },
    dispose: () => {
      executable.dispose();
      for (const s of storages) device.release(s);
    },
  };
};

/** The speed of many runs: three in four are slower. */
export const lookAt = ({ speed }: Probe): number => {
  const speeds: number[] = [];
  const end = performance.now() + LOOK_MS;
  do speeds.push(speed());
  while (performance.now() < end);
  return speeds.sort((a, b) => b - a)[speeds.length >> 2]!;
};

export const multiplyAdds = (device: CpuDevice): Probe => {
  const x = globalBuffer('x', 'read', LANES);
  const y = globalBuffer('y', 'write', PIECES * LANES);
  const program = programOf('multiply-adds', [x, y], PIECES, ({ workgroup }) => {
    const sums = Array.from({ length: CHAINS }, (_, i) => register(`sum${i}`, vector));
    const [a, k] = [register('a', vector), register('k', regType('i32'))];
    const step = sums.map((s): TStmt => setOf(s, fma(get(s), get(a), get(a))));
    const total = sums.slice(1).reduce((t, s) => operate('add', t, get(s)), get(sums[0]!));
    return [
      varOf(a, loadFrom(x, i32(0), 4)),
      ...sums.map((s, i) => varOf(s, splat(f32(i)))),
      forOf(k, i32(0), i32(STEPS), 1, step),
      storeTo(y, mul(get(workgroup), i32(LANES)), total),
    ];
  });
  return probeOf(device, program, 0, PIECES * STEPS * CHAINS * LANES);
};

/**
 * A copy that moves `bytes`: each thread copies its part again and again, so that what fits its cache stays there.
 */
export const copying = (device: CpuDevice, bytes: number): Probe => {
  const elements = bytes / 8;
  const part = elements / device.threads;
  const share = Math.floor(part / LANES) * LANES;
  const repeats = Math.max(1, Math.round(LEAST_MOVED / bytes));
  const x = globalBuffer('x', 'read', elements);
  const y = globalBuffer('y', 'write', elements);
  const program = programOf('copy', [x, y], device.threads, ({ workgroup }) => {
    const [again, i] = [register('again', regType('i32')), register('i', regType('i32'))];
    const at = add(mul(get(workgroup), i32(share)), get(i));
    const copy = forOf(i, i32(0), i32(share), LANES, [storeTo(y, at, loadFrom(x, at, 4))]);
    return [forOf(again, i32(0), i32(repeats), 1, [copy])];
  });
  return probeOf(device, program, bytes, 8 * share * device.threads * repeats);
};

const lookOnce = (probe: Probe): number => {
  const speed = lookAt(probe);
  probe.dispose();
  return speed;
};

/** Bytes a nanosecond of a copy that moves `bytes`. */
export const copySpeed = (device: CpuDevice, bytes: number): number =>
  lookOnce(copying(device, bytes));

/** Measures all of them. */
export const measureCeilings = (device: CpuDevice): Ceilings => ({
  arithmetic: lookOnce(multiplyAdds(device)),
  memory: SIZES.map((bytes) => ({ bytes, speed: copySpeed(device, bytes) })),
});

/** The better of two looks. */
export const better = (a: Ceilings, b: Ceilings): Ceilings => ({
  arithmetic: Math.max(a.arithmetic, b.arithmetic),
  memory: a.memory.map(({ bytes, speed }, i) => ({
    bytes,
    speed: Math.max(speed, b.memory[i]!.speed),
  })),
});

/** Bytes a nanosecond for so many bytes: between two sizes that were measured, in proportion to their logarithm. */
export const speedFor = ({ memory }: Ceilings, bytes: number): number => {
  const above = memory.findIndex((m) => m.bytes >= bytes);
  if (above === 0) return memory[0]!.speed;
  if (above < 0) return memory.at(-1)!.speed;
  const [low, high] = [memory[above - 1]!, memory[above]!];
  const t = Math.log(bytes / low.bytes) / Math.log(high.bytes / low.bytes);
  return low.speed + t * (high.speed - low.speed);
};
