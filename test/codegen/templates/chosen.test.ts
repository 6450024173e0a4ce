/**
 * Gradients of weights below pools compute what the graph says: at all borders, from the positions that were chosen alone.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmCaps } from '../../../src/codegen/wasm/caps.ts';
import { parseGraph } from '../../../src/ir/graph/parse.ts';
import { compileGraph } from '../../../src/passes/pipeline.ts';
import { byProgram, disagreement } from '../../support/differential.ts';

interface Case {
  readonly images: number;
  readonly channels: number;
  readonly rows: number;
  /** Of what the convolution gives. */
  readonly size: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly pad?: number;
  readonly pool: readonly [number, number];
  readonly strides?: readonly [number, number];
}

/** The gradient of a weight, and with `both` the pool's own, too. */
const graphOf = (o: Case, both = false): string => {
  const { images, channels, rows, size, kernel, pad = 0, pool, strides = pool } = o;
  const x = [images, channels, ...size.map((n, i) => n + kernel[i]! - 1 - 2 * pad)];
  const y = [images, rows, ...size];
  const pooled = [
    images,
    rows,
    ...size.map((n, i) => Math.floor((n - pool[i]!) / strides[i]!) + 1),
  ];
  const list = (numbers: readonly number[]): string => `[${numbers.join(', ')}]`;
  const windows = `kernel=${list(pool)}, strides=${list(strides)}, low=[0, 0], high=[0, 0]`;
  const slid = `strides=[1, 1], low=[${pad}, ${pad}], high=[${pad}, ${pad}], dilations=[1, 1], groups=1`;
  return `graph main(%x: f32${list(x)}, %y: f32${list(y)}, %dy: f32${list(pooled)}) {
    %i = windowArgmax %y {${windows}}
    %s = poolScatter %dy, %i {${windows}, shape=${list(y)}}
    %w = convGradWeight %x, %s {${slid}, shape=${list([rows, channels, ...kernel])}}
    return %w${both ? ', %s' : ''}
  }`;
};

const caps = wasmCaps(true);
const notesOf = (text: string): string =>
  compileGraph(parseGraph(text), caps)
    .program.kernels.flatMap((k) => k.notes)
    .join();

const small: Case = { images: 3, channels: 1, rows: 6, size: [8, 8], kernel: [5, 5], pool: [2, 2] };

for (const [what, found, note] of [
  ['a channel, windows of 5 x 5', small, /of 6 x 1 at one of 2 x 2 positions of 16 windows/],
  ['channels, padding', { ...small, channels: 3, kernel: [3, 3], pad: 1 }, / 3 channels at a time/],
  ['channels in parts', { ...small, channels: 8, kernel: [3, 3] }, / 4 channels at a time/],
  ['pools that are not square', { ...small, size: [9, 8], pool: [3, 2] }, /one of 3 x 2 positions/],
  ['lines of many taps', { ...small, kernel: [2, 7], size: [6, 6] }, /of 14 taps/],
  ['images in parts', { ...small, images: 16, size: [12, 12] }, /sum of 2304 in [48] parts/],
] as const)
  test(`positions that were chosen: ${what}`, async () => {
    const text = graphOf(found);
    assert.match(notesOf(text), /at one of /);
    assert.match(notesOf(text), note);
    assert.is(await disagreement(parseGraph(text), byProgram(caps), 3), undefined);
    assert.is(await disagreement(parseGraph(text), byProgram(wasmCaps(false)), 4), undefined);
  });

test('all positions take part where windows overlap or leave some out, or others need what the pool passed back', async () => {
  for (const text of [
    graphOf({ ...small, pool: [3, 3], strides: [1, 1] }),
    graphOf({ ...small, size: [9, 9] }),
    graphOf({ ...small, channels: 12 }),
    graphOf(small, true),
  ]) {
    assert.not.match(notesOf(text), /at one of /);
    assert.is(await disagreement(parseGraph(text), byProgram(caps), 5), undefined);
  }
});

test.run();
