/**
 * A number that was drawn from a gamma distribution: how it moves when the shape of the distribution does.
 *
 * Invariant: the value is the number itself. Its slope is the implicit one, `-(dF/da) / (dF/dx)` of the distribution
 * function `F(x; a)` (Figurnov, Mohamed & Mnih, "Implicit reparameterization gradients", NeurIPS 2018), for a ≥ 1: with it
 * the mean of gradients is the gradient of the mean, however the number was found.
 */
import type { GraphBuilder } from '../builder.ts';
import type { Node, Op } from '../graph.ts';
import type { NoAttrs } from './define.ts';
import { defineFormula, isDouble, polynomial, type Write, writing } from './formula.ts';
import { literal } from './leaf.ts';

/** Places and weights of Gauss's rule on [0, 1] with `count` places. */
const gaussian = (count: number): { readonly places: number[]; readonly weights: number[] } => {
  const places: number[] = [];
  const weights: number[] = [];
  for (let i = 1; i <= count; i++) {
    let x = Math.cos((Math.PI * (i - 0.25)) / (count + 0.5));
    let slope = 0;
    for (let step = 0; step < 8; step++) {
      let [last, p] = [1, x];
      for (let n = 2; n <= count; n++) [last, p] = [p, ((2 * n - 1) * x * p - (n - 1) * last) / n];
      slope = (count * (x * p - last)) / (x * x - 1);
      x -= p / slope;
    }
    places.push((1 - x) / 2);
    weights.push(1 / ((1 - x * x) * slope * slope));
  }
  return { places, weights };
};

/** How exactly the integral is made. */
interface Rule {
  /** The integrand is cut where it is `exp(-depth)` of its start. */
  readonly depth: number;
  /** Enough places for an integrand that falls so far without oscillating. */
  readonly places: number;
}
/** Exact to 1e-7. */
const SINGLE: Rule = { depth: 18, places: 20 };
/** Exact to 1e-13. */
const DOUBLE: Rule = { depth: 36, places: 56 };

/** Of `log(x) - digamma(x) - 1 / 2x` in `1 / x²`, highest first: the last three are enough for float32. */
const DIGAMMA = [
  -3617 / 8160,
  1 / 12,
  -691 / 32760,
  1 / 132,
  -1 / 240,
  1 / 252,
  -1 / 120,
  1 / 12,
] as const;

/** `log(a) - digamma(a)` for a ≥ 1, moved up by 6 (doubles: 10). */
const digammaGap = (f: Write, a: Node): Node => {
  const [up, terms] = isDouble(a) ? [10, 8] : [6, 3];
  const at = f('add', a, up);
  const r = f('div', 1, at);
  const series = f('mul', polynomial(f, f('mul', r, r), DIGAMMA.slice(-terms)), f('mul', r, r));
  let sum = f('add', f('mul', r, 0.5), series);
  for (let i = up - 1; i >= 0; i--) sum = f('add', sum, f('div', 1, i === 0 ? a : f('add', a, i)));
  return f('sub', sum, f('log1p', f('div', up, a)));
};

/** `1 / n!` from the 13th to the 2nd: the last five are enough for float32. */
const EXPONENTIAL: readonly number[] = Array.from({ length: 12 }, (_, i) => {
  let factorial = 1;
  for (let n = 2; n <= 13 - i; n++) factorial *= n;
  return 1 / factorial;
});

/** `exp(y) - 1 - y`. */
const exponentialRest = (f: Write, y: Node): Node => {
  const series = polynomial(f, y, EXPONENTIAL.slice(isDouble(y) ? 0 : -5));
  const near = f('mul', f('mul', y, y), series);
  return f('select', f('lt', f('abs', y), 0.25), near, f('sub', f('expm1', y), y));
};

/**
 * With `t = x exp(±w)` the integral of `(log t - digamma(a)) p(t) / p(x)` over the tail on the side of `x` is
 * `x ∫ (w ± c) exp(-|a - x| w - x (exp(±w) - 1 ∓ w)) dw`, where `c = log x - digamma(a)`.
 */
const implicitSlope = (b: GraphBuilder, f: Write, a: Node, x: Node): Node => {
  const { depth, places: count } = isDouble(x) ? DOUBLE : SINGLE;
  const below = f('lt', x, a);
  const side = f('select', below, -1, f('add', f('mul', a, 0), 1));
  const away = f('abs', f('sub', a, x));
  const ratio = f('div', f('sub', x, a), a);
  const logRatio = f(
    'select',
    f('lt', ratio, -0.5),
    f('sub', f('log', x), f('log', a)),
    f('log1p', f('max', ratio, -0.5)),
  );
  const center = f('mul', side, f('add', logRatio, digammaGap(f, a)));
  // where the exponent has fallen by `depth`: at most here
  const width = (curve: number): Node =>
    f(
      'div',
      2 * depth,
      f('add', away, f('sqrt', f('add', f('mul', away, away), f('mul', x, curve * depth)))),
    );
  const linear = f('div', depth, f('add', away, f('mul', x, 0.48)));
  const end = f('select', below, f('max', width(1), linear), width(2));
  const { places, weights } = gaussian(count);
  const shape = [count, ...x.type.shape];
  const spread = (n: Node): Node => b.broadcastTo(n, shape);
  const constants = (values: readonly number[]): Node => {
    const made = b.emit(literal, [], { values, dtype: x.type.dtype, shape: [count] });
    return b.broadcast(made, shape, [0]);
  };
  const w = f('mul', constants(places), spread(end));
  const g = writing(b, w);
  const fall = g(
    'add',
    g('mul', spread(away), w),
    g('mul', spread(x), exponentialRest(g, g('mul', spread(side), w))),
  );
  const terms = g(
    'mul',
    g('mul', g('add', w, spread(center)), g('exp', g('neg', fall))),
    constants(weights),
  );
  return f('mul', f('mul', b.sum(terms, [0]), end), x);
};

/** The number `x` that was drawn with the shape `a` ≥ 1. */
export const gammaDraw: Op<NoAttrs> = defineFormula({
  name: 'gammaDraw',
  operands: ['a', 'x'],
  value: (_f, [, x]) => x!,
  slopes: (f, [a, x], _node, _attrs, b) => [implicitSlope(b, f, a!, x!), b.lit(0, x!)],
});
