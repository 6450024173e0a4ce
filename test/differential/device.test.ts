import { test } from 'uvu';
import { CpuDevice } from '../../src/runtime/cpu/device.ts';
import { checkWay } from '../support/differential.ts';
import { byDevice } from '../support/on-device.ts';
import { randomGraph } from '../support/random-graph.ts';

const SEEDS = 500;

test(`${SEEDS} random graphs give on the CPU what they mean, on one thread and on two`, () => {
  const devices = [new CpuDevice({ threads: 1 }), new CpuDevice({ threads: 2 })];
  for (let seed = 1; seed <= SEEDS; seed++)
    checkWay(randomGraph(seed), byDevice(devices[seed % 2]!), 'CPU', seed);
  for (const device of devices) device.dispose();
});

test.run();
