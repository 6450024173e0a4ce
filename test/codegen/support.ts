/**
 * Checks schedules against the meaning of the loop kernel: both interpreters on the same seeded data.
 *
 * Invariant: a schedule passes for any order of workgroups, before and after clean-up, with and without vectors.
 */
import * as assert from 'uvu/assert';
import type { Caps } from '../../src/codegen/caps.ts';
import { cleanup } from '../../src/codegen/cleanup.ts';
import { laneSchedules } from '../../src/codegen/lanes.ts';
import { schedule } from '../../src/codegen/schedule.ts';
import { type Axis, type Idx, idxAxis, newAxis } from '../../src/ir/dim.ts';
import type { DType } from '../../src/ir/dtype.ts';
import { load, newBuffer } from '../../src/ir/loop/expr.ts';
import { interpretKernel, type LoopCells } from '../../src/ir/loop/interpret.ts';
import type { Expr, LoopBuffer, LoopKernel, Nest, Store } from '../../src/ir/loop/loop.ts';
import { verifyKernel } from '../../src/ir/loop/verify.ts';
import { roundTo } from '../../src/ir/rounding.ts';
import { interpretThread } from '../../src/ir/thread/interpret.ts';
import type { ThreadKernel } from '../../src/ir/thread/thread.ts';
import { verifyThread } from '../../src/ir/thread/verify.ts';
import { spanOf } from '../../src/ir/type.ts';

export const caps = (lanes: 1 | 4 = 4, parallelism = 4): Caps => ({
  target: 'wasm',
  lanes,
  wide: true,
  fusedMultiplyAdd: true,
  parallelism,
  processors: parallelism,
  threads: 1,
  subgroup: 1,
  tensorCores: 'none',
  tf32: false,
  winograd: false,
  barriers: true,
  sharedBytes: 1 << 16,
  maxBindings: 100,
  alignment: 64,
  schedules: laneSchedules,
});

export const buffer = (
  name: string,
  shape: readonly number[],
  dtype: DType = 'float32',
  strides?: readonly number[],
): LoopBuffer => newBuffer(name, { dtype, shape }, strides);
export const par = (name: string, extent: number): Axis => newAxis(name, extent, 'par');
export const red = (name: string, extent: number): Axis => newAxis(name, extent, 'red');
export const at = (b: LoopBuffer, ...index: (Axis | Idx)[]): Expr =>
  load(
    b,
    index.map((i) => ('extent' in i ? idxAxis(i) : i)),
  );
export const put = (
  b: LoopBuffer,
  axes: readonly Axis[],
  value: Expr,
  index?: readonly Idx[],
): Store => ({
  buffer: b,
  index: index ?? axes.map(idxAxis),
  value,
  axes,
  mode: 'set',
  over: [],
});
export const nest = (axes: readonly Axis[], ...stores: Store[]): Nest => ({
  axes,
  stores,
  contract: undefined,
});
export const kernel = (
  name: string,
  buffers: readonly LoopBuffer[],
  ...nests: Nest[]
): LoopKernel => ({
  name,
  buffers,
  nests,
  origin: [],
});

/** Seeded numbers in [-2, 2) for floats, small non-negative integers otherwise. */
export const fill = (b: LoopBuffer, seed: number): Float64Array => {
  let state = (seed * 2654435761 + 12345) | 0;
  return Float64Array.from({ length: spanOf(b.shape, b.strides) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    const unit = (state >>> 8) / 2 ** 24;
    switch (b.dtype) {
      case 'float32':
      case 'float16':
      case 'bfloat16':
        return roundTo(b.dtype, unit * 4 - 2);
      case 'bool':
        return unit < 0.5 ? 0 : 1;
      default:
        return Math.floor(unit * 7);
    }
  });
};

export interface CheckOptions {
  /** Absolute and relative. */
  readonly tolerance?: number;
  readonly data?: ReadonlyMap<LoopBuffer, ArrayLike<number>>;
  readonly seed?: number;
}

/** Runs kernels one after the other on copies of the same data and compares all buffers with the reference. */
export const check = (
  reference: LoopKernel,
  options: CheckOptions = {},
  kernels: readonly LoopKernel[] = [reference],
): ThreadKernel[] => {
  const { tolerance = 2e-6, data, seed = 1 } = options;
  verifyKernel(reference);
  const buffers = [...new Set([reference, ...kernels].flatMap((k) => k.buffers))];
  const start = new Map(
    buffers.map((b, i) => [b, Float64Array.from(data?.get(b) ?? fill(b, seed + i))]),
  );
  const copy = (): Map<LoopBuffer, Float64Array> =>
    new Map([...start].map(([b, cells]) => [b, cells.slice()]));
  const expected = copy();
  interpretKernel(reference, expected);
  let last: ThreadKernel[] = [];
  for (const lanes of [1, 4] as const) {
    for (const clean of [false, true]) {
      const actual: Map<LoopBuffer, LoopCells> = copy();
      last = kernels.map((k) => {
        verifyKernel(k);
        const scheduled = schedule(k, caps(lanes));
        const thread = clean ? cleanup(scheduled) : scheduled;
        verifyThread(thread, caps(lanes));
        const cells = new Map(
          thread.buffers.slice(0, k.buffers.length).map((t, i) => [t, actual.get(k.buffers[i]!)!]),
        );
        interpretThread(thread, cells, { order: 'random', seed });
        return thread;
      });
      for (const b of reference.buffers) {
        const want = expected.get(b)!;
        const got = actual.get(b)!;
        const loose = b.dtype === 'bfloat16' ? 1e-2 : b.dtype === 'float16' ? 2e-3 : tolerance;
        for (let i = 0; i < want.length; i++) {
          const bound = loose * (1 + Math.abs(want[i]!));
          const same = Object.is(want[i], got[i]) || Math.abs(want[i]! - got[i]!) <= bound;
          if (!same)
            assert.unreachable(
              `${reference.name} (${lanes} lanes${clean ? ', cleaned' : ''}): ${b.name}[${i}] is ${got[i]}, not ${want[i]}`,
            );
        }
      }
    }
  }
  return last;
};
