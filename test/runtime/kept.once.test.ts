/** What the CPU keeps from call to call: made of the bytes that are there, under a limit, and nobody's loss. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseGraph } from '../../src/ir/graph/parse.ts';
import { externals, type Program } from '../../src/ir/program.ts';
import { keeping } from '../../src/passes/keep.ts';
import { bringKeeping } from '../../src/passes/keep-family.ts';
import { compileGraph } from '../../src/passes/pipeline.ts';
import { PLAIN } from '../../src/passes/recipe.ts';
import { CpuDevice } from '../../src/runtime/cpu/device.ts';
import { KeptBlock, KeptMemory } from '../../src/runtime/cpu/kept.ts';
import type { Device, Storage } from '../../src/runtime/device.ts';

bringKeeping(keeping);

const graph = parseGraph(`graph main(%x: f32[64, 512], param %w: f32[512, 512]) {
  %y = dot %x, %w {aBatch=[], bBatch=[], aContract=[1], bContract=[0]}
  return %y }`);

const compiled = (device: CpuDevice): Program =>
  compileGraph(graph, device.caps, { ...PLAIN, held: [1] }).program;

const numbers = (length: number, seed: number): Uint8Array =>
  new Uint8Array(Float32Array.from({ length }, (_, i) => Math.sin(i * seed)).buffer);

const hash = (device: Device, storage: Storage): string =>
  Buffer.from(device.readSync(storage, 0, storage.bytes)!).toString('base64');

/** A weight twice as long as it needs to be, and what else a run binds. */
const bind = (device: CpuDevice): [Storage, Storage, Storage] => {
  const made = [64 * 512, 2 * 512 * 512, 64 * 512].map((n) => device.allocate(4 * n, 'test'));
  device.write(made[0]!, 0, numbers(64 * 512, 0.7));
  device.write(made[1]!, 0, numbers(2 * 512 * 512, 1.3));
  return made as [Storage, Storage, Storage];
};

test('weights that are written, or elsewhere in memory, are packed again, by any number of threads', () => {
  const results = [1, 2, 3].map((threads) => {
    const device = new CpuDevice({ threads });
    const program = compiled(device);
    assert.is(program.buffers.filter((b) => b.role === 'kept').length, 1);
    const executable = device.load(program);
    const [x, w, y] = bind(device);
    const run = (at: number): string => {
      executable.run([x, w, y], [0, at, 0], []);
      return hash(device, y);
    };
    const seen = [run(0), run(0)];
    assert.is(executable.fills, 1);
    seen.push(run(4 * 512 * 512), run(4 * 512 * 512));
    assert.is(executable.fills, 2);
    device.write(w, 0, numbers(512 * 512, 2.1));
    seen.push(run(0), run(0));
    assert.is(executable.fills, 3);
    device.write(w, 0, numbers(512 * 512, 1.3));
    assert.is(run(0), seen[0]);
    assert.throws(() => {
      executable.dispose();
      run(0);
    }, /disposed/);
    device.dispose();
    assert.is(new Set(seen).size, 3);
    return seen;
  });
  assert.equal(results[1], results[0]);
  assert.equal(results[2], results[0]);
});

test('a program gives what it keeps back when memory is short, and makes it again', () => {
  const device = new CpuDevice({ threads: 1, maximumPages: 1024 });
  const executable = device.load(compiled(device));
  const [x, w, y] = bind(device);
  executable.run([x, w, y], [0, 0, 0], []);
  const expected = hash(device, y);
  const { pooled, inUse } = device.memory();
  const kept = executable.program.buffers.find((b) => b.role === 'kept')!.bytes;
  const large = device.allocate(pooled + kept / 2, 'large');
  assert.ok(device.memory().inUse - inUse < pooled + kept);
  device.release(large);
  executable.run([x, w, y], [0, 0, 0], []);
  assert.is(hash(device, y), expected);
  assert.is(executable.fills, 2);
  assert.throws(() => device.allocate(2 ** 30, 'too large'), /too large/);
});

test('programs of a device keep no more than its limit: the one unused for longest gives way', () => {
  const device = new CpuDevice({ threads: 1 });
  const program = compiled(device);
  const kept = new KeptMemory(2 ** 21);
  const owner = {
    kept,
    allocate: (bytes: number, label: string) => device.allocate(bytes, label),
    release: (storage: Storage) => device.release(storage),
  };
  const blocks = [1, 2, 3].map(() => new KeptBlock(program, externals(program), owner));
  const buffers = bind(device);
  const ask = (i: number): boolean => {
    const holds = blocks[i]!.holds(buffers, [0, 0, 0], () => {});
    blocks[i]!.filled();
    return holds;
  };
  assert.equal([ask(0), ask(1), ask(0)], [false, false, true]);
  assert.is(ask(2), false);
  assert.equal(
    blocks.map((b) => b.present),
    [true, false, true],
  );
  assert.equal([ask(0), ask(1), ask(2)], [true, false, false]);
  assert.ok(kept.releaseAll());
  assert.not.ok(kept.releaseAll());
});

test.run();
