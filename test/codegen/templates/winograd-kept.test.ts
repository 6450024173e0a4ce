/**
 * Convolutions whose weights another launch has transformed: both launches together compute what the nest says, within
 * the error that is stated for weights transformed on the way.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../../src/codegen/caps.ts';
import { cleanup } from '../../../src/codegen/cleanup.ts';
import { Copies } from '../../../src/codegen/copies.ts';
import { planNest } from '../../../src/codegen/generic.ts';
import type { NestPlan } from '../../../src/codegen/plan.ts';
import { geometryOf } from '../../../src/codegen/templates/convolution-geometry.ts';
import { type Shifts, shiftsOf } from '../../../src/codegen/templates/shifted-geometry.ts';
import { transformOnce } from '../../../src/codegen/templates/transform-once.ts';
import { partsFor, planWinograd } from '../../../src/codegen/templates/winograd.ts';
import { readyWeights, transformedOf } from '../../../src/codegen/templates/winograd-kept.ts';
import { wasmCaps } from '../../../src/codegen/wasm/caps.ts';
import type { LoopBuffer, Nest } from '../../../src/ir/loop/loop.ts';
import { hasRelaxedSimd } from '../../../src/runtime/cpu/features.ts';
import { runKernel } from '../../support/wasm.ts';
import { conv, convGradInput, type Made } from './made.ts';
import { elementsOf, evaluate, generator, kernelOf, kernelWith } from './nests.ts';

const device = wasmCaps(hasRelaxedSimd());

const geometry = ({ nest }: Made): Shifts => shiftsOf(geometryOf(nest.contract!)!)!;

type Contents = Map<LoopBuffer, Float32Array<ArrayBuffer>>;

/** Runs a plan, which changes what it stores. */
const run = (plan: NestPlan, nest: Nest, contents: Contents): void => {
  const buffers = [...contents.keys()];
  const kernel = cleanup(kernelOf(plan, buffers, new Set(nest.stores.map((s) => s.buffer))));
  const bytes = buffers.map((b) => new Uint8Array(contents.get(b)!.buffer));
  const after = runKernel(kernel, device, bytes);
  buffers.forEach((b, i) => {
    contents.set(b, new Float32Array(after[i]!.slice().buffer));
  });
};

interface Found {
  readonly notes: string;
  /** Largest error as a share of the sum of |x| |w|; the same of one launch that transforms for itself. */
  readonly error: number;
  readonly onTheWay: number;
}

/** What both launches of a convolution give. */
const both = (made: Made, tile: 2 | 4, caps: Caps): Found => {
  const g = geometry(made);
  const parts = partsFor(g, tile, caps);
  const { kernel, expr } = transformedOf(made.nest.contract!.a, g, parts!, 'weights');
  const nest: Nest = { ...made.nest, contract: { ...made.nest.contract!, a: expr } };
  assert.equal(readyWeights(nest, geometry({ ...made, nest }))?.tile, tile);
  const pick = generator(7);
  const numbers = (b: LoopBuffer): Float32Array<ArrayBuffer> =>
    Float32Array.from({ length: elementsOf(b) }, () =>
      b.name === 'bias' ? 0 : (pick(4001) + pick(4001) - 4000) / 4000,
    );
  const contents: Contents = new Map(made.buffers.map((b) => [b, numbers(b)]));
  const given = new Map([...contents].map(([b, v]) => [b, Float64Array.from(v)]));
  const out = nest.stores[0]!.buffer;
  const want = evaluate([made.nest], given).get(out)!;
  const sizes = new Map([...given].map(([b, values]) => [b, values.map(Math.abs)]));
  const all = evaluate([made.nest], sizes).get(out)!;
  const share = (): number => {
    const got = contents.get(out)!;
    return want.reduce((worst, w, i) => Math.max(worst, Math.abs(w - got[i]!) / all[i]!), 0);
  };
  run(planWinograd(made.nest, g, caps, 1, [tile])[0]!.plan, made.nest, contents);
  const onTheWay = share();
  const [transform] = kernel.nests as [Nest];
  const ready = transform.stores[0]!.buffer;
  contents.set(ready, new Float32Array(elementsOf(ready)).fill(Number.NaN));
  run(planNest(transform, caps), transform, contents);
  const [plan] = planWinograd(nest, geometry({ ...made, nest }), caps, 1);
  run(plan!.plan, nest, contents);
  return { notes: plan!.plan.notes.join(), onTheWay, error: share() };
};

test('borders, blocks of rows, parts of the channels, gradients of inputs', () => {
  const small: Caps = { ...device, sharedBytes: 80_000 };
  const cases: readonly (readonly [Made, Caps, RegExp])[] = [
    [conv(1, 12, 8, 8, 8, 3, { pad: 1 }), device, /12 channels/],
    [conv(3, 13, 7, 5, 16, 3, { pad: 1 }), device, /13 channels/],
    [conv(1, 128, 4, 5, 8, 3, { pad: 1 }), small, / (32|64) channels at/],
    [convGradInput(2, 8, 9, 11, 12, 3), device, /weights transformed before/],
  ];
  for (const [made, caps, note] of cases)
    for (const tile of [2, 4] as const) {
      const { notes, error, onTheWay } = both(made, tile, caps);
      assert.match(notes, note);
      assert.ok(error < 1.5 * onTheWay, `${notes}: ${error}, not ${onTheWay}`);
    }
});

test('transformed before where that is kept, and for weights that can be', () => {
  const kept = (keeps: boolean): Copies =>
    new Copies(() => false, undefined, { keeps: () => keeps, expect: () => {} });
  const split = ({ nest, buffers }: Made, copies = kept(true), caps = device): number =>
    transformOnce(kernelWith(nest, buffers), caps, copies)?.length ?? 1;
  const middle = conv(1, 128, 28, 28, 128, 3, { pad: 1 });
  assert.is(split(middle), 2);
  assert.is(split(middle, kept(false)), 1);
  assert.is(split(middle, kept(true), wasmCaps(true, false)), 1);
  assert.is(split(conv(1, 64, 28, 28, 66, 3, { pad: 1 })), 1, '66 rows are no whole fours');
  assert.is(split(conv(1, 64, 28, 28, 64, 5, { pad: 2 })), 1);
});

test.run();
