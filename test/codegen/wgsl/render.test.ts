/** Kernels as WGSL compute what the interpreter of Thread IR computes, whatever arrays their buffers become. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { plainNames } from '../../../src/codegen/text/names.ts';
import { ownNames } from '../../../src/codegen/wgsl/names.ts';
import { bringRareFunctions } from '../../../src/codegen/wgsl/rare.ts';
import { renderWgsl } from '../../../src/codegen/wgsl/render.ts';
import type { BufferPlace } from '../../../src/codegen/wgsl/shader.ts';
import { DTYPES, isWide } from '../../../src/ir/dtype.ts';
import { castTo } from '../../../src/ir/rounding.ts';
import * as b from '../../../src/ir/thread/build.ts';
import { registerDType, registerOf, type ThreadKernel } from '../../../src/ir/thread/thread.ts';
import { goldenText } from '../../support/golden.ts';
import { assertTint } from '../../support/tint.ts';
import { decode, encode } from '../../support/wasm.ts';
import { ownPlaces, runWgsl, testGpu } from '../../support/wgsl.ts';
import {
  buffer,
  exchanging,
  INT,
  kernelCases,
  kernelOf,
  loop,
  ramp,
  randomCase,
  SIZE,
  zeros,
} from '../kernel-cases.ts';
import { check, doubled, ONE_SLOT } from './check.ts';

bringRareFunctions();

const textOf = (kernel: ThreadKernel, f16 = false, places = ownPlaces(kernel)): string =>
  renderWgsl(kernel, { places, features: { f16, subgroups: true }, names: ownNames }).code;

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
      names: plainNames,
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
      names: ownNames,
    }),
  );
  await check(kernel, [ramp(SIZE), zeros(SIZE)]);
});

// --- what runs

for (const [title, cases] of kernelCases())
  test(title, async () => {
    for (const { kernel, contents } of cases) await check(kernel, contents);
  });

test('every dtype: whole vectors are written without atomics', () => {
  for (const { kernel } of kernelCases().get('every dtype: whole vectors')!)
    assert.not.match(textOf(kernel), /atomic/);
});

test('threads exchange numbers, vectors and bools', async () => {
  const gpu = await testGpu();
  if (gpu !== undefined && !gpu.features.subgroups) {
    console.log(`skipped: ${gpu.name} has no subgroups`);
    return;
  }
  const { kernel, contents } = exchanging(gpu?.subgroup ?? 4);
  await check(kernel, contents);
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
      names: ownNames,
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
    names: ownNames,
  });
  assert.equal(shader.dispatch, [0, 0, 0]);
  assert.is(shader.bindings[0]!.bytes, 16);
});

test('scalars of every dtype come from the uniform block', async () => {
  const dtypes = DTYPES.filter((dtype) => !isWide(dtype));
  const scalars = dtypes.map((dtype) => buffer(`s_${dtype}`, 'read', 1, dtype));
  const y = buffer('y', 'write', dtypes.length);
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
    names: ownNames,
  });
  await assertTint(shader);
  assert.equal(
    shader.bindings.map(({ kind, bytes, buffers }) => [kind, bytes, buffers]),
    [
      ['storage', 48, [10]],
      ['uniform', 48, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
    ],
  );
  const gpu = await testGpu();
  if (gpu === undefined) return;
  // as numbers of the registers they become
  const values = dtypes.map((dtype, i) => castTo(dtype, 3e9 - i / 4));
  const fields = values.map((_, i) => registerDType[registerOf(dtypes[i]!)]);
  const contents = values.map((v, i) => encode(fields[i] === 'bool' ? 'uint32' : fields[i]!, [v]));
  const all = [...contents, encode('float32', zeros(dtypes.length))];
  const after = await runWgsl(gpu, kernel, all, { places });
  assert.equal(
    decode('float32', after.at(-1)!),
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
    for (const lanes of [1, 4] as const) {
      const kernel = doubled(from, dtype, lanes);
      const places = ONE_SLOT;
      const features = { f16, subgroups: false };
      const shader = renderWgsl(kernel, { places, features, names: ownNames });
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

test('100 random kernels are accepted by Tint, 8 run', async () => {
  for (let seed = 1; seed <= 100; seed++) {
    const { kernel, contents } = randomCase(seed);
    if (seed <= 8) {
      await check(kernel, contents);
      continue;
    }
    for (const f16 of [true, false])
      await assertTint(
        renderWgsl(kernel, {
          places: ownPlaces(kernel),
          features: { f16, subgroups: false },
          names: ownNames,
        }),
      );
  }
});

test.run();
