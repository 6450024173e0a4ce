/** Kernels as CUDA C++ compute what the interpreter of Thread IR computes, whatever arrays their buffers become. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { BufferPlace } from '../../../src/codegen/cuda/scope.ts';
import { DTYPES, isWide } from '../../../src/ir/dtype.ts';
import { castTo } from '../../../src/ir/rounding.ts';
import * as b from '../../../src/ir/thread/build.ts';
import { registerDType, registerOf } from '../../../src/ir/thread/thread.ts';
import { CudaBatch, ownSlots } from '../../support/cuda-kernels.ts';
import { compileCuda, hasNvcc } from '../../support/nvcc.ts';
import { decode, encode } from '../../support/wasm.ts';
import {
  buffer,
  exchanging,
  INT,
  interpreted,
  type KernelCase,
  kernelCases,
  kernelOf,
  loop,
  ramp,
  randomCase,
  SIZE,
  wideCase,
  zeros,
} from '../kernel-cases.ts';

const batch = new CudaBatch();

/** A test that cases compute what the interpreter does; all of the file's kernels are compiled together. */
const define = (title: string, cases: readonly KernelCase[]): void => {
  const runs = cases.map((one) => ({ one, run: batch.add(one.kernel) }));
  test(title, async () => {
    for (const { one, run } of runs) {
      const globals = one.kernel.buffers.filter((x) => x.space === 'global');
      const after = await run(globals.map((g, i) => encode(g.dtype, one.contents[i]!)));
      if (after === undefined) return;
      const want = interpreted(one);
      globals.forEach((g, i) => {
        assert.equal(decode(g.dtype, after[i]!), want[i], `${g.name} of ${one.kernel.name}`);
      });
    }
  });
};

for (const [title, cases] of kernelCases()) define(title, cases);
define('threads exchange numbers, vectors and bools', [exchanging(32)]);
define('elements of 64 bits', DTYPES.filter(isWide).map(wideCase));
define(
  'random kernels',
  Array.from({ length: 40 }, (_, i) => randomCase(i + 1)),
);

{
  const x = buffer('float', 'read');
  const y = buffer('expf', 'write');
  const value = b.register('sigmoid', b.regType('f32'));
  define('names that mean something in C++ are left to it', [
    {
      kernel: kernelOf([x, y], () => [
        loop('threadIdx', SIZE, (i) => [
          b.letOf(value, b.operate('sigmoid', b.operate('min', b.loadFrom(x, i), b.f32(0)))),
          b.storeTo(y, i, b.operate('round', b.mul(b.get(value), b.f32(64)))),
        ]),
      ]),
      contents: [ramp(SIZE), zeros(SIZE)],
    },
  ]);
}

{
  const scalars = DTYPES.map((dtype) => buffer(`s_${dtype}`, 'read', 1, dtype));
  const y = buffer('y', 'write', DTYPES.length);
  const kernel = kernelOf([...scalars, y], () =>
    scalars.map((s, i) => b.storeTo(y, b.i32(i), b.convert('float32', b.loadFrom(s, b.i32(0))))),
  );
  const places: BufferPlace[] = [
    ...scalars.map((): BufferPlace => ({ kind: 'scalar' })),
    { kind: 'memory', slot: 0 },
  ];
  const run = batch.add(kernel, places);
  test('scalars of every dtype come from a block of words', async () => {
    // as numbers of the registers they become
    const values = DTYPES.map((dtype, i) => castTo(dtype, 3e9 - i / 4));
    const contents = values.map((v, i) => encode(registerDType[registerOf(DTYPES[i]!)], [v]));
    const after = await run([...contents, encode('float32', zeros(DTYPES.length))]);
    if (after === undefined) return;
    assert.equal(
      decode('float32', after.at(-1)!),
      values.map((v) => Math.fround(v)),
    );
  });
}

for (const [from, to] of [
  ['float32', 'float32'],
  ['float32', 'int32'],
  ['int32', 'float32'],
  ['float16', 'bfloat16'],
  ['bfloat16', 'float16'],
] as const)
  for (const lanes of [1, 4] as const) {
    const x = buffer('x', 'read', SIZE, from);
    const y = buffer('y', 'write', SIZE, to);
    const elem = registerOf(from);
    const two = b.constantOf(2, b.regType(elem, lanes));
    const at = b.register('at', INT);
    const kernel = kernelOf([x, y], () => [
      b.forOf(at, b.i32(0), b.i32(SIZE), lanes, [
        b.storeTo(y, b.get(at), b.convert(to, b.mul(b.loadFrom(x, b.get(at), lanes), two))),
      ]),
    ]);
    const run = batch.add(
      kernel,
      ownSlots(kernel).map(() => ({ kind: 'memory', slot: 0 })),
    );
    test(`${from} that becomes ${to} in place, ${lanes} at once`, async () => {
      const bytes = encode(from, ramp(SIZE));
      const after = await run([bytes, bytes]);
      if (after === undefined) return;
      assert.equal(
        decode(to, after[1]!),
        ramp(SIZE).map((v) => 2 * v),
      );
    });
  }

test('nvcc compiles all of it without warnings', () => {
  if (hasNvcc()) compileCuda(batch.source, 'sm_80');
  else console.log('skipped: there is no nvcc');
});

test.run();
