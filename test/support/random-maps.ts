/**
 * Steps of random graphs that work element by element.
 *
 * Invariant: a step keeps track of magnitude and exactness of what it adds, or adds nothing.
 */
import type { DType } from '../../src/ir/dtype.ts';
import type { Node } from '../../src/ir/graph/graph.ts';
import type { ScalarOp } from '../../src/ir/scalar.ts';
import { tensor } from '../../src/ir/type.ts';
import { isFloat, isInt, partner, type Step } from './random-maker.ts';

/** Bound of the result, for ops whose result is exact only on exact operands. */
const smooth: Readonly<Partial<Record<ScalarOp, (bound: number) => number>>> = {
  tanh: () => 1,
  sigmoid: () => 1,
  sin: () => 1,
  cos: () => 1,
  erf: () => 1,
};

export const floatUnary: Step = (m) => {
  const x = m.some(isFloat);
  if (x === undefined) return undefined;
  const { bound, exact } = m.known(x);
  const b = m.builder;
  const positive = (): Node => b.op('add', b.op('abs', x), b.lit(0.5, x));
  const name = m.rng.pick([
    ...['neg', 'abs', 'relu', 'exp', 'expm1', 'tanh', 'sigmoid', 'sin', 'cos', 'erf'],
    ...['log', 'log1p', 'sqrt', 'rsqrt', 'floor', 'ceil', 'round', 'sign', 'isnan'],
  ] as ScalarOp[]);
  switch (name) {
    case 'neg':
    case 'abs':
    case 'relu':
      return m.add(b.op(name, x), { bound, exact });
    case 'exp':
    case 'expm1':
      return bound > 4 ? undefined : m.add(b.op(name, x), { bound: Math.exp(bound), exact: false });
    case 'log':
    case 'log1p':
    case 'sqrt':
    case 'rsqrt':
      return m.add(b.op(name, positive()), { bound: bound + 1, exact: false });
    case 'floor':
    case 'ceil':
    case 'round':
    case 'sign':
    case 'isnan':
      return exact ? m.add(b.op(name, x), { bound: bound + 1, exact }) : undefined;
    default:
      return m.add(b.op(name, x), { bound: smooth[name]!(bound), exact: false });
  }
};

export const floatBinary: Step = (m) => {
  const x = m.some(isFloat);
  if (x === undefined) return undefined;
  const y = partner(m, x);
  const [a, c] = [m.known(x), m.known(y)];
  const both = a.exact && c.exact;
  const b = m.builder;
  const name = m.rng.pick(['add', 'add', 'sub', 'mul', 'mul', 'min', 'max', 'div', 'pow'] as const);
  switch (name) {
    case 'add':
    case 'sub':
      return m.add(b.op(name, x, y), { bound: a.bound + c.bound, exact: both });
    case 'mul':
      return m.add(b.op(name, x, y), {
        bound: a.bound * c.bound,
        exact: both && a.bound * c.bound <= 16,
      });
    case 'min':
    case 'max':
      return m.add(b.op(name, x, y), { bound: Math.max(a.bound, c.bound), exact: both });
    case 'div': {
      const divisor = b.op('add', b.op('abs', y), b.lit(0.5, y));
      return m.add(b.op('div', x, divisor), { bound: a.bound * 2, exact: false });
    }
    case 'pow': {
      const base = b.op('add', b.op('sigmoid', x), b.lit(0.5, x));
      return m.add(b.op('pow', base, b.op('tanh', y)), { bound: 2, exact: false });
    }
    default:
      return name satisfies never;
  }
};

export const compare: Step = (m) => {
  const x = m.some((n) => n.type.dtype !== 'bool' && m.known(n).exact);
  if (x === undefined) return undefined;
  const y = m.some((n) => n.type === x.type && m.known(n).exact) ?? m.input(x.type);
  if (!m.known(y).exact) return undefined;
  const name = m.rng.pick(['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const);
  return m.add(m.builder.op(name, x, y), { bound: 1, exact: true });
};

export const logic: Step = (m) => {
  const x = m.some((n) => n.type.dtype === 'bool' || isInt(n));
  if (x === undefined) return undefined;
  if (x.type.dtype === 'bool' && m.rng.chance(0.3))
    return m.add(m.builder.op('not', x), { bound: 1, exact: true });
  const y = partner(m, x);
  const name = m.rng.pick(['and', 'or', 'xor'] as const);
  const bound = 2 ** Math.ceil(Math.log2(Math.max(m.known(x).bound, m.known(y).bound) + 1));
  return m.add(m.builder.op(name, x, y), { bound, exact: true });
};

export const integers: Step = (m) => {
  const x = m.some(isInt);
  if (x === undefined) return undefined;
  const b = m.builder;
  const a = m.known(x).bound;
  const small = b.lit(m.rng.pick([-3, 2, 5]), x);
  const y = partner(m, x);
  const c = m.known(y).bound;
  switch (m.rng.int(0, 7)) {
    case 0:
      return m.add(b.op('add', x, y), { bound: a + c, exact: true });
    case 1:
      return m.add(b.op('sub', x, y), { bound: a + c, exact: true });
    case 2:
      return m.add(b.op('mul', x, y), { bound: a * c, exact: true });
    case 3:
      return m.add(b.op('floordiv', x, small), { bound: a, exact: true });
    case 4:
      return m.add(b.op('mod', x, small), { bound: 5, exact: true });
    case 5:
      return m.add(b.op(m.rng.pick(['min', 'max']), x, y), { bound: Math.max(a, c), exact: true });
    default:
      return m.add(b.op('shr', x, b.lit(m.rng.int(0, 4), x)), { bound: a, exact: true });
  }
};

export const select: Step = (m) => {
  const c = m.some((n) => n.type.dtype === 'bool');
  if (c === undefined) return undefined;
  const x =
    m.some((n) => !(n.type.dtype === 'bool') && n.type.shape === c.type.shape) ??
    m.input(tensor('float32', c.type.shape));
  if (x.type.shape.join() !== c.type.shape.join()) return undefined;
  const y = partner(m, x);
  const [a, b] = [m.known(x), m.known(y)];
  return m.add(m.builder.op('select', c, x, y), {
    bound: Math.max(a.bound, b.bound),
    exact: a.exact && b.exact,
  });
};

export const convert: Step = (m) => {
  const x = m.some((n) => m.known(n).exact);
  if (x === undefined) return undefined;
  const to = m.rng.pick(['float32', 'int32', 'bool'] as DType[]);
  if (to === x.type.dtype) return undefined;
  return m.add(m.builder.cast(x, to), { bound: Math.max(1, m.known(x).bound), exact: true });
};

export const leaf: Step = (m) => {
  const shape = m.shape(m.rng.int(0, 3));
  const size = shape.reduce((n, d) => n * d, 1);
  const dtype = m.rng.pick(['float32', 'float32', 'int32'] as DType[]);
  switch (m.rng.int(0, 3)) {
    case 0:
      return m.add(m.builder.full(m.rng.int(-4, 5), dtype, shape), { bound: 4, exact: true });
    case 1:
      if (size > 40) return undefined;
      return m.add(
        m.emit('literal', [], {
          values: Array.from({ length: size }, () => m.rng.int(-4, 5)),
          dtype,
          shape,
        }),
        { bound: 4, exact: true },
      );
    default:
      if (shape.length === 0) return undefined;
      return m.add(m.emit('iota', [], { axis: m.rng.int(0, shape.length), dtype, shape }), {
        bound: 13,
        exact: true,
      });
  }
};

export const scalarOperand: Step = (m) => {
  const x = m.some(isFloat);
  if (x === undefined) return undefined;
  const s = m.input(tensor('float32', []), 'scalar');
  const wide = m.builder.broadcast(s, x.type.shape, []);
  return m.add(m.builder.op('mul', x, wide), { bound: 4 * m.known(x).bound, exact: false });
};
