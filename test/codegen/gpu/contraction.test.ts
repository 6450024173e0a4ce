/**
 * The GPU schedule of contractions computes what the nest says, whatever the tile, sizes, layouts, guards and epilogues.
 *
 * Interpreted: threads in any order, races between barriers are errors.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../../src/codegen/caps.ts';
import { cleanup } from '../../../src/codegen/cleanup.ts';
import { tilesOf } from '../../../src/codegen/gpu/contraction/choose.ts';
import { planGpuContraction, planOf } from '../../../src/codegen/gpu/contraction/contraction.ts';
import { cyclesOf, leastCycles } from '../../../src/codegen/gpu/contraction/model.ts';
import { problems } from '../../../src/codegen/gpu/contraction/problem.ts';
import { cutOf } from '../../../src/codegen/gpu/contraction/tile.ts';
import { softwareSchedules } from '../../../src/codegen/gpu/software-schedules.ts';
import { isRefusal, type NestPlan } from '../../../src/codegen/plan.ts';
import { defaultWgslCaps, GUARANTEED_LIMITS, wgslCaps } from '../../../src/codegen/wgsl/caps.ts';
import { idxAxis as ax, type Idx, idxAdd, idxConst, idxScale } from '../../../src/ir/dim.ts';
import {
  accumulator,
  cast,
  constant,
  load,
  newBuffer,
  reduce,
  scalar,
} from '../../../src/ir/loop/expr.ts';
import type { Contraction, Expr } from '../../../src/ir/loop/loop.ts';
import { interpretThread } from '../../../src/ir/thread/interpret.ts';
import { printThread } from '../../../src/ir/thread/print.ts';
import type { ThreadKernel, TStmt } from '../../../src/ir/thread/thread.ts';
import { goldenText } from '../../support/golden.ts';
import {
  conv,
  convGradInput,
  convGradWeight,
  f32,
  type Made,
  type MatmulOptions,
  matmul,
  store,
} from '../templates/made.ts';
import { check, generator, kernelOf, par, randomMemory, red } from '../templates/nests.ts';

const caps = defaultWgslCaps;

interface Options {
  readonly threads?: number;
  readonly caps?: Caps;
  readonly plan?: NestPlan;
}

/** Runs a nest and holds it against its meaning: small multiples of 1/8 add up exactly. */
const passes = (made: Made, seed: number, what: string, o: Options = {}): ThreadKernel => {
  const ran = check(
    made.nest,
    made.buffers,
    o.caps ?? caps,
    seed,
    (nest, device) => o.plan ?? device.schedules.contraction(nest, device, o.threads),
  );
  if (typeof ran === 'string') throw new Error(`${what}: refused: ${ran}`);
  assert.is(ran.error, 0, what);
  if (o.threads !== undefined) assert.is(ran.kernel.threads, o.threads, what);
  return ran.kernel;
};

const kernelFor = (made: Made, threads?: number): ThreadKernel => {
  const plan = planGpuContraction(made.nest, caps, threads);
  if (isRefusal(plan)) throw new Error(plan.refused);
  return cleanup(kernelOf(plan, made.buffers, new Set(made.nest.stores.map((s) => s.buffer))));
};

const EPILOGUES = [undefined, 'bias', 'relu', 'residual', 'two', 'scaled'] as const;

const anyOptions = (pick: (n: number) => number): MatmulOptions => {
  const epilogue = EPILOGUES[pick(EPILOGUES.length)];
  return {
    transposeA: pick(2) === 1,
    transposeB: pick(2) === 1,
    transposeOut: pick(4) === 0,
    ...(epilogue === undefined ? {} : { epilogue }),
    ...(pick(3) === 0 ? { batch: 1 + pick(3), shareA: pick(2) === 1 } : {}),
  };
};

test('matrix products of 40 random sizes, layouts, epilogues and workgroups', () => {
  const pick = generator(7);
  for (let i = 0; i < 40; i++) {
    const [M, N, K] = [4 + pick(67), 4 + pick(67), 4 + pick(67)];
    if (M * N * K < 4096) continue;
    const options = anyOptions(pick);
    const threads = [undefined, undefined, 16, 32, 64, 96, 128, 256][pick(8)];
    const what = `${M} ${N} ${K} ${JSON.stringify(options)} ${threads}`;
    passes(matmul(M, N, K, options), i, what, threads === undefined ? {} : { threads });
  }
});

test('every tile computes the same: 50 of them, for products that fit none', () => {
  const pick = generator(11);
  const cases = [
    matmul(37, 50, 70, { epilogue: 'relu' }),
    matmul(36, 44, 64, { transposeB: true, epilogue: 'bias' }),
    matmul(52, 41, 52, { transposeA: true, epilogue: 'two' }),
    conv(2, 3, 9, 8, 12, 3, { pad: 1 }),
    convGradWeight(2, 4, 9, 9, 5, 3),
  ];
  const tiles = [32, 64, 128, 256].flatMap((team) => [...tilesOf(team)]);
  let tried = 0;
  for (let i = 0; tried < 50; i++) {
    const made = cases[i % cases.length]!;
    const tile = tiles[pick(tiles.length)]!;
    const problem = problems(made.nest, made.nest.contract!)[pick(2)]!;
    const cut = cutOf(problem, tile, caps);
    if (cut === undefined || cut.grid * cut.threads > 8192) continue;
    tried++;
    assert.ok(leastCycles(problem, tile) <= cyclesOf(cut), 'the lower bound is one');
    passes(made, i, JSON.stringify(tile), { plan: planOf(cut) });
  }
});

test('tiny, prime and long sizes', () => {
  passes(matmul(4, 32, 32), 1, 'four rows');
  passes(matmul(32, 4, 32), 2, 'four columns');
  passes(matmul(5, 7, 127), 3, 'fewer rows and columns than any tile');
  passes(matmul(61, 67, 59), 4, 'primes');
  passes(matmul(8, 12, 1000, { transposeB: true }), 5, 'a long sum');
  passes(matmul(8, 12, 1009, { transposeA: true, epilogue: 'relu' }), 6, 'a long prime sum');
  passes(matmul(300, 4, 5), 7, 'tall');
  passes(matmul(4, 300, 5, { transposeOut: true }), 8, 'wide, stored down');
});

test('convolutions: forward with padding and strides, both gradients', () => {
  for (const threads of [undefined, 256]) {
    const o = threads === undefined ? {} : { threads };
    passes(conv(2, 1, 12, 12, 8, 5), 1, 'rows of 8', o);
    passes(conv(2, 3, 9, 11, 6, 3), 2, 'rows of 9', o);
    passes(conv(2, 3, 8, 8, 6, 3, { pad: 1 }), 3, 'padded', o);
    passes(conv(1, 3, 15, 15, 5, 3, { pad: 1, stride: 2 }), 4, 'strided', o);
    passes(conv(2, 8, 7, 7, 9, 1), 5, '1 x 1', o);
    passes(convGradInput(2, 4, 12, 12, 5, 5), 6, 'gradient of the input', o);
    passes(convGradInput(2, 4, 9, 9, 5, 3), 7, 'gradient of the input, rows of 9', o);
    passes(convGradWeight(3, 4, 12, 12, 6, 5), 8, 'gradient of the weight', o);
    passes(convGradWeight(2, 4, 9, 9, 5, 3), 9, 'gradient of the weight, rows of 7', o);
  }
});

test('results are stored from registers where that is short, else through shared memory', () => {
  const tile = { across: 8, down: 8, slices: 1, rows: 4, columns: 4, depth: 8 };
  const stored = (made: Made, from: 'registers' | 'shared memory', of = tile): void => {
    const cut = cutOf(problems(made.nest, made.nest.contract!)[0]!, of, caps)!;
    const plan = planOf(cut);
    assert.match(plan.notes.join(), `stored from ${from}`);
    passes(made, 1, from, { plan });
  };
  stored(matmul(64, 64, 8, { epilogue: 'relu' }), 'registers');
  stored(matmul(37, 64, 8, { epilogue: 'relu' }), 'registers');
  stored(matmul(37, 36, 9, { epilogue: 'two' }), 'registers');
  stored(matmul(37, 36, 9, { epilogue: 'residual', transposeOut: true }), 'registers');
  stored(matmul(37, 37, 9, { epilogue: 'residual' }), 'shared memory');
  stored(matmul(64, 64, 8, { epilogue: 'scaled' }), 'registers');
  stored(matmul(128, 64, 8, { epilogue: 'scaled' }), 'shared memory', {
    ...tile,
    rows: 8,
    columns: 8,
  });
  stored(matmul(64, 64, 8), 'shared memory', { ...tile, down: 4, slices: 2 });
});

/** x · w with any operands. */
const product = (
  a: (m: Idx, k: Idx) => Expr,
  b: (k: Idx, n: Idx) => Expr,
  buffers: Made['buffers'],
): Made => {
  const [m, n, k] = [par('m', 21), par('n', 26), red('k', 34)];
  const y = f32('y', [21, 26]);
  const contract: Contraction = {
    batch: [],
    m: [m],
    n: [n],
    k: [k],
    a: a(ax(m), ax(k)),
    b: b(ax(k), ax(n)),
    index: [ax(m), ax(n)],
  };
  const stores = [store(y, [ax(m), ax(n)], accumulator, [m, n])];
  return { nest: { axes: [m, n], stores, contract }, buffers: [...buffers, y] };
};

test('operands of any dtype that is computed in float32, and what is computed of others', () => {
  const x = newBuffer('x', { dtype: 'float16', shape: [21, 34] });
  const w = newBuffer('w', { dtype: 'float16', shape: [34, 26] });
  const flags = newBuffer('flags', { dtype: 'int32', shape: [34, 26] });
  const scale = f32('scale', [34]);
  passes(
    product(
      (m, k) => load(x, [m, k]),
      (k, n) => load(w, [k, n]),
      [x, w],
    ),
    1,
    'float16',
  );
  passes(
    product(
      (m, k) => scalar('relu', cast(load(x, [m, k]), 'float32')),
      (k, n) => scalar('mul', cast(load(flags, [k, n]), 'float32'), load(scale, [k])),
      [x, flags, scale],
    ),
    2,
    'maps and casts of operands',
  );
});

test('operands that fold something are folded as they are staged', () => {
  const x = f32('x', [42, 68]);
  const w = f32('w', [34, 26]);
  const [i, j] = [red('i', 2), red('j', 2)];
  const pooled = (m: Idx, k: Idx): Expr =>
    reduce('add', [i, j], load(x, [idxAdd(idxScale(m, 2), ax(i)), idxAdd(idxScale(k, 2), ax(j))]));
  const made = product(pooled, (k, n) => load(w, [k, n]), [x, w]);
  passes(made, 3, 'pooled');
  passes(made, 4, 'pooled', { threads: 256 });
});

test('operands too long for any tile are staged all the same', () => {
  const x = f32('x', [21, 34]);
  const w = f32('w', [34, 26]);
  const long = (e: Expr): Expr => {
    let value = e;
    for (let n = 0; n < 60; n++) value = scalar('add', value, constant((n % 3) - 1, 'float32'));
    return value;
  };
  const made = product(
    (m, k) => long(load(x, [m, k])),
    (k, n) => long(load(w, [k, n])),
    [x, w],
  );
  assert.match(passes(made, 3, 'long').notes.join(), /tiles/);
});

test('views with any strides', () => {
  const x = f32('x', [21, 34], [80, 2]);
  const w = f32('w', [34, 26], [30, 1]);
  const made = product(
    (m, k) => load(x, [m, k]),
    (k, n) => scalar('mul', load(w, [k, n]), load(x, [idxConst(3), k])),
    [x, w],
  );
  passes(made, 9, 'views');
});

test('what is written over in place is read by the thread that writes it', () => {
  const [m, n, k] = [par('m', 40), par('n', 36), red('k', 20)];
  const x = f32('x', [40, 20]);
  const w = f32('w', [20, 36]);
  const y = f32('y', [40, 36]);
  const contract: Contraction = {
    batch: [],
    m: [m],
    n: [n],
    k: [k],
    a: load(x, [ax(m), ax(k)]),
    b: load(w, [ax(k), ax(n)]),
    index: [ax(m), ax(n)],
  };
  const value = scalar('add', accumulator, load(y, [ax(m), ax(n)]));
  const made: Made = {
    nest: { axes: [m, n], stores: [store(y, [ax(m), ax(n)], value, [m, n])], contract },
    buffers: [x, w, y],
  };
  for (const threads of [32, 64, 256]) passes(made, threads, 'y += x w', { threads });
});

test('without barriers each thread sums its own block', () => {
  const alone = wgslCaps(GUARANTEED_LIMITS, 1, softwareSchedules);
  const pick = generator(23);
  for (let i = 0; i < 24; i++) {
    const [M, N, K] = [4 + pick(67), 4 + pick(67), 4 + pick(67)];
    if (M * N * K < 4096) continue;
    const options = anyOptions(pick);
    const kernel = passes(
      matmul(M, N, K, options),
      i,
      `${M} ${N} ${K} ${JSON.stringify(options)}`,
      pick(2) === 0 ? { caps: alone } : { caps: alone, threads: 64 },
    );
    assert.not(kernel.buffers.some((b) => b.space === 'shared'));
  }
  const convolutions = [
    conv(2, 3, 9, 8, 12, 3, { pad: 1 }),
    convGradInput(2, 4, 9, 9, 5, 3),
    convGradWeight(2, 4, 9, 9, 5, 3),
  ];
  convolutions.forEach((made, i) => {
    passes(made, i, `convolution ${i}`, { caps: alone });
  });
});

test('limits of the device are kept: shared memory and threads', () => {
  const small = (bytes: number, threads = 256): Caps =>
    wgslCaps({
      ...GUARANTEED_LIMITS,
      maxComputeWorkgroupStorageSize: bytes,
      maxComputeInvocationsPerWorkgroup: threads,
    });
  for (const bytes of [16384, 8192, 4096, 2048])
    passes(matmul(40, 48, 96, { epilogue: 'relu' }), bytes, `${bytes} bytes`, {
      caps: small(bytes),
    });
  for (const threads of [16, 32, 64, 128])
    passes(matmul(40, 48, 40), threads, `${threads} threads`, { caps: small(16384, threads) });
  const reason = (device: Caps, threads?: number): string => {
    const plan = planGpuContraction(matmul(40, 48, 40).nest, device, threads);
    return isRefusal(plan) ? plan.refused : 'accepted';
  };
  assert.match(reason(small(256)), /no tile fits 256 threads and 256 bytes/);
  assert.match(reason(caps, 17), /no tile fits 17 threads/);
});

test('small and thin products are refused with a reason', () => {
  const reason = (made: Made): string => {
    const plan = planGpuContraction(made.nest, caps);
    return isRefusal(plan) ? plan.refused : 'accepted';
  };
  assert.match(reason(matmul(1, 256, 512)), /fewer than four rows/);
  assert.match(reason(matmul(512, 3, 512)), /fewer than four rows/);
  assert.match(reason(matmul(64, 64, 2)), /sum of 2/);
  assert.match(reason(matmul(8, 8, 8)), /too small/);
});

const withoutBarriers = (stmts: readonly TStmt[]): TStmt[] =>
  stmts.flatMap((s): TStmt[] => {
    switch (s.kind) {
      case 'barrier':
        return [];
      case 'for':
        return [{ ...s, body: withoutBarriers(s.body) }];
      case 'if':
        return [{ ...s, then: withoutBarriers(s.then), otherwise: withoutBarriers(s.otherwise) }];
      default:
        return [s];
    }
  });

test('without its barriers a kernel would be a race', () => {
  const made = matmul(32, 32, 64);
  const kernel = kernelFor(made);
  const memory = randomMemory(made.buffers, 1);
  const racing = { ...kernel, body: withoutBarriers(kernel.body) };
  assert.throws(
    () =>
      interpretThread(
        racing,
        new Map(made.buffers.map((b, i) => [racing.buffers[i]!, memory.get(b)!])),
      ),
    /no barrier in between/,
  );
});

test('a kernel as text', () => {
  const made = matmul(50, 44, 20, { epilogue: 'bias' });
  const tile = { across: 4, down: 4, slices: 1, rows: 4, columns: 4, depth: 8 };
  const plan = planOf(cutOf(problems(made.nest, made.nest.contract!)[0]!, tile, caps)!);
  const written = new Set(made.nest.stores.map((s) => s.buffer));
  goldenText(
    printThread(cleanup(kernelOf(plan, made.buffers, written))),
    `
thread contraction(
  read x: f32[1000],
  read w: f32[880],
  read bias: f32[44],
  readwrite y: f32[2200],
  shared staged: f32[320],
) grid 12 as workgroup, threads 16 as local {
  cost 47300, 16320
  note "contraction 50 x 44 x 20: rows along depth, columns along free"
  note "tiles 16 x 16 x 8 of 4 x 4 a thread, stored from registers"
  var c: f32x4 = f32x4(0.0)
  var c_1: f32x4 = f32x4(0.0)
  var c_2: f32x4 = f32x4(0.0)
  var c_3: f32x4 = f32x4(0.0)
  var next: f32x4 = f32x4(0.0)
  var next_1: f32x4 = f32x4(0.0)
  var next_2: f32x4 = f32x4(0.0)
  var next_3: f32x4 = f32x4(0.0)
  let rest: i32 = floordiv(workgroup, 3)
  let outer: i32 = shr(local, 1)
  let t16: i32 = rest * 16 + outer
  let t47: i32 = min(t16, 49) * 20
  let inner: i32 = and(local, 1)
  let depth: i32 = inner * 4
  let t50: i32 = min(t16 + 8, 49) * 20
  let t30: i32 = mod(workgroup, 3) * 4
  let "across": i32 = and(local, 3)
  let column: i32 = (t30 + "across") * 4
  let place_2: i32 = min(column, 40)
  let line: i32 = shr(local, 2)
  let free: i32 = "across" * 4
  let t93: i32 = line * 48
  let slot: i32 = (inner + outer * 3) * 4
  let slot_2: i32 = local * 4
  for "step" in 0..4 {
    let t42: bool = "step" < 3
    if t42 {
      let start: i32 = "step" * 8
      let k: i32 = depth + start
      let k_1: i32 = min(k, 16)
      let x.1: f32x4 = x[t47 + k_1 : 4]
      let x_1: f32x4 = x[t50 + k_1 : 4]
      let k_4: i32 = line + start
      let w.1: f32x4 = w[place_2 + min(k_4, 19) * 44 : 4]
      let w_1: f32x4 = w[place_2 + min(k_4 + 4, 19) * 44 : 4]
      let t66: boolx4 = splat(k < 20)
      set next = select(t66, x.1, f32x4(0.0))
      set next_1 = select(t66, x_1, f32x4(0.0))
      set next_2 = select(splat(k_4 < 20), w.1, f32x4(0.0))
      set next_3 = select(splat(k_4 + 4 < 20), w_1, f32x4(0.0))
    }
    if "step" > 0 {
      for kk in 0..8 step 4 {
        let t78: i32 = free + kk * 16
        let b: f32x4 = staged[t78 + 192 : 4]
        let b_1: f32x4 = staged[t78 + 208 : 4]
        let b_2: f32x4 = staged[t78 + 224 : 4]
        let b_3: f32x4 = staged[t78 + 240 : 4]
        let t94: i32 = t93 + kk
        let a: f32x4 = staged[t94 : 4]
        set c = fma(splat(lane(a, 3)), b_3, fma(splat(lane(a, 2)), b_2, fma(splat(lane(a, 1)), b_1, fma(splat(lane(a, 0)), b, c))))
        let a_1: f32x4 = staged[t94 + 12 : 4]
        set c_1 = fma(splat(lane(a_1, 3)), b_3, fma(splat(lane(a_1, 2)), b_2, fma(splat(lane(a_1, 1)), b_1, fma(splat(lane(a_1, 0)), b, c_1))))
        let a_2: f32x4 = staged[t94 + 24 : 4]
        set c_2 = fma(splat(lane(a_2, 3)), b_3, fma(splat(lane(a_2, 2)), b_2, fma(splat(lane(a_2, 1)), b_1, fma(splat(lane(a_2, 0)), b, c_2))))
        let a_3: f32x4 = staged[t94 + 36 : 4]
        set c_3 = fma(splat(lane(a_3, 3)), b_3, fma(splat(lane(a_3, 2)), b_2, fma(splat(lane(a_3, 1)), b_1, fma(splat(lane(a_3, 0)), b, c_3))))
      }
    }
    if t42 {
      barrier
      staged[slot : 4] = next
      staged[slot + 96 : 4] = next_1
      staged[slot_2 + 192 : 4] = next_2
      staged[slot_2 + 256 : 4] = next_3
      barrier
    }
  }
  if column < 44 {
    let bias.1: f32x4 = bias[column : 4]
    let row: i32 = (rest * 4 + line) * 4
    let t179: i32 = (t30 + rest * 176 + line * 44 + "across") * 4
    if row < 50 {
      let add: f32x4 = c + bias.1
      y[t179 : 4] = add
    }
    if row + 1 < 50 {
      let add_1: f32x4 = c_1 + bias.1
      y[t179 + 44 : 4] = add_1
    }
    if row + 2 < 50 {
      let add_2: f32x4 = c_2 + bias.1
      y[t179 + 88 : 4] = add_2
    }
    if row + 3 < 50 {
      let add_3: f32x4 = c_3 + bias.1
      y[t179 + 132 : 4] = add_3
    }
  }
}
`,
  );
});

test('kernels are short, whatever the sizes', () => {
  const cases: Made[] = [
    matmul(4096, 4096, 4096, { epilogue: 'relu' }),
    matmul(4097, 4099, 1023, { epilogue: 'relu' }),
    matmul(1000, 1000, 1000, { transposeB: true, epilogue: 'two' }),
    matmul(2048, 2048, 2048, { transposeA: true, epilogue: 'scaled' }),
    matmul(333, 777, 555, { transposeOut: true }),
    conv(32, 64, 56, 56, 64, 3, { pad: 1 }),
    conv(32, 256, 14, 14, 256, 3, { pad: 1, stride: 2 }),
    conv(32, 512, 7, 7, 512, 3, { pad: 1 }),
    conv(64, 3, 224, 224, 64, 7, { pad: 3, stride: 2 }),
    convGradInput(32, 64, 55, 57, 64, 3),
    convGradWeight(32, 64, 56, 56, 64, 3),
  ];
  for (const made of cases)
    for (const threads of [undefined, 256]) {
      const kernel = kernelFor(made, threads);
      const lines = printThread(kernel).split('\n').length;
      assert.ok(lines <= 260, `${lines} lines: ${kernel.notes.join('; ')}`);
    }
});

test('large products fill their tiles, small ones are spread over workgroups', () => {
  const notes = (made: Made): string => kernelFor(made).notes.join();
  assert.match(notes(matmul(4096, 4096, 4096)), /tiles 128 x 64 x 16 of 8 x 8 a thread,/);
  assert.ok(kernelFor(matmul(64, 500, 800)).grid >= 64);
  assert.ok(kernelFor(matmul(256, 256, 256)).grid >= 64);
});

test.run();
