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
import { defineFormula, polynomial, type Write, writing } from './formula.ts';
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

/** Enough for an integrand that falls from 1 to e^-18 without oscillating: exact to 1e-7. */
const PLACES = 20;
/** The integrand is cut where it is e^-18 of its start. */
const DEPTH = 18;

/** `log(a) - digamma(a)` for a ≥ 1, moved up by 6. */
const digammaGap = (f: Write, a: Node): Node => {
  const at = f('add', a, 6);
  const r = f('div', 1, at);
  const series = f(
    'mul',
    polynomial(f, f('mul', r, r), [1 / 252, -1 / 120, 1 / 12]),
    f('mul', r, r),
  );
  let sum = f('add', f('mul', r, 0.5), series);
  for (let i = 5; i >= 0; i--) sum = f('add', sum, f('div', 1, i === 0 ? a : f('add', a, i)));
  return f('sub', sum, f('log1p', f('div', 6, a)));
};

/** `exp(y) - 1 - y`. */
const exponentialRest = (f: Write, y: Node): Node => {
  const series = polynomial(f, y, [1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2]);
  const near = f('mul', f('mul', y, y), series);
  return f('select', f('lt', f('abs', y), 0.25), near, f('sub', f('expm1', y), y));
};

/**
 * With `t = x exp(±w)` the integral of `(log t - digamma(a)) p(t) / p(x)` over the tail on the side of `x` is
 * `x ∫ (w ± c) exp(-|a - x| w - x (exp(±w) - 1 ∓ w)) dw`, where `c = log x - digamma(a)`.
 */
const implicitSlope = (b: GraphBuilder, f: Write, a: Node, x: Node): Node => {
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
  // where the exponent has fallen by DEPTH: at most here
  const width = (curve: number): Node =>
    f(
      'div',
      2 * DEPTH,
      f('add', away, f('sqrt', f('add', f('mul', away, away), f('mul', x, curve * DEPTH)))),
    );
  const linear = f('div', DEPTH, f('add', away, f('mul', x, 0.48)));
  const end = f('select', below, f('max', width(1), linear), width(2));
  const { places, weights } = gaussian(PLACES);
  const shape = [PLACES, ...x.type.shape];
  const spread = (n: Node): Node => b.broadcastTo(n, shape);
  const constants = (values: readonly number[]): Node => {
    const made = b.emit(literal, [], { values, dtype: 'float32', shape: [PLACES] });
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
