/** Random graphs with loops in them: what a device makes of one is what it means. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { device } from '../../src/index.ts';
import { parseGraph } from '../../src/ir/graph/parse.ts';
import { printGraph } from '../../src/ir/graph/print.ts';
import { parseProgram } from '../../src/ir/program/parse.ts';
import { printProgram } from '../../src/ir/program/print.ts';
import { verifyProgram } from '../../src/ir/program/verify.ts';
import { bringEveryFamily } from '../../src/passes/every-family.ts';
import { compileGraph } from '../../src/passes/pipeline.ts';
import { byProgram, checkWay } from '../support/differential.ts';
import { byFrontend } from '../support/on-frontend.ts';
import { randomLoop } from '../support/random-loop.ts';

bringEveryFamily();
const tested = device.default();
const plan = { cpu: [1, 150], webgpu: [3001, 30], cuda: [5001, 12] }[tested.kind] as [
  number,
  number,
];

const graphs = function* () {
  for (let seed = plan[0]; seed < plan[0] + plan[1]; seed++) {
    const graph = randomLoop(seed);
    if (graph !== undefined) yield [seed, graph] as const;
  }
};

test('random loops are what they mean on the device', async () => {
  for (const [seed, graph] of graphs())
    await checkWay(graph, byFrontend(true, tested), 'hybridized', seed);
});

if (tested.kind === 'cpu')
  test('random loops are what they mean as programs on the interpreter, and keep through text', async () => {
    for (const [seed, graph] of graphs()) {
      const text = printGraph(graph);
      assert.is(printGraph(parseGraph(text, `seed ${seed}`)), text);
      const { program } = compileGraph(graph, tested.caps);
      verifyProgram(program, tested.caps);
      const shown = printProgram(program);
      const again = parseProgram(shown, `seed ${seed}`);
      assert.is(printProgram(again), shown);
      assert.equal(again.loops, program.loops);
      await checkWay(graph, byProgram(tested.caps), 'program on the interpreter', seed);
    }
  });

test.run();
