/**
 * Steps of random graphs that go along an axis (running folds, orders, searches), write out formulas, or take matrices
 * apart.
 *
 * Invariant: a step keeps track of magnitude and exactness of what it adds, or adds nothing. Orders see exact values only,
 * and none twice in a line, matrices are far from singular.
 */
import type { Node } from '../../src/ir/graph/graph.ts';
import { tensor } from '../../src/ir/type.ts';
import { hasAxes, isFloat, isInt, LIMIT, type Maker, partner, type Step } from './random-maker.ts';

const along = (m: Maker, x: Node): number => m.rng.int(0, x.type.shape.length);

export const running: Step = (m) => {
  const x = m.some((n) => hasAxes(n) && n.type.size > 0 && (isFloat(n) || isInt(n)));
  if (x === undefined) return undefined;
  const axis = along(m, x);
  const count = x.type.shape[axis]!;
  const { bound, exact } = m.known(x);
  const attrs = { axis, backward: m.rng.chance(0.5) };
  const name = m.rng.pick(['cumsum', 'cummax', 'cummin', 'cumprod', 'logcumsumexp'] as const);
  const node = (): Node => m.emit(name, [x], attrs);
  switch (name) {
    case 'cumsum':
      return m.add(node(), { bound: bound * count, exact });
    case 'cummax':
    case 'cummin':
      return m.add(node(), { bound, exact });
    case 'cumprod':
      return bound ** count > LIMIT
        ? undefined
        : m.add(node(), { bound: bound ** count, exact: isInt(x) });
    case 'logcumsumexp':
      return isFloat(x)
        ? m.add(node(), { bound: bound + Math.log(count + 1), exact: false })
        : undefined;
    default:
      return name satisfies never;
  }
};

/** `h[t] = a[t] h[t - 1] + b[t]`, with |a| below 1. */
export const recurrence: Step = (m) => {
  const x = m.some((n) => isFloat(n) && hasAxes(n) && n.type.size > 0);
  if (x === undefined) return undefined;
  const axis = along(m, x);
  const y = partner(m, x);
  const factor = m.builder.op('mul', m.builder.op('tanh', x), m.builder.lit(0.5, x));
  const node = m.emit('recurrence', [factor, y], { axis, backward: m.rng.chance(0.5) });
  return m.add(node, { bound: 2 * m.known(y).bound + 1, exact: false });
};

/** The order of exact values along an axis, or the values in that order. */
export const order: Step = (m) => {
  const x = m.some((n) => hasAxes(n) && n.type.size > 0 && m.known(n).exact && !isBool(n));
  if (x === undefined) return undefined;
  const axis = along(m, x);
  const positions = m.emit('argsort', [x], { axis, descending: m.rng.chance(0.5) });
  const count = x.type.shape[axis]!;
  if (m.rng.chance(0.5)) return m.add(positions, { bound: count, exact: true });
  return m.add(m.emit('arrange', [x, positions], { axis }), m.known(x));
};
const isBool = (n: Node): boolean => n.type.dtype === 'bool';

/** How `name` is kept away from its poles, and how large its result is. */
const FORMULAS = {
  asinh: (m: Maker, x: Node) => [x, m.known(x).bound],
  sinh: (m: Maker, x: Node) => [m.builder.op('tanh', x), 2],
  cosh: (m: Maker, x: Node) => [m.builder.op('tanh', x), 2],
  atan: (_: Maker, x: Node) => [x, 2],
  cbrt: (m: Maker, x: Node) => [positive(m, x), m.known(x).bound + 1],
  log2: (m: Maker, x: Node) => [positive(m, x), m.known(x).bound + 1],
  exp2: (m: Maker, x: Node) => [m.builder.op('tanh', x), 2],
  lgamma: (m: Maker, x: Node) => [
    m.builder.op('add', m.builder.op('sigmoid', x), m.builder.lit(2, x)),
    2,
  ],
  erfinv: (m: Maker, x: Node) => [
    m.builder.op('mul', m.builder.op('tanh', x), m.builder.lit(0.5, x)),
    1,
  ],
} as const satisfies Record<string, (m: Maker, x: Node) => readonly [Node, number]>;
const positive = (m: Maker, x: Node): Node =>
  m.builder.op('add', m.builder.op('abs', x), m.builder.lit(0.5, x));

export const formula: Step = (m) => {
  const x = m.some((n) => isFloat(n) && n.type.size > 0);
  if (x === undefined) return undefined;
  const name = m.rng.pick(Object.keys(FORMULAS) as (keyof typeof FORMULAS)[]);
  const [operand, bound] = FORMULAS[name](m, x);
  return m.add(m.emit(name, [operand]), { bound, exact: false });
};

/** Of a square matrix near the identity: its Cholesky factor, the solution of an equation, its determinant. */
export const matrices: Step = (m) => {
  const n = m.rng.int(1, 4);
  const batch = m.shape(m.rng.int(0, 2)).map((d) => Math.min(d, 3));
  const x = m.input(tensor('float32', [...batch, n, n]));
  const b = m.builder;
  const axes = x.type.shape.map((_, i) => i);
  const last = axes.length - 1;
  const small = b.op('mul', b.op('tanh', x), b.lit(0.125, x));
  const swapped = b.transpose(small, [...axes.slice(0, -2), last, last - 1]);
  const rows = m.emit('iota', [], { axis: 0, dtype: 'int32', shape: [n, n] });
  const columns = m.emit('iota', [], { axis: 1, dtype: 'int32', shape: [n, n] });
  const one = b.cast(b.op('eq', rows, columns), 'float32');
  const identity = b.broadcast(one, [...batch, n, n], [last - 1, last]);
  const near = b.op('add', identity, b.op('add', small, swapped));
  switch (m.rng.int(0, 3)) {
    case 0:
      return m.add(m.emit('cholesky', [near]), { bound: 2, exact: false });
    case 1:
      return m.add(m.emit('solve', [near, m.input(x.type)], { transposed: false }), {
        bound: 16,
        exact: false,
      });
    default:
      return m.add(m.emit('det', [near]), { bound: 4, exact: false });
  }
};
