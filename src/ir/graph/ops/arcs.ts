/**
 * Inverse trigonometric functions. Greatest errors in units of the last place (see the accuracy test of array functions): all
 * below 2; of float64 below 4.
 *
 * Invariant: right at the extremes: infinities, signed zeros, both ends of the domain; NaN outside of it.
 */
import type { Node, Op } from '../graph.ts';
import type { NoAttrs } from './define.ts';
import { defineFormula, differenceOfSquares, isDouble, polynomial, type Write } from './formula.ts';

/** `(atan(t) / t - 1) / t²` in t² for t from 0 to 1: highest first, off by 3e-9. */
const ARC = [
  -0.00182718468, 0.0110643152, -0.0314554694, 0.0582343204, -0.0841944598, 0.109575719,
  -0.142652446, 0.199986386, -0.333333019,
];

/** The same for t to tan(π/8), off by 2e-18. */
const ARC_DOUBLE = [
  0.01628357235648259, -0.0345685906686069, 0.045515165635903104, -0.052304374642516874,
  0.05878926715756726, -0.066664246872465, 0.07692296363979952, -0.09090908753118594,
  0.11111111105147764, -0.14285714285659748, 0.19999999999999804, -0.3333333333333333,
];

/** The angle whose tangent is `t`, from 0 to 1. */
const octant = (f: Write, t: Node): Node => {
  if (isDouble(t)) return preciseOctant(f, t);
  const z = f('mul', t, t);
  return f('add', f('mul', f('mul', polynomial(f, z, ARC), z), t), t);
};

/** Beyond half of the octant, the angle from its end. */
const preciseOctant = (f: Write, t: Node): Node => {
  const beyond = f('gt', t, Math.SQRT2 - 1);
  const u = f('select', beyond, f('div', f('sub', t, 1), f('add', t, 1)), t);
  const z = f('mul', u, u);
  const angle = f('add', f('mul', f('mul', polynomial(f, z, ARC_DOUBLE), z), u), u);
  return f('select', beyond, f('add', angle, Math.PI / 4), angle);
};

/** The angle of the point (x, y), from -π to π. */
const angle = (f: Write, y: Node, x: Node): Node => {
  const [height, width] = [f('abs', y), f('abs', x)];
  const far = f('max', height, width);
  const near = f('min', height, width);
  // 0 / 0 and infinity / infinity: the axis, and the diagonal
  const ratio = f('select', f('eq', near, far), f('sign', far), f('div', near, far));
  const first = octant(f, ratio);
  const steep = f('select', f('gt', height, width), f('sub', Math.PI / 2, first), first);
  const left = f('lt', f('copysign', 1, x), 0);
  const turned = f('select', left, f('sub', Math.PI, steep), steep);
  return f('copysign', turned, y);
};

/** The angle of the point (x, y) from the positive x axis, in (-π, π]. */
export const atan2: Op<NoAttrs> = defineFormula({
  name: 'atan2',
  operands: ['y', 'x'],
  value: (f, [y, x]) => angle(f, y!, x!),
  slopes: (f, [y, x]) => {
    const square = f('add', f('mul', x!, x!), f('mul', y!, y!));
    return [f('div', x!, square), f('div', f('neg', y!), square)];
  },
});

/** The angle with this tangent. */
export const atan: Op<NoAttrs> = defineFormula({
  name: 'atan',
  operands: ['x'],
  value: (f, [x]) => {
    const size = f('abs', x!);
    const steep = f('gt', size, 1);
    const first = octant(f, f('select', steep, f('div', 1, size), size));
    return f('copysign', f('select', steep, f('sub', Math.PI / 2, first), first), x!);
  },
  slopes: (f, [x]) => [f('div', 1, f('add', f('mul', x!, x!), 1))],
});

const cosineOf = (f: Write, sine: Node): Node => f('sqrt', differenceOfSquares(f, sine));

/** The angle with this sine. */
export const asin: Op<NoAttrs> = defineFormula({
  name: 'asin',
  operands: ['x'],
  value: (f, [x]) => angle(f, x!, cosineOf(f, x!)),
  slopes: (f, [x]) => [f('rsqrt', differenceOfSquares(f, x!))],
});

/** The angle with this cosine. */
export const acos: Op<NoAttrs> = defineFormula({
  name: 'acos',
  operands: ['x'],
  value: (f, [x]) => angle(f, cosineOf(f, x!), x!),
  slopes: (f, [x]) => [f('neg', f('rsqrt', differenceOfSquares(f, x!)))],
});
