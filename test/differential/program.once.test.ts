import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../src/codegen/caps.ts';
import { laneSchedules } from '../../src/codegen/lanes.ts';
import { parseLoop } from '../../src/ir/loop/parse.ts';
import { printLoop } from '../../src/ir/loop/print.ts';
import { parseProgram } from '../../src/ir/program/parse.ts';
import { printProgram } from '../../src/ir/program/print.ts';
import { compileGraph } from '../../src/passes/pipeline.ts';
import { byProgram, checkWay } from '../support/differential.ts';
import { EVERY, randomGraph } from '../support/random-graph.ts';

const SEEDS = 600;
/** Graphs that were once compiled wrongly. */
const ONCE_WRONG = [1057, 1093, 3089, 5459, 6962, 7481, 18330, 20137, 21604];

const caps = (lanes: 1 | 4, parallelism: number): Caps => ({
  target: 'wasm',
  lanes,
  wide: true,
  fusedMultiplyAdd: false,
  parallelism,
  processors: parallelism,
  threads: 1,
  subgroup: 1,
  tensorCores: 'none',
  tf32: false,
  winograd: false,
  barriers: true,
  sharedBytes: 1 << 18,
  maxBindings: 64,
  alignment: 64,
  schedules: laneSchedules,
});
const machines: readonly Caps[] = [caps(4, 2), caps(1, 1), caps(4, 16)];

test('random graphs with running folds, orders, formulas and matrices mean the same', async () => {
  for (let seed = 1; seed <= 240; seed++) {
    const machine = machines[seed % machines.length]!;
    await checkWay(randomGraph(seed, EVERY), byProgram(machine), 'program of every family', seed);
  }
});

for (const [i, machine] of machines.entries())
  test(`random graphs mean the same compiled for ${machine.lanes} lanes, ${machine.parallelism} at once`, async () => {
    for (let seed = 1 + i; seed <= SEEDS; seed += machines.length)
      await checkWay(
        randomGraph(seed),
        byProgram(machine),
        'compiled program on the interpreter',
        seed,
      );
  });

for (const seed of ONCE_WRONG)
  test(`random graph ${seed} means the same compiled`, async () => {
    await checkWay(randomGraph(seed), byProgram(machines[0]!), 'compiled program', seed);
  });

test('kernels and programs of 100 random graphs survive a round trip through text', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const { program, stages } = compileGraph(randomGraph(seed), machines[0]!);
    const text = printProgram(program);
    assert.is(printProgram(parseProgram(text, `seed ${seed}`)), text);
    for (const stage of stages)
      for (const kernel of stage.level === 'loop' ? stage.kernels : []) {
        const loop = printLoop(kernel);
        assert.is(printLoop(parseLoop(loop, `seed ${seed}`)), loop);
      }
  }
});

test.run();
