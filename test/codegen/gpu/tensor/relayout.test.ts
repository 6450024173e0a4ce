/**
 * Operands brought into another layout before they are multiplied: what is computed stays, copies are shared where they may
 * be, and nothing is copied where that does not pay.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../../../src/codegen/caps.ts';
import { cleanup } from '../../../../src/codegen/cleanup.ts';
import { Copies } from '../../../../src/codegen/copies.ts';
import { relaid, type Times } from '../../../../src/codegen/gpu/tensor/relayout.ts';
import { cudaSchedules } from '../../../../src/codegen/gpu/tensor/schedules.ts';
import { splitTensorContraction } from '../../../../src/codegen/gpu/tensor/split.ts';
import { schedule } from '../../../../src/codegen/schedule.ts';
import type { DType } from '../../../../src/ir/dtype.ts';
import type { LoopKernel } from '../../../../src/ir/loop/loop.ts';
import { interpretThread } from '../../../../src/ir/thread/interpret.ts';
import { conv, convGradInput, convGradWeight, type Made, matmul } from '../../templates/made.ts';
import { evaluate, kernelWith, randomMemory } from '../../templates/nests.ts';
import { device, of } from './support.ts';

const caps: Caps = { ...device, schedules: cudaSchedules };
const shared = (): Copies => new Copies(() => false);

/** The `nth` layout is the only one that is any good. */
const onlyNth = (nth: number): Times => {
  let asked = 0;
  return { of: () => ({ cycles: asked++ === nth + 1 ? 1 : 1e9, fed: false }), least: 0 };
};

/** Runs kernels one after the other on what `made` reads; what they write has to be what `made` means. */
const runs = (made: Made, kernels: readonly LoopKernel[], seed: number): string => {
  const memory = randomMemory(made.buffers, seed);
  const cells = new Map([...memory].map(([b, m]) => [b, m.slice()]));
  const notes = kernels.map((part) => {
    const kernel = cleanup(schedule(part, caps));
    for (const b of part.buffers)
      if (!cells.has(b)) cells.set(b, new Float64Array(b.shape.reduce((n, d) => n * d, 1)));
    const bound = new Map(part.buffers.map((b, j) => [kernel.buffers[j]!, cells.get(b)!]));
    interpretThread(kernel, bound, { order: 'random', seed });
    return kernel.notes.join('\n');
  });
  const want = evaluate([made.nest], memory);
  for (const { buffer } of made.nest.stores) assert.equal(cells.get(buffer), want.get(buffer));
  return notes.at(-1)!;
};

interface Row {
  readonly name: string;
  readonly make: () => Made;
  readonly dtype: DType;
  /** Which layouts there are to choose from, and how many copies each takes. */
  readonly copies: readonly number[];
}
const rows: readonly Row[] = [
  {
    name: 'convolution with a stride and padding',
    make: () => conv(8, 16, 7, 6, 24, 3, { stride: 2, pad: 1 }),
    dtype: 'bfloat16',
    copies: [2, 2],
  },
  {
    name: 'gradient of images',
    make: () => convGradInput(8, 8, 6, 7, 16, 3),
    dtype: 'float16',
    copies: [2, 2],
  },
  {
    name: 'gradient of kernels',
    make: () => convGradWeight(8, 16, 6, 5, 8, 2),
    dtype: 'bfloat16',
    copies: [2, 2],
  },
];

for (const { name, make, dtype, copies } of rows)
  test(name, () => {
    for (const [nth, count] of copies.entries()) {
      const made = of(dtype, make());
      const kernel = kernelWith(made.nest, made.buffers);
      const found = relaid(kernel, dtype, caps, shared(), onlyNth(nth));
      assert.is(found?.copies.length, count, `layout ${nth}`);
      const notes = runs(made, [...found!.copies, found!.kernel], nth);
      assert.match(notes, /rows along (\w+) in copies of 16 .*columns along (\w+) in copies of 16/);
    }
  });

test('a layout is chosen where it pays, and only there', () => {
  const large = of('bfloat16', conv(32, 64, 56, 56, 64, 3, { pad: 1 }));
  const kernels = splitTensorContraction(kernelWith(large.nest, large.buffers), caps, shared());
  assert.equal(
    kernels?.map((k) => k.name.replace(/_.*/, '')),
    ['layout', 'layout', 'contraction'],
  );
  const small = of('bfloat16', conv(2, 8, 8, 8, 8, 3, { pad: 1 }));
  assert.is(
    splitTensorContraction(kernelWith(small.nest, small.buffers), caps, shared()),
    undefined,
  );
  const product = of('bfloat16', matmul(512, 512, 512));
  assert.is(
    splitTensorContraction(kernelWith(product.nest, product.buffers), caps, shared()),
    undefined,
  );
});

test('launches near each other share a copy, unless it would be of what is overwritten', () => {
  const made = of('bfloat16', convGradWeight(8, 16, 6, 5, 8, 2));
  const again = (copies: Copies, launches: number): number => {
    const take = (): number =>
      relaid(kernelWith(made.nest, made.buffers), 'bfloat16', caps, copies, onlyNth(1))!.copies
        .length;
    assert.is(take(), 2);
    for (let i = 0; i < launches; i++) copies.advance();
    return take();
  };
  assert.is(again(shared(), 2), 0);
  assert.is(again(shared(), 20), 2);
  assert.is(again(new Copies((b) => b.name === 'x'), 2), 1);
});

test.run();
