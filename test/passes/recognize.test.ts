import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import { topological } from '../../src/ir/graph/graph.ts';
import { layerNorm, logSoftmax, softmax } from '../../src/ir/graph/ops/composite.ts';
import { parseGraph } from '../../src/ir/graph/parse.ts';
import { tensor } from '../../src/ir/type.ts';
import { canonicalize } from '../../src/passes/canonicalize.ts';
import type { GraphPass } from '../../src/passes/pass.ts';
import { decomposeComposites, recognize } from '../../src/passes/recognize.ts';
import { golden, runPass } from '../support/passes.ts';

/** As in the pipeline: recognition sees canonical graphs. */
const recognized: GraphPass = {
  name: 'recognize',
  run: (graph, context) => recognize.run(canonicalize.run(graph, context), context),
};

const becomes = (lines: string, expected: string, head = '(%x: f32[3, 5])'): void =>
  golden(
    recognized,
    `graph ${head} { ${lines} return %r }`,
    `graph ${head} { ${expected} return %r }`,
    1e-4,
  );

const SOFTMAX = '%r = softmax %x {axis=1}';
const LOG_SOFTMAX = '%r = logSoftmax %x {axis=1}';

test('softmax, with the maximum taken off', () => {
  becomes(
    `%m = reduceMax %x {axes=[1]} %mb = broadcast %m {shape=[3, 5], axes=[0]}
     %z = sub %x, %mb %e = exp %z %s = sum %e {axes=[1]}
     %sb = broadcast %s {shape=[3, 5], axes=[0]} %r = div %e, %sb`,
    SOFTMAX,
  );
});

test('softmax, with kept axes and a stopped gradient', () => {
  becomes(
    `%m0 = reduceMax %x {axes=[1]} %mk = reshape %m0 {shape=[3, 1]} %m1 = stopGradient %mk
     %m = reshape %m1 {shape=[3]} %mb = broadcast %m {shape=[3, 5], axes=[0]}
     %z = sub %x, %mb %e = exp %z
     %s0 = sum %e {axes=[1]} %sk = reshape %s0 {shape=[3, 1]} %s = reshape %sk {shape=[3]}
     %sb = broadcast %s {shape=[3, 5], axes=[0]} %r = div %e, %sb`,
    SOFTMAX,
  );
});

test('softmax without the maximum, and by a reciprocal of the kept sum', () => {
  becomes(
    `%e = exp %x %s = sum %e {axes=[1]} %sb = broadcast %s {shape=[3, 5], axes=[0]} %r = div %e, %sb`,
    SOFTMAX,
  );
  becomes(
    `%e = exp %x %s = sum %e {axes=[1]} %k = reshape %s {shape=[3, 1]}
     %one = full {value=1, dtype=f32, shape=[3, 1]} %q = div %one, %k %f = reshape %q {shape=[3]}
     %b = broadcast %f {shape=[3, 5], axes=[0]} %r = mul %b, %e`,
    SOFTMAX,
  );
});

test('softmax along the first axis, and beside axes of size 1', () => {
  becomes(
    `%e = exp %x %s = sum %e {axes=[0]} %sb = broadcast %s {shape=[3, 5], axes=[1]} %r = div %e, %sb`,
    '%r = softmax %x {axis=0}',
  );
  becomes(
    `%e = exp %x %s = sum %e {axes=[1]} %k = reshape %s {shape=[]}
     %sb = broadcast %k {shape=[1, 5], axes=[]} %r = div %e, %sb`,
    SOFTMAX,
    '(%x: f32[1, 5])',
  );
});

test('exponentials over the sum of others are no softmax', () => {
  const lines = `%e = exp %x %o = exp %y %s = sum %o {axes=[1]}
    %sb = broadcast %s {shape=[3, 5], axes=[0]} %r = div %e, %sb`;
  becomes(lines, lines, '(%x: f32[3, 5], %y: f32[3, 5])');
});

test('logSoftmax in four spellings', () => {
  becomes(
    `%m = reduceMax %x {axes=[1]} %mb = broadcast %m {shape=[3, 5], axes=[0]}
     %z = sub %x, %mb %e = exp %z %s = sum %e {axes=[1]} %l = log %s
     %lb = broadcast %l {shape=[3, 5], axes=[0]} %r = sub %z, %lb`,
    LOG_SOFTMAX,
  );
  becomes(
    `%m = reduceMax %x {axes=[1]} %mb = broadcast %m {shape=[3, 5], axes=[0]}
     %z = sub %x, %mb %e = exp %z %s = sum %e {axes=[1]} %l = log %s %t = add %m, %l
     %lb = broadcast %t {shape=[3, 5], axes=[0]} %r = sub %x, %lb`,
    LOG_SOFTMAX,
  );
  becomes(
    `%e = exp %x %s = sum %e {axes=[1]} %sb = broadcast %s {shape=[3, 5], axes=[0]} %l = log %sb
     %r = sub %x, %l`,
    LOG_SOFTMAX,
  );
  becomes('%s = softmax %x {axis=1} %r = log %s', LOG_SOFTMAX);
});

test('the exponential of logSoftmax is softmax', () => {
  becomes('%s = logSoftmax %x {axis=1} %r = exp %s', SOFTMAX);
});

test('sigmoid', () => {
  becomes(
    `%one = full {value=1, dtype=f32, shape=[3, 5]} %n = neg %x %e = exp %n
     %d = add %one, %e %r = div %one, %d`,
    '%r = sigmoid %x',
  );
});

const HEAD = '(%x: f32[3, 5], %gamma: f32[5], %beta: f32[5])';
const MEAN = (name: string, of: string): string => `
  %${name}t = sum %${of} {axes=[1]} %${name}n = full {value=5, dtype=f32, shape=[3]}
  %${name} = div %${name}t, %${name}n`;
const CENTERED = `${MEAN('mean', 'x')} %mb = broadcast %mean {shape=[3, 5], axes=[0]} %c = sub %x, %mb`;
const EPS = '%eps = full {value=0.25, dtype=f32, shape=[3]}';
const AFFINE = `
  %gb = broadcast %gamma {shape=[3, 5], axes=[1]} %bb = broadcast %beta {shape=[3, 5], axes=[1]}
  %scaled = mul %gb, %normal %r = add %scaled, %bb`;
const LAYER_NORM = '%r = layerNorm %x, %gamma, %beta {axis=1, eps=0.25}';

test('layerNorm by rsqrt', () => {
  becomes(
    `${CENTERED} %sq = mul %c, %c ${MEAN('var', 'sq')} ${EPS} %ve = add %var, %eps %f = rsqrt %ve
     %fb = broadcast %f {shape=[3, 5], axes=[0]} %normal = mul %c, %fb ${AFFINE}`,
    LAYER_NORM,
    HEAD,
  );
});

test('layerNorm by division, power and kept axes', () => {
  becomes(
    `${CENTERED} %two = full {value=2, dtype=f32, shape=[3, 5]} %sq = pow %c, %two
     %t = sum %sq {axes=[1]} %k = reshape %t {shape=[3, 1]} %n = full {value=5, dtype=f32, shape=[3, 1]}
     %var = div %k, %n %eps = full {value=0.25, dtype=f32, shape=[3, 1]} %ve = add %eps, %var
     %f = sqrt %ve %fs = reshape %f {shape=[3]} %fb = broadcast %fs {shape=[3, 5], axes=[0]}
     %normal = div %c, %fb ${AFFINE}`,
    LAYER_NORM,
    HEAD,
  );
});

test('layerNorm by the mean of squares', () => {
  becomes(
    `${CENTERED} %sq = mul %x, %x ${MEAN('ms', 'sq')} %m2 = mul %mean, %mean %var = sub %ms, %m2
     ${EPS} %ve = add %var, %eps %f = rsqrt %ve
     %fb = broadcast %f {shape=[3, 5], axes=[0]} %normal = mul %c, %fb ${AFFINE}`,
    LAYER_NORM,
    HEAD,
  );
});

test('standardizing without weights is a layerNorm with neutral ones', () => {
  becomes(
    `${CENTERED} %sq = mul %c, %c ${MEAN('var', 'sq')} ${EPS} %ve = add %var, %eps %f = rsqrt %ve
     %fb = broadcast %f {shape=[3, 5], axes=[0]} %r = mul %c, %fb`,
    `%one = full {value=1, dtype=f32, shape=[5]} %zero = full {value=0, dtype=f32, shape=[5]}
     %r = layerNorm %x, %one, %zero {axis=1, eps=0.25}`,
  );
});

test('dividing by the variance of something else is no layerNorm', () => {
  const graph = parseGraph(`graph (%x: f32[3, 5], %y: f32[3, 5]) { ${CENTERED}
     %sq = mul %y, %y ${MEAN('var', 'sq')} ${EPS} %ve = add %var, %eps %f = rsqrt %ve
     %fb = broadcast %f {shape=[3, 5], axes=[0]} %r = mul %c, %fb return %r }`);
  const { graph: after } = runPass(recognized, graph);
  assert.not(topological(after).some((node) => node.op.kind === 'composite'));
});

test('composites come back from what they decompose to', () => {
  for (const shape of [[3, 5], [2, 3, 4], [7], [1, 6]])
    for (let axis = 0; axis < shape.length; axis++) {
      if (shape[axis] === 1) continue;
      const b = new GraphBuilder();
      const x = b.input(tensor('float32', shape));
      const [gamma, beta] = [0, 1].map(() => b.input(tensor('float32', [shape[axis]!])));
      const graph = b.graph('main', [
        b.emit(softmax, [x], { axis }),
        b.emit(logSoftmax, [x], { axis }),
        b.emit(layerNorm, [x, gamma!, beta!], { axis, eps: 0.125 }),
      ]);
      const plain = runPass(decomposeComposites, graph, 1e-4).graph;
      assert.not(topological(plain).some((node) => node.op.kind === 'composite'));
      const after = runPass(recognized, plain, 1e-4).graph;
      assert.equal(
        after.outputs.map((node) => node.op.name),
        ['softmax', 'logSoftmax', 'layerNorm'],
        `[${shape}] along ${axis}`,
      );
    }
});

test('decomposing drops stopped gradients', () => {
  golden(
    decomposeComposites,
    'graph (%x: f32[4]) { %a = stopGradient %x %b = exp %a return %b }',
    'graph (%x: f32[4]) { %b = exp %x return %b }',
  );
});

test.run();
