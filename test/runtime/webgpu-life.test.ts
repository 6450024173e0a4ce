/** The WebGPU device: memory, errors, loss, the end of the process, and the face that users open it by. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { device as devices } from '../../src/index.ts';
import { TigonError } from '../../src/ir/errors.ts';
import type { Program } from '../../src/ir/program.ts';
import { openWebGpu } from '../../src/runtime/webgpu/open.ts';
import { counted, failure, runScript } from '../support/processes.ts';
import { chainProgram } from '../support/wasm.ts';
import { onDevice, withAdapter } from '../support/webgpu.ts';

const MB = 2 ** 20;

onDevice('released memory is used again', async (device) => {
  const first = device.allocate(1000, 'first');
  device.release(first);
  device.release(first);
  assert.is(first.pointer, 0);
  const used = await counted(device, () => {
    for (let i = 0; i < 100; i++) device.release(device.allocate(1000 + i / 10, 'next'));
  });
  assert.is(used.buffers, 0);
  assert.is(device.memory().inUse, 0);
  assert.ok(device.memory().pooled >= 1000);
});

onDevice(
  'what is idle beyond a limit is destroyed, the oldest first',
  async (device) => {
    const many = Array.from({ length: 10 }, (_, i) => device.allocate((i + 1) * MB, `${i}`));
    for (const storage of many) device.release(storage);
    const { pooled, inUse } = device.memory();
    assert.is(inUse, 0);
    assert.ok(pooled <= 20 * MB && pooled >= 10 * MB, `${pooled} bytes`);
    const again = await counted(device, () => device.release(device.allocate(10 * MB, 'again')));
    assert.is(again.buffers, 0, 'the last one is still there');
    await device.synchronize();
  },
  { idleBytes: 20 * MB },
);

onDevice(
  'running out names the largest holders and what to do',
  async (device) => {
    const kept = [1, 2, 3].map(() => device.allocate(20 * MB, 'activations'));
    const error = await failure(() => device.allocate(100 * MB, 'conv1.output'));
    assert.is(error.name, 'OutOfMemoryError');
    assert.match(error.message, /no room for 100\.0 MB \(conv1\.output\)/);
    assert.match(error.message, /60\.0 MB of 128\.0 MB in use on webgpu\(0\)/);
    assert.match(error.message, /60\.0 MB in 3 × activations/);
    assert.match(error.message, /help: .*smaller batch/);
    for (const s of kept) device.release(s);
    device.release(device.allocate(100 * MB, 'conv1.output'));
  },
  { limitBytes: 128 * MB },
);

onDevice(
  'a device that is full says so at the next wait, and gives up what is idle',
  async (device) => {
    device.release(device.allocate(5 * MB, 'idle'));
    const { gpu } = device.engine;
    const pop = gpu.popErrorScope.bind(gpu);
    gpu.popErrorScope = async () => {
      await pop();
      gpu.popErrorScope = pop;
      return { message: 'Out of memory' };
    };
    const kept = device.allocate(3 * MB, 'weights');
    const error = await failure(() => device.synchronize());
    assert.is(error.name, 'OutOfMemoryError');
    assert.match(error.message, /no room for 3\.0 MB \(weights\): 3\.0 MB in use on webgpu\(0\)/);
    assert.is(device.memory().pooled, 0);
    device.release(kept);
    assert.is(device.memory().pooled, 0, 'a buffer without memory is not used again');
    await device.synchronize();
  },
);

onDevice('what no buffer can hold is refused with the limit', async (device) => {
  const error = await failure(() => device.allocate(2 ** 45, 'huge'));
  assert.is(error.name, 'OutOfMemoryError');
  assert.match(error.message, /larger than a buffer of webgpu\(0\) can be/);
  const { maxStorageBufferBindingSize } = device.engine.limits;
  const wide = chainProgram(1, 1024, maxStorageBufferBindingSize / 4096 + 1);
  const refused = await failure(() => device.load(wide));
  assert.match(refused.message, /chain: \w+ has .* and a kernel of webgpu\(0\) can see/);
});

withAdapter('20,000 eager calls that keep nothing leave memory as it was', async () => {
  const text = await runScript(`
    import { device, nd } from './src/index.ts';
    const gpu = await device.webgpu();
    device.setDefault(gpu);
    let x = nd.zeros([1000]);
    const one = nd.ones([1000]);
    const seen = [];
    for (let i = 1; i <= 20000; i++) {
      x = x.add(one);
      if (i % 2000 === 0) {
        await x.slice([0, 1]).data();
        seen.push({ inUse: gpu.memory().inUse, buffers: gpu.counters.buffers, rss: process.memoryUsage.rss() });
      }
    }
    console.log(JSON.stringify({ value: (await x.data())[7], seen, peak: gpu.memory().peak }));
  `);
  const { value, seen, peak } = JSON.parse(text) as {
    value: number;
    seen: { inUse: number; buffers: number; rss: number }[];
    peak: number;
  };
  assert.is(value, 20000);
  assert.ok(peak < 160 * MB, `a peak of ${peak} bytes`);
  const [half, last] = [seen[4]!, seen[9]!];
  // a collection that comes by itself puts off those that are asked for
  assert.ok(last.buffers <= 12_000, `${last.buffers} buffers`);
  assert.ok(last.rss <= half.rss + 64 * MB, `${half.rss}, then ${last.rss} bytes resident`);
});

onDevice('arrays that are gone or elsewhere are refused', async (device) => {
  const gone = device.allocate(64, 'gone');
  device.release(gone);
  for (const use of [
    () => device.read(gone, 0, 4),
    () => device.write(gone, 0, new Uint8Array(4)),
  ]) {
    const error = await failure(use);
    assert.is(error.name, 'UseAfterFreeError');
    assert.match(error.message, /freed before this call/);
  }
  const program = device.load(chainProgram(1, 16, 4));
  const x = device.allocate(256, 'x');
  const freed = await failure(() => program.run([x, gone], [0, 0], [0]));
  assert.match(freed.message, /chain: output output was freed before this call/);
  const elsewhere = devices.cpu().allocate(256, 'there');
  const foreign = await failure(() => program.run([elsewhere, x], [0, 0], [0]));
  assert.match(foreign.message, /chain: input input lives on cpu\(\), the program on webgpu\(0\)/);
  const outside = await failure(() => device.write(x, 254, new Uint8Array(4)));
  assert.match(outside.message, /bytes 254 to 258 of a storage of 256/);
  assert.is(device.readSync(), undefined);
});

/** A program whose kernel WGSL refuses: an index of a constant array that is never in it. */
const broken = (): Program => {
  const program = chainProgram(1, 16, 4);
  const kernel = { ...program.kernels[0]!, threads: 2 ** 20 };
  return { ...program, name: 'broken', kernels: [kernel] };
};

onDevice(
  'a kernel that does not compile is named where somebody waits, and at later calls',
  async (device) => {
    const good = device.load(chainProgram(1, 16, 4));
    const bad = device.load(broken());
    const x = device.allocate(256, 'x');
    const y = device.allocate(256, 'y');
    bad.run([x, y], [0, 0], [0]);
    good.run([x, y], [0, 0], [0]);
    const error = await failure(() => device.read(y, 0, 256));
    assert.is(error.name, 'DeviceError');
    assert.match(error.message, /kernel step of program broken does not compile/);
    assert.match(error.message, /help: /);
    assert.is(await failure(() => bad.run([x, y], [0, 0], [0])), error);
    good.run([x, y], [0, 0], [0]);
    await device.read(y, 0, 256);
  },
);

onDevice('the same, where a loop does not wait for the compiler', async (device) => {
  const bad = device.load(broken());
  const x = device.allocate(256, 'x');
  const y = device.allocate(256, 'y');
  for (let i = 0; i < 300; i++) bad.run([x, y], [0, 0], [0]);
  const error = await failure(() => device.synchronize());
  assert.match(error.message, /kernel step of program broken does not compile/);
});

onDevice('errors of the driver that nobody expects fail the next wait, once', async (device) => {
  device.engine.gpu.createBuffer({ size: 16, usage: 1 | 128, label: 'nonsense' });
  const error = await failure(() => device.synchronize());
  assert.match(error.message, /^webgpu\(0\): .*nonsense/s);
  assert.match(error.message, /bug in Tigon or in the driver/);
  await device.synchronize();
});

onDevice('a lost device fails what waits for it and every later call', async (device) => {
  const program = device.load(chainProgram(1, 16, 4));
  const x = device.allocate(256, 'x');
  program.run([x, device.allocate(256, 'y')], [0, 0], [0]);
  const waits = [device.read(x, 0, 256), device.synchronize()].map((p) =>
    p.then(
      () => undefined,
      (error: unknown) => error,
    ),
  );
  device.engine.gpu.destroy();
  for (const wait of waits) {
    const error = await wait;
    assert.instance(error, TigonError);
    assert.match((error as TigonError).message, /webgpu\(0\) was lost: .*\n {2}help: .*opens it/);
  }
  assert.ok(device.lost);
  for (const use of [
    () => program.run([x, x], [0, 0], [0]),
    () => device.load(chainProgram(1, 16, 4)),
    () => device.allocate(16, 'new'),
    () => device.write(x, 0, new Uint8Array(4)),
    () => device.read(x, 0, 4),
    () => device.synchronize(),
    () => device.profile(() => undefined),
  ])
    assert.match((await failure(use)).message, /webgpu\(0\) was lost/);
  device.release(x);
  program.dispose();
});

withAdapter('a device is opened once, and again after it was lost', async () => {
  const [a, b] = await Promise.all([devices.webgpu(), devices.webgpu({ index: 0 })]);
  assert.is(a, b);
  assert.is(a.kind, 'webgpu');
  assert.is(a.name, 'webgpu(0)');
  a.engine.gpu.destroy();
  await failure(() => a.synchronize());
  const c = await devices.webgpu();
  assert.is.not(c, a);
  assert.is(await devices.webgpu(), c);
  c.dispose();
  assert.match((await failure(() => c.synchronize())).message, /was disposed of/);
});

withAdapter('which adapter is checked', async () => {
  assert.match((await failure(() => openWebGpu({ index: 99 }))).message, /no adapter 99: there/);
  const error = await failure(() => devices.webgpu({ index: -1 }));
  assert.match(error.message, /index is -1, not an integer/);
});

withAdapter(
  'the best device is no software that draws with the CPU, unless asked for',
  async () => {
    const { adapter } = await devices.webgpu();
    const best = await devices.best();
    assert.is(best.kind, adapter.software ? 'cpu' : 'webgpu');
    assert.is((await devices.best({ software: true })).kind, 'webgpu');
  },
);

test('without a driver the error says what to install, and the best device is the CPU', async () => {
  const text = await runScript(
    `
    import { device } from './src/index.ts';
    const error = await device.webgpu().catch((e) => e);
    console.log(JSON.stringify({ message: error.message, best: (await device.best()).name }));
  `,
    { VK_ICD_FILENAMES: '/none', VK_DRIVER_FILES: '/none', TIGON_WEBGPU_FLAGS: 'backend=vulkan' },
  );
  const { message, best } = JSON.parse(text) as { message: string; best: string };
  assert.is(best, 'cpu()');
  assert.match(message, /it finds no adapter/);
  assert.match(message, /help: .*driver/);
});

withAdapter('an adapter that is not there is answered with those that are', async () => {
  const text = await runScript(
    `
    import { device } from './src/index.ts';
    console.log((await device.webgpu().catch((e) => e)).message);
  `,
    { TIGON_WEBGPU_ADAPTER: 'no such adapter' },
  );
  assert.match(text, /^device\.webgpu: .*\n(.*\n)* {2}help: TIGON_WEBGPU_ADAPTER is a part of/);
});

withAdapter('a process with work under way ends by itself', async () => {
  const text = await runScript(`
    import { openWebGpu } from './src/runtime/webgpu/open.ts';
    import { chainProgram } from './test/support/wasm.ts';
    const device = await openWebGpu();
    const program = device.load(chainProgram(4, 2048, 32));
    const x = device.allocate(4 * 2048 * 32, 'x');
    const y = device.allocate(4 * 2048 * 32, 'y');
    program.run([x, y], [0, 0], [1]);
    await device.synchronize();
    for (let i = 0; i < 20; i++) program.run([x, y], [0, 0], [i]);
    device.read(y, 0, 16);
    console.log('done');
  `);
  assert.is(text.trim(), 'done');
});

onDevice('a profile times each kernel', async (device) => {
  const program = device.load(chainProgram(3, 256, 8));
  const x = device.allocate(8192, 'x');
  const y = device.allocate(8192, 'y');
  const profile = await device.profile(() => program.run([x, y], [0, 0], [1]));
  assert.equal(
    profile.rows.map((r) => `${r.kernel} of ${r.program}`),
    new Array(3).fill('step of chain'),
  );
  for (const row of profile.rows)
    assert.ok(row.nanoseconds >= 0 && row.nanoseconds < 1e10 && row.start >= 0);
  if (profile.clock === 'gpu') assert.ok(profile.rows.every((r) => r.nanoseconds % 65536 !== 0));
  const { traceEvents } = JSON.parse(devices.chromeTrace(profile)) as {
    traceEvents: { name: string; ts: number; dur: number }[];
  };
  assert.is(traceEvents.length, 3);
  assert.is(traceEvents[2]!.dur, profile.rows[2]!.nanoseconds / 1000);
  const many = await device.profile(() => {
    for (let i = 0; i < 800; i++) program.run([x, y], [0, 0], [1]);
  });
  assert.is(many.rows.length, 2400);
  const rejected = await failure(() =>
    device.profile(() => {
      throw new Error('of the body');
    }),
  );
  assert.is(rejected.message, 'of the body');
  assert.is((await device.profile(() => undefined)).rows.length, 0);
});

onDevice(
  'without timestamps a profile times programs by the clock',
  async (device) => {
    const program = device.load(chainProgram(3, 256, 8));
    const x = device.allocate(8192, 'x');
    const y = device.allocate(8192, 'y');
    const profile = await device.profile(() => {
      program.run([x, y], [0, 0], [1]);
      program.run([x, y], [0, 0], [2]);
    });
    assert.is(profile.clock, 'wall');
    assert.equal(
      profile.rows.map((r) => `${r.kernel} of ${r.program}`),
      ['3 kernels of chain', '3 kernels of chain'],
    );
    assert.ok(profile.rows.every((r) => r.nanoseconds > 0));
  },
  { without: ['timestamp-query'] },
);

test.run();
