/**
 * Convolutions from transformed tiles compute what the nest says at all borders, and stay within the stated error.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../../src/codegen/caps.ts';
import { cleanup } from '../../../src/codegen/cleanup.ts';
import { isRefusal } from '../../../src/codegen/plan.ts';
import { type ImagePlan, planConvolution } from '../../../src/codegen/templates/convolution.ts';
import { geometryOf } from '../../../src/codegen/templates/convolution-geometry.ts';
import { planContraction } from '../../../src/codegen/templates/matmul.ts';
import { type Shifts, shiftsOf } from '../../../src/codegen/templates/shifted-geometry.ts';
import { planWinograd } from '../../../src/codegen/templates/winograd.ts';
import { wasmCaps } from '../../../src/codegen/wasm/caps.ts';
import { hasRelaxedSimd } from '../../../src/runtime/cpu/features.ts';
import { runKernel } from '../../support/wasm.ts';
import { conv, convGradInput, type Made } from './made.ts';
import { caps, check, generator, kernelOf } from './nests.ts';

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
        const found = planWinograd(nest, geometry(made), given, [size]);
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
  const small = (bytes: number): Caps => ({ ...caps(1), sharedBytes: bytes });
  both(conv(2, 12, 19, 6, 4, 3, { pad: 1 }), small(32_000), 5, 'stripes', / (15|2) tiles/);
  both(conv(1, 140, 4, 5, 5, 3, { pad: 1 }), small(80_000), 6, 'parts', / (35|70) channels at/);
  both(conv(5, 12, 4, 4, 4, 3, { pad: 1 }), small(60_000), 7, 'images', / (8|4) tiles/);
});

test('chosen where it is faster by estimate, and where the device allows it', () => {
  const notes = (made: Made, device: Caps): string => {
    const plan = planContraction(made.nest, device);
    return isRefusal(plan) ? plan.refused : plan.notes.join();
  };
  const device = wasmCaps(true);
  const photo = conv(1, 64, 56, 56, 64, 3, { pad: 1 });
  assert.match(notes(photo, device), /Winograd F\(4 x 4/);
  assert.match(notes(conv(1, 512, 7, 7, 512, 3, { pad: 1 }), device), /Winograd F\(2 x 2/);
  assert.match(notes(convGradInput(8, 32, 18, 18, 32, 3), device), /Winograd/);
  for (const other of [
    notes(photo, wasmCaps(true, false)),
    notes(conv(1, 8, 32, 32, 64, 3, { pad: 1 }), device),
    notes(conv(1, 64, 32, 32, 64, 5, { pad: 2 }), device),
    notes(conv(1, 64, 32, 32, 64, 3, { pad: 1, stride: 2 }), device),
  ])
    assert.not.match(other, /Winograd/);
});

/** Largest error of a convolution [1, c, 12, 12] of random numbers, as a share of the sum of |x| |w|. */
const largestError = (
  c: number,
  plan: (made: Made, caps: Caps) => ImagePlan | undefined,
): number => {
  const [size, rows] = [12, 4];
  const made = conv(1, c, size, size, rows, 3, { pad: 1 });
  const pick = generator(c);
  const random = (): number => Math.fround((pick(4001) + pick(4001) - 4000) / 4000);
  const arrays = made.buffers.map((b) =>
    Float32Array.from({ length: b.shape.reduce((p, d) => p * d, 1) }, random),
  );
  const { buffers, nest } = made;
  const [x, w, bias] = ['x', 'w', 'bias'].map(
    (n) => arrays[buffers.findIndex((b) => b.name === n)],
  );
  bias?.fill(0);
  const device = wasmCaps(hasRelaxedSimd());
  const out = nest.stores[0]!.buffer;
  const kernel = cleanup(kernelOf(plan(made, device)!.plan, buffers, new Set([out])));
  const after = runKernel(
    kernel,
    device,
    arrays.map((a) => new Uint8Array(a.buffer)),
  );
  const got = new Float32Array(after[buffers.indexOf(out)]!.slice().buffer);
  let worst = 0;
  for (let at = 0; at < got.length; at++) {
    const [f, oy, ox] = [Math.floor(at / size ** 2), Math.floor(at / size) % size, at % size];
    let [sum, all] = [0, 0];
    for (let k = 0; k < 9 * c; k++) {
      const [y, u] = [oy + (Math.floor(k / 3) % 3) - 1, ox + (k % 3) - 1];
      if (Math.min(y, u) < 0 || Math.max(y, u) >= size) continue;
      const product = x![(Math.floor(k / 9) * size + y) * size + u]! * w![f * 9 * c + k]!;
      sum += product;
      all += Math.abs(product);
    }
    worst = Math.max(worst, Math.abs(got[at]! - Math.max(0, sum)) / all);
  }
  return worst;
};

test('errors stay within what the documentation says', () => {
  for (const c of [16, 64, 256]) {
    const of = (size: 2 | 4): number =>
      largestError(c, (made, device) => planWinograd(made.nest, geometry(made), device, [size]));
    const direct = largestError(c, ({ nest }, device) =>
      planConvolution(nest, geometryOf(nest.contract!)!, device),
    );
    const [two, four] = [of(2), of(4)];
    const figures = `${c} channels: direct ${direct}, 2 x 2 ${two}, 4 x 4 ${four}`;
    assert.ok(two < 3e-7 && four < 1e-6, figures);
    if (process.env['TIGON_FIGURES'] !== undefined) console.log(figures);
  }
});

test.run();
