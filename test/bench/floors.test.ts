/** Floors of launches and programs: from work and ceilings, and how they are shown. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Ceilings, speedFor } from '../../bench/roofline/ceilings.ts';
import { floorOf, stepsOf, wholeWork } from '../../bench/roofline/floors.ts';
import { show } from '../../bench/roofline/show.ts';
import { wasmCaps } from '../../src/codegen/wasm/caps.ts';
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import { dot } from '../../src/ir/graph/ops/dot.ts';
import { tensor } from '../../src/ir/type.ts';
import { compileGraph } from '../../src/passes/pipeline.ts';

const CEILINGS: Ceilings = {
  arithmetic: 10,
  memory: [
    { bytes: 1024, speed: 100 },
    { bytes: 4096, speed: 60 },
    { bytes: 65_536, speed: 20 },
  ],
};

test('the speed of memory goes over from one size to the next, and ends where measuring did', () => {
  const speeds = [1, 1024, 2048, 4096, 1e9].map((bytes) => speedFor(CEILINGS, bytes));
  assert.equal(speeds, [100, 100, 80, 60, 20]);
});

test('a floor is what arithmetic takes or what memory takes', () => {
  const of = (operations: number, bytes: number): number =>
    floorOf({ operations, bytesRead: bytes / 2, bytesWritten: bytes / 2 }, CEILINGS);
  assert.is(of(1000, 0), 100);
  assert.is(of(1000, 1024), 100);
  assert.is(of(10, 1024), 10.24);
});

test('steps have the work of their loops, a program no more than crosses its border', () => {
  const b = new GraphBuilder();
  const [x, w] = [b.input(tensor('float32', [8, 16])), b.input(tensor('float32', [16, 8]))];
  const first = b.emit(dot, [x, w], { aBatch: [], bBatch: [], aContract: [1], bContract: [0] });
  const y = b.emit(dot, [first, x], { aBatch: [], bBatch: [], aContract: [1], bContract: [0] });
  const compiled = compileGraph(b.graph('two', [y]), wasmCaps(false));
  const steps = stepsOf(compiled);
  assert.equal(
    steps.map((s) => [s.launches, s.work.operations]),
    [
      [1, 1024],
      [1, 1024],
    ],
  );
  const inputs = 4 * 2 * 8 * 16;
  assert.equal(wholeWork(compiled.program, steps), {
    operations: 2048,
    bytesRead: inputs,
    bytesWritten: 4 * 8 * 16,
  });
});

test('what loses most stands first', () => {
  const kernel = (name: string, best: number, floor: number) => ({
    kernel: name,
    launches: name === 'slow' ? 3 : 1,
    bestMicroseconds: best,
    medianMicroseconds: best,
    floorMicroseconds: floor,
    operations: 1e6,
    bytes: 1e6,
    notes: ['how'],
  });
  const text = show([
    {
      name: 'net',
      mode: 'step',
      threads: 1,
      medianMilliseconds: 2,
      bestMilliseconds: 1,
      floorMilliseconds: 0.5,
      shareInTurns: 0.45,
      wholeFloorMilliseconds: 0.25,
      kernels: [kernel('quick', 100, 90), kernel('slow', 900, 410)],
    },
  ]);
  assert.match(text, /net +step +2\.00 +1\.00 +0\.500 +50% +45% +0\.250 +25% +1\.00 +2\n/);
  assert.match(text, /490 +900 +900 +410 +46% +90% .* 3 × slow \[how\]\n.* quick \[how\]/);
});

test.run();
