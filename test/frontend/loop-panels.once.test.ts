/**
 * Loops on CPUs pack the matrices that are the same in all rounds once, before the first.
 *
 * Invariant: a loop is held against the same steps written out, its gradients too, on one, two and three threads.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { plansOf } from '../../src/frontend/hybridize.ts';
import { assertAllClose } from '../../src/frontend/testing.ts';
import { autograd, hybridize, nd } from '../../src/index.ts';
import { compileGraph } from '../../src/passes/pipeline.ts';
import { CpuDevice } from '../../src/runtime/cpu/device.ts';

type Array = nd.NDArray;

const [STEPS, ROWS, WIDTH] = [12, 32, 128];
const values = (shape: readonly number[], seed: number): Array =>
  nd.array(
    Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) =>
      Math.sin(1 + 3.7 * i + 11 * seed),
    ),
    { shape },
  );
const cell = (x: Array, h: Array, w: Array): Array => x.add(h.dot(w)).tanh();

const loop = hybridize((x: Array, w: Array) => {
  const h = nd.zeros([ROWS, WIDTH]);
  return nd.foreach((e, t: Array) => [cell(e, t, w), cell(e, t, w)], x, h)[0] as Array;
});

test('matrices from outside of a loop are packed before it, in both directions', async () => {
  const results: Float32Array[][] = [];
  const byHand = (x: Array, w: Array): Array => {
    let h = nd.zeros([ROWS, WIDTH]);
    const all = Array.from({ length: STEPS }, (_, i) => {
      h = cell(x.at(i), h, w);
      return h;
    });
    return nd.stack(all);
  };
  for (const f of [loop, byHand]) {
    const x = values([STEPS, ROWS, WIDTH], 1).attachGrad();
    const w = values([WIDTH, WIDTH], 2).mul(0.05).attachGrad();
    let y!: Array;
    autograd
      .record(() => {
        y = f(x, w);
        return y.square().sum();
      })
      .backward();
    results.push(
      await Promise.all([y, x.grad!, w.grad!].map((a) => a.data() as Promise<Float32Array>)),
    );
  }
  for (const [i, got] of results[0]!.entries())
    await assertAllClose([...got], [...results[1]![i]!], {
      rtol: 1e-4,
      atol: 1e-5,
      label: `result ${i}`,
    });
});

test('the launch that packs is before the loop, and threads change nothing', () => {
  const [{ compiled }] = [plansOf(loop)[0]!.loaded!];
  const graph = compiled.stages.find((s) => s.level === 'graph')!.graph;
  const outputs = [1, 2, 3].map((threads) => {
    const device = new CpuDevice({ threads });
    const { program } = compileGraph(graph, device.caps);
    const [first] = program.loops;
    const packing = program.steps.findIndex(({ kernel }) =>
      program.kernels[kernel]!.notes.some((note) => note.startsWith('panels of 8')),
    );
    assert.ok(packing >= 0 && packing < first!.first, 'packed before the loop');
    const storages = program.buffers
      .filter((b) => b.role === 'input' || b.role === 'output')
      .map((b, i) => {
        const storage = device.allocate(b.bytes, b.name);
        const given = Float32Array.from({ length: b.bytes / 4 }, (_, j) => Math.sin(j + i) / 4);
        device.write(storage, 0, new Uint8Array(given.buffer));
        return storage;
      });
    device.load(program).run(
      storages,
      storages.map(() => 0),
      [],
    );
    return storages.map((s) => Buffer.from(device.readSync(s, 0, s.bytes)).toString('base64'));
  });
  assert.equal(outputs[1], outputs[0]);
  assert.equal(outputs[2], outputs[0]);
});

test.run();
