/** Greatest errors of transcendental functions against doubles, and what they do at the extremes. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmCaps } from '../../../src/codegen/wasm/caps.ts';
import { isAtMostZero } from '../../../src/codegen/wasm/signs.ts';
import { type ScalarOp, scalarOps } from '../../../src/ir/scalar.ts';
import { f32, get, operate, register, regType, splat } from '../../../src/ir/thread/build.ts';
import { hasRelaxedSimd } from '../../../src/runtime/cpu/features.ts';
import { mapFloats } from '../../support/wasm.ts';

const COUNT = 1 << 16;

/** Units in the last place; none smaller than the least subnormal. */
const ulpOf = (y: number): number =>
  Math.abs(y) < 2 ** -126 ? 2 ** -149 : 2 ** (Math.floor(Math.log2(Math.abs(y))) - 23);

const SPECIAL = [
  0,
  -0,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
  1,
  -1,
  0.5,
  -0.5,
  2,
  -2,
  3,
  -3,
  88.72,
  88.73,
  89,
  104,
  -87,
  -88,
  -103,
  -104,
  -105,
  1e-45,
  -1e-45,
  1.2e-38,
  3.4e38,
  -3.4e38,
  16777217,
  1e9,
  1e15,
  -1e30,
  Math.PI,
  Math.PI / 2,
  6e7,
  7e7,
  0.625,
  0.9219,
  10,
  -18,
  127,
  128,
  -149,
  -150,
];

/** Bit patterns of all kinds, small numbers, the range of exp, all magnitudes, special numbers. */
const samples = (seed: number): Float32Array => {
  const values = new Float32Array(COUNT);
  const bits = new Uint32Array(values.buffer);
  let state = seed;
  const random = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let t = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    t = Math.imul(t ^ (t >>> 15), 0x735a2d97);
    return ((t ^ (t >>> 15)) >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < COUNT; i++) {
    const kind = i & 3;
    if (kind === 0) bits[i] = random() * 2 ** 32;
    else if (kind === 1) values[i] = (random() - 0.5) * 4;
    else if (kind === 2) values[i] = (random() - 0.5) * 220;
    else values[i] = (random() - 0.5) * 2 * 10 ** (random() * 20 - 12);
  }
  values.set(SPECIAL);
  return values;
};

const worstOf = (op: ScalarOp, fused: boolean): { ulp: number; wrong: string[] } => {
  const { arity, value } = scalarOps[op];
  const inputs = Array.from({ length: arity }, (_, i) => samples(i + 1));
  if (arity === 2) {
    const n = SPECIAL.length;
    for (let i = 0; i < n * n; i++) {
      inputs[0]![1000 + i] = SPECIAL[i % n]!;
      inputs[1]![1000 + i] = SPECIAL[Math.floor(i / n)]!;
    }
  }
  const got = mapFloats((...x) => operate(op, ...x), inputs, wasmCaps(fused));
  let ulp = 0;
  const wrong: string[] = [];
  for (let i = 0; i < COUNT; i++) {
    const x = inputs.map((a) => a[i]!);
    const want = value(...x);
    const single = Math.fround(want);
    if (Number.isFinite(single) && Number.isFinite(got[i]!))
      ulp = Math.max(ulp, Math.abs(got[i]! - want) / ulpOf(want));
    else if (!Object.is(got[i], single)) {
      // the last step before infinity may fall on either side
      const edge = Math.abs(want) > 3.4028e38 && Math.abs(got[i]!) > 3.4028e38;
      if (!edge) wrong.push(`${op}(${x}) = ${got[i]}, not ${want}`);
    }
  }
  return { ulp, wrong: wrong.slice(0, 5) };
};

/** What the header of `math.ts` states. */
const BOUNDS: readonly (readonly [ScalarOp, number])[] = [
  ['exp', 1.15],
  ['expm1', 2.2],
  ['log', 1],
  ['log1p', 2.5],
  ['sin', 1.6],
  ['cos', 1.6],
  ['tan', 3.5],
  ['tanh', 2.5],
  ['sigmoid', 2.2],
  ['erf', 2.2],
  ['sqrt', 0.51],
  ['rsqrt', 1.6],
  ['pow', 0.6],
  ['div', 0.51],
  ['mod', 0.51],
  ['floordiv', 0.51],
];

for (const fused of [false, true])
  for (const [op, bound] of BOUNDS)
    test(`${op}, ${fused ? 'fused' : 'product and sum'}: within ${bound} ulp, right at the extremes`, () => {
      if (fused && !hasRelaxedSimd()) return;
      const { ulp, wrong } = worstOf(op, fused);
      assert.equal(wrong, []);
      assert.ok(ulp <= bound, `greatest error ${ulp.toFixed(2)} ulp`);
    });

for (const fused of [false, true])
  test(`exp of what is at most 0, ${fused ? 'fused' : 'product and sum'}: another way, the same numbers`, () => {
    if (fused && !hasRelaxedSimd()) return;
    const x = samples(1).map((v) => (v > 0 ? -v : v));
    const wasm = wasmCaps(fused);
    const got = mapFloats((v) => operate('exp', operate('min', v!, splat(f32(0)))), [x], wasm);
    const same = mapFloats((v) => operate('exp', v!), [x], wasm);
    const apart = x.filter((_, i) => !Object.is(got[i], same[i]));
    // 2^-150 is rounded before it is multiplied
    assert.ok(
      apart.every((v) => v < -103.2 && v > -104.1),
      `exp(${apart.slice(0, 5)})`,
    );
  });

test('the sign of an argument is known from how it is made', () => {
  const x = get(register('x', regType('f32', 4)));
  const zero = splat(f32(0));
  const values = (): undefined => undefined;
  const squared = operate('mul', x, x);
  const known = [
    operate('min', x, zero),
    operate('neg', operate('abs', x)),
    operate('mul', squared, splat(f32(-0.5))),
    operate('min', operate('neg', squared), x),
  ];
  const unknown = [x, squared, operate('max', x, zero), operate('mul', x, splat(f32(-1)))];
  assert.ok(known.every((e) => isAtMostZero(e, values)));
  assert.not(unknown.some((e) => isAtMostZero(e, values)));
});

test('signs of zero survive odd functions', () => {
  for (const op of ['expm1', 'log1p', 'sin', 'tan', 'tanh', 'erf', 'sqrt'] as const) {
    const got = mapFloats(
      (x) => operate(op, x!),
      [new Float32Array([0, -0, 0, -0])],
      wasmCaps(false),
    );
    assert.ok(Object.is(got[0], 0) && Object.is(got[1], -0), op);
  }
});

test.run();
