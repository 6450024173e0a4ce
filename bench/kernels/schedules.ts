/**
 * Time of generic schedules as WebAssembly on one thread: `npx tsx --conditions=tigon-source bench/kernels/schedules.ts [name]`.
 *
 * Invariant: medians of runs taken in turns, so that other load on the machine hits all kernels alike.
 */
import { cleanup } from '../../src/codegen/cleanup.ts';
import { schedule } from '../../src/codegen/schedule.ts';
import { splitReductions } from '../../src/codegen/split.ts';
import { wasmCaps } from '../../src/codegen/wasm/caps.ts';
import { LOW_BYTES } from '../../src/codegen/wasm/layout.ts';
import { renderProgram } from '../../src/codegen/wasm/program.ts';
import { type Axis, idxAdd, idxAxis, idxOffset, idxScale, newAxis } from '../../src/ir/dim.ts';
import { bytesOf } from '../../src/ir/dtype.ts';
import {
  cast,
  constant,
  guard,
  indexValue,
  load,
  newBuffer,
  reduce,
  scalar,
} from '../../src/ir/loop/expr.ts';
import type { Expr, LoopBuffer, LoopKernel, Store } from '../../src/ir/loop/loop.ts';
import type { Program } from '../../src/ir/program.ts';
import { printThread } from '../../src/ir/thread/print.ts';
import { hasRelaxedSimd } from '../../src/runtime/cpu/features.ts';

const caps = wasmCaps(hasRelaxedSimd());

const buffer = (name: string, ...shape: number[]): LoopBuffer =>
  newBuffer(name, { dtype: 'float32', shape });
const par = (name: string, extent: number): Axis => newAxis(name, extent, 'par');
const red = (name: string, extent: number): Axis => newAxis(name, extent, 'red');
const at = (b: LoopBuffer, ...axes: Axis[]): Expr => load(b, axes.map(idxAxis));
const f = (v: number): Expr => constant(v, 'float32');
const put = (b: LoopBuffer, axes: readonly Axis[], value: Expr): Store => ({
  buffer: b,
  index: axes.map(idxAxis),
  value,
  axes,
  mode: 'set',
  over: [],
});
const kernel = (
  name: string,
  buffers: readonly LoopBuffer[],
  axes: readonly Axis[],
  ...stores: Store[]
): LoopKernel => ({
  name,
  buffers,
  nests: [{ axes, stores, contract: undefined }],
  origin: [],
});

interface Case {
  readonly kernel: LoopKernel;
  /** Elements that figures are given for. */
  readonly elements: number;
}

const cases: Case[] = [];
const rowsCase = (rows: number, cols: number): void => {
  const make = (): readonly [LoopBuffer, LoopBuffer, Axis, Axis, Axis] => [
    buffer('x', rows, cols),
    buffer('out', rows, cols),
    par('i', rows),
    par('j', cols),
    red('k', cols),
  ];
  {
    const [x, out, i, j, k] = make();
    const most = reduce('max', [k], at(x, i, k));
    const total = reduce('add', [k], scalar('exp', scalar('sub', at(x, i, k), most)));
    const value = scalar('div', scalar('exp', scalar('sub', at(x, i, j), most)), total);
    cases.push({
      kernel: kernel(`softmax_${rows}x${cols}`, [x, out], [i, j], put(out, [i, j], value)),
      elements: rows * cols,
    });
  }
  {
    const [x, out, i, j, k] = make();
    const [g, b] = [buffer('g', cols), buffer('b', cols)];
    const mean = scalar('mul', reduce('add', [k], at(x, i, k)), f(1 / cols));
    const d = scalar('sub', at(x, i, k), mean);
    const variance = scalar('mul', reduce('add', [k], scalar('mul', d, d)), f(1 / cols));
    const rstd = scalar('rsqrt', scalar('add', variance, f(1e-5)));
    const y = scalar('mul', scalar('sub', at(x, i, j), mean), rstd);
    cases.push({
      kernel: kernel(
        `layernorm_${rows}x${cols}`,
        [x, g, b, out],
        [i, j],
        put(out, [i, j], scalar('add', scalar('mul', y, at(g, j)), at(b, j))),
      ),
      elements: rows * cols,
    });
  }
  {
    const [x, , i, , k] = make();
    const out = buffer('sums', rows);
    cases.push({
      kernel: kernel(
        `rowsum_${rows}x${cols}`,
        [x, out],
        [i],
        put(out, [i], reduce('add', [k], at(x, i, k))),
      ),
      elements: rows * cols,
    });
  }
  {
    const [x, , , j] = make();
    const out = buffer('sums', cols);
    const r = red('r', rows);
    cases.push({
      kernel: kernel(
        `colsum_${rows}x${cols}`,
        [x, out],
        [j],
        put(out, [j], reduce('add', [r], at(x, r, j))),
      ),
      elements: rows * cols,
    });
  }
  {
    const [x, , i, , k] = make();
    const out = newBuffer('positions', { dtype: 'int32', shape: [rows] });
    cases.push({
      kernel: kernel(
        `argmax_${rows}x${cols}`,
        [x, out],
        [i],
        put(out, [i], reduce('argmax', [k], at(x, i, k))),
      ),
      elements: rows * cols,
    });
  }
  {
    const [x, , i, j] = make();
    const out = buffer('out', cols, rows);
    cases.push({
      kernel: kernel(`transpose_${rows}x${cols}`, [x, out], [j, i], put(out, [j, i], at(x, i, j))),
      elements: rows * cols,
    });
  }
};
rowsCase(512, 1024);
rowsCase(4096, 1024);
rowsCase(64, 10);
rowsCase(20000, 64);
rowsCase(100000, 10);
{
  const n = 1_000_000;
  const [x, y, out] = [buffer('x', n), buffer('y', n), buffer('out', n)];
  const i = par('i', n);
  cases.push({ kernel: kernel('copy_1e6', [x, out], [i], put(out, [i], at(x, i))), elements: n });
  cases.push({
    kernel: kernel('add_1e6', [x, y, out], [i], put(out, [i], scalar('add', at(x, i), at(y, i)))),
    elements: n,
  });
  let v = at(x, i);
  for (let q = 0; q < 6; q++) v = scalar('mul', scalar('add', v, at(y, i)), f(0.5 + q / 10));
  cases.push({ kernel: kernel('chain12_1e6', [x, y, out], [i], put(out, [i], v)), elements: n });
  cases.push({
    kernel: kernel('exp_1e6', [x, out], [i], put(out, [i], scalar('exp', at(x, i)))),
    elements: n,
  });
  const k = red('k', n);
  const all = buffer('all');
  cases.push({
    kernel: kernel('sum_1e6', [x, all], [], put(all, [], reduce('add', [k], at(x, k)))),
    elements: n,
  });
}
for (const [kk, n] of [
  [256, 512],
  [1024, 4096],
  [784, 10],
] as const) {
  const [a, w, v, out] = [
    buffer('a', kk),
    buffer('w', n, kk),
    buffer('v', kk, n),
    buffer('out', n),
  ];
  const [j, k] = [par('j', n), red('k', kk)];
  cases.push({
    kernel: kernel(
      `gemv_nk_${kk}x${n}`,
      [a, w, out],
      [j],
      put(out, [j], reduce('add', [k], scalar('mul', at(a, k), at(w, j, k)))),
    ),
    elements: kk * n,
  });
  cases.push({
    kernel: kernel(
      `gemv_kn_${kk}x${n}`,
      [a, v, out],
      [j],
      put(out, [j], reduce('add', [k], scalar('mul', at(a, k), at(v, k, j)))),
    ),
    elements: kk * n,
  });
}

{
  const [n, c, h] = [64, 32, 28];
  const x = buffer('x', n, c, h, h);
  const [b, ch, y, z] = [par('b', n), par('c', c), par('y', h / 2), par('z', h / 2)];
  const pool = (size: number, low: number): Expr => {
    const [ky, kx] = [red('ky', size), red('kx', size)];
    const row = idxOffset(idxAdd(idxScale(idxAxis(y), 2), idxAxis(ky)), -low);
    const col = idxOffset(idxAdd(idxScale(idxAxis(z), 2), idxAxis(kx)), -low);
    const inside = [row, col].map((idx) => ({ idx, lo: 0, hi: h }));
    const value = load(x, [idxAxis(b), idxAxis(ch), row, col]);
    return reduce('max', [ky, kx], guard(inside, value, f(Number.NEGATIVE_INFINITY)));
  };
  const out = buffer('out', n, c, h / 2, h / 2);
  const axes = [b, ch, y, z];
  const elements = n * c * h * h;
  cases.push({ kernel: kernel('maxpool2', [x, out], axes, put(out, axes, pool(2, 0))), elements });
  cases.push({
    kernel: kernel('maxpool3_padded', [x, out], axes, put(out, axes, pool(3, 1))),
    elements,
  });
  const sums = buffer('sums', c);
  const [rb, rp] = [red('rb', n), red('rp', h * h)];
  const flat = buffer('flat', n, c, h * h);
  cases.push({
    kernel: kernel(
      'channel_sums',
      [flat, sums],
      [ch],
      put(sums, [ch], reduce('add', [rb, rp], at(flat, rb, ch, rp))),
    ),
    elements,
  });
  const [p, scale, same] = [par('p', h * h), buffer('scale', c), buffer('same', n, c, h * h)];
  const scaled = scalar('max', scalar('mul', at(flat, b, ch, p), at(scale, ch)), f(0));
  cases.push({
    kernel: kernel(
      'channel_scale_relu',
      [flat, scale, same],
      [b, ch, p],
      put(same, [b, ch, p], scaled),
    ),
    elements,
  });
  const word = (v: number): Expr => constant(v, 'uint32');
  const [q, mask] = [par('q', elements), buffer('mask', elements)];
  const bits = scalar(
    'threefry',
    word(1),
    word(2),
    cast(indexValue(idxAxis(q)), 'uint32'),
    word(0),
  );
  cases.push({
    kernel: kernel('random_bits', [mask], [q], put(mask, [q], cast(bits, 'float32'))),
    elements,
  });
}

interface Ready extends Case {
  readonly run: () => void;
  readonly times: number[];
}

const prepare = (c: Case): Ready => {
  const loops = splitReductions(c.kernel, caps);
  const threads = loops.map((k) => cleanup(schedule(k, caps)));
  if (process.argv.includes('--print')) for (const t of threads) console.log(printThread(t));
  const buffers = [...new Set(loops.flatMap((k) => k.buffers))];
  const program: Program = {
    name: c.kernel.name,
    buffers: buffers.map((b) => {
      const size = b.shape.reduce((n, d) => n * d, 1);
      return {
        name: b.name,
        dtype: b.dtype,
        shape: [size],
        strides: [1],
        role: 'state',
        bytes: size * bytesOf(b.dtype),
        offset: undefined,
        inPlaceOf: undefined,
        values: undefined,
      };
    }),
    kernels: threads,
    steps: loops.map((k, i) => ({
      kernel: i,
      bindings: k.buffers.map((b) => buffers.indexOf(b)),
      barrier: true,
    })),
    loops: [],
    arenaBytes: 0,
    lowerBoundBytes: 0,
  };
  const module = renderProgram(program, caps, { shared: false, maximumPages: 65536, threads: 1 });
  let end = LOW_BYTES + 4096;
  const starts = program.buffers.map((b) => {
    const start = end;
    end = Math.ceil((end + b.bytes + 64) / 64) * 64;
    return start;
  });
  const memory = new WebAssembly.Memory({
    initial: Math.ceil((end + module.scratchBytes + 64) / 65536) + 1,
    maximum: 65536,
  });
  const cells = new Float32Array(memory.buffer);
  for (let i = LOW_BYTES / 4; i < end / 4; i++) cells[i] = ((i * 7919) % 1000) / 500 - 1;
  const args = new Int32Array(memory.buffer, LOW_BYTES, starts.length);
  args.set(starts);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.bytes as BufferSource), {
    env: { memory },
  });
  const entry = instance.exports['run'] as (args: number, scratch: number) => void;
  return { ...c, run: () => entry(LOW_BYTES, end), times: [] };
};

const only = process.argv.slice(2).filter((a) => !a.startsWith('--'));
const ready = cases
  .filter((c) => only.length === 0 || only.some((o) => c.kernel.name.includes(o)))
  .map(prepare);
const ROUNDS = 15;
for (let round = 0; round < ROUNDS + 3; round++)
  for (const c of ready) {
    const repeats = Math.max(1, Math.round(400_000 / c.elements));
    const start = performance.now();
    for (let i = 0; i < repeats; i++) c.run();
    const time = (performance.now() - start) / repeats;
    if (round >= 3) c.times.push(time);
  }
for (const c of ready) {
  const sorted = c.times.sort((a, b) => a - b);
  const median = sorted[sorted.length >> 1]!;
  const best = sorted[0]!;
  const ns = (t: number): string => ((t * 1e6) / c.elements).toFixed(3);
  console.log(
    `${c.kernel.name.padEnd(24)} ${(median * 1e3).toFixed(1).padStart(9)} us  ${ns(median)} ns/el (best ${ns(best)})`,
  );
}
