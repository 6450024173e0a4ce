/**
 * The contraction template computes what the nest says, for any sizes, layouts, guards and epilogues (interpreted).
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { planShifted } from '../../../src/codegen/templates/shifted.ts';
import { splitContraction } from '../../../src/codegen/templates/split.ts';
import {
  type Axis,
  type Bound,
  type Idx,
  idxAdd,
  idxAxis,
  idxConst,
  idxOffset,
  idxScale,
} from '../../../src/ir/dim.ts';
import {
  accumulator,
  constant,
  guard,
  load,
  newBuffer,
  scalar,
} from '../../../src/ir/loop/expr.ts';
import type { Contraction, Expr, LoopBuffer, Nest, Store } from '../../../src/ir/loop/loop.ts';
import { caps, check, evaluate, generator, kernelWith, par, randomMemory, red } from './nests.ts';

const f32 = (name: string, shape: readonly number[], strides?: readonly number[]): LoopBuffer =>
  newBuffer(name, { dtype: 'float32', shape }, strides);
const store = (
  buffer: LoopBuffer,
  index: readonly Idx[],
  value: Expr,
  axes: readonly Axis[],
): Store => ({ buffer, index, value, axes, mode: 'set', over: [] });
const ax = idxAxis;
const axesOf = (c: Contraction): Axis[] => [...c.batch, ...c.m, ...c.n];

interface Made {
  readonly nest: Nest;
  readonly buffers: readonly LoopBuffer[];
}

const passes = (made: Made, parallelism: number, seed: number, what: string): void => {
  const ran = check(made.nest, made.buffers, caps(parallelism), seed);
  if (typeof ran === 'string') throw new Error(`${what}: refused: ${ran}`);
  assert.ok(ran.error < 1e-4, `${what}: error ${ran.error}`);
};

interface MatmulOptions {
  readonly batch?: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly transposeOut?: boolean;
  readonly epilogue?: 'bias' | 'relu' | 'residual' | 'two' | 'scaled';
  readonly shareA?: boolean;
}

const matmul = (M: number, N: number, K: number, o: MatmulOptions = {}): Made => {
  const [m, n, k] = [par('m', M), par('n', N), red('k', K)];
  const batch = o.batch === undefined ? [] : [par('batch', o.batch)];
  const b = batch.map(ax);
  const lead = batch.map((x) => x.extent);
  const ofA = o.shareA === true ? [] : b;
  const x = f32('x', [...(o.shareA === true ? [] : lead), ...(o.transposeA ? [K, M] : [M, K])]);
  const w = f32('w', [...lead, ...(o.transposeB ? [N, K] : [K, N])]);
  const y = f32('y', [...lead, ...(o.transposeOut ? [N, M] : [M, N])]);
  const bias = f32('bias', [N]);
  const residual = f32('residual', [...lead, M, N]);
  const second = f32('second', [...lead, M, N]);
  const axes = [...batch, m, n];
  const at = [...b, ...(o.transposeOut ? [ax(n), ax(m)] : [ax(m), ax(n)])];
  const plain = [...b, ax(m), ax(n)];
  const stores: Store[] = [];
  const extra: LoopBuffer[] = [];
  switch (o.epilogue) {
    case undefined:
      stores.push(store(y, at, accumulator, axes));
      break;
    case 'bias':
      extra.push(bias);
      stores.push(store(y, at, scalar('add', accumulator, load(bias, [ax(n)])), axes));
      break;
    case 'relu':
      extra.push(bias);
      stores.push(
        store(y, at, scalar('relu', scalar('add', accumulator, load(bias, [ax(n)]))), axes),
      );
      break;
    case 'residual':
      extra.push(residual);
      stores.push(store(y, at, scalar('add', accumulator, load(residual, plain)), axes));
      break;
    case 'two':
      stores.push(store(y, at, accumulator, axes));
      stores.push(store(second, plain, scalar('mul', accumulator, accumulator), axes));
      break;
    case 'scaled': {
      // long enough to take the way through memory
      let value: Expr = accumulator;
      for (let i = 0; i < 20; i++) value = scalar('add', value, constant(i / 4, 'float32'));
      stores.push(store(y, at, value, axes));
      break;
    }
    default:
      o.epilogue satisfies never;
  }
  const contract: Contraction = {
    batch,
    m: [m],
    n: [n],
    k: [k],
    a: load(x, [...ofA, ...(o.transposeA ? [ax(k), ax(m)] : [ax(m), ax(k)])]),
    b: load(w, [...b, ...(o.transposeB ? [ax(n), ax(k)] : [ax(k), ax(n)])]),
    index: plain,
  };
  const outputs = stores.map((s) => s.buffer);
  return { nest: { axes, stores, contract }, buffers: [x, w, ...extra, ...outputs] };
};

interface ConvOptions {
  readonly stride?: number;
  readonly pad?: number;
}

/** Images [I, C, H, W] and kernels [F, C, S, S], as the graph's convolution lowers. */
const conv = (
  I: number,
  C: number,
  H: number,
  W: number,
  F: number,
  S: number,
  o: ConvOptions = {},
): Made => {
  const [stride, pad] = [o.stride ?? 1, o.pad ?? 0];
  const [OH, OW] = [H, W].map((d) => Math.floor((d + 2 * pad - S) / stride) + 1) as [
    number,
    number,
  ];
  const [f, image, oh, ow] = [par('f', F), par('image', I), par('oh', OH), par('ow', OW)];
  const [c, kh, kw] = [red('c', C), red('kh', S), red('kw', S)];
  const x = f32('x', [I, C, H, W]);
  const w = f32('w', [F, C, S, S]);
  const bias = f32('bias', [F]);
  const y = f32('y', [I, F, OH, OW]);
  const at = (out: Axis, k: Axis): Idx => idxOffset(idxAdd(idxScale(ax(out), stride), ax(k)), -pad);
  const [h, v] = [at(oh, kh), at(ow, kw)];
  const bounds: Bound[] = [
    { idx: h, lo: 0, hi: H },
    { idx: v, lo: 0, hi: W },
  ];
  const contract: Contraction = {
    batch: [],
    m: [f],
    n: [image, oh, ow],
    k: [c, kh, kw],
    a: load(w, [ax(f), ax(c), ax(kh), ax(kw)]),
    b: guard(bounds, load(x, [ax(image), ax(c), h, v]), constant(0, 'float32')),
    index: [ax(image), ax(f), ax(oh), ax(ow)],
  };
  const axes = axesOf(contract);
  const value = scalar('relu', scalar('add', accumulator, load(bias, [ax(f)])));
  return {
    nest: { axes, stores: [store(y, contract.index, value, axes)], contract },
    buffers: [x, w, bias, y],
  };
};

const convGradInput = (I: number, C: number, H: number, W: number, F: number, S: number): Made => {
  const [OH, OW] = [H - S + 1, W - S + 1];
  const [c, image, ih, iw] = [par('c', C), par('image', I), par('ih', H), par('iw', W)];
  const [f, kh, kw] = [red('f', F), red('kh', S), red('kw', S)];
  const dy = f32('dy', [I, F, OH, OW]);
  const w = f32('w', [F, C, S, S]);
  const dx = f32('dx', [I, C, H, W]);
  const [h, v] = [idxAdd(ax(ih), idxScale(ax(kh), -1)), idxAdd(ax(iw), idxScale(ax(kw), -1))];
  const bounds: Bound[] = [
    { idx: h, lo: 0, hi: OH },
    { idx: v, lo: 0, hi: OW },
  ];
  const contract: Contraction = {
    batch: [],
    m: [c],
    n: [image, ih, iw],
    k: [f, kh, kw],
    a: load(w, [ax(f), ax(c), ax(kh), ax(kw)]),
    b: guard(bounds, load(dy, [ax(image), ax(f), h, v]), constant(0, 'float32')),
    index: [ax(image), ax(c), ax(ih), ax(iw)],
  };
  const axes = axesOf(contract);
  return {
    nest: { axes, stores: [store(dx, contract.index, accumulator, axes)], contract },
    buffers: [dy, w, dx],
  };
};

const convGradWeight = (I: number, C: number, H: number, W: number, F: number, S: number): Made => {
  const [OH, OW] = [H - S + 1, W - S + 1];
  const [f, c, kh, kw] = [par('f', F), par('c', C), par('kh', S), par('kw', S)];
  const [image, oh, ow] = [red('image', I), red('oh', OH), red('ow', OW)];
  const x = f32('x', [I, C, H, W]);
  const dy = f32('dy', [I, F, OH, OW]);
  const dw = f32('dw', [F, C, S, S]);
  const contract: Contraction = {
    batch: [],
    m: [f],
    n: [c, kh, kw],
    k: [image, oh, ow],
    a: load(dy, [ax(image), ax(f), ax(oh), ax(ow)]),
    b: load(x, [ax(image), ax(c), idxAdd(ax(oh), ax(kh)), idxAdd(ax(ow), ax(kw))]),
    index: [ax(f), ax(c), ax(kh), ax(kw)],
  };
  const axes = axesOf(contract);
  return {
    nest: { axes, stores: [store(dw, contract.index, accumulator, axes)], contract },
    buffers: [x, dy, dw],
  };
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
    const ran = check(made.nest, made.buffers, caps(parallelism), seed, (nest, device) => {
      const found = planShifted(nest, nest.contract!, device);
      return found === undefined ? { refused: 'no shifts' } : found.plan;
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
  const strided = conv(1, 8, 9, 9, 5, 3, { pad: 1, stride: 2 });
  assert.is(planShifted(strided.nest, strided.nest.contract!, caps(1)), undefined);
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

test('a long sum with a small result is split, and adds up to the same', () => {
  const { nest, buffers } = convGradWeight(8, 1, 28, 28, 8, 5);
  const split = splitContraction(kernelWith(nest, buffers), caps(2));
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
  passes({ nest: split![0]!.nests[0]!, buffers: split![0]!.buffers }, 2, 6, 'partial sums');
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
