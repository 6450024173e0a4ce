import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../src/codegen/caps.ts';
import { wasmCaps } from '../../src/codegen/wasm/caps.ts';
import { defaultWgslCaps } from '../../src/codegen/wgsl/caps.ts';
import { type Graph, type Node, topological } from '../../src/ir/graph/graph.ts';
import { parseGraph } from '../../src/ir/graph/parse.ts';
import { freshExpressions } from '../../src/ir/loop/expr.ts';
import { parseLoop } from '../../src/ir/loop/parse.ts';
import { interpretProgram } from '../../src/ir/program/interpret.ts';
import { verifyProgram } from '../../src/ir/program/verify.ts';
import { replaceable } from '../../src/passes/in-place.ts';
import { type Compiled, compileGraph } from '../../src/passes/pipeline.ts';
import { collect, disagreement, layOut, type Way } from '../support/differential.ts';
import { random } from '../support/random.ts';
import { randomGraph } from '../support/random-graph.ts';

const CPU = wasmCaps(false);
const GPU = defaultWgslCaps;

/** Workgroups and threads in random order; the interpreter refuses races whatever the order. */
const shuffled =
  (caps: Caps, seed: number): Way =>
  (graph, inputs) => {
    const compiled = compileGraph(graph, caps);
    verifyProgram(compiled.program, caps);
    const memory = layOut(graph, compiled.program, inputs);
    interpretProgram(compiled.program, memory.externals, { order: 'random', seed });
    return collect(graph, compiled, memory);
  };

const check = async (graph: Graph): Promise<void> => {
  for (const caps of [CPU, GPU])
    for (const seed of [1, 2])
      assert.is(await disagreement(graph, shuffled(caps, seed), seed), undefined, caps.target);
};

const copies = ({ program }: Compiled): string[] =>
  program.kernels.map((k) => k.name).filter((name) => name.startsWith('copy_'));

/** The temps that take over the bytes of another. */
const replaced = ({ program }: Compiled): string[] =>
  program.buffers.filter((b) => b.inPlaceOf !== undefined).map((b) => b.name);

/** States whose new value reads the old one elsewhere: by what it is made of. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'a reversal': `graph main(param %w: f32[70, 5]) {
    %n = slice %w {begin=[69, 0], end=[-1, 5], step=[-1, 1]}
    assign %w, %n return }`,
  'a transposition': `graph main(param %w: f32[40, 40]) {
    %t = transpose %w {axes=[1, 0]}
    %n = exp %t
    assign %w, %n return }`,
  'a rotation': `graph main(param %w: f32[64, 8]) {
    %a = slice %w {begin=[20, 0], end=[64, 8], step=[1, 1]}
    %b = slice %w {begin=[0, 0], end=[20, 8], step=[1, 1]}
    %n = concat %a, %b {axis=0}
    assign %w, %n return }`,
  'its first row added to all': `graph main(param %w: f32[50, 12]) {
    %f = slice %w {begin=[0, 0], end=[1, 12], step=[1, 1]}
    %r = reshape %f {shape=[12]}
    %b = broadcast %r {shape=[50, 12], axes=[1]}
    %n = add %w, %b
    assign %w, %n return }`,
  'rows gathered from it': `graph main(param %w: f32[9, 12], %ids: i32[9]) {
    %r = take %w, %ids {axis=0}
    %n = add %w, %r
    assign %w, %n return }`,
  'rows gathered from it and scattered': `graph main(param %w: f32[9, 12], %ids: i32[9]) {
    %r = take %w, %ids {axis=0}
    %e = tanh %r
    %n = takeGrad %e, %ids {axis=0, size=9}
    assign %w, %n return }`,
};

for (const [what, text] of Object.entries(ELSEWHERE))
  test(`a state that becomes ${what} is written beside it and copied`, async () => {
    const graph = parseGraph(text);
    await check(graph);
    for (const caps of [CPU, GPU]) assert.equal(copies(compileGraph(graph, caps)), ['copy_w']);
  });

/** States whose new value reads the old one where it is written. */
const IN_PLACE: Readonly<Record<string, string>> = {
  'by maps': `graph main(param %w: f32[300], %g: f32[300]) {
    %e = exp %g
    %n = sub %w, %e
    assign %w, %n return }`,
  'together with another that reads it, and that it reads': `graph main(param %v: f32[300], param %w: f32[300]) {
    %a = add %v, %w
    %b = sub %v, %w
    assign %w, %a
    assign %v, %b return }`,
  'on a GPU in the launch that makes its gradient': `graph main(param %w: f32[30, 20], %x: f32[9, 30], %y: f32[9, 20]) {
    %g = dot %x, %y {aBatch=[], bBatch=[], aContract=[0], bContract=[0]}
    %s = mul %g, %g
    %n = sub %w, %s
    assign %w, %n return }`,
  'by what is folded once a row': `graph main(param %w: f32[20], %x: f32[20, 900]) {
    %s = sum %x {axes=[1]}
    %n = add %w, %s
    assign %w, %n return }`,
  'to its rows less their sums': `graph main(param %w: f32[300, 12]) {
    %s = sum %w {axes=[1]}
    %b = broadcast %s {shape=[300, 12], axes=[0]}
    %n = sub %w, %b
    assign %w, %n return }`,
  'to a map of a product with it': `graph main(param %w: f32[20, 20], %x: f32[20, 20]) {
    %p = dot %w, %x {aBatch=[], bBatch=[], aContract=[1], bContract=[0]}
    %n = tanh %p
    assign %w, %n return }`,
  'by a fold in which it takes part with its own element': `graph main(param %w: f32[20], %x: f32[20, 900]) {
    %b = broadcast %w {shape=[20, 900], axes=[0]}
    %p = mul %x, %b
    %s = sum %p {axes=[1]}
    %n = add %w, %s
    assign %w, %n return }`,
};

for (const [how, text] of Object.entries(IN_PLACE))
  test(`a state is updated in place ${how}`, async () => {
    const graph = parseGraph(text);
    await check(graph);
    for (const caps of [CPU, GPU]) assert.equal(copies(compileGraph(graph, caps)), []);
  });

test('a state that becomes the softmax of its rows means that in any order', () =>
  check(
    parseGraph(`graph main(param %w: f32[12, 300]) {
      %n = softmax %w {axis=1}
      assign %w, %n return }`),
  ));

/** Rows without their means, and a state that follows the means. */
const RUNNING = (inside: string): Graph =>
  parseGraph(`graph main(%x: f32[8, 20, 60], param %w: f32[20]) {
    %n = full {value=0.0021, dtype=f32, shape=[20]}
    %s = sum %x {axes=[0, 2]}
    %mean = mul %s, %n
    %mb = broadcast %mean {shape=[8, 20, 60], axes=[1]}
    %wb = broadcast %w {shape=[8, 20, 60], axes=[1]}
    %d = sub %x, %mb
    %c = add %d, ${inside}
    %k = full {value=0.1, dtype=f32, shape=[20]}
    %u = mul %mean, %k
    %new = add %w, %u
    assign %w, %new
    return %c
  }`);

test('running statistics are updated in the launch that normalizes by others', async () => {
  const graph = RUNNING('%x');
  await check(graph);
  for (const caps of [CPU, GPU]) assert.is(compileGraph(graph, caps).program.steps.length, 1);
});

test('where points of the row read the old statistics too, threads in parallel must not see the new ones', async () => {
  const graph = RUNNING('%wb');
  await check(graph);
  assert.equal(copies(compileGraph(graph, CPU)), []);
  assert.equal(copies(compileGraph(graph, GPU)), ['copy_w']);
});

/** A product, a map of it that another product needs, and a map of both over more axes. */
const BELOW = (inner: number): Graph =>
  parseGraph(`graph main(%x: f32[4, ${inner}], %u: f32[4, 20], %s: f32[20, 3], %v: f32[5, 4]) {
    %p = dot %u, %s {aBatch=[], bBatch=[], aContract=[1], bContract=[0]}
    %r = tanh %p
    %t = exp %r
    %tb = broadcast %t {shape=[4, 3, ${inner}], axes=[0, 1]}
    %rb = broadcast %r {shape=[4, 3, ${inner}], axes=[0, 1]}
    %xb = broadcast %x {shape=[4, 3, ${inner}], axes=[0, 2]}
    %a = mul %xb, %tb
    %y = add %a, %rb
    %z = dot %v, %t {aBatch=[], bBatch=[], aContract=[1], bContract=[0]}
    return %y, %z
  }`);

test('a value of the row takes nothing over that points of the row read', async () => {
  // long rows are shared out among workgroups
  const graph = BELOW(40_000);
  for (const caps of [CPU, GPU]) {
    assert.equal(replaced(compileGraph(graph, caps)), []);
    assert.is(await disagreement(graph, shuffled(caps, 1), 1), undefined);
  }
});

/** Which buffer each store of the only nest of a kernel may take the place of. */
const places = (text: string, caps: Caps): string[] => {
  freshExpressions();
  const [nest] = parseLoop(text).nests;
  return [...replaceable(nest!, caps)].map(([store, read]) => `${store.buffer.name} ${read.name}`);
};

test('a map takes the place of what it reads where it writes', () => {
  const text = (at: string): string => `kernel k(a: f32[8, 8], b: f32[8], c: f32[8, 8]) {
    nest i < 8, j < 8 { c[i, j] = a[${at}] * b[j] } }`;
  for (const caps of [CPU, GPU]) {
    assert.equal(places(text('i, j'), caps), ['c a']);
    assert.equal(places(text('j, i'), caps), []);
    assert.equal(places(text('i, 0'), caps), []);
  }
});

test('only values of one dtype share bytes on a GPU', () => {
  const text = `kernel k(a: f32[8, 8], c: i32[8, 8]) {
    nest i < 8, j < 8 { c[i, j] = i32(a[i, j]) } }`;
  assert.equal(places(text, CPU), ['c a']);
  assert.equal(places(text, GPU), []);
});

test('an epilogue takes the place of what it reads, not of an operand', () => {
  const text = (a: string): string => `kernel k(x: f32[8, 8], a: f32[8, 8], c: f32[8, 8]) {
    nest m < 8, n < 8 over k < 8 {
      contract [], [m], [n] over [k] { left = ${a}[m, k] right = x[k, n] result [m, n] }
      c[m, n] = acc + a[m, n] } }`;
  for (const caps of [CPU, GPU]) {
    assert.equal(places(text('x'), caps), ['c a']);
    assert.equal(places(text('a'), caps), []);
  }
});

test('what points below read is not written above them, nor what threads fold together', () => {
  const outer = `kernel k(a: f32[8], x: f32[8, 8], t: f32[8], y: f32[8, 8]) {
    nest i < 8, j < 8 {
      t[i] = exp(a[i]) for [i]
      y[i, j] = x[i, j] + a[i] } }`;
  const folds = `kernel k(a: f32[8], x: f32[8, 8], t: f32[8]) {
    nest i < 8 over j < 8 { t[i] = a[i] + reduce add [j] (x[i, j]) } }`;
  for (const caps of [CPU, GPU]) {
    assert.equal(
      places(outer, caps).filter((p) => p.startsWith('t')),
      [],
    );
    assert.equal(places(folds, caps), []);
  }
});

/** The graph with more states: every input that can be one becomes a random value of its type, where there is one. */
const withStates = (graph: Graph, seed: number): Graph => {
  const rng = random(seed);
  const nodes = topological(graph);
  const assigns = graph.inputs.flatMap((target: Node) => {
    if (target.attrs['role'] === 'scalar' || target.attrs['strides'] !== undefined) return [];
    const values = nodes.filter((n) => n.type === target.type && n !== target);
    return values.length === 0 ? [] : [{ target, value: rng.pick(values) }];
  });
  return { ...graph, assigns };
};

test('random graphs with many states mean the same in any order of threads', async () => {
  let states = 0;
  for (let seed = 1; seed <= 150; seed++) {
    const graph = withStates(randomGraph(seed), seed);
    if (graph.assigns.length === 0) continue;
    states += graph.assigns.length;
    const wrong = await disagreement(graph, shuffled(GPU, seed), seed);
    assert.is(wrong, undefined, `random graph ${seed}`);
  }
  assert.ok(states > 150, `${states} states`);
});

test.run();
