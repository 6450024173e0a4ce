/**
 * Convolutions straight from the input compute what the nest says, whatever their windows are, and are taken where they
 * are faster by estimate.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../../src/codegen/caps.ts';
import { isRefusal } from '../../../src/codegen/plan.ts';
import { type ImagePlan, planConvolution } from '../../../src/codegen/templates/convolution.ts';
import { geometryOf } from '../../../src/codegen/templates/convolution-geometry.ts';
import { gradientOf, planGradient } from '../../../src/codegen/templates/gradient.ts';
import { planContraction } from '../../../src/codegen/templates/matmul.ts';
import { wasmCaps } from '../../../src/codegen/wasm/caps.ts';
import type { Nest } from '../../../src/ir/loop/loop.ts';
import { type Convolved, convolved, type Side } from './convolutions.ts';
import { caps, check } from './nests.ts';

/** Runs the schedule and gives its notes. */
const direct = (side: Side, c: Convolved, device: Caps, seed: number): string => {
  const made = convolved(side, c);
  const what = `${side} ${JSON.stringify(c)}`;
  let notes = '';
  const ran = check(made.nest, made.buffers, device, seed, (nest, given) => {
    const found = side === 'weight' ? planWeight(nest, given) : planDirect(nest, given);
    notes = found?.plan.notes.join() ?? '';
    return found?.plan ?? { refused: 'not this schedule' };
  });
  if (typeof ran === 'string') throw new Error(`${what}: ${ran}`);
  assert.ok(ran.error < 1e-4, `${what}: error ${ran.error}`);
  return notes;
};

const planDirect = (nest: Nest, device: Caps): ImagePlan | undefined => {
  const g = geometryOf(nest.contract!);
  return g && planConvolution(nest, g, device, 1)[0];
};

const planWeight = (nest: Nest, device: Caps): ImagePlan | undefined => {
  const g = gradientOf(nest.contract!);
  return g && planGradient(nest, g, device, 1)[0];
};

/** Windows of all kinds. */
const cases: readonly Convolved[] = [
  { x: [2, 3, 9, 11], w: [6, 3, 3, 3], pad: 1 },
  { x: [3, 4, 6, 8], w: [5, 4, 5, 5], pad: 2 },
  { x: [2, 5, 12, 12], w: [4, 5, 3, 3] },
  { x: [1, 2, 7, 16], w: [3, 2, 3, 1], pad: 1 },
  { x: [1, 2, 5, 9], w: [4, 2, 1, 3] },
  { x: [2, 3, 8, 12], w: [5, 3, 3, 3], pad: 1, stride: 2 },
  { x: [2, 3, 9, 7], w: [5, 3, 3, 3], pad: 1, stride: 2 },
  { x: [1, 4, 8, 8], w: [4, 4, 1, 1], stride: 2 },
  { x: [2, 3, 10, 6], w: [4, 3, 2, 2], stride: 2 },
  { x: [1, 3, 12, 9], w: [4, 3, 5, 5], pad: 1, stride: 3 },
  { x: [1, 2, 16, 16], w: [4, 2, 3, 3], stride: 4 },
  { x: [1, 3, 11, 10], w: [4, 3, 3, 3], pad: 2, dilation: 2 },
  { x: [2, 6, 7, 9], w: [8, 3, 3, 3], pad: 1, groups: 2 },
  { x: [2, 4, 8, 8], w: [4, 2, 3, 3], pad: 1, stride: 2, groups: 2 },
  { x: [5, 1, 9, 9], w: [5, 1, 3, 3] },
  { x: [2, 3, 37], w: [5, 3, 5], pad: 2 },
  { x: [2, 3, 40], w: [4, 3, 4], pad: 1, stride: 2 },
  { x: [1, 2, 4, 5, 6], w: [4, 2, 3, 3, 3], pad: 1 },
  { x: [1, 2, 4, 4, 8], w: [3, 2, 2, 2, 2], stride: 2 },
];

test('forward, and both gradients, for windows of all kinds', () => {
  cases.forEach((c, i) => {
    const { stride = 1, x, w } = c;
    const device = (by: number): Caps => caps([1, 2, 8][(i + by) % 3]!);
    // matrices, and what no phase takes apart, are left to other schedules
    if (w[2]! > 1 || w.at(-1)! > 1) {
      direct('result', c, device(0), i);
      direct('weight', c, device(1), i + 100);
    }
    if (x.slice(2).every((n) => n % stride === 0)) direct('input', c, device(2), i + 200);
  });
});

test('stripes, and blocks of channels', () => {
  const small = (bytes: number): Caps => ({ ...caps(4), sharedBytes: bytes });
  const stripes = { x: [2, 8, 13, 9], w: [6, 8, 3, 3], pad: 1 };
  assert.match(direct('result', stripes, small(8000), 1), /stripes of (4|5|7) /);
  const strided = { x: [2, 3, 32, 20], w: [8, 3, 3, 3], pad: 1, stride: 2 };
  assert.match(direct('result', strided, small(9000), 2), /stripes of (4|6|8) /);
  assert.match(direct('input', strided, small(16_000), 3), /stripes of (4|6|8) /);
  const long = { x: [2, 3, 500], w: [4, 3, 5], pad: 2 };
  assert.match(direct('result', long, small(7000), 4), /stripes of (64|128|168) /);
  const deep = { x: [1, 150, 5, 6], w: [5, 150, 3, 3], pad: 1 };
  assert.match(direct('result', deep, caps(1), 5), / 50 channels at a time/);
  assert.match(direct('result', deep, small(60_000), 6), / 50 channels at a time/);
  const wide = { x: [2, 1, 40, 40], w: [4, 1, 3, 3], pad: 1 };
  assert.match(direct('weight', wide, caps(1), 7), / 1 stripes of 20 at a time/);
  const tiny = { x: [11, 9, 4, 5], w: [18, 9, 3, 3], pad: 1 };
  assert.match(
    direct('weight', tiny, caps(8), 8),
    / x [2-9] x [2-9] of .* ([2-9]|1[01]) stripes of 4 at a time/,
  );
});

test('gradients of few channels are read in place', () => {
  const few: readonly Convolved[] = [
    { x: [5, 1, 10, 10], w: [8, 1, 3, 3] },
    { x: [3, 2, 9, 12], w: [12, 2, 5, 3], pad: 1 },
    { x: [2, 1, 16, 16], w: [24, 1, 3, 3], pad: 1, stride: 2 },
    { x: [2, 1, 12, 12], w: [8, 1, 3, 3], pad: 2, dilation: 2 },
    { x: [2, 1, 64, 64], w: [4, 1, 3, 3], pad: 1 },
    { x: [3, 1, 72], w: [8, 1, 5], pad: 2 },
    { x: [2, 2, 8, 8], w: [32, 1, 3, 3], pad: 1, groups: 2 },
  ];
  few.forEach((c, i) => {
    assert.match(direct('weight', c, caps(1), i), /gradient in place/);
  });
});

test('chosen for strides, few channels, dilation and groups', () => {
  const notes = (side: Side, c: Convolved): string => {
    const plan = planContraction(convolved(side, c).nest, wasmCaps(true));
    return isRefusal(plan) ? plan.refused : plan.notes.join();
  };
  const chosen = (side: Side, c: Convolved): void =>
    assert.match(notes(side, c), /^convolution in place/, `${side} ${JSON.stringify(c)}`);
  const down = { x: [32, 16, 32, 32], w: [32, 16, 3, 3], stride: 2, pad: 1 };
  chosen('result', down);
  chosen('input', down);
  chosen('input', { x: [32, 16, 32, 32], w: [32, 16, 1, 1], stride: 2 });
  chosen('input', { x: [32, 3, 32, 32], w: [16, 3, 3, 3], pad: 1 });
  chosen('result', { x: [32, 3, 32, 32], w: [16, 3, 3, 3], pad: 1 });
  chosen('result', { x: [8, 32, 28, 28], w: [32, 32, 3, 3], pad: 2, dilation: 2 });
  chosen('result', { x: [8, 64, 28, 28], w: [64, 16, 3, 3], pad: 1, groups: 4 });
});

test.run();
