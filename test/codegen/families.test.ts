import { nd } from 'tigon/web';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../src/codegen/caps.ts';
import { defaultCudaCaps } from '../../src/codegen/cuda/caps.ts';
import { bringEveryFamily } from '../../src/codegen/every-family.ts';
import { wasmCaps } from '../../src/codegen/wasm/caps.ts';
import { defaultWgslCaps } from '../../src/codegen/wgsl/caps.ts';
import * as device from '../../src/frontend/device.ts';
import { TigonError } from '../../src/ir/errors.ts';
import { parseGraph } from '../../src/ir/graph/parse.ts';
import { compileGraph } from '../../src/passes/pipeline.ts';

// `tigon` brings attention, which it looks for in programs that compose it: this is what pages see
const graph =
  parseGraph(`graph main(%q: f32[4, 256, 32], %k: f32[4, 256, 32], %v: f32[4, 256, 32]) {
  %y = attention %q, %k, %v {scale=0.125, causal=false}
  return %y
}`);
const launches = (caps: Caps = defaultWgslCaps): number =>
  compileGraph(graph, caps).program.steps.length;
const cpu = wasmCaps(true);

test('a graph with ops of a family that nobody brought says who has to', () => {
  for (const caps of [defaultWgslCaps, cpu]) {
    let error: unknown;
    try {
      launches(caps);
    } catch (caught) {
      error = caught;
    }
    assert.instance(error, TigonError);
    assert.match((error as TigonError).message, /ttention: nothing in this program brought/);
    assert.match((error as TigonError).help!, /bringEveryFamily/);
  }
});

test('devices with schedules of their own ask nobody', () => {
  assert.is(launches(defaultCudaCaps), 1);
});

test('the function of the family brings what GPUs and CPUs need when it is called, on any device', () => {
  const x = nd.ones([2, 4, 8], { device: device.cpu() });
  nd.scaledDotProductAttention(x, x, x);
  assert.is(launches(), 1);
  assert.is(launches(cpu), 1);
});

test('programs that compile what they read bring all', () => {
  bringEveryFamily();
  assert.is(launches(), 1);
});

test.run();
