/**
 * Tuning: schedules are measured where several promise much the same, and what was found is kept.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { alternatives } from '../../src/codegen/tuning.ts';
import { assertAllClose } from '../../src/frontend/testing.ts';
import { measure } from '../../src/frontend/tuning/measure.ts';
import { tunerFor } from '../../src/frontend/tuning/tuner.ts';
import { autograd, device, explain, hybridize, nd, random } from '../../src/index.ts';
import type { LoopKernel } from '../../src/ir/loop/loop.ts';
import type { ThreadKernel } from '../../src/ir/thread/thread.ts';

const cpu = device.cpu();
const put = (shape: number[]): nd.NDArray => random.normal(shape, 0, 1, { device: cpu });

interface Case {
  readonly name: string;
  readonly run: (...x: nd.NDArray[]) => nd.NDArray;
  readonly shapes: readonly number[][];
}

const cases: readonly Case[] = [
  {
    name: 'product',
    run: (x, w) => x.matmul(w),
    shapes: [
      [70, 90],
      [90, 130],
    ],
  },
  {
    name: 'transposed',
    run: (x, w) => x.matmul(w.T).relu(),
    shapes: [
      [64, 256],
      [96, 256],
    ],
  },
  {
    name: 'batch',
    run: (x, w) => x.matmul(w),
    shapes: [
      [6, 33, 40],
      [6, 40, 28],
    ],
  },
  {
    name: 'convolution',
    run: (x, w) => nd.convolution(x, w, undefined, { padding: 1 }),
    shapes: [
      [2, 16, 20, 20],
      [24, 16, 3, 3],
    ],
  },
  {
    name: 'gradient of a weight',
    run: (x, w) => {
      const loss = autograd.record(() =>
        nd.convolution(x, w, undefined, { padding: 1 }).mul(0.05).sum(),
      );
      return autograd.grad(loss, [w])[0]!;
    },
    shapes: [
      [2, 16, 20, 20],
      [24, 16, 3, 3],
    ],
  },
];

for (const { name, run, shapes } of cases)
  test(`${name}: every alternative computes the same, and the chosen one is what runs`, async () => {
    const inputs = shapes.map(put);
    for (const x of inputs) x.attachGrad();
    const seen: { readonly loop: LoopKernel; readonly launches: readonly ThreadKernel[] }[] = [];
    const tuned = hybridize(run, { tune: true, name: `tuned-${name}` });
    await assertAllClose(tuned(...inputs), run(...inputs), { rtol: 1e-4, atol: 1e-4 });
    const loops = tuned.cached.plans[0]!.loaded!.compiled.stages.flatMap((stage) =>
      stage.level === 'loop' && stage.name === 'split and order' ? stage.kernels : [],
    );
    for (const loop of loops) seen.push({ loop, launches: alternatives(loop, cpu.caps) });
    const most = seen.reduce((a, b) => (b.launches.length > a.launches.length ? b : a));
    assert.ok(most.launches.length > 2, `${most.launches.length} alternatives`);
    const ms = measure(cpu, most.loop, most.launches, 0);
    // a wrong result counts as endless
    const wrong = most.launches.filter((_, i) => !Number.isFinite(ms[i])).map((l) => l.notes);
    assert.equal(wrong, []);
    // what was found is not measured again
    const pick = tunerFor(cpu);
    const first = pick(most.loop, most.launches);
    const start = performance.now();
    for (let i = 0; i < 10; i++) assert.is(pick(most.loop, most.launches), first);
    assert.ok(performance.now() - start < 100);
    assert.ok(explain(tuned).reports[0]!.kernels.length > 0);
  });

test('a launch that computes something else is never chosen', () => {
  const f = hybridize((x: nd.NDArray, w: nd.NDArray) => x.matmul(w), { name: 'right' });
  f(put([64, 64]), put([64, 64]));
  const { stages } = f.cached.plans[0]!.loaded!.compiled;
  const loop = stages.flatMap((s) => (s.level === 'loop' ? s.kernels : []))[0]!;
  const launches = alternatives(loop, cpu.caps);
  const lazy: ThreadKernel = { ...launches[0]!, body: [] };
  const ms = measure(cpu, loop, [launches[0]!, lazy], 0);
  assert.ok(Number.isFinite(ms[0]));
  assert.is(ms[1], Number.POSITIVE_INFINITY);
});

test('the option is checked', () => {
  assert.throws(
    () => hybridize((x: nd.NDArray) => x, { tune: 'yes' as unknown as boolean }),
    /hybridize: tune is "yes"/,
  );
});

test.run();
