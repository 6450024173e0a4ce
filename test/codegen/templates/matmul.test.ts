/**
 * The contraction template computes what the nest says, for any sizes, layouts, guards and epilogues (interpreted).
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../../src/codegen/caps.ts';
import { geometryOf } from '../../../src/codegen/templates/convolution-geometry.ts';
import { planContraction } from '../../../src/codegen/templates/matmul.ts';
import { planShifted } from '../../../src/codegen/templates/shifted.ts';
import { shiftsOf } from '../../../src/codegen/templates/shifted-geometry.ts';
import { splitContraction } from '../../../src/codegen/templates/split.ts';
import { idxAxis as ax, type Idx, idxConst, idxDiv, idxMod } from '../../../src/ir/dim.ts';
import { accumulator, load, scalar } from '../../../src/ir/loop/expr.ts';
import type { Contraction } from '../../../src/ir/loop/loop.ts';
import {
  conv,
  convGradInput,
  convGradWeight,
  f32,
  type Made,
  type MatmulOptions,
  matmul,
  store,
} from './made.ts';
import { caps, check, evaluate, generator, kernelWith, par, randomMemory, red } from './nests.ts';

const passes = (made: Made, parallelism: number, seed: number, what: string): void => {
  const ran = check(made.nest, made.buffers, caps(parallelism), seed);
  if (typeof ran === 'string') throw new Error(`${what}: refused: ${ran}`);
  assert.ok(ran.error < 1e-4, `${what}: error ${ran.error}`);
};

test('matrix products of 60 random sizes and layouts', () => {
  const pick = generator(7);
  for (let i = 0; i < 60; i++) {
    const [M, N, K] = [4 + pick(67), 4 + pick(67), 4 + pick(67)];
    if (M * N * K < 2048) continue;
    const options: MatmulOptions = {
      transposeA: pick(2) === 1,
      transposeB: pick(2) === 1,
      transposeOut: pick(4) === 0,
      ...(pick(3) === 0 ? { batch: 1 + pick(3), shareA: pick(2) === 1 } : {}),
    };
    passes(matmul(M, N, K, options), 1 + pick(4), i, `${M} ${N} ${K} ${JSON.stringify(options)}`);
  }
});

test('sums longer than a block keep their parts until the last', () => {
  passes(matmul(12, 20, 700), 2, 1, 'matmul');
  passes(matmul(9, 13, 1001, { transposeB: true, epilogue: 'relu' }), 2, 2, 'odd');
});

test('epilogues: bias, activation, residual, two results, one that is long', () => {
  for (const epilogue of ['bias', 'relu', 'residual', 'two', 'scaled'] as const) {
    passes(matmul(16, 32, 20, { epilogue }), 2, 3, `${epilogue}, whole tiles`);
    passes(matmul(19, 37, 20, { epilogue }), 2, 4, `${epilogue}, borders`);
    passes(matmul(19, 37, 20, { epilogue, transposeOut: true }), 2, 4, `${epilogue}, transposed`);
    passes(matmul(10, 6, 40, { epilogue, batch: 3 }), 2, 5, `${epilogue}, batch`);
    passes(matmul(32, 13, 20, { epilogue, transposeOut: true }), 2, 6, `${epilogue}, by columns`);
  }
});

test('two rows left over are done for 16 columns at a time', () => {
  const wide = (made: Made, parallelism: number, seed: number, what: string): void => {
    passes(made, parallelism, seed, what);
    const plan = planContraction(made.nest, caps(parallelism));
    if ('refused' in plan) throw new Error(`${what}: ${plan.refused}`);
    assert.match(plan.notes.join(), /last two rows by 16 columns/, what);
  };
  wide(matmul(10, 16, 40), 1, 1, 'an even number of panels');
  wide(matmul(10, 40, 40), 1, 2, 'an odd number of panels');
  wide(matmul(10, 200, 700), 8, 3, 'several workgroups and blocks of the sum');
  wide(matmul(10, 37, 700, { epilogue: 'relu' }), 1, 4, 'borders');
  wide(matmul(10, 32, 20, { epilogue: 'two', batch: 3 }), 1, 5, 'two results, batch');
  wide(conv(2, 3, 9, 11, 10, 3), 1, 6, 'convolution');
  wide(convGradWeight(3, 8, 12, 12, 10, 5), 1, 7, 'weight gradient');
});

test('six rows at a time where multiply and add are one instruction', () => {
  const tall: readonly (readonly [Made, number, string])[] = [
    [matmul(47, 64, 300, { epilogue: 'two' }), 1, 'a row less than whole tiles'],
    [matmul(18, 37, 60), 8, 'whole tiles, borders of columns'],
    [matmul(35, 40, 701), 8, 'blocks of the sum, of odd length'],
    [matmul(35, 39, 700, { epilogue: 'residual' }), 1, 'borders of all kinds'],
    [matmul(53, 64, 300, { epilogue: 'scaled' }), 1, 'a costly epilogue'],
    [matmul(23, 40, 200, { epilogue: 'relu', batch: 3 }), 8, 'batches'],
    [matmul(48, 64, 300, { transposeA: true }), 1, 'rows along memory, whole panels'],
    [matmul(47, 40, 301, { transposeA: true }), 8, 'rows along memory, five in the last panel'],
    [matmul(130, 40, 703, { transposeA: true, epilogue: 'two' }), 1, 'several packs of rows'],
    [matmul(23, 40, 200, { transposeA: true, batch: 3 }), 8, 'rows along memory, batches'],
  ];
  for (const [made, parallelism, what] of tall) {
    passes(made, parallelism, 1, what);
    const notes = (device: Caps): string => {
      const plan = planContraction({ ...made.nest }, device);
      return 'refused' in plan ? plan.refused : plan.notes.join();
    };
    assert.match(notes(caps(parallelism)), /tiles of 6 x 8/, what);
    assert.match(notes({ ...caps(parallelism), fusedMultiplyAdd: false }), /tiles of 4 x 8/, what);
  }
});

test('convolutions: forward with padding and strides', () => {
  passes(conv(2, 1, 12, 12, 8, 5), 2, 1, 'rows of 8');
  passes(conv(2, 3, 9, 11, 6, 3), 2, 2, 'rows of 9');
  passes(conv(2, 3, 8, 8, 6, 3, { pad: 1 }), 2, 3, 'padded');
  passes(conv(1, 3, 7, 7, 5, 3, { pad: 1, stride: 2 }), 1, 4, 'strided');
  passes(conv(2, 5, 7, 7, 9, 1), 2, 5, '1 x 1');
});

test('convolutions: both gradients', () => {
  passes(convGradInput(2, 4, 12, 12, 5, 5), 2, 1, 'input, rows of 12');
  passes(convGradInput(2, 4, 9, 9, 5, 3), 2, 2, 'input, rows of 9');
  passes(convGradWeight(3, 4, 12, 12, 6, 5), 2, 3, 'weight');
  passes(convGradWeight(2, 4, 9, 9, 5, 3), 2, 4, 'weight, rows of 7');
});

test('convolutions by shifts: borders of vectors, tiles, images and results', () => {
  const shifted = (made: Made, parallelism: number, seed: number, what: string): void => {
    const ran = check(made.nest, made.buffers, caps(parallelism), seed, (nest, given) => {
      const g = geometryOf(nest.contract!);
      const shifts = g && shiftsOf(g);
      const found = shifts && planShifted(nest, shifts, given);
      return found === undefined ? { refused: 'no such convolution' } : found.plan;
    });
    if (typeof ran === 'string') throw new Error(`${what}: ${ran}`);
    assert.ok(ran.error < 1e-4, `${what}: error ${ran.error}`);
  };
  shifted(convGradInput(3, 4, 12, 12, 8, 5), 2, 1, 'rows of 8');
  shifted(convGradInput(2, 5, 9, 11, 9, 3), 2, 2, 'rows of 9, 5 channels');
  shifted(convGradInput(3, 6, 5, 5, 8, 3), 8, 3, 'an odd number of vectors');
  shifted(conv(2, 8, 8, 8, 6, 3, { pad: 1 }), 2, 4, 'forward, padded');
  shifted(conv(2, 9, 7, 10, 7, 5, { pad: 2 }), 1, 5, 'forward, padded by 2, with bias');
  shifted(conv(5, 8, 6, 6, 21, 3, { pad: 2 }), 8, 6, 'results larger than inputs');
});

test('rows a page apart are read in place by few columns, and packed for many', () => {
  const notes = ({ nest }: Made): string => {
    const plan = planContraction(nest, caps(8));
    return 'refused' in plan ? plan.refused : plan.notes.join();
  };
  const w = { transposeB: true };
  assert.match(notes(matmul(24, 1024, 1024, w)), /1024 x 24 x 1024: rows in place, columns by/);
  assert.match(notes(matmul(256, 256, 1024)), /rows packed/);
});

test('tiles whose rows are neighbours in memory are stored by columns', () => {
  const byColumns = (made: Made, seed: number, what: string): void => {
    passes(made, 8, seed, what);
    const plan = planContraction(made.nest, caps(8));
    assert.match('refused' in plan ? plan.refused : plan.notes.join(), /stored by columns/, what);
  };
  byColumns(matmul(8, 64, 254, { transposeB: true, epilogue: 'bias' }), 1, 'whole tiles');
  byColumns(matmul(13, 64, 254, { transposeB: true, epilogue: 'two' }), 2, 'borders');
});

test('a few rows whose sums run along memory meet the others where they are, two at a time', () => {
  const note = ({ nest }: Made, parallelism: number): string => {
    const plan = planContraction(nest, caps(parallelism));
    return 'refused' in plan ? plan.refused : plan.notes.join();
  };
  const w = { transposeB: true };
  const thin: readonly (readonly [Made, number, string])[] = [
    [matmul(2, 64, 256, { ...w, epilogue: 'bias' }), 1, 'a pair'],
    [matmul(3, 60, 128, { ...w, epilogue: 'two' }), 2, 'a pair and one, two results'],
    [matmul(5, 44, 64, { ...w, epilogue: 'scaled' }), 3, 'blocks of unequal size'],
    [matmul(64, 7, 132, { ...w, epilogue: 'relu' }), 8, 'few on the other side'],
    [matmul(4, 32, 100, { ...w, transposeOut: true, epilogue: 'residual' }), 1, 'transposed'],
    [matmul(2, 16, 400, { ...w, batch: 3 }), 2, 'batches'],
    [matmul(3, 16, 64, { ...w, batch: 2, shareA: true }), 8, 'the same few for all batches'],
  ];
  for (const [made, parallelism, what] of thin) {
    passes(made, parallelism, 1, what);
    assert.match(note(made, parallelism), /rows and columns in place/, what);
  }
  for (const [made, what] of [
    [matmul(4, 64, 130, w), 'half a vector is left'],
    [matmul(4, 66, 128, w), 'half a tile is left'],
    [matmul(4, 64, 128), 'columns across memory'],
    [matmul(40, 64, 128, w), 'not few'],
  ] as const)
    assert.not.match(note(made, 2), /rows and columns in place/, what);
});

test('views with any strides', () => {
  const [m, n, k] = [par('m', 13), par('n', 21), red('k', 17)];
  const x = f32('x', [13, 17], [40, 2]);
  const w = f32('w', [17, 21], [30, 1]);
  const y = f32('y', [13, 21], [1, 13]);
  const contract: Contraction = {
    batch: [],
    m: [m],
    n: [n],
    k: [k],
    a: load(x, [ax(m), ax(k)]),
    b: scalar('mul', load(w, [ax(k), ax(n)]), load(x, [idxConst(3), ax(k)])),
    index: [ax(m), ax(n)],
  };
  const nest = { axes: [m, n], stores: [store(y, [ax(m), ax(n)], accumulator, [m, n])], contract };
  passes({ nest, buffers: [x, w, y] }, 1, 9, 'views');
});

test('heads are read by vectors, whether they are summed or rows', () => {
  const [m, n, k] = [par('m', 32), par('n', 24), red('k', 48)];
  const heads = f32('heads', [2, 6, 16, 8]);
  const w = f32('w', [48, 24]);
  const v = f32('v', [32, 24]);
  const at = (token: Idx, unit: Idx): Idx[] => [
    idxDiv(token, 16),
    idxDiv(unit, 8),
    idxMod(token, 16),
    idxMod(unit, 8),
  ];
  const y = f32('y', [32, 24]);
  const summed: Contraction = {
    batch: [],
    m: [m],
    n: [n],
    k: [k],
    a: load(heads, at(ax(m), ax(k))),
    b: load(w, [ax(k), ax(n)]),
    index: [ax(m), ax(n)],
  };
  const [token, unit] = [red('token', 32), par('unit', 48)];
  const dw = f32('dw', [48, 24]);
  const rows: Contraction = {
    ...summed,
    m: [unit],
    k: [token],
    a: load(heads, at(ax(token), ax(unit))),
    b: load(v, [ax(token), ax(n)]),
    index: [ax(unit), ax(n)],
  };
  for (const [contract, out, other] of [
    [summed, y, w],
    [rows, dw, v],
  ] as const) {
    const axes = [...contract.m, ...contract.n];
    const nest = { axes, stores: [store(out, contract.index, accumulator, axes)], contract };
    passes({ nest, buffers: [heads, other, out] }, 2, 3, out.name);
    const plan = planContraction(nest, caps(2));
    assert.not.match('refused' in plan ? plan.refused : plan.notes.join(), /scalar|refused/);
  }
});

test('a long sum with a small result is split, and adds up to the same', () => {
  const { nest, buffers } = convGradWeight(16, 1, 28, 28, 8, 5);
  const split = splitContraction(kernelWith(nest, buffers), caps(8));
  assert.ok(split !== undefined);
  assert.is(split!.length, 2);
  const memory = randomMemory(buffers, 5);
  const want = evaluate([nest], memory).get(buffers[2]!)!;
  const partial = split![0]!.buffers.at(-1)!;
  const withParts = new Map([
    ...memory,
    [partial, new Float64Array(partial.shape.reduce((p, d) => p * d, 1))],
  ]);
  const after = evaluate(split![0]!.nests, withParts);
  const got = evaluate(split![1]!.nests, after).get(buffers[2]!)!;
  assert.ok(want.every((w, i) => Math.abs(w - got[i]!) < 1e-6));
  passes({ nest: split![0]!.nests[0]!, buffers: split![0]!.buffers }, 8, 6, 'partial sums');
});

test('small and thin products are refused with a reason', () => {
  const device = caps(2);
  const reason = (made: Made): string => {
    const ran = check(made.nest, made.buffers, device, 1);
    return typeof ran === 'string' ? ran : 'accepted';
  };
  assert.match(reason(matmul(1, 256, 512)), /fewer than four/);
  assert.match(reason(matmul(64, 64, 2)), /sum of 2/);
  assert.match(reason(matmul(8, 8, 8)), /too small/);
});

test.run();
