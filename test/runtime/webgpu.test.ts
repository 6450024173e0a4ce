/** The WebGPU device: programs, their order, where arrays may lie, and what each run costs. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import { tensor } from '../../src/ir/type.ts';
import { compileGraph } from '../../src/passes/pipeline.ts';
import { blockSize } from '../../src/runtime/blocks.ts';
import { encodeElements } from '../../src/runtime/elements.ts';
import { Stream, turn } from '../../src/runtime/stream.ts';
import { counted } from '../support/processes.ts';
import { accumulate, binary, ramp, read, sines, upload } from '../support/programs.ts';
import { chainProgram } from '../support/wasm.ts';
import { onDevice } from '../support/webgpu.ts';

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
  for (const e of loaded) e.dispose();
  loaded[0]!.dispose();
  assert.throws(() => loaded[0]!.run([], [], []), /chain: the program was disposed/);
});

onDevice(
  'a run is one submit and makes nothing when it has run on these buffers before',
  async (device) => {
    const program = device.load(chainProgram(5, 64, 4));
    const x = upload(device, 'float32', ramp(256));
    const y = device.allocate(1024, 'y');
    const run = async (bias: number): Promise<void> => {
      program.run([x, y], [0, 0], [bias]);
      await device.synchronize();
    };
    assert.is((await counted(device, () => run(1))).pipelines, 2, 'from an input, from a temp');
    const still = await counted(device, () => run(1));
    assert.equal(still, {
      submits: 1,
      dispatches: 5,
      bindGroups: 0,
      pipelines: 0,
      buffers: 0,
      uploadedBytes: 0,
      readBytes: 0,
    });
    const changed = await counted(device, () => run(2));
    assert.ok(changed.uploadedBytes > 0 && changed.uploadedBytes <= 4, 'one number is sent');
    assert.is(changed.bindGroups, 0);
    const z = device.allocate(1024, 'z');
    const other = await counted(device, async () => {
      program.run([x, z], [0, 0], [2]);
      program.run([x, y], [0, 0], [2]);
      await device.synchronize();
    });
    assert.is(other.bindGroups, 1, 'only the launch that writes z is bound anew');
  },
);

onDevice('short programs are submitted together', async (device) => {
  const add = binary(device, 'add', 'float32', 64);
  let x = upload(device, 'float32', ramp(64));
  const one = upload(device, 'float32', new Array(64).fill(1));
  await device.synchronize();
  add.run([x, one, device.allocate(256, 'first')], [0, 0, 0], []);
  await device.synchronize();
  const used = await counted(device, async () => {
    for (let i = 0; i < 100; i++) {
      const next = device.allocate(256, 'next');
      add.run([x, one, next], [0, 0, 0], []);
      device.release(x);
      x = next;
    }
    assert.equal(
      await read(device, 'float32', x),
      ramp(64).map((v) => v + 100),
    );
  });
  assert.is(used.dispatches, 100);
  assert.is(used.submits, 2, '64 and the rest with what is read');
  assert.ok(used.bindGroups <= 4, `${used.bindGroups} bind groups: released arrays take turns`);
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

onDevice('a waiting program keeps memory that is freed meanwhile', async (device) => {
  const program = device.load(chainProgram(4, 64, 4));
  const x = upload(device, 'float32', ramp(256, 0.01));
  const y = device.allocate(8192, 'y');
  program.run([x, y], [0, 0], [0.5]);
  const result = read(device, 'float32', y, 0, 1024);
  device.release(y);
  // its arena is as large as y
  device.load(chainProgram(3, 256, 4));
  const want = sines(4, 64, 4, 0.5);
  assert.ok((await result).every((v, i) => Math.abs(v - want[i]!) < 1e-4));
});

onDevice(
  'a loop that never awaits has bounded work waiting, and the right result',
  async (device) => {
    const add = accumulate(device, 'float32', 64);
    const state = upload(device, 'float32', ramp(64));
    const x = device.allocate(256, 'x');
    let most = 0;
    for (let i = 0; i < 1000; i++) {
      device.write(x, 0, encodeElements('float32', new Array(64).fill(i)));
      add.run([state, x], [0, 0], [1]);
      most = Math.max(most, device.engine.stream.length);
    }
    assert.ok(most > 0 && most <= 256, `${most} waited`);
    assert.equal(
      await read(device, 'float32', state),
      ramp(64).map((v) => v + 499500),
    );
  },
);

onDevice('numbers belong to their call, however many calls are in a batch', async (device) => {
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

onDevice('programs with many numbers get a larger buffer for them', async (device) => {
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
  for (let i = 0; i < 300; i++) program.run([x, y], [0, 0], numbers);
  const sum = numbers.reduce((a, c) => a + c, 0);
  assert.equal(
    await read(device, 'float32', y),
    [0, 1, 2, 3].map((v) => v + sum),
  );
});

for (const offset of [4, 16, 36, 256, 260])
  onDevice(
    `arrays at byte ${offset} of their memory are bound or copied beside`,
    async (device) => {
      const size = 70;
      const add = binary(device, 'add', 'float32', size);
      const at = offset / 4;
      const before = ramp(size + at + 3, 2);
      const x = upload(device, 'float32', before);
      const y = upload(device, 'float32', before);
      const z = upload(device, 'float32', before);
      add.run([x, y, z], [offset, 0, offset], []);
      const want = before.map((v, i) => (i < at || i >= at + size ? v : v + before[i - at]!));
      assert.equal(await read(device, 'float32', z), want);
    },
  );

for (const [dtype, bytes] of [
  ['uint8', 1],
  ['float16', 2],
] as const)
  onDevice(`states of ${dtype} at any byte leave their neighbours alone`, async (device) => {
    for (let offset = 0; offset < 6 * bytes; offset += bytes)
      for (const size of [1, 2, 5, 9]) {
        const add = accumulate(device, dtype, size);
        const at = offset / bytes;
        const before = ramp(at + size + 3).map((v) => v + 1);
        const state = upload(device, dtype, before);
        const x = upload(device, dtype, new Array(size).fill(7));
        add.run([state, x], [offset, 0], [2]);
        const want = before.map((v, i) => (i < at || i >= at + size ? v : v + 14));
        assert.equal(await read(device, dtype, state), want, `${size} elements at ${offset}`);
      }
  });

onDevice('an input in the memory of a state is read as it was', async (device) => {
  const add = accumulate(device, 'float32', 64);
  const both = upload(device, 'float32', ramp(128));
  const copies = await counted(device, async () => {
    add.run([both, both], [0, 256], [1]);
    assert.equal(
      await read(device, 'float32', both),
      ramp(128).map((v, i) => (i < 64 ? v + v + 64 : v)),
    );
  });
  assert.is(copies.dispatches, 2, 'one of them a copy');
  add.run([both, both], [0, 0], [1]);
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
});

onDevice('shared memory is copied before it is sent', async (device) => {
  const shared = new Uint8Array(new SharedArrayBuffer(64)).fill(7);
  const storage = device.allocate(64, 'x');
  device.write(storage, 0, shared);
  assert.equal([...(await device.read(storage, 0, 64))], [...shared]);
});

onDevice('reads of one moment share a submit', async (device) => {
  const arrays = ramp(40).map((i) =>
    upload(
      device,
      'float32',
      ramp(16).map((v) => v + i),
    ),
  );
  const large = upload(device, 'float32', ramp(100_000));
  const used = await counted(device, async () => {
    const results = await Promise.all(arrays.map((x) => read(device, 'float32', x)));
    results.forEach((result, i) => {
      assert.equal(
        result,
        ramp(16).map((v) => v + i),
      );
    });
  });
  assert.is(used.submits, 1);
  assert.is(used.buffers, 1);
  assert.is(used.readBytes, 40 * 64);
  assert.is((await read(device, 'float32', large)).at(-1), 99_999);
  const again = await counted(device, () => read(device, 'float32', arrays[0]!));
  assert.is(again.buffers, 0);
});

onDevice('work is not let run ahead without end', async (device) => {
  const add = accumulate(device, 'float32', 64);
  const state = upload(device, 'float32', ramp(64));
  const x = upload(device, 'float32', new Array(64).fill(1));
  let waits = 0;
  for (let i = 0; i < 600; i++) {
    add.run([state, x], [0, 0], [1]);
    await undefined;
    const wait = device.relieve();
    if (wait === undefined) continue;
    waits++;
    await wait;
    assert.not.ok(device.pressure);
  }
  assert.ok(waits >= 1 && waits <= 3, `${waits} waits`);
});

onDevice(
  'empty arrays have memory of their own, and programs on them nothing to do',
  async (device) => {
    const a = device.allocate(0, 'a');
    const b = device.allocate(0, 'b');
    assert.ok(a.pointer !== 0 && b.pointer !== 0 && a.pointer !== b.pointer);
    assert.is((await device.read(a, 0, 0)).length, 0);
    device.write(a, 0, new Uint8Array(0));
    binary(device, 'add', 'float32', 0).run([a, b, device.allocate(0, 'c')], [0, 0, 0], []);
    await device.synchronize();
  },
);

onDevice('lanes of subgroups are looked at before they are used', async (device) => {
  assert.ok(device.caps.subgroup >= 1);
  const { caps } = device;
  assert.is(caps.subgroup & (caps.subgroup - 1), 0, 'a power of two');
});

onDevice(
  'without optional features the same programs run',
  async (device) => {
    assert.is(device.caps.subgroup, 1);
    const add = binary(device, 'add', 'float16', 9);
    const y = device.allocate(18, 'y');
    const x = upload(device, 'float16', ramp(9));
    add.run([x, x, y], [0, 0, 0], []);
    assert.equal(await read(device, 'float16', y), ramp(9, 2));
  },
  { without: ['shader-f16', 'subgroups', 'timestamp-query'] },
);

test('blocks have few sizes and little waste', () => {
  const sizes = new Set<number>();
  for (let bytes = 0; bytes < 1 << 20; bytes += 37) {
    const size = blockSize(bytes);
    assert.ok(size >= bytes && size % 16 === 0);
    assert.ok(size <= Math.max(bytes + 256, bytes * 1.125), `${size} for ${bytes}`);
    assert.is(blockSize(size), size);
    sizes.add(size);
  }
  assert.ok(sizes.size < 100, `${sizes.size} sizes`);
});

test('work waits for its turn, and past a bound for nothing but the network', () => {
  const done: string[] = [];
  let ready = false;
  const stream = new Stream((error) => done.push(String(error)));
  const work = (name: string, bytes = 0) => turn(() => done.push(name), bytes);
  stream.add(work('first'));
  stream.add({
    get ready() {
      return ready;
    },
    bytes: 0,
    settle: () => done.push('settled'),
    perform: () => {
      // what work adds has its turn after what was there
      stream.add(work('added'));
      throw 'failed';
    },
  });
  stream.add(work('third'));
  assert.equal(done, ['first']);
  assert.not.ok(stream.clear);
  stream.pump();
  assert.equal(done, ['first']);
  ready = true;
  stream.pump();
  assert.equal(done, ['first', 'failed', 'third', 'added']);
  ready = false;
  done.length = 0;
  let fetched = false;
  const slow = {
    ready: false,
    bytes: 0,
    settle: () => {
      done.push('settled');
      slow.ready = fetched;
    },
    perform: () => {},
  };
  stream.add(slow);
  stream.add(work('large', 60 * 2 ** 20));
  assert.equal(done, []);
  stream.add(work('too large', 60 * 2 ** 20));
  assert.equal(done, ['settled'], 'what is being fetched cannot be forced');
  fetched = true;
  stream.force();
  assert.equal(done, ['settled', 'settled', 'large', 'too large']);
  assert.ok(stream.clear);
});

test.run();
