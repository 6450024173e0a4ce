/**
 * Convolutions from transformed tiles compute what the nest says at all borders, and stay within the stated error.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../../src/codegen/caps.ts';
import { cleanup } from '../../../src/codegen/cleanup.ts';
import { isRefusal } from '../../../src/codegen/plan.ts';
import type { ImagePlan } from '../../../src/codegen/templates/convolution.ts';
import { geometryOf } from '../../../src/codegen/templates/convolution-geometry.ts';
import { gradientOf } from '../../../src/codegen/templates/gradient.ts';
import { planContraction } from '../../../src/codegen/templates/matmul.ts';
import { type Shifts, shiftsOf } from '../../../src/codegen/templates/shifted-geometry.ts';
import { planWinograd } from '../../../src/codegen/templates/winograd.ts';
import { planWinogradGradient } from '../../../src/codegen/templates/winograd-gradient.ts';
import { planSpread } from '../../../src/codegen/templates/winograd-spread.ts';
import { wasmCaps } from '../../../src/codegen/wasm/caps.ts';
import { hasRelaxedSimd } from '../../../src/runtime/cpu/features.ts';
import { runKernel } from '../../support/wasm.ts';
import { conv, convGradInput, convGradWeight, type Made } from './made.ts';
import { caps, check, elementsOf, evaluate, generator, kernelOf } from './nests.ts';

const geometry = ({ nest }: Made): Shifts => {
  const convolution = geometryOf(nest.contract!);
  const g = convolution && shiftsOf(convolution);
  if (g === undefined) throw new Error('no such convolution');
  return g;
};

test('tiles of both sizes: borders of tiles, panels, rows, images and results', () => {
  const both = (made: Made, device: Caps, seed: number, what: string, note = /./): void => {
    for (const size of [2, 4] as const) {
      let notes = '';
      const ran = check(made.nest, made.buffers, device, seed, (nest, given) => {
        const found = planWinograd(nest, geometry(made), given, 1, [size])[0];
        notes = found?.plan.notes.join() ?? '';
        return found?.plan ?? { refused: 'no tiles' };
      });
      if (typeof ran === 'string') throw new Error(`${what}: ${ran}`);
      assert.ok(ran.error < 1e-4, `${what}, ${size}: error ${ran.error}`);
      assert.match(notes, note, what);
    }
  };
  both(conv(1, 12, 8, 8, 8, 3, { pad: 1 }), caps(1), 1, 'whole tiles');
  both(conv(3, 13, 7, 5, 6, 3, { pad: 1 }), caps(8), 2, 'rows of 5, 6 rows');
  both(conv(1, 12, 6, 11, 5, 3, { pad: 2 }), caps(2), 3, 'results larger than inputs');
  both(convGradInput(2, 5, 9, 11, 12, 3), caps(2), 4, 'gradient of the input');
  both(conv(2, 12, 9, 7, 6, 5, { pad: 2 }), caps(2), 4, '5 x 5', /2 x 2, 5 x 5/);
  both(convGradInput(1, 4, 8, 9, 12, 5), caps(2), 4, '5 x 5, gradient of the input');
  const small = (bytes: number): Caps => ({ ...caps(1), sharedBytes: bytes });
  both(conv(2, 12, 19, 6, 4, 3, { pad: 1 }), small(32_000), 5, 'stripes', / (15|2) tiles/);
  both(conv(1, 140, 4, 5, 5, 3, { pad: 1 }), small(80_000), 6, 'parts', / (35|70) channels at/);
  both(conv(5, 12, 4, 4, 4, 3, { pad: 1 }), small(60_000), 7, 'images', / (8|4) tiles/);
});

test('tiles of the input: borders of tiles, panels, rows, images, parts of lines and results', () => {
  const spread = (made: Made, device: Caps, what: string, note = /from the input/): void => {
    let notes = '';
    const ran = check(made.nest, made.buffers, device, 7, (nest, given) => {
      const found = planSpread(nest, geometry(made), given, 1)[0];
      notes = found?.plan.notes.join() ?? '';
      return found?.plan ?? { refused: 'no tiles' };
    });
    if (typeof ran === 'string') throw new Error(`${what}: ${ran}`);
    assert.ok(ran.error < 1e-4, `${what}: error ${ran.error}`);
    assert.match(notes, note, what);
  };
  spread(convGradInput(4, 8, 12, 12, 12, 5), caps(1), 'whole tiles', /F\(2 x 2, 5 x 5\) from/);
  spread(convGradInput(4, 8, 10, 10, 12, 3), caps(1), 'whole tiles', /F\(4 x 4, 3 x 3\) from/);
  spread(convGradInput(5, 5, 9, 11, 13, 5), caps(8), 'five images, rows and lines of tiles');
  spread(convGradInput(1, 6, 11, 10, 12, 3), caps(2), 'an image, tiles that stick out');
  spread(conv(3, 12, 6, 5, 7, 5, { pad: 4 }), caps(2), 'wide padding');
  spread(conv(2, 12, 6, 9, 4, 5, { pad: 3 }), caps(1), 'results that no tile has whole');
  spread(conv(2, 12, 5, 6, 4, 3, { pad: 4 }), caps(1), 'results that no input meets');
  const small = (bytes: number): Caps => ({ ...caps(1), sharedBytes: bytes });
  spread(convGradInput(6, 4, 13, 9, 12, 5), small(80_000), 'parts of lines', / (3|6) tiles at a/);
  spread(convGradInput(4, 20, 8, 8, 30, 5), small(140_000), 'blocks of rows', / x [235] of /);
});

test('chosen where it is faster by estimate, and where the device allows it', () => {
  const notes = (made: Made, device: Caps): string => {
    const plan = planContraction(made.nest, device);
    return isRefusal(plan) ? plan.refused : plan.notes.join();
  };
  const device = wasmCaps(true);
  const photo = conv(1, 64, 56, 56, 64, 3, { pad: 1 });
  assert.match(notes(photo, device), /Winograd F\(4 x 4/);
  assert.match(notes(conv(64, 20, 12, 12, 50, 5), device), /Winograd F\(2 x 2, 5 x 5/);
  assert.match(notes(conv(1, 512, 7, 7, 512, 3, { pad: 1 }), device), /Winograd F\(2 x 2/);
  assert.match(notes(convGradInput(8, 32, 18, 18, 32, 3), device), /Winograd/);
  assert.match(notes(convGradInput(64, 20, 12, 12, 50, 5), device), /from the input/);
  assert.match(notes(convGradWeight(32, 32, 16, 16, 32, 3, 1), device), /Winograd F\(3 x 3/);
  for (const other of [
    notes(photo, wasmCaps(true, false)),
    notes(conv(1, 8, 32, 32, 64, 3, { pad: 1 }), device),
    notes(conv(1, 64, 32, 32, 64, 7, { pad: 3 }), device),
    notes(conv(1, 64, 32, 32, 64, 3, { pad: 1, stride: 2 }), device),
  ])
    assert.not.match(other, /Winograd/);
});

test('gradients of weights: borders of tiles, panels, rows, channels and images', () => {
  const gradient = (made: Made, device: Caps, seed: number, what: string, note = /./): void => {
    let notes = '';
    const ran = check(made.nest, made.buffers, device, seed, (nest, given) => {
      const found = planWinogradGradient(nest, gradientOf(nest.contract!)!, given, 1)[0];
      notes = found?.plan.notes.join() ?? '';
      return found?.plan ?? { refused: 'no tiles' };
    });
    if (typeof ran === 'string') throw new Error(`${what}: ${ran}`);
    assert.ok(ran.error < 1e-3, `${what}: error ${ran.error}`);
    assert.match(notes, note, what);
  };
  const small: Caps = { ...caps(1), sharedBytes: 64_000 };
  gradient(convGradWeight(1, 16, 8, 8, 12, 3, 1), caps(1), 1, 'whole tiles');
  gradient(convGradWeight(5, 13, 7, 5, 14, 3, 1), caps(8), 2, 'borders, several images', / x 8 /);
  gradient(
    convGradWeight(1, 12, 18, 11, 12, 3, 2),
    small,
    3,
    'stripes',
    / (4|8|12) tiles at a time/,
  );
  gradient(convGradWeight(2, 12, 9, 8, 12, 3, 0), caps(2), 4, 'without padding');
  gradient(convGradWeight(2, 13, 9, 7, 14, 5, 2), caps(2), 5, '5 x 5', /5 x 5, 2 x 2/);
});

/** Largest error over random numbers, as a share of the sum of |x| |w|. */
const largestError = (made: Made, plan: (device: Caps) => ImagePlan | undefined): number => {
  const { buffers, nest } = made;
  const pick = generator(7);
  const random = (): number => Math.fround((pick(4001) + pick(4001) - 4000) / 4000);
  const memory = new Map(
    buffers.map((b) => {
      const isBias = b.name === 'bias';
      return [b, Float64Array.from({ length: elementsOf(b) }, () => (isBias ? 0 : random()))];
    }),
  );
  const out = nest.stores[0]!.buffer;
  const want = evaluate([nest], memory).get(out)!;
  const sizes = new Map([...memory].map(([b, values]) => [b, values.map(Math.abs)]));
  const all = evaluate([nest], sizes).get(out)!;
  const device = wasmCaps(hasRelaxedSimd());
  const kernel = cleanup(kernelOf(plan(device)!.plan, buffers, new Set([out])));
  const after = runKernel(
    kernel,
    device,
    buffers.map((b) => new Uint8Array(Float32Array.from(memory.get(b)!).buffer)),
  );
  const got = new Float32Array(after[buffers.indexOf(out)]!.slice().buffer);
  return want.reduce((worst, w, i) => Math.max(worst, Math.abs(w - got[i]!) / all[i]!), 0);
};

test('errors stay within what the documentation says', () => {
  for (const c of [16, 128]) {
    const made = conv(1, c, 8, 8, 4, 3, { pad: 1 });
    const of = (size: 2 | 4): number =>
      largestError(made, (device) => planWinograd(made.nest, geometry(made), device, 1, [size])[0]);
    const [two, four] = [of(2), of(4)];
    assert.ok(two < 4e-7 && four < 2e-6, `${c} channels: 2 x 2 ${two}, 4 x 4 ${four}`);
  }
  const wide = conv(1, 32, 8, 8, 4, 5, { pad: 2 });
  const five = largestError(wide, (d) => planWinograd(wide.nest, geometry(wide), d, 1)[0]);
  assert.ok(five < 2e-6, `5 x 5: ${five}`);
  for (const side of [3, 5]) {
    const back = convGradInput(4, 4, 10, 10, 32, side);
    const spread = largestError(back, (d) => planSpread(back.nest, geometry(back), d, 1)[0]);
    assert.ok(spread < 2e-6, `from the input, ${side} x ${side}: ${spread}`);
    const made = convGradWeight(2, 12, 10, 10, 12, side, (side - 1) / 2);
    const g = gradientOf(made.nest.contract!)!;
    const error = largestError(made, (device) => planWinogradGradient(made.nest, g, device, 1)[0]);
    assert.ok(error < (side === 5 ? 4e-6 : 2e-6), `gradient of the weight, ${side}: ${error}`);
  }
});

test.run();
