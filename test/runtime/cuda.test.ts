/** The CUDA device: programs, their order, where arrays may lie, what each run costs, and what is kept on disk. */
import fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import { tensor } from '../../src/ir/type.ts';
import { compileGraph } from '../../src/passes/pipeline.ts';
import { freshCounters } from '../../src/runtime/cuda/counters.ts';
import { openCuda } from '../../src/runtime/cuda/open.ts';
import { encodeElements } from '../../src/runtime/elements.ts';
import { inFolder, onDevice } from '../support/cuda.ts';
import { counted } from '../support/processes.ts';
import { accumulate, binary, ramp, read, sines, upload } from '../support/programs.ts';
import { chainProgram } from '../support/wasm.ts';

onDevice('programs with temps, constants and numbers share one arena', async (device) => {
  const shapes = [
    [3, 16, 4],
    [5, 64, 4],
    [1, 16, 4],
  ] as const;
  const loaded = shapes.map(([steps, columns, grid]) =>
    device.load(chainProgram(steps, columns, grid)),
  );
  for (const bias of [0, 0.25])
    for (const [n, [steps, columns, grid]] of shapes.entries()) {
      const x = upload(device, 'float32', ramp(columns * grid, 0.01));
      const y = device.allocate(4 * columns * grid, 'y');
      loaded[n]!.run([x, y], [0, 0], [bias]);
      const got = await read(device, 'float32', y);
      const want = sines(steps, columns, grid, bias);
      assert.ok(got.every((v, i) => Math.abs(v - want[i]!) < 1e-4));
    }
});

onDevice(
  'a program is compiled once and is one launch; on the same buffers nothing else happens',
  async (device) => {
    const program = device.load(chainProgram(5, 64, 4));
    const x = upload(device, 'float32', ramp(256, 0.01));
    const y = device.allocate(1024, 'y');
    const run = async (bias: number): Promise<void> => {
      program.run([x, y], [0, 0], [bias]);
      await device.synchronize();
    };
    const first = await counted(device, () => run(1));
    assert.equal([first.compiles, first.graphs, first.launches], [1, 1, 1]);
    assert.equal(await counted(device, () => run(1)), { ...freshCounters(), launches: 1 });
    const z = device.allocate(1024, 'z');
    const other = await counted(device, () => {
      program.run([x, z], [0, 0], [1]);
      program.run([x, y], [0, 0], [1]);
      program.run([x, z], [0, 0], [1]);
    });
    assert.equal([other.launches, other.graphs, other.updates], [3, 1, 1]);
    const want = sines(5, 64, 4, 1);
    for (const result of [y, z])
      assert.ok(
        (await read(device, 'float32', result)).every((v, i) => Math.abs(v - want[i]!) < 1e-4),
      );
    const equal = await counted(device, () => {
      device.load(chainProgram(5, 64, 4)).run([x, y], [0, 0], [1]);
    });
    assert.equal([equal.compiles, equal.cached, equal.launches], [0, 0, 1]);
  },
);

onDevice('memory and counters stay as they are over 500 steps of training', async (device) => {
  const step = accumulate(device, 'float32', 4096);
  const state = upload(device, 'float32', ramp(4096));
  await device.synchronize();
  const run = async (i: number): Promise<void> => {
    const x = upload(device, 'float32', new Array(4096).fill(1));
    step.run([state, x], [0, 0], [i % 3]);
    device.release(x);
    await device.relieve();
  };
  for (let i = 0; i < 20; i++) await run(i);
  await device.synchronize();
  const before = device.memory();
  const used = await counted(device, async () => {
    for (let i = 20; i < 500; i++) await run(i);
    await device.synchronize();
  });
  const after = device.memory();
  assert.is(after.inUse, before.inUse);
  assert.is(after.pooled, before.pooled);
  assert.is(used.launches, 480);
  assert.equal([used.buffers, used.compiles, used.graphs, used.updates], [0, 0, 0, 0]);
  assert.ok(used.pinned <= 2, `${used.pinned} pinned buffers`);
  let sum = 0;
  for (let i = 0; i < 500; i++) sum += i % 3;
  assert.equal(
    await read(device, 'float32', state),
    ramp(4096).map((v) => v + sum),
  );
});

onDevice('work keeps its order while programs are compiled', async (device) => {
  const add = accumulate(device, 'float32', 64);
  const state = upload(device, 'float32', ramp(64));
  const x = upload(device, 'float32', new Array(64).fill(1));
  add.run([state, x], [0, 0], [1]);
  const first = read(device, 'float32', state);
  const bytes = encodeElements('float32', new Array(64).fill(10));
  device.write(x, 0, bytes);
  bytes.fill(0xff);
  add.run([state, x], [0, 0], [2]);
  const second = read(device, 'float32', state);
  // freed memory may be used again, but not before its turn
  device.release(x);
  const y = upload(device, 'float32', new Array(64).fill(100));
  add.run([state, y], [0, 0], [1]);
  assert.equal(
    await first,
    ramp(64).map((v) => v + 1),
  );
  assert.equal(
    await second,
    ramp(64).map((v) => v + 21),
  );
  assert.equal(
    await read(device, 'float32', state),
    ramp(64).map((v) => v + 121),
  );
});

onDevice('numbers belong to their call, however many calls are under way', async (device) => {
  const add = accumulate(device, 'int32', 16);
  const state = upload(device, 'int32', ramp(16));
  const one = upload(device, 'int32', new Array(16).fill(1));
  let sum = 0;
  for (let i = 0; i < 1000; i++) {
    add.run([state, one], [0, 0], [i]);
    sum += i;
  }
  assert.equal(
    await read(device, 'int32', state),
    ramp(16).map((v) => v + sum),
  );
  for (const dtype of ['float16', 'uint8', 'uint32'] as const) {
    const program = accumulate(device, dtype, 8);
    const s = upload(device, dtype, ramp(8));
    program.run([s, upload(device, dtype, new Array(8).fill(2))], [0, 0], [3]);
    assert.equal(
      await read(device, dtype, s),
      ramp(8).map((v) => v + 6),
      dtype,
    );
  }
});

onDevice('programs with many numbers', async (device) => {
  const b = new GraphBuilder();
  const type = tensor('float32', [4]);
  let value = b.input(type);
  const numbers = ramp(300);
  for (const i of numbers) {
    const scalar = b.input(tensor('float32', []), { name: `s${i}`, role: 'scalar' });
    value = b.op('add', value, b.broadcastTo(scalar, [4]));
  }
  const program = device.load(compileGraph(b.graph('sum', [value]), device.caps).program);
  const x = upload(device, 'float32', [0, 1, 2, 3]);
  const y = device.allocate(16, 'y');
  for (let i = 0; i < 3; i++) program.run([x, y], [0, 0], numbers);
  const sum = numbers.reduce((a, c) => a + c, 0);
  assert.equal(
    await read(device, 'float32', y),
    [0, 1, 2, 3].map((v) => v + sum),
  );
});

onDevice('arrays at any byte of their memory are used or copied beside', async (device) => {
  const size = 70;
  const add = binary(device, 'add', 'float32', size);
  for (const offset of [4, 16, 36, 256, 260]) {
    const at = offset / 4;
    const before = ramp(size + at + 3, 2);
    const [x, y, z] = [0, 1, 2].map(() => upload(device, 'float32', before));
    const used = await counted(device, async () => {
      add.run([x!, y!, z!], [offset, 0, offset], []);
      await device.synchronize();
    });
    assert.is(used.copies, offset % 16 === 0 ? 0 : 3);
    const want = before.map((v, i) => (i < at || i >= at + size ? v : v + before[i - at]!));
    assert.equal(await read(device, 'float32', z!), want, `at byte ${offset}`);
  }
});

onDevice('states at any byte leave their neighbours alone', async (device) => {
  for (const [dtype, bytes] of [
    ['uint8', 1],
    ['float16', 2],
  ] as const)
    for (const size of [1, 5]) {
      const add = accumulate(device, dtype, size);
      for (let offset = 0; offset < 6 * bytes; offset += bytes) {
        const at = offset / bytes;
        const before = ramp(at + size + 3).map((v) => v + 1);
        const state = upload(device, dtype, before);
        const x = upload(device, dtype, new Array(size).fill(7));
        add.run([state, x], [offset, 0], [2]);
        const want = before.map((v, i) => (i < at || i >= at + size ? v : v + 14));
        assert.equal(await read(device, dtype, state), want, `${size} elements at ${offset}`);
      }
    }
});

onDevice('an input in the memory of a state is read as it was', async (device) => {
  const add = accumulate(device, 'float32', 64);
  const both = upload(device, 'float32', ramp(128));
  const apart = await counted(device, async () => {
    add.run([both, both], [0, 256], [1]);
    assert.equal(
      await read(device, 'float32', both),
      ramp(128).map((v, i) => (i < 64 ? v + v + 64 : v)),
    );
  });
  assert.is(apart.copies, 0, 'neighbours do not disturb each other');
  const same = await counted(device, () => add.run([both, both], [0, 0], [1]));
  assert.is(same.copies, 1);
  assert.equal(
    (await read(device, 'float32', both)).slice(0, 64),
    ramp(64).map((v) => 2 * (2 * v + 64)),
  );
});

onDevice('bytes are written and read at any place', async (device) => {
  const bytes = Uint8Array.from({ length: 61 }, (_, i) => i + 1);
  for (let offset = 0; offset < 6; offset++)
    for (const length of [0, 1, 3, 4, 7, 50]) {
      const storage = device.allocate(61, 'bytes');
      device.write(storage, 0, bytes);
      const sent = Uint8Array.from({ length }, (_, i) => 200 + i);
      device.write(storage, offset, sent);
      const want = [...bytes];
      want.splice(offset, length, ...sent);
      assert.equal([...(await device.read(storage, 0, 61))], want, `${length} at ${offset}`);
      assert.equal([...(await device.read(storage, offset, length))], [...sent]);
      device.release(storage);
    }
  const shared = new Uint8Array(new SharedArrayBuffer(64)).fill(7);
  const storage = device.allocate(64, 'x');
  device.write(storage, 0, shared);
  assert.equal([...(await device.read(storage, 0, 64))], [...shared]);
});

onDevice('empty arrays have memory of their own, and nothing to do', async (device) => {
  const a = device.allocate(0, 'a');
  const b = device.allocate(0, 'b');
  assert.ok(a.pointer !== 0 && b.pointer !== 0 && a.pointer !== b.pointer);
  assert.is((await device.read(a, 0, 0)).length, 0);
  device.write(a, 0, new Uint8Array(0));
  const add = binary(device, 'add', 'float32', 0);
  add.run([a, b, device.allocate(0, 'c')], [0, 0, 0], []);
  await device.synchronize();
  assert.is(device.readSync(), undefined);
});

inFolder('what was compiled is loaded by the next process, damaged or not', async (folder) => {
  const inputs = ramp(70);
  const run = async (): Promise<readonly [number, number]> => {
    const device = await openCuda({ cache: folder });
    const used = await counted(device, async () => {
      const add = binary(device, 'add', 'float32', 70);
      const x = upload(device, 'float32', inputs);
      const y = device.allocate(280, 'y');
      add.run([x, x, y], [0, 0, 0], []);
      assert.equal(
        await read(device, 'float32', y),
        inputs.map((v) => 2 * v),
      );
    });
    device.dispose();
    return [used.compiles, used.cached];
  };
  assert.equal(await run(), [1, 0]);
  assert.equal(await run(), [0, 1]);
  const files = fs.readdirSync(folder);
  assert.is(files.length, 1);
  const path = join(folder, files[0]!);
  const whole = fs.readFileSync(path);
  fs.writeFileSync(path, whole.subarray(0, 100));
  assert.equal(await run(), [1, 0]);
  assert.equal(fs.readFileSync(path), whole, 'it is replaced');
  assert.equal(await run(), [0, 1]);
});

onDevice(
  'without a folder every process compiles for itself',
  async (device) => {
    const used = await counted(device, async () => {
      const add = binary(device, 'mul', 'float32', 3);
      const x = upload(device, 'float32', [1, 2, 3]);
      add.run([x, x, x], [0, 0, 0], []);
      assert.equal(await read(device, 'float32', x), [1, 4, 9]);
    });
    assert.equal([used.compiles, used.cached], [1, 0]);
  },
  { cache: undefined },
);

test.run();
