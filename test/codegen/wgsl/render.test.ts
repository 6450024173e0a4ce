/** Kernels as WGSL compute what the interpreter of Thread IR computes, whatever arrays their buffers become. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { renderWgsl } from '../../../src/codegen/wgsl/render.ts';
import type { BufferPlace } from '../../../src/codegen/wgsl/shader.ts';
import { DTYPES, type DType, isFloat } from '../../../src/ir/dtype.ts';
import { castTo } from '../../../src/ir/scalar.ts';
import * as b from '../../../src/ir/thread/build.ts';
import { interpretThread } from '../../../src/ir/thread/interpret.ts';
import {
  registerOf,
  type TExpr,
  type ThreadBuffer,
  type ThreadKernel,
  type TStmt,
} from '../../../src/ir/thread/thread.ts';
import { verifyThread } from '../../../src/ir/thread/verify.ts';
import { bfloatBorders } from '../../support/bfloat.ts';
import { goldenText } from '../../support/golden.ts';
import { assertTint } from '../../support/tint.ts';
import { decode, encode } from '../../support/wasm.ts';
import { ownPlaces, runWgsl, testGpu } from '../../support/wgsl.ts';

const SIZE = 64;
const INT = b.regType('i32');

const buffer = (
  name: string,
  access: ThreadBuffer['access'],
  elements = SIZE,
  dtype: DType = 'float32',
  space: ThreadBuffer['space'] = 'global',
): ThreadBuffer => ({ name, dtype, space, access, elements });

interface Size {
  readonly grid?: number;
  readonly threads?: number;
  readonly name?: string;
}

const kernelOf = (
  buffers: readonly ThreadBuffer[],
  body: (workgroup: TExpr, local: TExpr) => TStmt[],
  { grid = 1, threads = 1, name = 'test' }: Size = {},
): ThreadKernel => {
  const workgroup = b.register('group', INT);
  const local = b.register('thread', INT);
  const kernel: ThreadKernel = {
    name,
    buffers,
    workgroup,
    local,
    grid,
    threads,
    body: body(b.get(workgroup), b.get(local)),
    cost: { flops: 0, bytes: 0 },
    notes: [],
  };
  verifyThread(kernel);
  return kernel;
};

const textOf = (kernel: ThreadKernel, f16 = false, places = ownPlaces(kernel)): string =>
  renderWgsl(kernel, { places, features: { f16, subgroups: true }, names: 'own' }).code;

/**
 * Tint accepts the text, with float16 arrays and without; a device computes what the interpreter does, from either text
 * if they differ.
 */
const check = async (
  kernel: ThreadKernel,
  contents: readonly (readonly number[])[],
  places: readonly BufferPlace[] = ownPlaces(kernel),
): Promise<void> => {
  const gpu = await testGpu();
  const texts = new Map<string, boolean>();
  for (const f16 of [false, true]) {
    const features = { f16, subgroups: true };
    const shader = renderWgsl(kernel, { places, features, names: 'plain' });
    await assertTint(shader);
    if (!texts.has(shader.code) && (!f16 || gpu?.features.f16)) texts.set(shader.code, f16);
  }
  if (gpu === undefined) return;
  const globals = kernel.buffers.filter((x) => x.space === 'global');
  const memory = new Map(globals.map((g, i) => [g, Float64Array.from(contents[i]!)]));
  interpretThread(kernel, memory);
  const bytes = globals.map((g, i) => encode(g.dtype, contents[i]!));
  for (const f16 of texts.values()) {
    const features = { ...gpu.features, f16 };
    const after = await runWgsl(gpu, kernel, bytes, { places, features });
    globals.forEach((g, i) => {
      assert.equal(decode(g.dtype, after[i]!), [...memory.get(g)!], `${g.name}, f16 ${f16}`);
    });
  }
};

const ramp = (n: number): number[] => Array.from({ length: n }, (_, i) => ((i * 7) % 13) - 3);
const zeros = (n: number): number[] => new Array<number>(n).fill(0);
const valuesOf = (dtype: DType, n: number): number[] =>
  ramp(n).map((v) => (dtype === 'bool' ? +(v > 0) : isFloat(dtype) ? v / 4 : Math.abs(v)));

const loop = (name: string, to: number | TExpr, body: (i: TExpr) => TStmt[], step = 1): TStmt => {
  const counter = b.register(name, INT);
  const end = typeof to === 'number' ? b.i32(to) : to;
  return b.forOf(counter, b.i32(0), end, step, body(b.get(counter)));
};

// --- texts

test('text: a map of vectors, named after its buffers', () => {
  const x = buffer('x', 'read', 4096);
  const bias = buffer('hidden.bias', 'read');
  const y = buffer('array', 'write', 4096);
  const kernel = kernelOf(
    [x, bias, y],
    (group, thread) => {
      const at = b.register('at', INT);
      const column = b.operate('and', b.get(at), b.i32(63));
      const sum = b.add(b.loadFrom(x, b.get(at), 4), b.loadFrom(bias, column, 4));
      return [
        b.letOf(at, b.mul(b.add(b.mul(group, b.i32(64)), thread), b.i32(4))),
        b.storeTo(y, b.get(at), b.operate('relu', sum)),
      ];
    },
    { grid: 16, threads: 64, name: 'add_relu' },
  );
  goldenText(
    textOf(kernel),
    `
// add_relu

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> hidden_bias: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> array_1: array<vec4f>;

fn relu_vec4f(x: vec4f) -> vec4f {
  let below = bitcast<vec4u>(x) - vec4u(0x80000000u);
  return select(x, vec4f(0.0), below <= vec4u(0x7f800000u));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup_id: vec3u, @builtin(local_invocation_index) thread_id: u32) {
  let group = i32(workgroup_id.x);
  let thread = i32(thread_id);
  let at = (group * 64 + thread) * 4;
  array_1[at >> 2u] = relu_vec4f(x[at >> 2u] + hidden_bias[(at & 63) >> 2u]);
}
`,
  );
});

test('text: a loop over scalars with a sum, shared memory and a barrier', () => {
  const x = buffer('x', 'read', 1024);
  const y = buffer('y', 'write', 4);
  const part = buffer('part', 'readwrite', 32, 'float32', 'shared');
  const sum = b.register('sum', b.regType('f32'));
  const total = b.register('total', b.regType('f32'));
  const kernel = kernelOf(
    [x, y, part],
    (group, thread) => [
      b.varOf(sum, b.f32(0)),
      loop('k', 8, (k) => {
        const at = b.add(b.mul(group, b.i32(256)), b.add(b.mul(k, b.i32(32)), thread));
        return [b.setOf(sum, b.add(b.get(sum), b.loadFrom(x, at)))];
      }),
      b.storeTo(part, thread, b.get(sum)),
      { kind: 'barrier' },
      b.ifOf(b.operate('eq', thread, b.i32(0)), [
        b.varOf(total, b.constantOf(Number.NEGATIVE_INFINITY, b.regType('f32'))),
        loop('i', 32, (i) => [b.setOf(total, b.operate('max', b.get(total), b.loadFrom(part, i)))]),
        b.storeTo(y, group, b.get(total)),
      ]),
    ],
    { grid: 4, threads: 32, name: 'max_of_sums' },
  );
  goldenText(
    textOf(kernel),
    `
// max_of_sums

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

var<workgroup> part: array<f32, 32>;

fn float_of(bits: u32) -> f32 {
  return bitcast<f32>(bits);
}

fn isnan_f32(x: f32) -> bool {
  return (bitcast<u32>(x) & u32(0x7fffffffu)) > u32(0x7f800000u);
}

fn max_f32(x: f32, y: f32) -> f32 {
  return select(max(x, y), x + y, isnan_f32(x) | isnan_f32(y));
}

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) workgroup_id: vec3u, @builtin(local_invocation_index) thread_id: u32) {
  let group = i32(workgroup_id.x);
  let thread = i32(thread_id);
  var sum = 0.0;
  for (var k = 0; k < 8; k++) {
    sum = sum + x[group * 256 + (k * 32 + thread)];
  }
  part[thread] = sum;
  workgroupBarrier();
  if (thread == 0) {
    var total = float_of(0xff800000u);
    for (var i = 0; i < 32; i++) {
      total = max_f32(total, part[i]);
    }
    y[group] = total;
  }
}
`,
  );
});

test('text: bytes and halves in words, written whole', () => {
  const x = buffer('x', 'read', SIZE, 'float16');
  const flags = buffer('flags', 'write', SIZE, 'bool');
  const kernel = kernelOf(
    [x, flags],
    (_, thread) => {
      const at = b.mul(thread, b.i32(4));
      const zero = b.constantOf(0, b.regType('f32', 4));
      return [b.storeTo(flags, at, b.operate('gt', b.loadFrom(x, at, 4), zero))];
    },
    { threads: 16, name: 'positive' },
  );
  goldenText(
    textOf(kernel),
    `
// positive

@group(0) @binding(0) var<storage, read> x: array<vec2u>;
@group(0) @binding(1) var<storage, read_write> flags: array<u32>;

fn halves_of(words: vec2u) -> vec4f {
  return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
}

fn word_of(bytes: vec4u) -> u32 {
  let parts = (bytes & vec4u(0xffu)) << vec4u(0u, 8u, 16u, 24u);
  return parts.x | parts.y | parts.z | parts.w;
}

@compute @workgroup_size(16)
fn main(@builtin(local_invocation_index) thread_id: u32) {
  let thread = i32(thread_id);
  flags[thread] = word_of(vec4u(halves_of(x[thread]) > vec4f(0.0)));
}
`,
  );
});

test('text does not depend on names of buffers, if so wished', () => {
  const text = (name: string): string => {
    const x = buffer(name, 'read');
    const y = buffer(`${name}.out`, 'write');
    const kernel = kernelOf([x, y], (group) => [b.storeTo(y, group, b.loadFrom(x, group))], {
      name,
    });
    const places = ownPlaces(kernel);
    return renderWgsl(kernel, {
      places,
      features: { f16: false, subgroups: false },
      names: 'plain',
    }).code;
  };
  assert.is(text('encoder.weight'), text('decoder.weight'));
});

test('names that mean something in WGSL are left to it', async () => {
  const x = buffer('target', 'read');
  const y = buffer('exp_f32', 'write');
  const value = b.register('select', b.regType('f32'));
  const kernel = kernelOf([x, y], () => [
    loop('for', SIZE, (i) => [
      b.letOf(value, b.operate('exp', b.operate('min', b.loadFrom(x, i), b.f32(0)))),
      b.storeTo(
        y,
        i,
        b.operate('select', b.operate('lt', b.get(value), b.f32(0.5)), b.f32(1), b.f32(0)),
      ),
    ]),
  ]);
  await assertTint(
    renderWgsl(kernel, {
      places: ownPlaces(kernel),
      features: { f16: false, subgroups: false },
      names: 'own',
    }),
  );
  await check(kernel, [ramp(SIZE), zeros(SIZE)]);
});

// --- what runs

test('nested loops, workgroups, lets, branches', async () => {
  const x = buffer('x', 'read', 8 * SIZE);
  const y = buffer('y', 'write', 8 * SIZE);
  const row = b.register('row', INT);
  const kernel = kernelOf(
    [x, y],
    (group) => [
      b.letOf(row, b.mul(group, b.i32(SIZE))),
      loop('i', 8, (i) => [
        loop('j', 8, (j) => {
          const at = b.add(b.get(row), b.add(b.mul(i, b.i32(8)), j));
          const from = b.add(b.get(row), b.add(b.mul(j, b.i32(8)), i));
          return [
            b.ifOf(
              b.operate('lt', i, j),
              [b.storeTo(y, at, b.loadFrom(x, from))],
              [b.storeTo(y, at, b.operate('neg', b.loadFrom(x, from)))],
            ),
          ];
        }),
      ]),
    ],
    { grid: 8 },
  );
  await check(kernel, [ramp(8 * SIZE), zeros(8 * SIZE)]);
});

test('variables, a loop whose end is a variable read once, an empty loop', async () => {
  const y = buffer('y', 'readwrite', SIZE);
  const n = b.register('n', INT);
  const sum = b.register('sum', b.regType('f32'));
  const kernel = kernelOf([y], () => [
    b.varOf(n, b.i32(3)),
    b.varOf(sum, b.f32(0)),
    loop('i', b.get(n), (i) => [
      b.setOf(n, b.add(b.get(n), b.i32(5))),
      b.setOf(sum, b.add(b.get(sum), b.loadFrom(y, b.add(i, b.i32(1))))),
      b.storeTo(y, b.get(n), b.get(sum)),
    ]),
    b.storeTo(y, b.i32(63), b.get(sum)),
    loop('k', b.operate('sub', b.get(n), b.i32(100)), (k) => [b.storeTo(y, k, b.f32(99))]),
  ]);
  await check(kernel, [ramp(SIZE)]);
});

test('vectors: loads in the middle, splat loads, shuffles, lanes, vec4, fma', async () => {
  const x = buffer('x', 'read');
  const y = buffer('y', 'write');
  const kernel = kernelOf([x, y], () => [
    loop(
      'i',
      SIZE - 4,
      (i) => {
        const v = b.loadFrom(x, b.add(i, b.i32(1)), 4);
        const w = b.splat(b.loadFrom(x, i));
        const mixed = b.shuffle(v, w, [3, 1, 4, 2]);
        const parts = b.vec4(b.laneOf(v, 2), b.laneOf(w, 0), b.f32(0.5), b.laneOf(v, 3));
        const turned = b.shuffle(v, v, [3, 2, 1, 0]);
        const mask = b.operate('lt', v, b.shuffle(v, w, [4, 5, 6, 7]));
        return [
          b.storeTo(y, i, b.operate('select', mask, b.fma(mixed, parts, w), b.add(v, turned))),
        ];
      },
      4,
    ),
  ]);
  await check(kernel, [ramp(SIZE), zeros(SIZE)]);
});

test('vectors of bools: built, taken apart, shuffled, stored', async () => {
  const x = buffer('x', 'read', SIZE, 'bool');
  const y = buffer('y', 'write', SIZE, 'bool');
  const kernel = kernelOf([x, y], () => [
    loop(
      'i',
      SIZE,
      (i) => {
        const v = b.loadFrom(x, i, 4);
        const flag = b.laneOf(v, 1);
        const built = b.vec4(flag, b.laneOf(v, 0), b.operate('not', flag), flag);
        const both = b.operate('xor', b.shuffle(built, v, [4, 1, 2, 7]), b.splat(flag));
        return [b.storeTo(y, i, b.operate('and', both, b.operate('ge', v, built)))];
      },
      4,
    ),
  ]);
  await check(kernel, [valuesOf('bool', SIZE), zeros(SIZE)]);
});

test('indices that are read, and depend on what was stored before', async () => {
  const x = buffer('x', 'read');
  const at = buffer('at', 'readwrite', SIZE, 'int32');
  const y = buffer('y', 'write');
  const kernel = kernelOf([x, at, y], () => [
    loop('i', SIZE, (i) => {
      const index = b.loadFrom(at, b.i32(5));
      return [
        b.storeTo(y, i, b.loadFrom(x, index)),
        b.storeTo(at, b.i32(5), b.operate('and', b.add(index, b.i32(11)), b.i32(63))),
        b.storeTo(y, i, b.add(b.loadFrom(x, b.loadFrom(at, b.i32(5))), b.f32(1))),
      ];
    }),
  ]);
  await check(kernel, [ramp(SIZE), zeros(SIZE), zeros(SIZE)]);
});

test('every dtype: whole vectors', async () => {
  for (const dtype of DTYPES) {
    const x = buffer('x', 'read', SIZE, dtype);
    const y = buffer('y', 'write', SIZE, dtype);
    const kernel = kernelOf([x, y], () => [
      loop('i', SIZE / 4, (i) => {
        const at = b.mul(i, b.i32(4));
        const back = b.operate('sub', b.i32(SIZE - 4), at);
        return [b.storeTo(y, at, b.loadFrom(x, back, 4))];
      }),
    ]);
    assert.not.match(textOf(kernel), /atomic/);
    await check(kernel, [valuesOf(dtype, SIZE), zeros(SIZE)]);
  }
});

test('every dtype: at odd places, as vectors and scalars', async () => {
  for (const dtype of DTYPES) {
    const x = buffer('x', 'read', SIZE, dtype);
    const y = buffer('y', 'readwrite', SIZE, dtype);
    const kernel = kernelOf([x, y], () => [
      loop(
        'i',
        56,
        (i) => [b.storeTo(y, b.add(i, b.i32(3)), b.loadFrom(x, b.add(i, b.i32(5)), 4))],
        4,
      ),
      loop('j', 3, (j) => [b.storeTo(y, j, b.loadFrom(x, j))]),
      b.storeTo(y, b.i32(61), b.loadFrom(y, b.i32(6))),
      b.storeTo(y, b.i32(8), b.loadFrom(y, b.i32(4), 4)),
    ]);
    await check(kernel, [valuesOf(dtype, SIZE), valuesOf(dtype, SIZE)]);
  }
});

test('every dtype: vectors read one by one, and the other way round', async () => {
  for (const dtype of DTYPES) {
    const x = buffer('x', 'read', SIZE, dtype);
    const y = buffer('y', 'readwrite', SIZE, dtype);
    const kernel = kernelOf([x, y], () => [
      loop(
        'i',
        SIZE,
        (i) => {
          const last = b.add(b.mul(i, b.i32(3)), b.i32(1));
          const one = (n: number): TExpr =>
            b.loadFrom(x, b.operate('and', b.add(last, b.i32(n)), b.i32(63)));
          const known = b.loadFrom(x, b.add(i, b.i32(2)));
          return [b.storeTo(y, i, b.vec4(one(0), known, one(5), b.laneOf(b.loadFrom(x, i, 4), 3)))];
        },
        4,
      ),
    ]);
    await check(kernel, [valuesOf(dtype, SIZE), zeros(SIZE)]);
  }
});

test('threads write neighbouring bytes and halves of one word', async () => {
  for (const dtype of ['bool', 'uint8', 'float16', 'bfloat16'] as const) {
    const x = buffer('x', 'read', 61, dtype);
    const y = buffer('y', 'readwrite', 61, dtype);
    const kernel = kernelOf(
      [x, y],
      (group, thread) => {
        const at = b.add(b.mul(group, b.i32(16)), thread);
        const turned = b.operate('sub', b.i32(60), at);
        return [b.ifOf(b.operate('lt', at, b.i32(61)), [b.storeTo(y, at, b.loadFrom(x, turned))])];
      },
      { grid: 4, threads: 16 },
    );
    await check(kernel, [valuesOf(dtype, 61), valuesOf(dtype, 61)]);
  }
});

test('a value read from the word it is stored to', async () => {
  const y = buffer('y', 'readwrite', SIZE, 'bool');
  const kernel = kernelOf(
    [y],
    (_, thread) => [b.storeTo(y, thread, b.operate('not', b.loadFrom(y, thread)))],
    { threads: SIZE },
  );
  await check(kernel, [valuesOf('bool', SIZE)]);
});

test('float32 is rounded half to even when it is stored as float16, in words and in f16', async () => {
  const values: number[] = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0];
  for (let e = -27; e <= 16; e++)
    for (let m = 0; m < 64; m++) {
      values.push(2 ** e * (1 + m / 64 + 2 ** -11), -(2 ** e) * (1 + m / 64 + 2 ** -12));
      values.push(2 ** e * (1 + m / 64 + 2 ** -11 + 2 ** -20), 2 ** e * (1 + m / 1024));
    }
  const n = values.length;
  const x = buffer('x', 'read', n);
  for (const lanes of [1, 4] as const) {
    const y = buffer('y', 'write', n, 'float16');
    const kernel = kernelOf(
      [x, y],
      (group, thread) => {
        const at = b.mul(b.add(b.mul(group, b.i32(lanes === 1 ? 4 : 1)), thread), b.i32(lanes));
        return [b.storeTo(y, at, b.loadFrom(x, at, lanes))];
      },
      { grid: n / 4, threads: lanes === 1 ? 4 : 1 },
    );
    await check(kernel, [values, zeros(n)]);
  }
});

/** Copies `values`, one or four at a time, from a buffer of one dtype to one of another. */
const copied = async (from: DType, to: DType, values: readonly number[]): Promise<void> => {
  const n = values.length;
  const x = buffer('x', 'read', n, from);
  const y = buffer('y', 'write', n, to);
  for (const lanes of [1, 4] as const) {
    const kernel = kernelOf(
      [x, y],
      (group, thread) => {
        const at = b.mul(b.add(b.mul(group, b.i32(lanes === 1 ? 4 : 1)), thread), b.i32(lanes));
        return [b.storeTo(y, at, b.loadFrom(x, at, lanes))];
      },
      { grid: n / 4, threads: lanes === 1 ? 4 : 1 },
    );
    await check(kernel, [values, zeros(n)]);
  }
};

/** Not those that a device may take for 0. */
const normal = (x: number): boolean => x === 0 || !(Math.abs(x) < 2 ** -126);

test('float32 is rounded half to even when it is stored as bfloat16', async () => {
  const values = bfloatBorders().filter(normal);
  while (values.length % 4 !== 0) values.push(1);
  await copied('float32', 'bfloat16', values);
});

test('bfloat16 is read exactly', async () => {
  const bits = Uint8Array.from({ length: 2 * 65536 }, (_, i) => ((i >> 1) >> (8 * (i & 1))) & 255);
  const values = decode('bfloat16', bits).filter(normal);
  await copied('bfloat16', 'float32', values.slice(0, values.length & -4));
});

test('a conversion to bfloat16 rounds, also without a store', async () => {
  const values = bfloatBorders().filter((x) => normal(x) && Number.isFinite(x));
  const n = values.length & -4;
  const [x, y] = [buffer('x', 'read', n), buffer('y', 'write', n)];
  for (const lanes of [1, 4] as const) {
    const kernel = kernelOf(
      [x, y],
      (group) => {
        const at = b.mul(group, b.i32(lanes));
        return [b.storeTo(y, at, b.convert('bfloat16', b.loadFrom(x, at, lanes)))];
      },
      { grid: n / lanes },
    );
    await check(kernel, [values.slice(0, n), zeros(n)]);
  }
});

test('all float16 numbers are read exactly, and rounding to float16 keeps them', async () => {
  const bytes = new Uint8Array(2 * 65536);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < 65536; i++) view.setUint16(2 * i, i, true);
  const values = decode('float16', bytes);
  const x = buffer('x', 'read', 65536, 'float16');
  const y = buffer('y', 'write', 2 * 65536);
  for (const lanes of [1, 4] as const) {
    const kernel = kernelOf(
      [x, y],
      (group, thread) => {
        const at = b.mul(b.add(b.mul(group, b.i32(64)), thread), b.i32(lanes));
        const value = b.loadFrom(x, at, lanes);
        return [
          b.storeTo(y, at, value),
          b.storeTo(y, b.add(at, b.i32(65536)), b.convert('float16', value)),
        ];
      },
      { grid: 1024 / lanes, threads: 64 },
    );
    await check(kernel, [values, zeros(2 * 65536)]);
  }
});

test('shared memory of every dtype, behind a barrier', async () => {
  for (const dtype of DTYPES) {
    const x = buffer('x', 'read', 4 * SIZE, dtype);
    const y = buffer('y', 'write', 4 * SIZE, dtype);
    const tile = buffer('tile', 'readwrite', SIZE, dtype, 'shared');
    const kernel = kernelOf(
      [x, y, tile],
      (group, thread) => {
        const own = b.mul(thread, b.i32(4));
        const base = b.mul(group, b.i32(SIZE));
        return [
          b.storeTo(tile, own, b.loadFrom(x, b.add(base, own), 4)),
          { kind: 'barrier' },
          loop('k', 4, (k) => {
            const from = b.operate('sub', b.i32(SIZE - 1), b.add(own, k));
            return [b.storeTo(y, b.add(base, b.add(own, k)), b.loadFrom(tile, from))];
          }),
        ];
      },
      { grid: 4, threads: 16 },
    );
    await check(kernel, [valuesOf(dtype, 4 * SIZE), zeros(4 * SIZE)]);
  }
});

test('threads exchange numbers, vectors and bools', async () => {
  const gpu = await testGpu();
  const most = gpu?.subgroup ?? 4;
  const x = buffer('x', 'read', 4 * SIZE);
  const y = buffer('y', 'write', 4 * SIZE);
  const kernel = kernelOf(
    [x, y],
    (_, thread) => {
      const at = b.mul(thread, b.i32(4));
      const out: TStmt[] = [];
      let sum = b.loadFrom(x, at, 4);
      let any = b.operate('gt', b.laneOf(sum, 0), b.f32(8));
      for (let mask = 1; mask < most; mask *= 2) {
        const other = b.register(`other${mask}`, b.regType('f32', 4));
        const flag = b.register(`flag${mask}`, b.regType('bool'));
        const held = b.register(`sum${mask}`, b.regType('f32', 4));
        out.push(
          { kind: 'exchange', register: other, value: sum, mask },
          { kind: 'exchange', register: flag, value: any, mask },
          b.letOf(held, b.add(sum, b.get(other))),
        );
        sum = b.get(held);
        any = b.operate('or', any, b.get(flag));
      }
      const zero = b.constantOf(0, b.regType('f32', 4));
      return [...out, b.storeTo(y, at, b.operate('select', b.splat(any), sum, zero))];
    },
    { threads: SIZE },
  );
  if (gpu !== undefined && !gpu.features.subgroups) {
    console.log(`skipped: ${gpu.name} has no subgroups`);
    return;
  }
  await check(kernel, [ramp(4 * SIZE), zeros(4 * SIZE)]);
});

test('grids beyond 65535 are folded, with a guard where they stick out', async () => {
  for (const grid of [65535, 65536, 65537, 131071]) {
    const y = buffer('y', 'write', grid);
    const kernel = kernelOf([y], (group) => [b.storeTo(y, group, b.convert('float32', group))], {
      grid,
    });
    const shader = renderWgsl(kernel, {
      places: ownPlaces(kernel),
      features: { f16: false, subgroups: false },
      names: 'own',
    });
    const [columns, rows] = shader.dispatch;
    assert.ok(columns <= 65535 && columns * rows >= grid);
    assert.is(/if \(/.test(shader.code), columns * rows > grid);
    if (grid !== 65537) continue;
    await check(kernel, [zeros(grid)]);
  }
});

test('a kernel without work is not dispatched', () => {
  const kernel = kernelOf([buffer('y', 'write', 0)], () => [], { grid: 0 });
  const shader = renderWgsl(kernel, {
    places: ownPlaces(kernel),
    features: { f16: false, subgroups: false },
    names: 'own',
  });
  assert.equal(shader.dispatch, [0, 0, 0]);
  assert.is(shader.bindings[0]!.bytes, 16);
});

test('scalars of every dtype come from the uniform block', async () => {
  const scalars = DTYPES.map((dtype) => buffer(`s_${dtype}`, 'read', 1, dtype));
  const y = buffer('y', 'write', 8);
  const kernel = kernelOf([...scalars, y], () =>
    scalars.map((s, i) => b.storeTo(y, b.i32(i), b.convert('float32', b.loadFrom(s, b.i32(0))))),
  );
  const places: BufferPlace[] = [
    ...scalars.map((): BufferPlace => ({ kind: 'scalar' })),
    { kind: 'storage', slot: 0, access: 'read_write' },
  ];
  const shader = renderWgsl(kernel, {
    places,
    features: { f16: true, subgroups: false },
    names: 'own',
  });
  await assertTint(shader);
  assert.equal(
    shader.bindings.map(({ kind, bytes, buffers }) => [kind, bytes, buffers]),
    [
      ['storage', 32, [7]],
      ['uniform', 32, [0, 1, 2, 3, 4, 5, 6]],
    ],
  );
  const gpu = await testGpu();
  if (gpu === undefined) return;
  // as numbers of the registers they become
  const values = DTYPES.map((dtype, i) => castTo(dtype, 3e9 - i / 4));
  const fields = { f32: 'float32', i32: 'int32', u32: 'uint32', bool: 'uint32' } as const;
  const contents = values.map((v, i) => encode(fields[registerOf(DTYPES[i]!)], [v]));
  const after = await runWgsl(gpu, kernel, [...contents, encode('float32', zeros(8))], { places });
  assert.equal(
    decode('float32', after.at(-1)!).slice(0, values.length),
    values.map((v) => Math.fround(v)),
  );
});

test('buffers in one slot are one variable, also of two dtypes', async () => {
  const cases = [
    ['float32', 'float32', false],
    ['float32', 'int32', false],
    ['float16', 'bfloat16', false],
    ['float16', 'bfloat16', true],
    ['bfloat16', 'float16', true],
  ] as const;
  const gpu = await testGpu();
  for (const [from, dtype, f16] of cases) {
    const x = buffer('x', 'read', SIZE, from);
    const y = buffer('y', 'write', SIZE, dtype);
    for (const lanes of [1, 4] as const) {
      const kernel = kernelOf([x, y], () => [
        loop(
          'i',
          SIZE,
          (i) => [
            b.storeTo(
              y,
              i,
              b.convert(
                dtype,
                b.mul(b.loadFrom(x, i, lanes), b.constantOf(2, b.regType('f32', lanes))),
              ),
            ),
          ],
          lanes,
        ),
      ]);
      const places: BufferPlace[] = [0, 1].map(() => ({
        kind: 'storage',
        slot: 0,
        access: 'read_write',
      }));
      const features = { f16, subgroups: false };
      const shader = renderWgsl(kernel, { places, features, names: 'own' });
      await assertTint(shader);
      assert.equal(
        shader.bindings.map((s) => s.buffers),
        [[0, 1]],
      );
      if (gpu === undefined || (f16 && !gpu.features.f16)) continue;
      const bytes = encode(from, ramp(SIZE));
      const after = await runWgsl(gpu, kernel, [bytes, bytes], { places, features });
      assert.equal(
        decode(dtype, after[1]!),
        ramp(SIZE).map((v) => 2 * v),
      );
    }
  }
});

const random = (seed: number): ((n: number) => number) => {
  let state = seed | 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 10) % n;
  };
};

/** Loops, branches and lets over affine indices that stay within the buffers. */
const randomKernel = (seed: number): ThreadKernel => {
  const pick = random(seed);
  const dtype = (['float32', 'bfloat16', 'float16', 'int32', 'uint8'] as const)[pick(5)]!;
  const x = buffer('x', 'read', 128, dtype);
  const s = buffer('s', 'readwrite', 128, dtype, 'shared');
  const y = buffer('y', 'readwrite', 4 * 128, dtype);
  let names = 0;
  const body = (depth: number, counters: readonly TExpr[], base: TExpr): TStmt[] => {
    const out: TStmt[] = [];
    const index = (): TExpr => {
      // at most three counters below 4, times at most 4, plus at most 40: below 124
      let sum: TExpr = b.i32(pick(2) === 0 ? 4 * pick(2) : pick(8));
      for (const c of counters) {
        const by = pick(2) === 0 ? 4 : pick(5);
        const part = pick(2) === 0 ? b.mul(c, b.i32(by)) : b.operate('shl', c, b.i32(pick(3)));
        sum = pick(4) === 0 ? b.operate('sub', b.add(sum, b.i32(16)), c) : b.add(sum, part);
      }
      if (pick(3) > 0) return sum;
      const held = b.register(`at${names++}`, INT);
      out.push(b.letOf(held, sum));
      return b.add(b.get(held), b.i32(pick(3)));
    };
    const read = (lanes: 1 | 4): TExpr => {
      const which = pick(3);
      if (which === 0) return b.loadFrom(x, index(), lanes);
      return which === 1
        ? b.loadFrom(s, index(), lanes)
        : b.loadFrom(y, b.add(base, index()), lanes);
    };
    for (let n = 1 + pick(3); n > 0; n--) {
      const kind = pick(depth < 3 ? 6 : 3);
      if (kind < 3) {
        const lanes = pick(2) === 0 ? 1 : 4;
        const value = b.operate(pick(2) === 0 ? 'max' : 'sub', read(lanes), read(lanes));
        if (pick(3) === 0) out.push(b.storeTo(s, index(), value));
        else out.push(b.storeTo(y, b.add(base, index()), value));
      } else if (kind < 5) {
        const counter = b.register(`i${names++}`, INT);
        const inner = body(depth + 1, [...counters, b.get(counter)], base);
        out.push(b.forOf(counter, b.i32(pick(2)), b.i32(1 + pick(4)), 1 + pick(2), inner));
      } else {
        const two = b.constantOf(2, {
          elem: isFloat(dtype) ? 'f32' : 'i32',
          lanes: 1,
        });
        const condition = b.operate('lt', b.loadFrom(x, index()), two);
        out.push(
          b.ifOf(condition, body(depth + 1, counters, base), body(depth + 1, counters, base)),
        );
      }
    }
    return out;
  };
  return kernelOf(
    [x, y, s],
    (group) => {
      const base = b.register('base', INT);
      return [
        b.letOf(base, b.mul(group, b.i32(128))),
        loop('z', 128, (z) => [b.storeTo(s, z, b.loadFrom(x, z))]),
        ...body(0, [], b.get(base)),
      ];
    },
    { grid: 4, name: `seed ${seed} ${dtype}` },
  );
};

test('100 random kernels are accepted by Tint, 8 run', async () => {
  for (let seed = 1; seed <= 100; seed++) {
    const kernel = randomKernel(seed);
    const { dtype } = kernel.buffers[0]!;
    if (seed <= 8) {
      await check(kernel, [valuesOf(dtype, 128), valuesOf(dtype, 512)]);
      continue;
    }
    for (const f16 of [true, false])
      await assertTint(
        renderWgsl(kernel, {
          places: ownPlaces(kernel),
          features: { f16, subgroups: false },
          names: 'own',
        }),
      );
  }
});

test.run();
