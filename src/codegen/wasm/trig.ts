/**
 * Sines, cosines and tangents of four floats: angles are reduced in doubles, and exactly where they are far from 0.
 *
 * Invariant: right for angles of any size, infinities and NaN; the sign of zero survives sines and tangents.
 */
import { FunctionBuilder } from './builder.ts';
import {
  call,
  f32,
  f64,
  get,
  i32,
  i64,
  lane,
  op,
  set,
  shuffle,
  type Wasm,
  type WasmFunction,
} from './tree.ts';
import { DOUBLE_ROUNDER, narrow, shift, type Vectors } from './vector.ts';

/** π/2 in two doubles; the first has 26 trailing zero bits, so that its product with a quadrant number is exact. */
const HALF_PI_HIGH = 1.570796325802803;
const HALF_PI_LOW = 9.920935796805404e-10;
/** Up to here two parts of π/2 are enough. */
const NEAR = 67108864;

/** The first 256 bits of 2/π. */
const TWO_OVER_PI = [
  0xa2f9836e4e441529n,
  0xfc2757d1f534ddc0n,
  0xdb6295993c439041n,
  0xfe5163abdebbc561n,
] as const;

/**
 * `x` itself while it is near, else an angle in [0, 2π) that differs from it by whole turns (Payne and Hanek): of
 * `m * 2^e * 2/π` only the 64 bits below 4 matter, and they come from 96 bits of 2/π that start at bit e - 2.
 */
const angleOf: WasmFunction = (() => {
  const fb = new FunctionBuilder();
  const x = get(fb.param('f32', 'x'));
  const bits = fb.bind(op('i32.and', op('i32.reinterpret_f32', x), i32(0x7fffffff)), 'i32', 'bits');
  const isNear = op('f32.le', op('f32.abs', x), f32(NEAR));
  fb.push({
    kind: 'if',
    condition: isNear,
    then: [{ kind: 'return', value: op('f64.promote_f32', x) }],
    otherwise: [],
  });
  const start = fb.bind(op('i32.sub', op('i32.shr_u', bits, i32(23)), i32(152)), 'i32', 'start');
  const second = fb.bind(op('i32.lt_u', start, i32(64)), 'i32', 'second');
  const by = fb.bind(op('i64.extend_i32_u', op('i32.and', start, i32(63))), 'i64', 'by');
  const rest = fb.bind(
    op('i64.extend_i32_u', op('i32.sub', i32(63), op('i32.and', start, i32(63)))),
    'i64',
    'rest',
  );
  const words = [0, 1, 2].map((n) =>
    fb.bind(
      op('select', i64(TWO_OVER_PI[n]!), i64(TWO_OVER_PI[n + 1]!), second),
      'i64',
      `word${n}`,
    ),
  );
  const window = (n: number): Wasm =>
    op(
      'i64.or',
      op('i64.shl', words[n]!, by),
      op('i64.shr_u', op('i64.shr_u', words[n + 1]!, i64(1n)), rest),
    );
  const m = fb.bind(
    op('i64.extend_i32_u', op('i32.or', op('i32.and', bits, i32(0x7fffff)), i32(0x800000))),
    'i64',
    'm',
  );
  const low = op('i64.shr_u', op('i64.mul', m, op('i64.shr_u', window(1), i64(32n))), i64(32n));
  const turns = op('i64.add', op('i64.mul', m, window(0)), low);
  const angle = fb.bind(
    op('f64.mul', op('f64.convert_i64_u', turns), f64((Math.PI / 2) * 2 ** -62)),
    'f64',
    'angle',
  );
  const signed = op('select', op('f64.neg', angle), angle, op('f32.lt', x, f32(0)));
  fb.push({
    kind: 'return',
    value: op('select', signed, f64(Number.NaN), op('i32.lt_u', bits, i32(0x7f800000))),
  });
  return fb.finish('angle', { result: 'f64', notes: ['far angles brought near'] });
})();

const SIN = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1];
const COS = [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2];

/** The reduced argument in [-π/4, π/4] and the quadrant (low two bits), found in doubles. */
const quadrant = (v: Vectors, x: Wasm): { r: Wasm; q: Wasm } => {
  const given = v.keep(x, 'x');
  const halves = [given, shuffle(given, given, [2, 3, 2, 3])].map((w) => {
    const angle = v.fb.local('v128', 'angle');
    v.fb.push(set(angle, op('f64x2.promote_low_f32x4', w)));
    return angle;
  });
  const each = (at: number): Wasm => call(angleOf, lane('f32x4.extract_lane', at, given));
  v.fb.push({
    kind: 'if',
    condition: op('v128.any_true', op('f32x4.gt', op('f32x4.abs', given), v.f(NEAR))),
    then: halves.map((angle, i) =>
      set(angle, lane('f64x2.replace_lane', 1, op('f64x2.splat', each(2 * i)), each(2 * i + 1))),
    ),
    otherwise: [],
  });
  const rounded = halves.map((angle) =>
    v.keep(
      op('f64x2.add', op('f64x2.mul', get(angle), v.d(2 / Math.PI)), v.d(DOUBLE_ROUNDER)),
      'turns',
    ),
  );
  const reduced = halves.map((angle, i) => {
    const k = v.keep(op('f64x2.sub', rounded[i]!, v.d(DOUBLE_ROUNDER)), 'k');
    const near = op('f64x2.sub', get(angle), op('f64x2.mul', k, v.d(HALF_PI_HIGH)));
    return op('f64x2.sub', near, op('f64x2.mul', k, v.d(HALF_PI_LOW)));
  });
  return {
    r: v.keep(narrow(v, reduced[0]!, reduced[1]!), 'r'),
    q: v.keep(shuffle(rounded[0]!, rounded[1]!, [0, 2, 4, 6]), 'q'),
  };
};

const sinCos = (v: Vectors, r: Wasm): { sine: Wasm; cosine: Wasm } => {
  const z = v.keep(op('f32x4.mul', r, r), 'z');
  const sine = v.madd(op('f32x4.mul', v.poly(z, SIN), z), r, r);
  const cosine = v.madd(op('f32x4.mul', v.poly(z, COS), z), z, v.madd(z, v.f(-0.5), v.f(1)));
  // the sum loses the sign of zero
  return { sine: v.keep(v.copySign(sine, r), 'sine'), cosine: v.keep(cosine, 'cosine') };
};

/** sin for `turn` 0, cos for `turn` 1: a quarter turn further. */
const wave = (v: Vectors, x: Wasm, turn: 0 | 1): Wasm => {
  const { r, q } = quadrant(v, x);
  const { sine, cosine } = sinCos(v, r);
  const at = turn === 0 ? q : v.keep(op('i32x4.add', q, v.i(1)), 'q');
  const odd = op('i32x4.eq', op('v128.and', at, v.i(1)), v.i(0));
  const sign = shift('i32x4.shl', op('v128.and', at, v.i(2)), 30);
  return op('v128.xor', v.choose(odd, sine, cosine), sign);
};

export const sin = (v: Vectors, x: Wasm): Wasm => wave(v, x, 0);
export const cos = (v: Vectors, x: Wasm): Wasm => wave(v, x, 1);

export const tan = (v: Vectors, x: Wasm): Wasm => {
  const { r, q } = quadrant(v, x);
  const { sine, cosine } = sinCos(v, r);
  const even = v.keep(op('i32x4.eq', op('v128.and', q, v.i(1)), v.i(0)), 'even');
  const above = v.choose(even, sine, op('f32x4.neg', cosine));
  return op('f32x4.div', above, v.choose(even, cosine, sine));
};
