/**
 * Steps of random graphs that move, fold, contract or gather elements.
 *
 * Invariant: a step keeps track of magnitude and exactness of what it adds, or adds nothing.
 */
import type { Node } from '../../src/ir/graph/graph.ts';
import { type Shape, tensor } from '../../src/ir/type.ts';
import {
  hasAxes,
  isFloat,
  isInt,
  LIMIT,
  type Maker,
  MOST_ELEMENTS,
  partner,
  type Step,
} from './random-maker.ts';

export const view: Step = (m) => {
  const x = m.some(() => true)!;
  const { shape } = x.type;
  const rank = shape.length;
  const { rng, builder: b } = m;
  const keep = m.known(x);
  switch (rng.int(0, 6)) {
    case 0: {
      // Moves a factor of one axis to another, or splits it off.
      const flat = shape.reduce((n, d) => n * d, 1);
      const factors: number[] = [];
      let rest = flat;
      while (rest > 1 && factors.length < 3) {
        const options = [2, 3, 5, 7, rest].filter((f) => rest % f === 0);
        const f = rng.pick(options);
        factors.push(f);
        rest /= f;
      }
      if (rest > 1 || factors.length === 0) factors.push(rest);
      return m.add(b.reshape(x, rng.shuffled(factors)), keep);
    }
    case 1:
      return rank < 2
        ? undefined
        : m.add(b.transpose(x, rng.shuffled(shape.map((_, i) => i))), keep);
    case 2: {
      const extra = m.shape(rng.int(1, 3));
      const size = [...shape, ...extra].reduce((n, d) => n * d, 1);
      if (rank + extra.length > 4 || size > MOST_ELEMENTS) return undefined;
      const places = rng.shuffled([...shape, ...extra].map((_, i) => i));
      const axes = places.slice(0, rank).sort((p, q) => p - q);
      const target = new Array<number>(rank + extra.length).fill(-1);
      axes.forEach((place, i) => {
        target[place] = shape[i]!;
      });
      const spare = extra.slice();
      return m.add(
        b.broadcast(
          x,
          target.map((d) => (d < 0 ? spare.pop()! : d)),
          axes,
        ),
        keep,
      );
    }
    case 3: {
      if (rank === 0) return undefined;
      const parts = shape.map((d) => {
        const from = rng.int(0, d);
        const to = rng.int(from, d) + 1;
        const step = rng.pick([1, 1, 2, 3]);
        return rng.chance(0.25) ? [to - 1, from - 1, -step] : [from, to, step];
      });
      const column = (i: number): number[] => parts.map((p) => p[i]!);
      return m.add(b.slice(x, column(0), column(1), column(2)), keep);
    }
    case 4: {
      if (rank === 0 || x.type.dtype === 'bool' || x.type.size > 300) return undefined;
      const amounts = (most: number): number[] => shape.map(() => rng.int(0, most));
      const attrs = {
        low: amounts(3),
        high: amounts(3),
        interior: amounts(2),
        value: rng.int(-2, 3),
      };
      return m.add(m.emit('pad', [x], attrs), { ...keep, bound: Math.max(2, keep.bound) });
    }
    default: {
      if (rank === 0) return undefined;
      const axis = rng.int(0, rank);
      const others = Array.from({ length: rng.int(1, 3) }, () => partner(m, x));
      const all = [x, ...others].map((n) => m.known(n));
      if (x.type.size * all.length > MOST_ELEMENTS) return undefined;
      return m.add(m.emit('concat', [x, ...others], { axis }), {
        bound: Math.max(...all.map((k) => k.bound)),
        exact: all.every((k) => k.exact),
      });
    }
  }
};

const someAxes = (m: Maker, x: Node): number[] =>
  m.rng
    .shuffled(x.type.shape.map((_, i) => i))
    .slice(0, m.rng.int(1, x.type.shape.length + 1))
    .sort((a, b) => a - b);

export const fold: Step = (m) => {
  const x = m.some((n) => hasAxes(n) && n.type.dtype !== 'bool' && n.type.size > 0);
  if (x === undefined) return undefined;
  const axes = someAxes(m, x);
  const count = axes.reduce((n, a) => n * x.type.shape[a]!, 1);
  const { bound, exact } = m.known(x);
  const name = m.rng.pick(['sum', 'sum', 'reduceMax', 'reduceMin', 'prod', 'argmax', 'argmin']);
  const node = (): Node => m.emit(name, [x], { axes });
  switch (name) {
    case 'sum':
      return m.add(node(), { bound: bound * count, exact });
    case 'prod':
      return bound ** count > LIMIT
        ? undefined
        : m.add(node(), { bound: bound ** count, exact: false });
    case 'argmax':
    case 'argmin':
      return exact ? m.add(node(), { bound: count, exact: true }) : undefined;
    default:
      return m.add(node(), { bound, exact });
  }
};

export const pool: Step = (m) => {
  const x = m.some((n) => isFloat(n) && n.type.shape.length >= 2);
  if (x === undefined) return undefined;
  const { shape } = x.type;
  const { rng } = m;
  const n = rng.int(1, Math.min(2, shape.length - 1) + 1);
  const sizes = shape.slice(-n);
  const kernel = sizes.map((d) => rng.int(1, Math.min(3, d) + 1));
  const pads = (): number[] => kernel.map((k) => rng.int(0, k));
  const attrs = { kernel, strides: kernel.map(() => rng.int(1, 3)), low: pads(), high: pads() };
  const { bound, exact } = m.known(x);
  const count = kernel.reduce((a, k) => a * k, 1);
  const name = rng.pick(['windowMax', 'windowSum', 'windowArgmax', 'select', 'scatter']);
  if (name === 'windowMax') return m.add(m.emit(name, [x], attrs), { bound, exact });
  if (name === 'windowSum') return m.add(m.emit(name, [x], attrs), { bound: bound * count, exact });
  if (!exact) return undefined;
  const where = m.add(m.emit('windowArgmax', [x], attrs), { bound: count, exact: true });
  if (name === 'windowArgmax') return where;
  if (name === 'select') return m.add(m.emit('poolSelect', [x, where], attrs), { bound, exact });
  const dy = partner(m, m.builder.cast(where, 'float32'));
  return m.add(m.emit('poolScatter', [dy, where], { ...attrs, shape }), {
    bound: m.known(dy).bound * count,
    exact: m.known(dy).exact,
  });
};

export const dot: Step = (m) => {
  const a = m.some((n) => isFloat(n) && hasAxes(n) && n.type.size > 0);
  if (a === undefined) return undefined;
  const { rng } = m;
  const order = rng.shuffled(a.type.shape.map((_, i) => i));
  const aContract = order.slice(0, rng.int(1, Math.min(2, order.length) + 1));
  const aBatch = order.slice(aContract.length, aContract.length + rng.int(0, 2));
  const free = m.shape(rng.int(0, 3));
  const tags: {
    readonly size: number;
    readonly role: 'batch' | 'contract' | 'free';
    readonly of: number;
  }[] = [
    ...aBatch.map((axis) => ({ size: a.type.shape[axis]!, role: 'batch' as const, of: axis })),
    ...aContract.map((axis) => ({
      size: a.type.shape[axis]!,
      role: 'contract' as const,
      of: axis,
    })),
    ...free.map((size) => ({ size, role: 'free' as const, of: -1 })),
  ];
  const layout = rng.shuffled(tags);
  const shape = layout.map((t) => t.size);
  const size =
    (a.type.size / aContract.reduce((n, i) => n * a.type.shape[i]!, 1)) *
    free.reduce((n, d) => n * d, 1);
  if (shape.length > 4 || size > MOST_ELEMENTS) return undefined;
  const b = partner(m, { type: tensor('float32', shape) } as Node);
  const place = (axis: number): number => layout.findIndex((t) => t.of === axis);
  const count = aContract.reduce((n, i) => n * a.type.shape[i]!, 1);
  const [x, y] = [m.known(a), m.known(b)];
  return m.add(
    m.emit('dot', [a, b], {
      aBatch,
      bBatch: aBatch.map(place),
      aContract,
      bContract: aContract.map(place),
    }),
    { bound: x.bound * y.bound * count, exact: false },
  );
};

export const conv: Step = (m) => {
  const { rng } = m;
  const spatial = rng.pick([1, 2, 2]);
  const x =
    m.some((n) => isFloat(n) && n.type.shape.length === spatial + 2) ??
    m.input(tensor('float32', m.shape(spatial + 2)));
  const [, channels, ...sizes] = x.type.shape as [number, number, ...number[]];
  const groups = rng.pick([1, 1, channels].filter((g) => channels % g === 0));
  const out = groups * rng.int(1, 4);
  const kernel = sizes.map((d) => rng.int(1, Math.min(3, d) + 1));
  const attrs = {
    strides: sizes.map(() => rng.int(1, 3)),
    low: kernel.map((k) => rng.int(0, k)),
    high: kernel.map((k) => rng.int(0, k)),
    dilations: kernel.map((k, i) => (1 + 2 * (k - 1) <= sizes[i]! && rng.chance(0.3) ? 2 : 1)),
    groups,
  };
  const w = m.input(tensor('float32', [out, channels / groups, ...kernel]), 'param');
  const count = (channels / groups) * kernel.reduce((n, k) => n * k, 1);
  const y = m.emit('conv', [x, w], attrs);
  if (y.type.size > MOST_ELEMENTS) return undefined;
  const bound = m.known(x).bound * 4 * count;
  const forward = m.add(y, { bound, exact: false });
  const reach = 4 * 4 * out * y.type.size;
  switch (rng.int(0, 4)) {
    case 0:
      return m.add(
        m.emit('convGradInput', [m.input(y.type), w], { ...attrs, shape: x.type.shape }),
        { bound: reach, exact: false },
      );
    case 1:
      return m.add(
        m.emit('convGradWeight', [x, m.input(y.type)], { ...attrs, shape: w.type.shape }),
        { bound: m.known(x).bound * 4 * y.type.size, exact: false },
      );
    default:
      return forward;
  }
};

export const gather: Step = (m) => {
  const x = m.some((n) => hasAxes(n) && n.type.size > 0);
  if (x === undefined) return undefined;
  const { shape, dtype } = x.type;
  const axis = m.rng.int(0, shape.length);
  const keep = m.known(x);
  const positions = (s: Shape): Node =>
    (m.rng.chance(0.5) ? m.some((n) => isInt(n) && n.type.shape.join() === s.join()) : undefined) ??
    m.input(tensor('int32', s));
  const count = m.shape(1)[0]!;
  switch (m.rng.int(0, 4)) {
    case 0: {
      const idx =
        m.some(
          (n) =>
            isInt(n) &&
            n.type.shape.length + shape.length <= 5 &&
            (n.type.size * x.type.size) / shape[axis]! <= MOST_ELEMENTS,
        ) ?? positions([count]);
      if ((idx.type.size * x.type.size) / shape[axis]! > MOST_ELEMENTS) return undefined;
      return m.add(m.emit('take', [x, idx], { axis }), keep);
    }
    case 1:
      return m.add(m.emit('takeAlong', [x, positions(shape.with(axis, count))], { axis }), keep);
    case 2: {
      if (dtype !== 'float32') return undefined;
      const idx = positions([shape[axis]!]);
      return m.add(m.emit('takeGrad', [x, idx], { axis, size: m.rng.int(1, 7) }), {
        bound: keep.bound * shape[axis]!,
        exact: keep.exact,
      });
    }
    default: {
      if (dtype !== 'float32') return undefined;
      const idx = positions(shape);
      return m.add(m.emit('takeAlongGrad', [x, idx], { axis, size: m.rng.int(1, 7) }), {
        bound: keep.bound * shape[axis]!,
        exact: keep.exact,
      });
    }
  }
};

export const composite: Step = (m) => {
  const x = m.some((n) => isFloat(n) && hasAxes(n) && n.type.size > 0);
  if (x === undefined) return undefined;
  const axis = m.rng.int(0, x.type.shape.length);
  const name = m.rng.pick(['softmax', 'logSoftmax', 'layerNorm']);
  if (name === 'softmax') return m.add(m.emit(name, [x], { axis }), { bound: 1, exact: false });
  if (name === 'logSoftmax')
    return m.add(m.emit(name, [x], { axis }), { bound: 2 * m.known(x).bound + 5, exact: false });
  const line = tensor('float32', [x.type.shape[axis]!]);
  const [gamma, beta] = [m.input(line, 'param'), m.input(line, 'param')];
  // A small eps would magnify rounding when all values along the axis are nearly equal.
  return m.add(m.emit(name, [x, gamma, beta], { axis, eps: 0.5 }), { bound: 20, exact: false });
};
