/**
 * Nests with contractions, made by hand as the graph's products and convolutions lower.
 *
 * Invariant: shapes, layouts and epilogues are all a test has to say.
 */
import {
  type Axis,
  type Bound,
  type Idx,
  idxAdd,
  idxAxis,
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
import { par, red } from './nests.ts';

export const f32 = (
  name: string,
  shape: readonly number[],
  strides?: readonly number[],
): LoopBuffer => newBuffer(name, { dtype: 'float32', shape }, strides);
export const store = (
  buffer: LoopBuffer,
  index: readonly Idx[],
  value: Expr,
  axes: readonly Axis[],
): Store => ({ buffer, index, value, axes, mode: 'set', over: [] });
const ax = idxAxis;
const axesOf = (c: Contraction): Axis[] => [...c.batch, ...c.m, ...c.n];

export interface Made {
  readonly nest: Nest;
  readonly buffers: readonly LoopBuffer[];
}

export interface MatmulOptions {
  readonly batch?: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly transposeOut?: boolean;
  readonly epilogue?: 'bias' | 'relu' | 'residual' | 'two' | 'scaled';
  readonly shareA?: boolean;
}

export const matmul = (M: number, N: number, K: number, o: MatmulOptions = {}): Made => {
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

export interface ConvOptions {
  readonly stride?: number;
  readonly pad?: number;
}

/** Images [I, C, H, W] and kernels [F, C, S, S], as the graph's convolution lowers. */
export const conv = (
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

export const convGradInput = (
  I: number,
  C: number,
  H: number,
  W: number,
  F: number,
  S: number,
): Made => {
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

export const convGradWeight = (
  I: number,
  C: number,
  H: number,
  W: number,
  F: number,
  S: number,
  pad = 0,
): Made => {
  const [OH, OW] = [H + 2 * pad - S + 1, W + 2 * pad - S + 1];
  const [f, c, kh, kw] = [par('f', F), par('c', C), par('kh', S), par('kw', S)];
  const [image, oh, ow] = [red('image', I), red('oh', OH), red('ow', OW)];
  const x = f32('x', [I, C, H, W]);
  const dy = f32('dy', [I, F, OH, OW]);
  const dw = f32('dw', [F, C, S, S]);
  const at = [idxOffset(idxAdd(ax(oh), ax(kh)), -pad), idxOffset(idxAdd(ax(ow), ax(kw)), -pad)];
  const bounds = [H, W].map((hi, i) => ({ idx: at[i]!, lo: 0, hi }));
  const contract: Contraction = {
    batch: [],
    m: [f],
    n: [c, kh, kw],
    k: [image, oh, ow],
    a: load(dy, [ax(image), ax(f), ax(oh), ax(ow)]),
    b: guard(bounds, load(x, [ax(image), ax(c), ...at]), constant(0, 'float32')),
    index: [ax(f), ax(c), ax(kh), ax(kw)],
  };
  const axes = axesOf(contract);
  return {
    nest: { axes, stores: [store(dw, contract.index, accumulator, axes)], contract },
    buffers: [x, dy, dw],
  };
};
