/**
 * Sine, cosine and tangent of doubles.
 *
 * Invariant: on the reduced angle, within π/4, polynomials whose coefficients are those of fdlibm's k_sin and k_cos (Sun
 * Microsystems, 1993); the tail of the reduction is added where it counts.
 */
import { i32, op, type Wasm } from '../tree.ts';
import { type Angle, angleOf, unpacked } from './angle.ts';
import {
  abs,
  add,
  type Body,
  div,
  le,
  lt,
  mul,
  neg,
  poly,
  sub,
  type Unary,
  unary,
} from './build.ts';

/** `sin(x) - x` in x², without its x³: highest first. */
const SIN = [
  1.58969099521155e-10, -2.5050760253406863e-8, 2.7557313707070068e-6, -1.984126982985795e-4,
  8.33333333332249e-3,
];
const SIN_FIRST = -1.6666666666666632e-1;
/** `cos(x) - 1 + x²/2` in x², without its x⁴. */
const COS = [
  -1.1359647557788195e-11, 2.087572321298175e-9, -2.7557314351390663e-7, 2.480158728947673e-5,
  -1.388888888887411e-3, 4.16666666666666e-2,
];

const sine = (b: Body, { near: x, tail }: Angle): Wasm => {
  const z = b.keep(mul(x, x), 'z');
  const cube = b.keep(mul(z, x), 'cube');
  const rest = sub(mul(z, sub(mul(tail, 0.5), mul(cube, poly(z, SIN)))), tail);
  return sub(x, sub(rest, mul(cube, SIN_FIRST)));
};

const cosine = (b: Body, { near: x, tail }: Angle): Wasm => {
  const z = b.keep(mul(x, x), 'z');
  const half = b.keep(mul(z, 0.5), 'half');
  const most = b.keep(sub(1, half), 'most');
  const series = sub(mul(z, mul(z, poly(z, COS))), mul(x, tail));
  return add(most, add(sub(sub(1, most), half), series));
};

/** As it is, where it is small; NaN has no angle. */
const reduced = (b: Body, x: Wasm): Angle => {
  b.when(op('i32.eqz', lt(abs(x), Number.POSITIVE_INFINITY)), () => Number.NaN);
  return unpacked(b, angleOf(x));
};

const SMALL = Math.PI / 4;
const zero: Wasm = { kind: 'const', type: 'f64', value: 0 };

/** sin for `turn` 0, cos for `turn` 1: a quarter turn further. */
const wave = (b: Body, x: Wasm, turn: 0 | 1): Wasm => {
  const angle = reduced(b, x);
  const at = b.keepInt(op('i32.add', angle.quadrant, i32(turn)), 'at');
  const value = b.fb.local('f64', 'value');
  const of = (f: (b: Body, angle: Angle) => Wasm): Wasm[] =>
    b.fb.nested(() => b.fb.push({ kind: 'set', local: value, value: f(b, angle) }));
  const [otherwise, then] = [of(sine), of(cosine)];
  b.fb.push({ kind: 'if', condition: op('i32.and', at, i32(1)), then, otherwise });
  const result: Wasm = { kind: 'get', local: value };
  return op('select', neg(result), result, op('i32.and', at, i32(2)));
};

export const sin: Unary = unary('sin', 'sine', (b, x) => {
  b.when(lt(abs(x), 2 ** -27), () => x);
  b.when(le(abs(x), SMALL), () => sine(b, { near: x, tail: zero, quadrant: i32(0) }));
  return wave(b, x, 0);
});

export const cos: Unary = unary('cos', 'cosine', (b, x) => {
  b.when(le(abs(x), SMALL), () => cosine(b, { near: x, tail: zero, quadrant: i32(0) }));
  return wave(b, x, 1);
});

/** A quotient: sine by cosine, or the other way round in odd quarters. */
export const tan: Unary = unary('tan', 'tangent', (b, x) => {
  b.when(lt(abs(x), 2 ** -27), () => x);
  const angle = reduced(b, x);
  const s = b.keep(sine(b, angle), 'sine');
  const c = b.keep(cosine(b, angle), 'cosine');
  b.when(op('i32.and', angle.quadrant, i32(1)), () => neg(div(c, s)));
  return div(s, c);
});
