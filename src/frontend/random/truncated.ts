/**
 * Normal numbers between two bounds.
 *
 * Invariant: inside three deviations of the mean by the inverse of the distribution function; further out by exponential
 * proposals (Robert, "Simulation of truncated normal variables", 1995), of which ten are made: one is refused with
 * probability 0.087 at most, all with 3e-11. No gradients.
 */
import type { Node } from '../../ir/graph/graph.ts';
import { isDouble, type Write } from '../../ir/graph/ops/formula.ts';
import { erfinv } from '../../ir/graph/ops/normal.ts';
import { stopGradient } from '../../ir/graph/ops/view.ts';
import type { Shape } from '../../ir/type.ts';
import { failure } from '../callsite.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import {
  aboveZero,
  anyNumber,
  drawFrom,
  type RandomOptions,
  type Sampler,
  sampler,
} from './draw.ts';
import {
  firstAccepted,
  formulas,
  later,
  openUnit,
  perElement,
  type Source,
  unit,
} from './source.ts';

const PROPOSALS = 10;
/** Deviations from which on the tail is proposed to. */
const FAR = 3;

/** Standard normal numbers above `low` ≥ 3 and up to `high`: exponential ones, refused by how much faster those fall. */
const inTail = (source: Source, low: Node, high: Node): Node =>
  firstAccepted(source, PROPOSALS, 2, (inner) => {
    const f = formulas(inner);
    const from = perElement(inner, low);
    const length = f('mul', f('sub', perElement(inner, high), from), from);
    const kept = f('neg', f('expm1', f('neg', length)));
    const step = f('div', f('neg', f('log1p', f('neg', f('mul', unit(inner), kept)))), from);
    const coin = f('log', openUnit(later(inner, 1)));
    const limit = f('mul', f('mul', step, step), -0.5);
    return { accepted: f('le', coin, limit), value: f('add', from, step) };
  });

const inCenter = (f: Write, source: Source, low: Node, high: Node): Node => {
  const below = f('erf', f('mul', low, Math.SQRT1_2));
  const above = f('erf', f('mul', high, Math.SQRT1_2));
  const u = openUnit(later(source, 2 * PROPOSALS));
  const at = f('add', below, f('mul', u, f('sub', above, below)));
  const step = isDouble(at) ? 2 ** -53 : 2 ** -24;
  const inside = f('min', f('max', at, step - 1), 1 - step);
  const z = f('mul', source.b.emit(erfinv, [inside], {}), Math.SQRT2);
  return f('min', f('max', z, low), high);
};

const between: Sampler = sampler({
  name: 'random.truncatedNormal',
  parameters: [anyNumber('low'), anyNumber('high'), anyNumber('mean'), aboveZero('deviation')],
  draws: 2 * PROPOSALS + 1,
  build: (source, parameters) => {
    const f = formulas(source);
    const [low, high, mean, deviation] = parameters.map((x) =>
      source.b.emit(stopGradient, [x], {}),
    );
    const from = f('div', f('sub', low!, mean!), deviation!);
    const to = f('div', f('sub', high!, mean!), deviation!);
    // the side with more of the density to the left: what is far out is above
    const turned = f('lt', f('add', from, to), 0);
    const a = f('select', turned, f('neg', to), from);
    const b = f('select', turned, f('neg', from), to);
    const far = f('gt', a, FAR);
    const tail = inTail(source, f('max', a, FAR), f('select', far, b, FAR + 1));
    const z = f('select', far, f('min', tail, b), inCenter(f, source, f('min', a, FAR), b));
    const value = f('add', f('mul', f('select', turned, f('neg', z), z), deviation!), mean!);
    return source.b.emit(stopGradient, [f('min', f('max', value, low!), high!)], {});
  },
});

/**
 * Normal numbers with this mean and deviation, given that they lie between `low` and `high` (infinity: no bound). An
 * array of `shape`, to which parameters broadcast. No gradients. float32, of float64 parameters float64, or the float
 * dtype asked for.
 *
 * @throws {ValueError} unless numbers have `low` < `high` and `deviation` > 0; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 * @throws {DTypeError} for a `dtype` that is no float
 *
 * @example
 * random.truncatedNormal([2, 2], -2, 2).shape;   // [2, 2]
 */
export const truncatedNormal = (
  shape: Shape,
  low: Operand,
  high: Operand,
  mean: Operand = 0,
  deviation: Operand = 1,
  options?: RandomOptions,
): NDArray => {
  if (typeof low === 'number' && typeof high === 'number' && !(low < high))
    throw failure(
      'value',
      `random.truncatedNormal: low ${low}, high ${high}`,
      'pass bounds with low < high: random.truncatedNormal(shape, low, high, mean, deviation)',
    );
  return drawFrom(between, shape, [low, high, mean, deviation], options);
};
