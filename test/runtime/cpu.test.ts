/** The CPU device: programs, memory, its errors, and processes that end. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { TigonError } from '../../src/ir/errors.ts';
import { CpuDevice } from '../../src/runtime/cpu/device.ts';
import { SOURCE } from '../support/node.ts';
import { chainProgram } from '../support/wasm.ts';

const device = new CpuDevice({ threads: 1, maximumPages: 2048 });

const failure = (f: () => unknown): TigonError => {
  try {
    f();
  } catch (error) {
    return error as TigonError;
  }
  throw new Error('no error');
};

const sines = (steps: number, columns: number, grid: number, bias: number): Float32Array => {
  let x = Float32Array.from({ length: columns * grid }, (_, i) => i / 100);
  for (let s = 0; s < steps; s++) {
    const y = new Float32Array(x.length);
    for (let g = 0; g < grid; g++)
      for (let i = 0; i < columns; i++)
        y[g * columns + i] = Math.sin(
          Math.fround(Math.fround(x[i * grid + g]! + Math.fround(i / columns)) + bias),
        );
    x = y;
  }
  return x;
};

test('a program with temps, constants and scalars; several programs share the arena', async () => {
  const shapes = [
    [3, 16, 2],
    [5, 64, 4],
    [1, 16, 1],
  ] as const;
  const loaded = shapes.map(([steps, columns, grid]) =>
    device.load(chainProgram(steps, columns, grid)),
  );
  for (const bias of [0, 0.25])
    for (const [n, [steps, columns, grid]] of shapes.entries()) {
      const bytes = 4 * columns * grid;
      const x = device.allocate(bytes, 'x');
      const y = device.allocate(bytes + 64, 'y');
      device.write(
        x,
        0,
        new Uint8Array(Float32Array.from({ length: columns * grid }, (_, i) => i / 100).buffer),
      );
      loaded[n]!.run([x, y], [0, 64], [bias]);
      const got = new Float32Array((await device.read(y, 64, bytes)).buffer);
      const want = sines(steps, columns, grid, bias);
      assert.ok(got.every((v, i) => Math.abs(v - want[i]!) < 1e-5));
    }
  for (const e of loaded) e.dispose();
  loaded[0]!.dispose();
  const x = device.allocate(128, 'x');
  assert.match(failure(() => loaded[0]!.run([x, x], [0, 0], [0])).message, 'disposed');
});

test('a profile has each launch of each run in order, on one thread and on two, and changes no result', async () => {
  for (const threads of [1, 2]) {
    const own = new CpuDevice({ threads, maximumPages: 2048 });
    const program = chainProgram(3, 256, 64);
    const executable = own.load(program);
    const bytes = 4 * 256 * 64;
    const [x, y] = [own.allocate(bytes, 'x'), own.allocate(bytes, 'y')];
    own.write(x, 0, new Uint8Array(bytes));
    executable.run([x, y], [0, 0], [0.5]);
    const plain = own.readSync(y, 0, bytes);
    const { clock, rows } = await own.profile(() => {
      executable.run([x, y], [0, 0], [0.5]);
      executable.run([x, y], [0, 0], [0.5]);
    });
    assert.equal(own.readSync(y, 0, bytes), plain);
    assert.is(clock, 'wall');
    assert.equal(
      rows.map((r) => [r.program, r.kernel]),
      Array.from({ length: 6 }, () => ['chain', 'step']),
    );
    assert.is(rows[0]!.start, 0);
    assert.ok(rows.every((r, i) => r.nanoseconds > 0 && r.start >= (rows[i - 1]?.start ?? 0)));
    executable.run([x, y], [0, 0], [0.5]);
    assert.is((await own.profile(() => {})).rows.length, 0);
    own.dispose();
  }
});

test('storages are aligned, released once, and refuse use after that', () => {
  const small = device.allocate(10, 'small');
  const large = device.allocate(100_000, 'large');
  assert.is(small.pointer % 64, 0);
  assert.is(large.pointer % 64, 0);
  const before = device.memory().inUse;
  device.release(large);
  device.release(large);
  assert.is(large.pointer, 0);
  assert.ok(device.memory().inUse <= before - 100_000);
  device.release(small);
  const error = failure(() => device.readSync(small, 0, 4));
  assert.is(error.name, 'UseAfterFreeError');
  const program = device.load(chainProgram(1, 16, 1));
  const x = device.allocate(64, 'x');
  const freed = failure(() => program.run([x, small], [0, 0], [0]));
  assert.match(freed.message, /chain: output output was freed before this call/);
});

test('empty arrays have an address of their own', () => {
  const a = device.allocate(0, 'a');
  const b = device.allocate(0, 'b');
  assert.ok(a.pointer !== 0 && a.pointer !== b.pointer);
  assert.is(device.readSync(a, 0, 0).length, 0);
});

test('reads and writes stay within the storage', () => {
  const x = device.allocate(64, 'x');
  assert.match(
    failure(() => device.write(x, 60, new Uint8Array(8))).message,
    /bytes 60 to 68 of a storage of 64/,
  );
  device.write(x, 60, new Uint8Array([1, 2, 3, 4]));
  assert.equal([...device.readSync(x, 60, 4)], [1, 2, 3, 4]);
});

test('small storages share slabs, which come back when all of them are released', () => {
  const start = device.memory().inUse;
  const many = Array.from({ length: 5000 }, () => device.allocate(100, 'tiny'));
  assert.is(new Set(many.map((s) => s.pointer)).size, 5000);
  assert.ok(device.memory().inUse - start >= 8 * 65536);
  for (const s of many) device.release(s);
  assert.ok(device.memory().inUse - start <= 2 * 65536);
});

test('running out names the largest holders and what to do', () => {
  const kept = [1, 2, 3].map(() => device.allocate(20 << 20, 'activations'));
  const error = failure(() => device.allocate(100 << 20, 'conv1.output'));
  assert.is(error.name, 'OutOfMemoryError');
  assert.match(error.message, /no room for 100\.0 MB \(conv1\.output\)/);
  assert.match(error.message, /60\.0 MB in 3 × activations/);
  assert.match(error.message, /help: .*smaller batch/);
  for (const s of kept) device.release(s);
  device.release(device.allocate(100 << 20, 'conv1.output'));
});

test('options are checked', () => {
  assert.match(
    failure(() => new CpuDevice({ threads: 0 })).message,
    /threads is 0, not a whole number/,
  );
  process.env['TIGON_THREADS'] = 'many';
  assert.match(failure(() => new CpuDevice()).message, /TIGON_THREADS is many/);
  process.env['TIGON_THREADS'] = '1';
  assert.is(new CpuDevice().threads, 1);
  assert.is(new CpuDevice({ deterministic: true }).caps.fusedMultiplyAdd, false);
});

/** Runs a script beside this file; gives its output, or fails with it. */
const runScript = (source: string, flags: readonly string[] = []): Promise<string> =>
  new Promise((resolve, reject) => {
    const here = fileURLToPath(new URL('../..', import.meta.url));
    const args = [...SOURCE, ...flags, '--input-type=module', '-e', source];
    const child = spawn(process.execPath, args, { cwd: here, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stdout.on('data', (d) => {
      text += d;
    });
    child.stderr.on('data', (d) => {
      text += d;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(text);
      else reject(new Error(`ended with ${code ?? signal}: ${text}`));
    });
  });

test('unreachable arrays come back under pressure', async () => {
  const text = await runScript(`
    import { CpuDevice } from './src/runtime/cpu/device.ts';
    const device = new CpuDevice({ threads: 1, pressureBytes: 64 << 20 });
    let asked = 0;
    for (let i = 0; i < 2000; i++) {
      device.allocate(1 << 20, 'step');
      for (let k = 0; k < 20; k++) device.allocate(64, 'tiny');
      const wait = device.relieve();
      if (wait !== undefined) { asked++; await wait; }
    }
    const { peak } = device.memory();
    console.log(JSON.stringify({ peak: peak >> 20, asked }));
  `);
  const { peak, asked } = JSON.parse(text) as { peak: number; asked: number };
  assert.ok(asked >= 10 && asked <= 60, `${asked} collections`);
  assert.ok(peak <= 200, `peak of ${peak} MB for 2000 MB of arrays`);
});

test('a loop that never awaits gets its unreachable arrays back too', async () => {
  const text = await runScript(`
    import { CpuDevice } from './src/runtime/cpu/device.ts';
    const device = new CpuDevice({ threads: 1, pressureBytes: 64 << 20 });
    const kept = [];
    for (let i = 0; i < 6000; i++) {
      const s = device.allocate(1 << 20, 'step');
      if (i % 500 === 0) {
        device.write(s, 0, new Uint8Array(1 << 20).fill(i / 500));
        kept.push(s);
      }
    }
    const good = kept.every((s, k) => device.readSync(s, 0, s.bytes).every((b) => b === k));
    console.log(JSON.stringify({ peak: device.memory().peak >> 20, good }));
  `);
  const { peak, good } = JSON.parse(text) as { peak: number; good: boolean };
  assert.ok(good, 'an array that was held has changed');
  assert.ok(peak <= 200, `peak of ${peak} MB for 6000 MB of arrays`);
});

test('arrays that are reachable survive collections', async () => {
  const text = await runScript(`
    import { CpuDevice } from './src/runtime/cpu/device.ts';
    const device = new CpuDevice({ threads: 1, pressureBytes: 16 << 20 });
    const kept = [];
    for (let i = 0; i < 200; i++) {
      const size = i % 2 ? 1 << 20 : 64;
      const s = device.allocate(size, 'kept');
      device.write(s, 0, new Uint8Array(size).fill(i));
      if (i % 5 === 0) kept.push([s, i]);
      await device.relieve();
    }
    const good = kept.every(([s, i]) => device.readSync(s, 0, s.bytes).every((b) => b === i));
    console.log(good);
  `);
  assert.is(text.trim(), 'true');
});

test('a process with sleeping and busy workers ends by itself', async () => {
  const text = await runScript(`
    import { CpuDevice } from './src/runtime/cpu/device.ts';
    import { chainProgram } from './test/support/wasm.ts';
    const device = new CpuDevice({ threads: 3 });
    const program = device.load(chainProgram(4, 2048, 32));
    const x = device.allocate(4 * 2048 * 32, 'x');
    const y = device.allocate(4 * 2048 * 32, 'y');
    for (let i = 0; i < 20; i++) {
      program.run([x, y], [0, 0], [i]);
      await new Promise((resolve) => setTimeout(resolve, i % 5 === 0 ? 20 : 0));
    }
    console.log('done');
  `);
  assert.is(text.trim(), 'done');
});

test('a trap in a kernel is an error, on this thread or another, and the device goes on', async () => {
  const text = await runScript(`
    import { CpuDevice } from './src/runtime/cpu/device.ts';
    import { chainProgram } from './test/support/wasm.ts';
    const device = new CpuDevice({ threads: 2, maximumPages: 4096 });
    const program = device.load(chainProgram(4, 2048, 32));
    const x = device.allocate(4 * 2048 * 32, 'x');
    const y = device.allocate(4 * 2048 * 32, 'y');
    for (let i = 0; i < 5; i++) {
      program.run([x, y], [0, 0], [0]);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    let caught = 0;
    for (let i = 0; i < 5; i++) try { program.run([x, y], [2 ** 29, 0], [0]); } catch { caught++; }
    try { await device.synchronize(); } catch {}
    program.run([x, y], [0, 0], [0]);
    console.log(caught);
  `);
  assert.is(text.trim(), '5');
});

test('deterministic mode needs no option in code', async () => {
  process.env['TIGON_DETERMINISTIC'] = '1';
  assert.is(new CpuDevice({ threads: 1 }).caps.fusedMultiplyAdd, false);
  delete process.env['TIGON_DETERMINISTIC'];
});

test.run();
