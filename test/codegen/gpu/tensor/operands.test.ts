/**
 * What matrix units take: dtypes, prologues, casts, views; what they refuse and why; long sums in parts.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../../../src/codegen/caps.ts';
import { cleanup } from '../../../../src/codegen/cleanup.ts';
import { Copies } from '../../../../src/codegen/copies.ts';
import { problems } from '../../../../src/codegen/gpu/contraction/problem.ts';
import { planOf, planTensorContraction } from '../../../../src/codegen/gpu/tensor/contraction.ts';
import { cudaSchedules } from '../../../../src/codegen/gpu/tensor/schedules.ts';
import { splitTensorContraction } from '../../../../src/codegen/gpu/tensor/split.ts';
import { cutOf } from '../../../../src/codegen/gpu/tensor/tile.ts';
import { isRefusal } from '../../../../src/codegen/plan.ts';
import { schedule } from '../../../../src/codegen/schedule.ts';
import { idxAxis as ax, type Idx } from '../../../../src/ir/dim.ts';
import type { DType } from '../../../../src/ir/dtype.ts';
import {
  accumulator,
  cast,
  constant,
  guard,
  load,
  newBuffer,
  scalar,
} from '../../../../src/ir/loop/expr.ts';
import type { Contraction, Expr, LoopBuffer } from '../../../../src/ir/loop/loop.ts';
import { interpretThread } from '../../../../src/ir/thread/interpret.ts';
import { printThread } from '../../../../src/ir/thread/print.ts';
import { goldenText } from '../../../support/golden.ts';
import { convGradWeight, type Made, matmul, store } from '../../templates/made.ts';
import { evaluate, kernelOf, kernelWith, par, randomMemory, red } from '../../templates/nests.ts';
import { device, of, passes, withTf32 } from './support.ts';

const SIZE = [24, 32, 40] as const;
const buffer = (name: string, dtype: DType, shape: readonly number[], strides?: number[]) =>
  newBuffer(name, { dtype, shape }, strides);

/** x · w with any operands. */
const product = (
  a: (m: Idx, k: Idx) => Expr,
  b: (k: Idx, n: Idx) => Expr,
  buffers: readonly LoopBuffer[],
  out: DType = 'float32',
): Made => {
  const [m, n, k] = [par('m', SIZE[0]), par('n', SIZE[1]), red('k', SIZE[2])];
  const y = buffer('y', out, [SIZE[0], SIZE[1]]);
  const contract: Contraction = {
    batch: [],
    m: [m],
    n: [n],
    k: [k],
    a: a(ax(m), ax(k)),
    b: b(ax(k), ax(n)),
    index: [ax(m), ax(n)],
  };
  const stores = [store(y, [ax(m), ax(n)], cast(accumulator, out), [m, n])];
  return { nest: { axes: [m, n], stores, contract }, buffers: [...buffers, y] };
};

const x = (dtype: DType): LoopBuffer => buffer('x', dtype, [SIZE[0], SIZE[2]]);
const w = (dtype: DType): LoopBuffer => buffer('w', dtype, [SIZE[2], SIZE[1]]);

const notesOf = (made: Made, seed: number, what: string, caps: Caps = device): string =>
  passes(made, seed, what, planTensorContraction, caps).notes.join('\n');

const refusedBecause = (made: Made, why: RegExp, caps: Caps = device): void => {
  const plan = planTensorContraction(made.nest, caps);
  assert.ok(isRefusal(plan));
  assert.match(isRefusal(plan) ? plan.refused : '', why);
};

test('16-bit operands widened to float32 are multiplied as they are, and copied', () => {
  const [a, b] = [x('bfloat16'), w('bfloat16')];
  const made = product(
    (m, k) => cast(load(a, [m, k]), 'float32'),
    (k, n) => cast(load(b, [k, n]), 'float32'),
    [a, b],
  );
  const notes = notesOf(made, 1, 'widened');
  assert.match(
    notes,
    /\(bfloat16\).*rows along depth in copies of 16 bytes.*columns along free in copies of 16/,
  );
});

test('what is computed in 16 bits or rounded to them comes through registers', () => {
  const [a, b] = [x('bfloat16'), w('float32')];
  const made = product(
    (m, k) => scalar('relu', load(a, [m, k])),
    (k, n) => cast(load(b, [k, n]), 'bfloat16'),
    [a, b],
    'bfloat16',
  );
  assert.match(
    notesOf(made, 2, 'prologues'),
    /rows along depth through registers, columns along free through/,
  );
});

test('zeros outside of bounds: copied where pieces are inside or outside of them together', () => {
  const [a, b] = [x('float16'), w('float16')];
  const bounded = (lo: number): Made =>
    product(
      (m, k) => guard([{ idx: k, lo, hi: SIZE[2] }], load(a, [m, k]), constant(0, 'float16')),
      (k, n) => load(b, [k, n]),
      [a, b],
    );
  assert.match(notesOf(bounded(8), 3, 'bounds of eights'), /rows along depth in copies of 16/);
  assert.match(notesOf(bounded(4), 3, 'bounds of fours'), /rows along depth in copies of 8/);
  assert.match(notesOf(bounded(3), 3, 'odd bounds'), /rows along depth through registers/);
});

test('views: copies are as long as places allow', () => {
  const wide = (stride: number): string => {
    const a = buffer('x', 'bfloat16', [SIZE[0], SIZE[2]], [stride, 1]);
    const b = w('bfloat16');
    return notesOf(
      product(
        (m, k) => load(a, [m, k]),
        (k, n) => load(b, [k, n]),
        [a, b],
      ),
      4,
      `a view of stride ${stride}`,
    );
  };
  assert.match(wide(48), /rows along depth in copies of 16/);
  assert.match(wide(44), /rows along depth in copies of 8/);
  assert.match(wide(42), /rows along depth in copies of 4/);
  assert.match(wide(41), /rows along depth through registers/);
});

test('float32 keeps its bits: refused, unless it may be rounded to TF32', () => {
  const [a, b, c] = [x('bfloat16'), w('bfloat16'), w('float32')];
  const mixed = product(
    (m, k) => cast(load(a, [m, k]), 'float32'),
    (k, n) => load(c, [k, n]),
    [a, c],
  );
  refusedBecause(mixed, /these are bfloat16 and float32/);
  assert.match(notesOf(mixed, 5, 'mixed', withTf32), /\(tfloat32\)/);
  // what is computed in float32 of 16-bit numbers is float32
  const scaled = product(
    (m, k) => scalar('mul', cast(load(a, [m, k]), 'float32'), constant(0.75, 'float32')),
    (k, n) => cast(load(b, [k, n]), 'float32'),
    [a, b],
  );
  refusedBecause(scaled, /these are float32 and bfloat16/);
  refusedBecause(
    matmul(64, 64, 64),
    /these are float32: float32 is rounded only where tf32 was asked/,
  );
  const halves = product(
    (m, k) => load(a, [m, k]),
    (k, n) => load(w('float16'), [k, n]),
    [a, w('float16')],
  );
  refusedBecause(halves, /bfloat16 and float16/);
  refusedBecause(of('bfloat16', matmul(64, 64, 64)), /no matrix units/, {
    ...device,
    tensorCores: 'none',
  });
});

test('a nest that matrix units refuse has another schedule, and a note', () => {
  const made = matmul(64, 64, 64);
  const { notes } = schedule(kernelWith(made.nest, made.buffers), {
    ...device,
    schedules: cudaSchedules,
  });
  assert.match(notes.join('\n'), /^no matrix units: .*float32.*\ncontraction 64 x 64 x 64/);
});

test('long sums of few tiles are cut into parts, whose sums are exact', () => {
  const cases: Made[] = [
    of('bfloat16', matmul(32, 40, 4096, { transposeB: true, epilogue: 'bias' })),
    of('float16', matmul(24, 33, 3001, { transposeA: true })),
    of('bfloat16', convGradWeight(8, 4, 24, 24, 16, 3)),
  ];
  for (const [i, made] of cases.entries()) {
    const caps: Caps = { ...device, schedules: cudaSchedules };
    const parts = splitTensorContraction(
      kernelWith(made.nest, made.buffers),
      caps,
      new Copies(() => false),
    );
    assert.ok(parts, `split ${i}`);
    const memory = randomMemory(made.buffers, i);
    const cells = new Map([...memory].map(([b, m]) => [b, m.slice()]));
    for (const part of parts!) {
      const kernel = cleanup(schedule(part, caps));
      for (const b of part.buffers)
        if (!cells.has(b)) cells.set(b, new Float64Array(b.shape.reduce((n, d) => n * d, 1)));
      interpretThread(
        kernel,
        new Map(part.buffers.map((b, j) => [kernel.buffers[j]!, cells.get(b)!])),
      );
    }
    const want = evaluate([made.nest], memory);
    for (const s of made.nest.stores)
      assert.equal([...cells.get(s.buffer)!], [...want.get(s.buffer)!]);
  }
});

test('a kernel as text', () => {
  const made = of('bfloat16', matmul(64, 48, 96, { transposeB: true, epilogue: 'bias' }));
  const tile = { rows: 32, columns: 16, depth: 32, warpRows: 16, warpColumns: 16, stages: 3 };
  const plan = planOf(
    cutOf(problems(made.nest, made.nest.contract!)[0]!, tile, 'bfloat16', device)!,
  );
  const written = new Set(made.nest.stores.map((s) => s.buffer));
  goldenText(
    printThread(cleanup(kernelOf(plan, made.buffers, written))),
    `
thread contraction(
  read x: bf16[6144],
  read w: bf16[4608],
  read bias: f32[48],
  readwrite y: f32[3072],
  shared rows: bf16[3072],
  shared columns: bf16[1536],
) grid 6 as workgroup, threads 64 as local {
  cost 299520, 33792
  note "contraction on matrix units (bfloat16) 64 x 48 x 96: rows along depth in copies of 16 bytes, columns along depth in copies of 16 bytes"
  note "tiles 32 x 16 x 32 of 2 warps of 16 x 16, 3 stages, stored from registers"
  var c: f32x4 = f32x4(0.0)
  var c_1: f32x4 = f32x4(0.0)
  let own: i32 = local * 8
  let flat: i32 = xor(own, and(shr(own, 6), 3) * 8)
  let rowBlock: i32 = and(workgroup, 1)
  let t73: i32 = shr(own, 5) * 96
  let place: i32 = and(own, 31)
  let "from": i32 = rowBlock * 3072 + t73 + place
  copy rows[flat : 8] = x["from"]
  copy rows[flat + 512 : 8] = x["from" + 1536]
  let columnBlock: i32 = shr(workgroup, 1)
  let from_2: i32 = columnBlock * 1536 + t73 + place
  copy columns[flat : 8] = w[from_2]
  commit
  copy rows[flat + 1024 : 8] = x["from" + 32]
  copy rows[flat + 1536 : 8] = x["from" + 1568]
  copy columns[flat + 512 : 8] = w[from_2 + 32]
  commit
  let warp: i32 = shr(local, 5)
  let lane: i32 = and(local, 31)
  let t45: i32 = and(lane, 7) * 4
  let t33: i32 = shr(lane, 3)
  let t34: i32 = and(t33, 1)
  let t40: i32 = shr(t33, 1)
  let flat_3: i32 = (warp * 64 + t45 + t34 * 32 + t40) * 8
  let at: i32 = xor(flat_3, and(shr(flat_3, 6), 3) * 8)
  let flat_4: i32 = (t45 + t34 + t40 * 32) * 8
  let at_1: i32 = xor(flat_4, and(shr(flat_4, 6), 3) * 8)
  let here: i32 = xor(at, 16)
  let here_1: i32 = xor(at_1, 16)
  for "step" in 0..3 {
    wait 1
    barrier
    if "step" + 2 < 3 {
      let slot: i32 = mod("step" + 2, 3)
      let t104: i32 = flat + slot * 1024
      let t97: i32 = "step" * 32
      let t102: i32 = "from" + t97
      copy rows[t104 : 8] = x[t102 + 64]
      copy rows[t104 + 512 : 8] = x[t102 + 1600]
      copy columns[flat + slot * 512 : 8] = w[from_2 + t97 + 64]
    }
    commit
    let base_2: i32 = "step" * 1024
    fragments a: u32x4 = rows[at + base_2]
    let base_3: i32 = "step" * 512
    fragments b: u32x4 = columns[at_1 + base_3]
    mma c += bf16(a, lane(b, 0), lane(b, 1))
    mma c_1 += bf16(a, lane(b, 2), lane(b, 3))
    fragments a_1: u32x4 = rows[here + base_2]
    fragments b_1: u32x4 = columns[here_1 + base_3]
    mma c += bf16(a_1, lane(b_1, 0), lane(b_1, 1))
    mma c_1 += bf16(a_1, lane(b_1, 2), lane(b_1, 3))
  }
  let odd: i32 = and(lane, 1)
  let isOdd: bool = odd == 1
  let t150: f32 = lane(c, 0)
  let t151: f32 = lane(c, 2)
  exchange met: f32 = select(isOdd, t150, t151) across 1
  let t154: f32 = lane(c, 1)
  let t155: f32 = lane(c, 3)
  exchange met_1: f32 = select(isOdd, t154, t155) across 1
  let quad: f32x4 = vec4(select(isOdd, met, t150), select(isOdd, met_1, t154), select(isOdd, t151, met), select(isOdd, t155, met_1))
  let t146: i32 = columnBlock * 4
  let t138: i32 = shr(and(lane, 3), 1)
  let firstOwn_1: i32 = (t146 + t138) * 4
  let bias.1: f32x4 = bias[firstOwn_1 : 4]
  let add: f32x4 = quad + bias.1
  let t179: i32 = (rowBlock * 384 + t146 + warp * 192 + odd * 96 + shr(lane, 2) * 12 + t138) * 4
  y[t179 : 4] = add
  let t181: f32 = lane(c_1, 0)
  let t182: f32 = lane(c_1, 2)
  exchange met_2: f32 = select(isOdd, t181, t182) across 1
  let t185: f32 = lane(c_1, 1)
  let t186: f32 = lane(c_1, 3)
  exchange met_3: f32 = select(isOdd, t185, t186) across 1
  let quad_1: f32x4 = vec4(select(isOdd, met_2, t181), select(isOdd, met_3, t185), select(isOdd, t182, met_2), select(isOdd, t186, met_3))
  let bias_1: f32x4 = bias[firstOwn_1 + 8 : 4]
  let add_1: f32x4 = quad_1 + bias_1
  y[t179 + 8 : 4] = add_1
}
`,
  );
});

test.run();
