/** What programs keep from call to call: which launches that are, and that programs mean the same. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmCaps } from '../../src/codegen/wasm/caps.ts';
import { defaultWgslCaps } from '../../src/codegen/wgsl/caps.ts';
import type { Graph } from '../../src/ir/graph/graph.ts';
import { parseGraph } from '../../src/ir/graph/parse.ts';
import { interpretProgram } from '../../src/ir/program/interpret.ts';
import { parseProgram } from '../../src/ir/program/parse.ts';
import { printProgram } from '../../src/ir/program/print.ts';
import { verifyProgram } from '../../src/ir/program/verify.ts';
import { keptSteps } from '../../src/ir/program.ts';
import { bringEveryFamily } from '../../src/passes/every-family.ts';
import { type Compiled, compileGraph } from '../../src/passes/pipeline.ts';
import { PLAIN } from '../../src/passes/recipe.ts';
import type { PassName } from '../../src/passes/switches.ts';
import { collect, disagreement, layOut, type Way } from '../support/differential.ts';
import { randomGraph } from '../support/random-graph.ts';
import { randomLoop } from '../support/random-loop.ts';

const CPU = wasmCaps(true);

/** The graph, when the caller holds its parameters, or, if there are none, all arrays. */
const holding = (graph: Graph, caps = CPU, without: readonly PassName[] = []): Compiled => {
  const arrays = graph.inputs.flatMap(({ attrs }, i) => (attrs['role'] === 'scalar' ? [] : [i]));
  const params = arrays.filter((i) => graph.inputs[i]!.attrs['role'] === 'param');
  const held = params.length > 0 ? params : arrays;
  return compileGraph(graph, caps, { ...PLAIN, without: new Set(without), held });
};

const kept = ({ program }: Compiled): string[] =>
  program.buffers.flatMap((b) => (b.role === 'kept' ? [b.name] : []));

const meaning =
  (compile: (graph: Graph) => Compiled): Way =>
  (graph, inputs) => {
    const compiled = compile(graph);
    verifyProgram(compiled.program, CPU);
    const memory = layOut(graph, compiled.program, inputs);
    interpretProgram(compiled.program, memory.externals, { order: 'random', seed: 1 });
    return collect(graph, compiled, memory);
  };

test('launches of weights alone come first, are kept, and read back from the text', async () => {
  const made = parseGraph(`graph main(%x: f32[16, 256], param %w: f32[256, 1024]) {
    %y = dot %x, %w {aBatch=[], bBatch=[], aContract=[1], bContract=[0]}
    return %y }`);
  const compiled = holding(made);
  assert.is(kept(compiled).length, 1, printProgram(compiled.program).slice(0, 2000));
  assert.is(keptSteps(compiled.program), 1);
  assert.is(compiled.program.steps.length, 2);
  const again = parseProgram(printProgram(compiled.program));
  assert.is(keptSteps(again), 1);
  assert.is(await disagreement(made, meaning(holding), 1), undefined);
  const siblings = ['u', 'v', 'w'];
  const joined = parseGraph(
    `graph main(%x: f32[512, 256], ${siblings
      .map((w) => `param %${w}: f32[256, 256]`)
      .join(', ')}) { ${siblings
      .map((w) => `%x${w} = dot %x, %${w} {aBatch=[], bBatch=[], aContract=[1], bContract=[0]}`)
      .join(' ')} return %xu, %xv, %xw }`,
  );
  assert.ok(
    kept(holding(joined)).some((name) => name.startsWith('concat')),
    'joined weights',
  );
  for (const other of [holding(made, defaultWgslCaps), holding(made, CPU, ['keep'])])
    assert.equal(kept(other), []);
});

test('what a program gives, writes or spreads over a batch is not kept', () => {
  const of = (text: string): readonly number[] => {
    const compiled = holding(parseGraph(text));
    return [kept(compiled).length, compiled.program.steps.length];
  };
  const input = 'x: f32[4096, 64], param %w: f32[64, 4096]';
  const sum = '%s = sum %w {axes=[1]}';
  const used = '%y = dot %x, %s {aBatch=[], bBatch=[], aContract=[1], bContract=[0]}';
  assert.equal(of(`graph main(%${input}) { ${sum} ${used} return %y }`), [1, 2]);
  assert.equal(of(`graph main(%${input}) { ${sum} ${used} return %y, %s }`), [0, 2]);
  assert.equal(
    of(`graph main(%${input}) { ${sum} ${used} %v = add %w, %w assign %w, %v return %y }`),
    [0, 3],
  );
});

test('random programs that hold arrays mean what their graphs do, loops too', async () => {
  bringEveryFamily();
  let keeping = 0;
  for (let seed = 1; seed <= 80; seed++) {
    const graph = seed <= 40 ? randomGraph(seed) : randomLoop(seed);
    if (graph === undefined) continue;
    // launches of one operation each: what is not given or written is kept
    const apart = (g: Graph): Compiled => holding(g, CPU, seed % 4 === 0 ? [] : ['fuse']);
    if (kept(apart(graph)).length > 0) keeping++;
    assert.is(await disagreement(graph, meaning(apart), seed), undefined, `${seed}`);
  }
  assert.ok(keeping >= 5, `${keeping} keep something`);
});

test.run();
