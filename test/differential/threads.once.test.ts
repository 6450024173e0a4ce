import { test } from 'uvu';
import type { Caps } from '../../src/codegen/caps.ts';
import { defaultWgslCaps } from '../../src/codegen/wgsl/caps.ts';
import { interpretProgram } from '../../src/ir/program/interpret.ts';
import { verifyProgram } from '../../src/ir/program/verify.ts';
import { compileGraph } from '../../src/passes/pipeline.ts';
import { checkWay, collect, layOut, type Way } from '../support/differential.ts';
import { EVERY, randomGraph } from '../support/random-graph.ts';

/** Compiled for threads that share workgroups; workgroups and threads run in random order, and races are refused. */
const inAnyOrder =
  (caps: Caps, seed: number): Way =>
  (graph, inputs) => {
    const compiled = compileGraph(graph, caps);
    verifyProgram(compiled.program, caps);
    const memory = layOut(graph, compiled.program, inputs);
    interpretProgram(compiled.program, memory.externals, { order: 'random', seed });
    return collect(graph, compiled, memory);
  };

const SEEDS = 400;
/** Graphs that were once compiled wrongly. */
const ONCE_WRONG = [458, 1057, 2395];
const machines: Readonly<Record<string, Caps>> = {
  '8 buffers a launch': defaultWgslCaps,
  '16 buffers, subgroups of 8': {
    ...defaultWgslCaps,
    maxBindings: 16,
    subgroup: 8,
    barriers: true,
    sharedBytes: 32768,
  },
  '5 buffers, workgroups of 32, subgroups of 4': {
    ...defaultWgslCaps,
    maxBindings: 5,
    threads: 32,
    subgroup: 4,
    barriers: true,
  },
};

for (const [what, caps] of Object.entries(machines))
  test(`random graphs mean the same compiled for a GPU: ${what}`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const graph = seed % 2 === 0 ? randomGraph(seed, EVERY) : randomGraph(seed);
      await checkWay(graph, inAnyOrder(caps, seed), what, seed);
    }
  });

for (const seed of ONCE_WRONG)
  test(`random graph ${seed} means the same compiled for a GPU`, async () => {
    await checkWay(randomGraph(seed), inAnyOrder(defaultWgslCaps, seed), 'compiled program', seed);
  });

test.run();
