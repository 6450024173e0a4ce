/**
 * Convolutions of groups with few results compute what the nest says: forward and both gradients, at all borders.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isRefusal } from '../../../src/codegen/plan.ts';
import { geometryOf } from '../../../src/codegen/templates/convolution-geometry.ts';
import { planDepthwise } from '../../../src/codegen/templates/depthwise.ts';
import { planDepthwiseGradient } from '../../../src/codegen/templates/depthwise-gradient.ts';
import { gradientOf } from '../../../src/codegen/templates/gradient.ts';
import { planContraction } from '../../../src/codegen/templates/matmul.ts';
import { wasmCaps } from '../../../src/codegen/wasm/caps.ts';
import { GraphBuilder } from '../../../src/ir/graph/builder.ts';
import type { Node } from '../../../src/ir/graph/graph.ts';
import {
  type ConvAttrs,
  conv,
  convGradInput,
  convGradWeight,
} from '../../../src/ir/graph/ops/conv.ts';
import { accumulator, load, scalar } from '../../../src/ir/loop/expr.ts';
import { tensor } from '../../../src/ir/type.ts';
import { compileGraph } from '../../../src/passes/pipeline.ts';
import { f32, type Made } from './made.ts';
import { caps, check } from './nests.ts';

interface Case {
  readonly images?: number;
  readonly groups: number;
  /** Channels and results of a group. */
  readonly inputs?: number;
  readonly results?: number;
  readonly size: readonly [number, number];
  readonly kernel: number;
  readonly stride?: number;
  readonly pad?: number;
  readonly dilation?: number;
}

type Side = 'forward' | 'input' | 'weight';

/** The nest of a convolution, or of a gradient of it, whose result is added to something and cut off at zero. */
const made = (side: Side, o: Case): Made => {
  const { images = 1, groups, inputs = 1, results = 1, stride = 1, dilation = 1, kernel } = o;
  const pad = o.pad ?? (kernel - 1) / 2;
  const out = o.size.map(
    (n) => Math.floor((n + 2 * pad - dilation * (kernel - 1) - 1) / stride) + 1,
  );
  const two = (n: number): number[] => [n, n];
  const attrs: ConvAttrs = {
    strides: two(stride),
    low: two(pad),
    high: two(pad),
    dilations: two(dilation),
    groups,
  };
  const x = [images, groups * inputs, ...o.size];
  const w = [groups * results, inputs, kernel, kernel];
  const y = [images, groups * results, ...out];
  const builder = new GraphBuilder();
  const input = (shape: readonly number[]): Node => builder.input(tensor('float32', shape));
  const output =
    side === 'forward'
      ? builder.emit(conv, [input(x), input(w)], attrs)
      : side === 'input'
        ? builder.emit(convGradInput, [input(y), input(w)], { ...attrs, shape: x })
        : builder.emit(convGradWeight, [input(x), input(y)], { ...attrs, shape: w });
  const graph = { name: side, inputs: builder.inputs, outputs: [output], assigns: [] };
  const stage = compileGraph(graph, caps(1)).stages.find((s) => s.name === 'split and order');
  if (stage?.level !== 'loop') throw new Error('no loops');
  const { buffers, nests } = stage.kernels[0]!;
  const [nest] = nests as [Made['nest']];
  const [store] = nest.stores as [Made['nest']['stores'][number]];
  const other = f32('other', store.buffer.shape);
  const value = scalar('relu', scalar('add', accumulator, load(other, store.index)));
  const stores = [{ ...store, value }];
  return { nest: { ...nest, stores }, buffers: [other, ...buffers] };
};

const cases: Readonly<Record<string, Case>> = {
  'two images, rows of whole vectors': { images: 2, groups: 3, size: [8, 8], kernel: 3 },
  'rows of 7': { groups: 3, size: [7, 7], kernel: 3 },
  'stride 2': { images: 2, groups: 3, size: [12, 14], kernel: 3, stride: 2 },
  'stride 2, odd sizes': { groups: 4, size: [13, 11], kernel: 3, stride: 2 },
  '5 x 5': { groups: 3, size: [9, 10], kernel: 5 },
  '5 x 5, stride 2': { groups: 3, size: [10, 18], kernel: 5, stride: 2 },
  'two results of a channel': { groups: 3, results: 2, size: [8, 9], kernel: 3 },
  'groups of two': { images: 2, groups: 3, inputs: 2, results: 2, size: [6, 10], kernel: 3 },
  dilated: { groups: 3, size: [9, 12], kernel: 3, dilation: 2, pad: 2 },
  'without padding': { groups: 4, size: [8, 11], kernel: 3, pad: 0 },
  'padded by more': { groups: 4, size: [6, 7], kernel: 3, pad: 2 },
};

test('forward and gradients of the input', () => {
  for (const [what, c] of Object.entries(cases))
    for (const side of ['forward', 'input'] as const) {
      const { nest, buffers } = made(side, c);
      const g = geometryOf(nest.contract!);
      // phases of a result that is no multiple of the stride are not taken apart
      if (g === undefined && side === 'input' && what === 'stride 2, odd sizes') continue;
      const ran = check(nest, buffers, caps(2), 7, (n, device) => {
        const found = g === undefined ? undefined : planDepthwise(n, g, device);
        return found?.plan ?? { refused: 'not along rows' };
      });
      if (typeof ran === 'string') throw new Error(`${what}, ${side}: ${ran}`);
      assert.ok(ran.error < 1e-4, `${what}, ${side}: error ${ran.error}`);
    }
});

test('gradients of the weight', () => {
  for (const [what, c] of Object.entries(cases)) {
    const { nest, buffers } = made('weight', c);
    const g = gradientOf(nest.contract!);
    const ran = check(nest, buffers, caps(2), 9, (n, device) => {
      const found = g === undefined ? undefined : planDepthwiseGradient(n, g, device);
      return found?.plan ?? { refused: 'not along rows' };
    });
    if (typeof ran === 'string') throw new Error(`${what}: ${ran}`);
    assert.ok(ran.error < 1e-4, `${what}: error ${ran.error}`);
  }
});

test('images larger than a cache are taken in stripes', () => {
  const { nest, buffers } = made('forward', { groups: 1, size: [48, 96], kernel: 3 });
  const plan = planDepthwise(nest, geometryOf(nest.contract!)!, caps(2))!.plan;
  assert.match(plan.notes.join(), / stripes of (24|16|12),/);
  const ran = check(nest, buffers, caps(2), 8, () => plan);
  assert.ok(typeof ran !== 'string' && ran.error < 1e-4, 'stripes');
});

test('chosen for groups of up to three results', () => {
  const notes = (side: Side, c: Case): string => {
    const plan = planContraction(made(side, c).nest, wasmCaps(true));
    return isRefusal(plan) ? plan.refused : plan.notes.join();
  };
  const size = [14, 14] as const;
  assert.match(notes('forward', { groups: 64, size, kernel: 3 }), /along rows/);
  assert.match(notes('weight', { groups: 64, size, kernel: 5 }), /along rows/);
  assert.match(notes('input', { groups: 64, size, kernel: 3, stride: 2 }), /along rows/);
  const wide = { groups: 8, inputs: 4, results: 4, size, kernel: 3 };
  assert.not.match(notes('forward', wide), /along rows/);
});

test.run();
