import { test } from 'uvu';
import { device } from '../../src/index.ts';
import { CpuDevice } from '../../src/runtime/cpu/device.ts';
import type { Device } from '../../src/runtime/device.ts';
import { checkWay } from '../support/differential.ts';
import { byDevice } from '../support/on-device.ts';
import { EVERY, randomGraph } from '../support/random-graph.ts';

const check = async (on: readonly Device[], from: number, count: number): Promise<void> => {
  for (let seed = from; seed < from + count; seed++) {
    const used = on[seed % on.length]!;
    // each fourth with families that take long to compile
    const graph = seed % 4 === 0 ? randomGraph(seed, EVERY) : randomGraph(seed);
    await checkWay(graph, byDevice(used), used.name, seed);
  }
};

const tested = device.default();

if (tested.kind === 'cpu')
  test('500 random graphs give on the CPU what they mean, on one thread and on two', async () => {
    const threads = [new CpuDevice({ threads: 1 }), new CpuDevice({ threads: 2 })];
    await check(threads, 1, 500);
    for (const each of threads) each.dispose();
  });
// Seeds of their own: graphs that the CPU is not tested with.
else if (tested.kind === 'webgpu')
  test(`150 random graphs give on ${tested.name} what they mean`, () => check([tested], 2001, 150));
else
  test(`60 random graphs give on ${tested.name} what they mean`, () => check([tested], 4001, 60));

test.run();
