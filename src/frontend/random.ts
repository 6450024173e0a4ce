/**
 * Random numbers from counters (Threefry): the same seed gives the same numbers, eager, traced and on every device.
 *
 * Invariant: draw number `d` of element `i` is threefry(seed, i, d) alone. Each call takes one number from the draw
 * counter (normal two), in program order; a compiled program takes as many at each replay as its trace did.
 */
import { type DType, isFloat } from '../ir/dtype.ts';
import type { GraphBuilder } from '../ir/graph/builder.ts';
import type { Node } from '../ir/graph/graph.ts';
import { iota } from '../ir/graph/ops/leaf.ts';
import { threefry } from '../ir/scalar.ts';
import { type Shape, tensor } from '../ir/type.ts';
import type { Device } from '../runtime/device.ts';
import { call, type Fragment, fragment } from './call.ts';
import { failure } from './callsite.ts';
import { defaultDevice } from './default-device.ts';
import { mode } from './mode.ts';
import { add } from './nd/arithmetic.ts';
import { checkDtype, checkShape } from './nd/creation.ts';
import { fits, upload } from './nd/filled.ts';
import { take } from './nd/indexing.ts';
import { isNDArray, type NDArray, type Operand, rebind } from './ndarray.ts';
import { checkOptions, shown } from './options.ts';
import { uniformOnHost } from './random-host.ts';
import type { Trace } from './trace.ts';

/** Draw numbers from here on are those of parameters. */
const PARAMETER_DRAWS = 0x80000000;

const state = { low: 0, high: 0, counter: 0, parameters: 0, forParameter: false };

/**
 * Draws made by `body` are numbered apart from all others: a parameter gets its values when its shape is learnt, which
 * is earlier in a traced program than in an imperative run, and must not shift what either draws.
 */
export const forParameter = <T>(body: () => T): T => {
  const before = state.forParameter;
  state.forParameter = true;
  try {
    return body();
  } finally {
    state.forParameter = before;
  }
};

/** Starts the sequence of random numbers anew. `value`: any integer ≥ 0 up to 2⁵³. */
export const seed = (value: number): void => {
  if (!Number.isSafeInteger(value) || value < 0)
    throw failure('value', `random.seed: ${value} is not an integer from 0 to 2^53 - 1`);
  state.low = value >>> 0;
  state.high = Math.floor(value / 4294967296);
  state.counter = 0;
  state.parameters = 0;
};

/** Where the sequence of random numbers is. */
export interface RandomState {
  readonly seed: number;
  readonly draws: number;
  /** Draws for parameters, which are numbered apart. */
  readonly parameters: number;
}

/** The seed and how many draws were made since: to save and to go on from. */
export const getState = (): RandomState => ({
  seed: state.high * 4294967296 + state.low,
  draws: state.counter,
  parameters: state.parameters,
});
/** Goes on from a saved state. */
export const setState = (saved: RandomState): void => {
  seed(saved.seed);
  state.counter = saved.draws;
  state.parameters = saved.parameters;
};

/** What a trace draws: its first draw number is an input of the program. */
interface TraceDraws {
  readonly low: NDArray;
  readonly high: NDArray;
  readonly base: NDArray;
  /** Taken so far while tracing. */
  count: number;
  /** First draw number of the present replay. */
  first: number;
}
const traces = new WeakMap<Trace, TraceDraws>();

const drawsOf = (trace: Trace): TraceDraws => {
  let draws = traces.get(trace);
  if (draws === undefined) {
    const made: TraceDraws = {
      low: trace.hostScalar(() => state.low, 'uint32'),
      high: trace.hostScalar(() => state.high, 'uint32'),
      base: trace.hostScalar(() => {
        made.first = state.counter;
        state.counter += made.count;
        return made.first;
      }, 'uint32'),
      count: 0,
      first: 0,
    };
    draws = made;
    traces.set(trace, draws);
  }
  return draws;
};

/** Key and draw number for a random function that makes `count` draws. */
const drawOperands = (count = 1): [low: Operand, high: Operand, draw: Operand] => {
  if (mode.trace === undefined) {
    const counter = state.forParameter ? 'parameters' : 'counter';
    const draw = state[counter] + (state.forParameter ? PARAMETER_DRAWS : 0);
    state[counter] += count;
    return [state.low, state.high, draw];
  }
  const draws = drawsOf(mode.trace);
  const draw = draws.count === 0 ? draws.base : add(draws.base, draws.count);
  draws.count += count;
  return [draws.low, draws.high, draw];
};

/** Random 32-bit words of the given shape: element `i` is threefry(key, i, draw). */
const randomBits = (b: GraphBuilder, [low, high, draw]: readonly Node[], shape: Shape): Node => {
  const size = shape.reduce((n, d) => n * d, 1);
  const index = b.reshape(b.emit(iota, [], { axis: 0, dtype: 'uint32', shape: [size] }), shape);
  const [k0, k1, c1] = [low!, high!, draw!].map((n) => b.broadcastTo(n, shape));
  return b.op('threefry', k0!, k1!, index, c1!);
};

/** Uniform floats in [0, 1) with 24 random bits: `(bits >> 8) · 2⁻²⁴`. */
const unitUniform = (b: GraphBuilder, key: readonly Node[], shape: Shape): Node => {
  const bits = randomBits(b, key, shape);
  const top = b.cast(b.op('shr', bits, b.lit(8, bits)), 'float32');
  return b.op('mul', top, b.lit(2 ** -24, top));
};

export interface RandomOptions {
  /** Default float32 (randint: int32). */
  readonly dtype?: DType;
  /** Default: `device.default()`. */
  readonly device?: Device;
}
const KNOWN = ['dtype', 'device'];
interface Attrs {
  readonly shape: Shape;
  readonly dtype: DType;
}
const KEY: readonly DType[] = ['uint32', 'uint32', 'uint32'];

const draw = (
  f: Fragment<Attrs>,
  shape: Shape,
  parameters: readonly Operand[],
  dtype: DType,
  options: RandomOptions | undefined,
  count = 1,
): NDArray => {
  checkShape(f.name, shape);
  const device = options?.device ?? mode.trace?.device ?? defaultDevice();
  return call(f, [...drawOperands(count), ...parameters], {
    attrs: { shape, dtype },
    key: `${shape.join('.')}/${dtype}`,
    device,
  });
};

/** Arrays up to this size are drawn on the host, in a few milliseconds; compiling for a new shape takes longer. */
const HOST_ELEMENTS = 1 << 18;

const spread = (b: GraphBuilder, n: Node, shape: Shape): Node =>
  b.broadcastTo(b.cast(n, 'float32'), shape);

const uniformly: Fragment<Attrs> = fragment<Attrs>(
  'random.uniform',
  (b, [k0, k1, d, low, high], { shape, dtype }) => {
    const u = unitUniform(b, [k0!, k1!, d!], shape);
    const width = b.op('sub', spread(b, high!, shape), spread(b, low!, shape));
    return b.cast(b.op('add', b.op('mul', u, width), spread(b, low!, shape)), dtype);
  },
  { scalars: [...KEY, 'float32', 'float32'] },
);
/** Uniform numbers in [low, high): `low + u · (high - low)`, `u` a multiple of 2⁻²⁴. */
export const uniform = (shape: Shape, low = 0, high = 1, options?: RandomOptions): NDArray => {
  checkOptions('random.uniform', options, KNOWN);
  if (typeof low !== 'number' || typeof high !== 'number' || !(low <= high))
    throw failure(
      'value',
      `random.uniform: low ${shown(low)}, high ${shown(high)}`,
      'pass numbers with low ≤ high: random.uniform(shape, low, high)',
    );
  const dtype = floatType('random.uniform', options);
  const type = tensor(dtype, checkShape('random.uniform', shape));
  if (mode.trace !== undefined || dtype !== 'float32' || type.size > HOST_ELEMENTS)
    return draw(uniformly, shape, [low, high], dtype, options);
  const [k0, k1, first] = drawOperands() as [number, number, number];
  const values = uniformOnHost(type.size, low, high, [k0, k1], first);
  return upload(type, values, options?.device ?? defaultDevice(), 'random.uniform');
};

const floatType = (name: string, options: RandomOptions | undefined): DType => {
  const dtype = checkDtype(name, options?.dtype ?? 'float32');
  if (isFloat(dtype)) return dtype;
  throw failure('dtype', `${name}: makes floats, not ${dtype}`, 'random.randint makes integers');
};

const normally: Fragment<Attrs> = fragment<Attrs>(
  'random.normal',
  (b, [k0, k1, d, mean, deviation], { shape, dtype }) => {
    const next = b.op('add', d!, b.lit(1, d!));
    const u = unitUniform(b, [k0!, k1!, d!], shape);
    const v = unitUniform(b, [k0!, k1!, next], shape);
    const radius = b.op(
      'sqrt',
      b.op('mul', b.op('log', b.op('sub', b.lit(1, u), u)), b.lit(-2, u)),
    );
    const z = b.op('mul', radius, b.op('cos', b.op('mul', v, b.lit(2 * Math.PI, v))));
    const scaled = b.op('mul', z, spread(b, deviation!, shape));
    return b.cast(b.op('add', scaled, spread(b, mean!, shape)), dtype);
  },
  { scalars: [...KEY, 'float32', 'float32'] },
);
/** Normal numbers by Box–Muller: `sqrt(-2 log(1 - u)) · cos(2π v)`, `u` and `v` from two draws. */
export const normal = (shape: Shape, mean = 0, deviation = 1, options?: RandomOptions): NDArray => {
  checkOptions('random.normal', options, KNOWN);
  if (typeof mean !== 'number' || typeof deviation !== 'number' || !(deviation >= 0))
    throw failure(
      'value',
      `random.normal: mean ${shown(mean)}, deviation ${shown(deviation)}`,
      'pass numbers, the deviation not negative: random.normal(shape, mean, deviation, options)',
    );
  return draw(normally, shape, [mean, deviation], floatType('random.normal', options), options, 2);
};

const coin: Fragment<Attrs> = fragment<Attrs>(
  'random.bernoulli',
  (b, [k0, k1, d, p], { shape, dtype }) =>
    b.cast(b.op('lt', unitUniform(b, [k0!, k1!, d!], shape), spread(b, p!, shape)), dtype),
  { scalars: [...KEY, 'float32'] },
);
/** Ones with probability `p` (a number, or an array that broadcasts to the shape), else zeros. */
export const bernoulli = (shape: Shape, p: Operand = 0.5, options?: RandomOptions): NDArray => {
  checkOptions('random.bernoulli', options, KNOWN);
  if (!isNDArray(p) && !(p >= 0 && p <= 1))
    throw failure('value', `random.bernoulli: probability ${p} must be from 0 to 1`);
  return draw(
    coin,
    shape,
    [p],
    checkDtype('random.bernoulli', options?.dtype ?? 'float32'),
    options,
  );
};

const whole: Fragment<Attrs> = fragment<Attrs>(
  'random.randint',
  (b, [k0, k1, d, low, width], { shape, dtype }) => {
    const bits = randomBits(b, [k0!, k1!, d!], shape);
    const at = b.op('mod', bits, b.broadcastTo(width!, shape));
    const value = b.op('add', b.cast(at, 'int32'), b.broadcastTo(low!, shape));
    return b.cast(value, dtype);
  },
  { scalars: [...KEY, 'int32', 'uint32'] },
);
/** Integers from `low` (included) to `high` (excluded): `low + bits mod (high - low)`. */
export const randint = (
  shape: Shape,
  low: number,
  high: number,
  options?: RandomOptions,
): NDArray => {
  checkOptions('random.randint', options, KNOWN);
  if (!fits(low, 'int32') || !fits(high - 1, 'int32') || low >= high || high - low > 2147483647)
    throw failure('value', `random.randint: low ${low}, high ${high}`, 'integers with low < high');
  const dtype = checkDtype('random.randint', options?.dtype ?? 'int32');
  return draw(whole, shape, [low, high - low], dtype, options);
};

const shuffled = (count: number, draw: number): Int32Array => {
  const bits = Float64Array.from({ length: count }, (_, i) =>
    threefry(state.low, state.high, i, draw),
  );
  return Int32Array.from({ length: count }, (_, i) => i).sort(
    (a, b) => bits[a]! - bits[b]! || a - b,
  );
};

/** The numbers from 0 to `count - 1` in random order, int32: sorted by their random words. */
export const permutation = (count: number, options?: { readonly device?: Device }): NDArray => {
  checkOptions('random.permutation', options, ['device']);
  if (!Number.isInteger(count) || count < 0)
    throw failure('value', `random.permutation: ${count} is not an integer ≥ 0`);
  const { trace } = mode;
  const device = options?.device ?? trace?.device ?? defaultDevice();
  const type = tensor('int32', [count]);
  if (trace === undefined)
    return upload(type, shuffled(count, state.counter++), device, 'permutation');
  const draws = drawsOf(trace);
  const offset = draws.count++;
  const held = upload(type, new Int32Array(count), device, 'permutation');
  trace.hooks.push(() => {
    const fresh = upload(type, shuffled(count, draws.first + offset), device, 'permutation');
    rebind(held, fresh);
    fresh.dispose();
  });
  return held;
};

/** `x` with its first axis in random order. */
export const shuffle = (x: NDArray): NDArray =>
  take(x, permutation(x.shape[0] ?? 1, { device: x.device }));

interface DropAttrs {
  readonly axes: readonly number[];
}
const dropping: Fragment<DropAttrs> = fragment<DropAttrs>(
  'dropout',
  (b, [x, k0, k1, d, rate], { axes }) => {
    const { shape, dtype } = x!.type;
    const drawn = shape.map((n, i) => (axes.includes(i) ? 1 : n));
    const u = unitUniform(b, [k0!, k1!, d!], drawn);
    const share = b.cast(rate!, 'float32');
    const keep = b.broadcastTo(b.op('ge', u, b.broadcastTo(share, drawn)), shape);
    const factor = b.cast(b.op('div', b.lit(1, share), b.op('sub', b.lit(1, share), share)), dtype);
    const scaled = b.op('mul', x!, b.broadcastTo(factor, shape));
    return b.op('select', keep, scaled, b.lit(0, scaled));
  },
  { scalars: [undefined, ...KEY, 'float32'] },
);
/** `x` with a share `rate` of its elements set to 0 at random and the others scaled by `1 / (1 - rate)`. */
export const dropout = (
  x: NDArray,
  rate: number,
  options?: { readonly axes?: readonly number[] },
): NDArray => {
  checkOptions('dropout', options, ['axes']);
  if (!(rate >= 0 && rate < 1))
    throw failure('value', `dropout: rate ${rate} must be from 0 to below 1`);
  if (rate === 0) return x;
  const axes = options?.axes ?? [];
  return call(dropping, [x, ...drawOperands(), rate], { attrs: { axes }, key: axes.join('.') });
};
