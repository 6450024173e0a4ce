/** Compiled programs that outlive their process. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as nn from '../../src/frontend/gluon/nn/index.ts';
import { DiskStore } from '../../src/frontend/kept/disk.ts';
import { choose } from '../../src/frontend/kept/holder.ts';
import { Keeper } from '../../src/frontend/kept/keeper.ts';
import type { Store } from '../../src/frontend/kept/store.ts';
import { autograd, device, explain, hybridize, nd, Trainer } from '../../src/index.ts';
import { CpuDevice } from '../../src/runtime/cpu/device.ts';

const folder = fs.mkdtempSync(join(tmpdir(), 'tigon-programs-'));
const cpu = device.cpu();
device.setDefault(cpu);
test.after(() => {
  choose(undefined);
  fs.rmSync(folder, { recursive: true });
});

/** A step with a state, a number of each call, constants that JSON would lose, and gradients. */
const run = async (on: CpuDevice = cpu): Promise<{ outputs: number[]; step: typeof step }> => {
  device.setDefault(on);
  const net = new nn.Dense(2, { inUnits: 3 });
  net.initialize();
  net.weight.setData(nd.array([1, 2, 3, 4, 5, 6], { shape: [2, 3] }));
  const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: 0.1 });
  const step = hybridize((x: nd.NDArray) => {
    const far = nd.array([Number.POSITIVE_INFINITY, -0]);
    const loss = autograd.record(() => net(x).tanh().minimum(far.add(1e3)).square().sum());
    loss.backward();
    trainer.step(4);
    return loss;
  });
  const outputs: number[] = [];
  for (const rate of [0.1, 0.2]) {
    trainer.learningRate = rate;
    outputs.push(await step(nd.ones([4, 3])).item());
  }
  outputs.push(...(await net.weight.data().data()));
  device.setDefault(cpu);
  return { outputs, step };
};

/** What a process that uses this cache sees. */
const process_ = async (
  store: Store,
  build = 'one',
  on?: CpuDevice,
): Promise<{
  keeper: Keeper;
  outputs: number[];
  step: Awaited<ReturnType<typeof run>>['step'];
}> => {
  // all of them, however fast this machine compiles
  const keeper = new Keeper(store, build, 0);
  choose(keeper);
  return { keeper, ...(await run(on)) };
};

const programs = (): string[] => fs.readdirSync(folder).map((name) => join(folder, name));

test('what one process has compiled, the next one loads, and computes the same', async () => {
  const first = await process_(new DiskStore(folder));
  assert.ok(first.keeper.kept > 0);
  assert.is(first.keeper.found, 0);
  const second = await process_(new DiskStore(folder));
  assert.is(second.keeper.kept, 0);
  assert.ok(second.keeper.found > 0);
  assert.equal(second.outputs, first.outputs);
});

test('a program that was found explains itself and is profiled as one that was compiled', async () => {
  choose(undefined);
  const compiled = await run();
  const found = await process_(new DiskStore(folder));
  assert.ok(found.keeper.found > 0);
  const [one, other] = [compiled, found].map(({ step }) => explain(step).toJSON());
  assert.equal(other, one);
  const { rows } = await cpu.profile(() => found.step(nd.ones([4, 3])));
  assert.ok(rows.length > 0);
});

test('another build, and a device with other threads, find nothing', async () => {
  const build = await process_(new DiskStore(folder), 'two');
  assert.is(build.keeper.found, 0);
  const single = new CpuDevice({ threads: 1 });
  const threads = await process_(new DiskStore(folder), 'one', single);
  assert.is(threads.keeper.found, 0);
  const again = await process_(new DiskStore(folder), 'one', single);
  assert.ok(again.keeper.found > 0);
  assert.equal(again.outputs, threads.outputs);
});

test('damaged files are compiled again, and put right', async () => {
  const before = await process_(new DiskStore(folder));
  for (const path of programs()) {
    const bytes = fs.readFileSync(path);
    bytes[bytes.length >> 1]! ^= 1;
    fs.writeFileSync(path, bytes);
  }
  const damaged = await process_(new DiskStore(folder));
  assert.is(damaged.keeper.found, 0);
  assert.ok(damaged.keeper.kept > 0);
  assert.equal(damaged.outputs, before.outputs);
  assert.ok((await process_(new DiskStore(folder))).keeper.found > 0);
});

/** Entries changed as `change` says, whole by their checksums. */
class Changed implements Store {
  readonly place = 'changed';
  readonly entries = new Map<string, unknown>();
  readonly change: (entry: Record<string, unknown>) => unknown;
  constructor(change: (entry: Record<string, unknown>) => unknown) {
    this.change = change;
  }
  get(key: string): unknown {
    const entry = this.entries.get(key);
    return entry === undefined ? undefined : this.change(v8.deserialize(v8.serialize(entry)));
  }
  put(key: string, value: unknown): void {
    this.entries.set(key, value);
  }
  drop(key: string): void {
    this.entries.delete(key);
  }
  async clear(): Promise<void> {
    this.entries.clear();
  }
}

test('entries that are no longer what they were are not used', async () => {
  let isOn = false;
  const changes: Record<string, (entry: Record<string, unknown>) => unknown> = {
    'of another graph': (entry) => ({ ...entry, key: `${entry['key']} ` }),
    'code of another checksum': (entry) => ({ ...entry, checksum: 1 }),
    // FNV-1a of nothing: a checksum that fits
    'no code': (entry) => ({ ...entry, code: {}, checksum: 0x811c9dc5 }),
    'something else': () => 'text',
  };
  for (const [name, change] of Object.entries(changes)) {
    isOn = false;
    const store = new Changed((entry) => (isOn ? change(entry) : entry));
    const before = await process_(store);
    assert.ok((await process_(store)).keeper.found > 0, name);
    isOn = true;
    const after = await process_(store);
    assert.is(after.keeper.found, 0, name);
    assert.equal(after.outputs, before.outputs, name);
  }
});

test('a bundled package keeps programs by itself, unless it is told not to', () => {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const made = fs.mkdtempSync(join(tmpdir(), 'tigon-bundled-'));
  try {
    execFileSync(process.execPath, ['tools/bundle.mjs', made], { cwd: root });
    fs.copyFileSync(join(root, 'package.json'), join(made, 'package.json'));
    fs.symlinkSync(join(root, 'node_modules'), join(made, 'node_modules'));
    const script = join(made, 'script.mjs');
    fs.writeFileSync(
      script,
      `import { hybridize, nd } from 'tigon';
import * as cache from 'tigon/cache';
const f = hybridize((x) => x.dot(x).tanh().sum());
const value = f(nd.ones([64, 64])).item();
console.log(JSON.stringify({ value: await value, ...cache.report() }));
if (process.argv[2] === 'clear') await cache.clear();`,
    );
    const start = (TIGON_CACHE: string, ...args: string[]): Record<string, unknown> => {
      const env = { ...process.env, TIGON_CACHE };
      return JSON.parse(
        execFileSync(process.execPath, [script, ...args], { env, encoding: 'utf8' }),
      );
    };
    const at = join(made, 'cache');
    const first = start(at);
    assert.is(first['found'], 0);
    assert.ok((first['kept'] as number) > 0);
    const second = start(at, 'clear');
    assert.ok((second['found'] as number) > 0);
    assert.is(second['value'], first['value']);
    assert.is(start(at)['found'], 0);
    assert.equal(start('off'), { value: first['value'], found: 0, kept: 0 });
  } finally {
    fs.rmSync(made, { recursive: true });
  }
});

test.run();
