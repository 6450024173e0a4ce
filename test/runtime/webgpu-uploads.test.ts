/** The WebGPU device: long uploads through staging buffers, their order, their memory, and what happens when they fail. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TigonError } from '../../src/ir/errors.ts';
import type { WebGpuDevice } from '../../src/runtime/webgpu/device.ts';
import { counted, failure } from '../support/processes.ts';
import { accumulate } from '../support/programs.ts';
import { onDevice } from '../support/webgpu.ts';

const MB = 2 ** 20;

/** Words that differ from place to place and from seed to seed. */
const words = (bytes: number, seed: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(
    Float32Array.from({ length: Math.ceil(bytes / 4) }, (_, i) => (i % 4099) + seed).buffer,
    0,
    bytes,
  );

const assertHolds = async (
  device: WebGpuDevice,
  storage: ReturnType<WebGpuDevice['allocate']>,
  offset: number,
  bytes: Uint8Array,
): Promise<void> => {
  const got = await device.read(storage, offset, bytes.length);
  assert.is(Buffer.compare(got, bytes), 0, `${bytes.length} bytes at ${offset}`);
};

onDevice('they keep their order with programs and reads, in one submit', async (device) => {
  const size = (6 * MB) / 4;
  const add = accumulate(device, 'float32', size);
  const state = device.allocate(4 * size, 'state');
  const x = device.allocate(4 * size, 'x');
  device.write(state, 0, words(4 * size, 0));
  await device.synchronize();
  const used = await counted(device, async () => {
    const bytes = words(4 * size, 5);
    device.write(x, 0, bytes);
    // the caller may go on with its own
    bytes.fill(0xff);
    add.run([state, x], [0, 0], [1]);
    const first = device.read(state, 4 * (size - 2), 8);
    device.write(x, 0, words(4 * size, 9));
    add.run([state, x], [0, 0], [10]);
    const last = (size - 1) % 4099;
    const floats = (b: Uint8Array): number[] => [...new Float32Array(b.buffer)];
    assert.is(floats(await first)[1], 2 * last + 5);
    assert.is(floats(await device.read(state, 4 * (size - 2), 8))[1], 12 * last + 95);
  });
  assert.ok(used.submits <= 3, `${used.submits} submits`);
  assert.is(used.uploadedBytes - (used.uploadedBytes % MB), 12 * MB);
});

onDevice('their lengths and places are any, shared memory included', async (device) => {
  for (const [length, offset] of [
    [MB - 4, 0],
    [MB, 4],
    [4 * MB + 4, 8],
    [9 * MB + 3, 0],
    [MB + 5, 3],
  ] as const) {
    const storage = device.allocate(length + offset + 8, 'bytes');
    const end = words(8, 1);
    device.write(storage, length + offset, end);
    const bytes = words(length, length);
    const shared = new Uint8Array(new SharedArrayBuffer(length));
    shared.set(bytes);
    device.write(storage, offset, shared);
    await assertHolds(device, storage, offset, bytes);
    await assertHolds(device, storage, length + offset, end);
    device.release(storage);
  }
});

onDevice('more than the buffers hold goes beside them, in order', async (device) => {
  const storage = device.allocate(24 * MB, 'x');
  const used = await counted(device, async () => {
    for (let i = 0; i < 6; i++) device.write(storage, 0, words(24 * MB, i));
    await assertHolds(device, storage, 0, words(24 * MB, 5));
  });
  assert.is(used.uploadedBytes, 6 * 24 * MB);
  assert.ok(used.buffers <= 16 + 1, `${used.buffers} buffers, one of them to read`);
  const small = await counted(device, async () => {
    device.write(storage, 0, words(MB, 7));
    await assertHolds(device, storage, 0, words(MB, 7));
  });
  assert.ok(small.buffers <= 2, 'buffers of another size make room');
});

onDevice('a thousand of them leave memory as it was', async (device) => {
  const storage = device.allocate(2 * MB, 'batch');
  const bytes = words(2 * MB, 3);
  const seen: { rss: number; buffers: number }[] = [];
  for (let i = 1; i <= 1000; i++) {
    device.write(storage, 0, bytes);
    if (i % 4 === 0) await device.synchronize();
    if (i % 250 === 0)
      seen.push({ rss: process.memoryUsage.rss(), buffers: device.counters.buffers });
  }
  await assertHolds(device, storage, 0, bytes);
  const [first, , , last] = seen;
  assert.is(last!.buffers, first!.buffers);
  assert.ok(last!.buffers <= 40, `${last!.buffers} buffers`);
  assert.ok(last!.rss <= first!.rss + 32 * MB, `${first!.rss}, then ${last!.rss} bytes resident`);
});

onDevice('without device memory for them the next wait says so', async (device) => {
  const { gpu } = device.engine;
  const storage = device.allocate(2 * MB, 'x');
  await device.synchronize();
  const pop = gpu.popErrorScope.bind(gpu);
  gpu.popErrorScope = async () => {
    await pop();
    gpu.popErrorScope = pop;
    return { message: 'Out of memory' };
  };
  device.write(storage, 0, words(2 * MB, 1));
  const error = await failure(() => device.synchronize());
  assert.is(error.name, 'OutOfMemoryError');
  assert.match(error.message, /no room for 2\.0 MB \(staging of an upload\)/);
  device.write(storage, 0, words(2 * MB, 2));
  await assertHolds(device, storage, 0, words(2 * MB, 2));
});

onDevice('without host memory for them they go another way', async (device) => {
  const { gpu } = device.engine;
  const make = gpu.createBuffer.bind(gpu);
  gpu.createBuffer = (descriptor) => {
    if (descriptor.mappedAtCreation) throw new RangeError('mapping failed');
    return make(descriptor);
  };
  const storage = device.allocate(MB, 'x');
  device.write(storage, 0, words(MB, 2));
  await assertHolds(device, storage, 0, words(MB, 2));
});

onDevice('a device that is lost meanwhile fails the wait, not the call', async (device) => {
  const storage = device.allocate(2 * MB, 'x');
  device.write(storage, 0, words(2 * MB, 1));
  await device.synchronize();
  device.write(storage, 0, words(2 * MB, 2));
  device.engine.gpu.destroy();
  device.write(storage, 0, words(2 * MB, 3));
  const error = await failure(() => device.read(storage, 0, 4));
  assert.instance(error, TigonError);
  assert.match(error.message, /webgpu\(0\) was lost: .*\n {2}help: .*opens it/);
});

test.run();
