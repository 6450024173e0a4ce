import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../src/codegen/caps.ts';
import { wasmCaps } from '../../src/codegen/wasm/caps.ts';
import { defaultWgslCaps } from '../../src/codegen/wgsl/caps.ts';
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import type { Graph, Node } from '../../src/ir/graph/graph.ts';
import { concat } from '../../src/ir/graph/ops/concat.ts';
import { dot } from '../../src/ir/graph/ops/dot.ts';
import { parseGraph } from '../../src/ir/graph/parse.ts';
import { freshExpressions } from '../../src/ir/loop/expr.ts';
import type { LoopKernel } from '../../src/ir/loop/loop.ts';
import type { Program } from '../../src/ir/program.ts';
import { tensor } from '../../src/ir/type.ts';
import { canonicalize } from '../../src/passes/canonicalize.ts';
import { type Kernels, lowerGraph } from '../../src/passes/kernels.ts';
import { type Compiled, compileGraph } from '../../src/passes/pipeline.ts';
import { decomposeComposites, recognize } from '../../src/passes/recognize.ts';
import { byProgram, disagreement } from '../support/differential.ts';
import { lenetStep, mlpStep, type Rule } from '../support/nets.ts';
import { EVERY, randomGraph } from '../support/random-graph.ts';

const LIMITS = [8, 10, 16, 500];
const binding = (most: number): Caps => ({ ...defaultWgslCaps, maxBindings: most });

/** The most buffers, scalars aside, that any launch of a program touches. */
const mostBound = ({ buffers, steps }: Program): number =>
  steps.reduce((most, { bindings }) => {
    const bound = new Set(bindings.filter((b) => buffers[b]!.role !== 'scalar'));
    return Math.max(most, bound.size);
  }, 0);

const within = (graph: Graph, most: number): Compiled => {
  const compiled = compileGraph(graph, binding(most));
  const bound = mostBound(compiled.program);
  assert.ok(bound <= most, `${graph.name}: ${bound} buffers in one launch, ${most} allowed`);
  return compiled;
};

/** Launches as fusion leaves them, before long sums are cut. */
const launches = ({ stages }: Compiled): number =>
  stages.flatMap((s) => (s.name === 'fuse' && s.level === 'loop' ? s.kernels : [])).length;

const notesOf = ({ stages }: Compiled): string[] => stages.flatMap((s) => s.notes);

const RULES: readonly Rule[] = ['sgd', 'adam'];
const NETS: readonly [string, (rule: Rule) => Graph][] = [
  ['an MLP', (rule) => mlpStep(64, rule)],
  ['LeNet', (rule) => lenetStep(64, 28, rule)],
];
/** Launches of a step where a GPU binds 8, 10, 16 or 500 buffers: it takes up updates where gradients are made. */
const LAUNCHES: Readonly<Record<string, readonly number[]>> = {
  'an MLP sgd': [13, 13, 13, 13],
  'an MLP adam': [13, 13, 13, 13],
  'LeNet sgd': [21, 21, 21, 21],
  'LeNet adam': [21, 21, 21, 21],
};
/** And of a device that shares a launch among updates of several states each, as CPUs do. */
const SHARED: Readonly<Record<string, readonly number[]>> = {
  'an MLP sgd': [13, 13, 13, 13],
  'an MLP adam': [15, 15, 14, 14],
  'LeNet sgd': [21, 21, 21, 21],
  'LeNet adam': [23, 23, 22, 22],
};

for (const [name, net] of NETS)
  for (const rule of RULES)
    test(`a training step of ${name} by ${rule} keeps to 8, 10, 16 and 500 bindings`, () => {
      const counts = LIMITS.map((most) => launches(within(net(rule), most)));
      assert.equal(counts, LAUNCHES[`${name} ${rule}`]);
      const shared = LIMITS.map((most) => {
        const compiled = compileGraph(net(rule), { ...wasmCaps(false), maxBindings: most });
        assert.ok(mostBound(compiled.program) <= most);
        return launches(compiled);
      });
      assert.equal(shared, SHARED[`${name} ${rule}`]);
    });

test('gradients that only the optimizer reads are never written on a GPU', () => {
  const { program } = within(mlpStep(), 8);
  const states = program.buffers.flatMap((b, i) => (b.role === 'state' ? [i] : []));
  const weights = states.filter((i) => program.buffers[i]!.shape.length === 2);
  for (const { role, shape } of program.buffers)
    assert.ok(role !== 'temp' || shape.join() !== '256,784', 'a gradient is stored');
  assert.is(weights.length, 3);
  for (const w of weights) {
    const writers = program.steps.filter(({ kernel, bindings }) =>
      program.kernels[kernel]!.buffers.some(
        (b, i) => bindings[i] === w && b.space === 'global' && b.access !== 'read',
      ),
    );
    assert.is(writers.length, 1);
    assert.ok(program.kernels[writers[0]!.kernel]!.name.startsWith('dot'));
  }
});

/** The kernels that fusion makes of a graph, bodies of loops included, where a launch may bind `most`. */
const fused = (graph: Graph, most: number): readonly LoopKernel[] => {
  freshExpressions();
  let current = graph;
  for (const pass of [canonicalize, recognize, decomposeComposites, canonicalize])
    current = pass.run(current, { note: () => {} });
  const every = ({ kernels, loops }: Kernels): LoopKernel[] => [
    ...kernels,
    ...loops.flatMap(({ prologue, body }) => [...prologue, ...every(body)]),
  ];
  return every(lowerGraph(current, binding(most), { note: () => {} }));
};

test('300 random graphs keep to 4, 8, 10 and 16 bindings; those that never had more stay as they are', () => {
  const isScalar = (name: string): boolean => /^s\d/.test(name);
  const bound = (kernels: readonly LoopKernel[]): number =>
    Math.max(0, ...kernels.map((k) => k.buffers.filter((b) => !isScalar(b.name)).length));
  for (let seed = 1; seed <= 300; seed++) {
    const graph = randomGraph(seed, seed % 2 === 0 ? EVERY : undefined);
    const free = fused(graph, 500);
    for (const most of [4, 8, 10, 16]) {
      const kernels = fused(graph, most);
      assert.ok(bound(kernels) <= most, `random graph ${seed} with ${most} bindings`);
      if (most > 4 && bound(free) <= most) assert.is(kernels.length, free.length);
    }
  }
});

test('random graphs mean the same with 4 bindings', async () => {
  for (let seed = 1; seed <= 40; seed++)
    assert.is(await disagreement(randomGraph(seed), byProgram(binding(4)), seed), undefined);
});

test('a number that is a result, and views that are, bind nothing and one buffer where they are read', () => {
  const graph = parseGraph(`graph main(%a: f32[6, 6], %b: f32[6, 6], %c: f32[6, 6]) {
    %one = full {value=1, dtype=f32, shape=[6, 6]}
    %t = transpose %a {axes=[1, 0]}
    %s = add %a, %t
    %p = mul %b, %one
    %q = add %p, %one
    %r = mul %s, %q
    %u = add %r, %c
    return %one, %t, %u }`);
  for (const most of [4, 5, 6]) within(graph, most);
});

const inputs = (b: GraphBuilder, count: number, ...shape: number[]): Node[] =>
  Array.from({ length: count }, (_, i) =>
    b.input(tensor('float32', shape), { name: `x${i}`, role: 'input' }),
  );

/** As few launches as hold `count` operands and their result. */
const fewest = (count: number, most: number): number => Math.ceil(count / (most - 1));

test('40 arrays are joined in as few launches as can bind them, each writing its part', async () => {
  for (const axis of [0, 1])
    for (const most of LIMITS) {
      const b = new GraphBuilder();
      const graph = b.graph('join', [b.emit(concat, inputs(b, 40, 3, 5), { axis })]);
      const { program } = within(graph, most);
      assert.is(program.steps.length, fewest(40, most));
      assert.is(await disagreement(graph, byProgram(binding(most)), 1), undefined);
    }
});

test('what is made of the arrays to join is computed where they are joined', async () => {
  const b = new GraphBuilder();
  const [bias, ...xs] = inputs(b, 41, 3, 5) as [Node, ...Node[]];
  const parts = xs.map((x) => b.op('relu', b.op('add', x, bias)));
  const graph = b.graph('join', [b.emit(concat, parts, { axis: 0 })]);
  const compiled = within(graph, 8);
  assert.is(compiled.program.steps.length, Math.ceil(40 / 6));
  assert.ok(notesOf(compiled).some((n) => /takes 7 launches: the device binds 8/.test(n)));
  assert.is(await disagreement(graph, byProgram(binding(8)), 2), undefined);
});

test('arrays by the hundred are joined by a loop each, with what is folded on the way', async () => {
  const joined = (count: number): Graph => {
    const b = new GraphBuilder();
    const parts = inputs(b, count, 3, 5).map((x) => b.reshape(b.sum(b.op('exp', x), [1]), [3, 1]));
    return b.graph('join', [b.emit(concat, parts, { axis: 1 })]);
  };
  const caps = wasmCaps(false);
  const sizeOf = (graph: Graph): number =>
    JSON.stringify(compileGraph(graph, caps).program.kernels.map((k) => k.body)).length;
  assert.ok(sizeOf(joined(160)) < 4.5 * sizeOf(joined(40)), 'grows with their number alone');
  const { program } = compileGraph(joined(160), caps);
  assert.is(program.steps.length, 3);
  assert.is(await disagreement(joined(70), byProgram(caps), 6), undefined);
});

test('what is made of many joined arrays reads the joined array', async () => {
  const b = new GraphBuilder();
  const joined = b.emit(concat, inputs(b, 20, 3, 5), { axis: 0 });
  const graph = b.graph('join', [b.op('tanh', joined), b.sum(joined, [0])]);
  const compiled = within(graph, 8);
  assert.ok(notesOf(compiled).some((n) => /concat .* is stored: it joins 20 arrays/.test(n)));
  assert.is(await disagreement(graph, byProgram(binding(8)), 3), undefined);
});

test('a stack of rows, a join of joins, and a state that is replaced by a join', async () => {
  const b = new GraphBuilder();
  const rows = inputs(b, 30, 4).map((x) => b.reshape(x, [1, 4]));
  const stack = b.emit(concat, rows, { axis: 0 });
  const state = b.input(tensor('float32', [60, 4]), { name: 'w', role: 'param' });
  const both = b.emit(concat, [stack, b.op('neg', stack)], { axis: 0 });
  const graph = b.graph('stack', [stack], [{ target: state, value: both }]);
  within(graph, 8);
  assert.is(await disagreement(graph, byProgram(binding(8)), 4), undefined);
});

test('what is added up at places, and what runs along an axis, reads what would be too many arrays as one', async () => {
  const parts = [0, 1, 2, 3, 4, 5];
  const of = (text: (i: number) => string, from = 0): string =>
    parts
      .slice(from)
      .map(text)
      .join(from === 0 ? ', ' : '\n');
  const graph =
    parseGraph(`graph main(${of((i) => `%x${i}: f32[2, 3], %k${i}: i32[12]`)}, %w: f32[4, 3]) {
    ${parts.map((i) => `%e${i} = exp %x${i}`).join('\n')}
    %all = concat ${of((i) => `%e${i}`)} {axis=0}
    ${of((i) => `%s${i} = add ${i === 1 ? '%k0' : `%s${i - 1}`}, %k${i}`, 1)}
    %g = takeGrad %all, %s5 {axis=0, size=4}
    %c = cumsum %all {axis=0, backward=false}
    %y = add %g, %w
    return %y, %g, %c }`);
  for (const most of [4, 5, 8, 16]) {
    within(graph, most);
    assert.is(await disagreement(graph, byProgram(binding(most)), most), undefined);
  }
});

test('a sum of 40 arrays goes by way of partial sums', async () => {
  for (const most of LIMITS) {
    const b = new GraphBuilder();
    const graph = b.graph('sum', [inputs(b, 40, 7).reduce((sum, x) => b.op('add', sum, x))]);
    const { program } = within(graph, most);
    // the first takes one operand more: it has no sum to go on with
    assert.is(program.steps.length, Math.ceil(39 / (most - 2)));
    assert.is(await disagreement(graph, byProgram(binding(most)), 5), undefined);
  }
});

test('sibling products of many weights share one product: the weights are joined in several launches', async () => {
  const b = new GraphBuilder();
  const x = b.input(tensor('float32', [64, 8]), { name: 'x' });
  const attrs = { aBatch: [], bBatch: [], aContract: [1], bContract: [0] };
  const products = inputs(b, 12, 8, 4).map((w) => b.emit(dot, [x, w], attrs));
  const graph = b.graph(
    'siblings',
    products.map((p) => b.op('tanh', p)),
  );
  const compiled = within(graph, 8);
  const kernels = compiled.program.kernels.filter((k) => k.name.startsWith('concat'));
  assert.is(kernels.length, fewest(12, 8));
  assert.is(compiled.program.kernels.filter((k) => k.name.startsWith('dot')).length, 1);
  assert.is(await disagreement(graph, byProgram(binding(8)), 7), undefined);
});

test('maps that share operands stay apart where one launch would bind too much, and say so', () => {
  const b = new GraphBuilder();
  const [shared, ...xs] = inputs(b, 5, 3, 5) as [Node, ...Node[]];
  const graph = b.graph(
    'maps',
    xs.map((x) => b.op('mul', x, shared)),
  );
  assert.is(within(graph, 500).program.steps.length, 1);
  const compiled = within(graph, 8);
  assert.is(compiled.program.steps.length, 2);
  assert.ok(notesOf(compiled).some((n) => /stay apart: 9 buffers in one launch/.test(n)));
});

test('updates with operands in common share launches; scalars bind nothing', async () => {
  const b = new GraphBuilder();
  const scale = b.input(tensor('float32', [1]), { name: 'scale' });
  const numbers = Array.from({ length: 12 }, (_, i) =>
    b.input(tensor('float32', []), { name: `rate${i}`, role: 'scalar' }),
  );
  const assigns = inputs(b, 12, 6).map((g, i) => {
    const target = b.input(g.type, { name: `w${i}`, role: 'param' });
    const step = b.op('mul', g, b.broadcast(b.reshape(scale, []), [6], []));
    const rate = b.broadcast(numbers[i]!, [6], []);
    return { target, value: b.op('sub', target, b.op('mul', rate, step)) };
  });
  const graph = b.graph('updates', [], assigns);
  // two of their own each, and one for all: three in each launch of 8
  assert.is(within(graph, 8).program.steps.length, 4);
  assert.is(await disagreement(graph, byProgram(binding(8)), 6), undefined);
});

test('ranges of the arena that a launch binds never overlap, empty ones included', () => {
  const apart = ({ buffers, steps, kernels }: Program): void => {
    for (const { bindings, kernel } of steps) {
      const ranges = bindings
        .map((b) => buffers[b]!)
        .filter((b) => b.role === 'temp' && b.inPlaceOf === undefined);
      const offsets = ranges.map((b) => b.offset!);
      assert.is(new Set(offsets).size, offsets.length, kernels[kernel]!.name);
      for (const offset of offsets) assert.is(offset % 256, 0);
    }
  };
  const empty = parseGraph(`graph main(%x: f32[3, 0], %y: f32[0, 4]) {
    %a = exp %x
    %b = tanh %y
    %p = dot %a, %b {aBatch=[], bBatch=[], aContract=[1], bContract=[0]}
    return %p }`);
  apart(within(empty, 8).program);
  for (let seed = 1; seed <= 40; seed++) apart(within(randomGraph(seed), 8).program);
  apart(within(lenetStep(3), 8).program);
});

test.run();
