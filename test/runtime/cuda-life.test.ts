/** The CUDA device: memory, errors, loss, the end of the process, profiles, and the face that users open it by. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { device as devices } from '../../src/index.ts';
import { openCuda } from '../../src/runtime/cuda/open.ts';
import { onDevice } from '../support/cuda.ts';
import { failure, runScript } from '../support/processes.ts';
import { binary, ramp, read, upload } from '../support/programs.ts';
import { chainProgram } from '../support/wasm.ts';

const MB = 2 ** 20;

onDevice(
  'running out names the largest holders and what to do',
  async (device) => {
    const kept = [1, 2, 3].map(() => device.allocate(20 * MB, 'activations'));
    const error = await failure(() => device.allocate(100 * MB, 'conv1.output'));
    assert.is(error.name, 'OutOfMemoryError');
    assert.match(error.message, /no room for 100\.0 MB \(conv1\.output\)/);
    assert.match(error.message, /60\.0 MB of 128\.0 MB in use on cuda\(0\)/);
    assert.match(error.message, /60\.0 MB in 3 × activations/);
    assert.match(error.message, /help: .*smaller batch/);
    for (const s of kept) device.release(s);
    device.release(device.allocate(100 * MB, 'conv1.output'));
  },
  { limitBytes: 128 * MB },
);

onDevice(
  'a card that is full gives up what is idle, and says who holds the rest',
  async (device) => {
    const { memoryBytes } = device.properties;
    const part = Math.floor(0.3 * memoryBytes);
    device.release(device.allocate(part, 'idle'));
    device.release(device.allocate(part + 512 * MB, 'idle, too'));
    const kept = device.allocate(Math.floor(0.7 * memoryBytes), 'weights');
    const error = await failure(() => device.allocate(part + 512 * MB, 'more'));
    assert.is(error.name, 'OutOfMemoryError');
    assert.match(error.message, /in 1 × weights/);
    device.release(kept);
    device.release(device.allocate(part, 'again'));
  },
);

onDevice(
  'what is idle beyond a limit is given back to the driver',
  async (device) => {
    const many = Array.from({ length: 10 }, (_, i) => device.allocate((i + 1) * MB, `${i}`));
    for (const storage of many) device.release(storage);
    const { pooled, inUse } = device.memory();
    assert.is(inUse, 0);
    assert.ok(pooled <= 20 * MB && pooled >= 10 * MB, `${pooled} bytes`);
    await device.synchronize();
  },
  { idleBytes: 20 * MB },
);

test('20,000 eager calls that keep nothing leave memory as it was', async () => {
  const text = await runScript(`
    import { device, nd } from './src/index.ts';
    const gpu = await device.cuda();
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

/** Loads a program whose kernel writes far behind its result, into `overrun`; `x` and `y` are arrays for it. */
const OVERRUN = `
  import { chainProgram } from './test/support/wasm.ts';
  const program = chainProgram(1, 16, 4);
  const kernel = { ...program.kernels[0], name: 'wild', grid: 2 ** 20 };
  const load = (gpu) => gpu.load({ ...program, name: 'overrun', kernels: [kernel] });
  const arrays = (gpu) => [gpu.allocate(256, 'x'), gpu.allocate(256, 'y')];
`;

test('a kernel that fails loses the device: later calls say so, and what to do', async () => {
  const text = await runScript(`
    import { device, nd } from './src/index.ts';
    ${OVERRUN}
    const gpu = await device.cuda();
    const [x, y] = arrays(gpu);
    load(gpu).run([x, y], [0, 0], [1]);
    const first = await gpu.synchronize().catch((e) => e);
    const later = await gpu.read(x, 0, 4).catch((e) => e);
    const again = await device.cuda().catch((e) => e);
    const value = again instanceof Error ? again.message : [...await nd.ones([4], { device: again }).data()];
    console.log(JSON.stringify({ message: first.message, same: later === first, value }));
  `);
  const { message, same, value } = JSON.parse(text) as {
    message: string;
    same: boolean;
    value: string | number[];
  };
  assert.match(message, /cuda\(0\) was lost: .*CUDA_ERROR_.*in program overrun/);
  assert.match(message, /help: .*await device\.cuda\(\)/);
  assert.ok(same);
  // some drivers give nothing to this process any more
  if (typeof value === 'string') assert.match(value, /help: .*start it again/);
  else assert.equal(value, [1, 1, 1, 1]);
});

test('launching one by one names the kernel', async () => {
  const text = await runScript(
    `
    import { openCuda } from './src/runtime/cuda/open.ts';
    ${OVERRUN}
    const gpu = await openCuda();
    const [x, y] = arrays(gpu);
    const work = async () => {
      load(gpu).run([x, y], [0, 0], [1]);
      await gpu.synchronize();
    };
    console.log((await work().catch((e) => e)).message);
  `,
    { TIGON_CUDA_BLOCKING: '1' },
  );
  assert.match(text, /was lost: .*, in kernel wild of program overrun/);
});

onDevice('a process with work under way ends by itself', async () => {
  const text = await runScript(`
    import { openCuda } from './src/runtime/cuda/open.ts';
    import { chainProgram } from './test/support/wasm.ts';
    const device = await openCuda();
    const program = device.load(chainProgram(4, 256, 32));
    const x = device.allocate(4 * 256 * 32, 'x');
    const y = device.allocate(4 * 256 * 32, 'y');
    program.run([x, y], [0, 0], [1]);
    await device.synchronize();
    for (let i = 0; i < 20; i++) program.run([x, y], [0, 0], [i]);
    device.read(y, 0, 16);
    console.log('done');
  `);
  assert.is(text.trim(), 'done');
});

onDevice('a profile times each kernel', async (device) => {
  const program = device.load(chainProgram(3, 64, 8));
  const x = device.allocate(2048, 'x');
  const y = device.allocate(2048, 'y');
  const profile = await device.profile(() => program.run([x, y], [0, 0], [1]));
  assert.is(profile.clock, 'gpu');
  assert.equal(
    profile.rows.map((r) => `${r.kernel} of ${r.program}`),
    new Array(3).fill('step of chain'),
  );
  for (const row of profile.rows)
    assert.ok(row.nanoseconds >= 0 && row.nanoseconds < 1e10 && row.start >= 0);
  const { traceEvents } = JSON.parse(devices.chromeTrace(profile)) as {
    traceEvents: { name: string; ts: number; dur: number }[];
  };
  assert.is(traceEvents.length, 3);
  assert.is(traceEvents[2]!.dur, profile.rows[2]!.nanoseconds / 1000);
  const rejected = await failure(() =>
    device.profile(() => {
      throw new Error('of the body');
    }),
  );
  assert.is(rejected.message, 'of the body');
  assert.is((await device.profile(() => undefined)).rows.length, 0);
});

test('a device is opened once for each way of rounding, and again after it was disposed of', async () => {
  const [a, b] = await Promise.all([devices.cuda(), devices.cuda({ index: 0 })]);
  assert.is(a, b);
  assert.is(a.kind, 'cuda');
  assert.is(a.name, 'cuda(0)');
  assert.not.ok(a.caps.tf32);
  const rough = await devices.cuda({ tf32: true });
  assert.is.not(rough, a);
  assert.is(rough.name, 'cuda(0, tf32)');
  assert.ok(rough.caps.tf32);
  a.dispose();
  assert.match((await failure(() => a.synchronize())).message, /was disposed of/);
  const c = await devices.cuda();
  assert.is.not(c, a);
  const add = binary(rough, 'add', 'float32', 8);
  const [x, y] = [upload(rough, 'float32', ramp(8)), rough.allocate(32, 'y')];
  add.run([x, x, y], [0, 0, 0], []);
  assert.equal(await read(rough, 'float32', y), ramp(8, 2), 'the other one lives on');
  c.dispose();
  rough.dispose();
});

test('which card is checked', async () => {
  assert.match((await failure(() => openCuda({ index: 99 }))).message, /no card 99: there/);
  const error = await failure(() => devices.cuda({ index: -1 }));
  assert.match(error.message, /index is -1, not an integer/);
});

test('CUDA is the best device, where it is', async () => {
  const best = await devices.best();
  assert.is(best.kind, 'cuda');
});

test('without a driver the error says what was looked for, and the best device is another', async () => {
  const text = await runScript(
    `
    import { device } from './src/index.ts';
    const error = await device.cuda().catch((e) => e);
    console.log(JSON.stringify({ message: error.message, best: (await device.best()).kind }));
  `,
    { TIGON_CUDA_DRIVER: '/none/libcuda.so.1', TIGON_CUDA_COMPILER: '/none/libnvrtc.so.12' },
  );
  const { message, best } = JSON.parse(text) as { message: string; best: string };
  assert.is.not(best, 'cuda');
  assert.match(message, /device\.cuda: .*\/none\/libcuda\.so\.1/s);
  assert.match(message, /help: .*driver/);
});

test.run();
