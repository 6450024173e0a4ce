/** The scalar table: values at known points, derivatives against finite differences, rounding and conversion. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fromBfloatBits, toBfloatBits } from '../../src/ir/bfloat.ts';
import { DTYPES, holds, promote } from '../../src/ir/dtype.ts';
import { erf, roundEven, threefry } from '../../src/ir/numbers.ts';
import { castTo, isExactIn, roundTo } from '../../src/ir/rounding.ts';
import {
  type Algebra,
  SCALAR_OPS,
  type ScalarOp,
  scalarOps,
  valueIn,
} from '../../src/ir/scalar.ts';
import { bfloatBorders } from '../support/bfloat.ts';

/** The algebra of plain numbers. */
const numbers: Algebra<number> = {
  op: (name, ...args) => scalarOps[name].value(...args),
  cast: (value) => value,
  lit: (value) => value,
};

/** Smooth points for each differentiable op. */
const points: Readonly<Partial<Record<ScalarOp, readonly (readonly number[])[]>>> = {
  log: [[0.3], [2.5]],
  log1p: [[-0.4], [2.5]],
  sqrt: [[0.3], [2.5]],
  rsqrt: [[0.3], [2.5]],
  pow: [
    [0.7, 2.3],
    [1.9, -1.2],
    [2.5, 0.4],
  ],
  mod: [
    [5.3, 2.1],
    [-5.3, 2.1],
    [5.3, -2.1],
  ],
  div: [
    [1.3, -0.7],
    [-2.2, 1.9],
  ],
  select: [
    [1, 0.3, 0.4],
    [0, 0.3, 0.4],
  ],
};
const fallback: Readonly<Record<number, readonly (readonly number[])[]>> = {
  1: [[-1.3], [0.4], [1.7]],
  2: [
    [0.3, 1.2],
    [-1.4, -0.6],
  ],
};

for (const name of SCALAR_OPS) {
  const { arity, derivative, value } = scalarOps[name];
  if (derivative === undefined) continue;
  test(`${name}: derivative agrees with central differences (step 1e-6, tolerance 1e-7)`, () => {
    for (const args of points[name] ?? fallback[arity]!) {
      const dy = 1.7;
      const found = derivative(numbers, args, value(...args), dy);
      assert.is(found.length, arity);
      found.forEach((g, i) => {
        if (g === null) return;
        const moved = (by: number): number => value(...args.map((x, k) => (k === i ? x + by : x)));
        const expected = (dy * (moved(1e-6) - moved(-1e-6))) / 2e-6;
        assert.ok(
          Math.abs(g - expected) <= 1e-7 * (1 + Math.abs(expected)),
          `${args}: ${g} ≠ ${expected}`,
        );
      });
    }
  });
}

test('max and min share the gradient of a tie', () => {
  assert.equal(scalarOps.max.derivative!(numbers, [2, 2], 2, 1), [0.5, 0.5]);
  assert.equal(scalarOps.min.derivative!(numbers, [2, 2], 2, 1), [0.5, 0.5]);
});

test('pow has finite gradients at zero bases and zero exponents', () => {
  assert.equal(scalarOps.pow.derivative!(numbers, [0, 2], 0, 1), [0, 0]);
  assert.equal(scalarOps.pow.derivative!(numbers, [0, 0], 1, 1)[0], 0);
  assert.equal(scalarOps.pow.derivative!(numbers, [-2, 3], -8, 1), [12, -0]);
});

test('erf agrees with tabulated values (1e-15)', () => {
  const table: readonly (readonly [number, number])[] = [
    [0, 0],
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [2, 0.9953222650189527],
    [3, 0.9999779095030014],
    [4, 0.9999999845827421],
  ];
  for (const [x, y] of table) {
    assert.ok(Math.abs(erf(x) - y) < 1e-15, `erf(${x}) = ${erf(x)}`);
    assert.ok(Math.abs(erf(-x) + y) < 1e-15);
  }
  assert.is(erf(Number.POSITIVE_INFINITY), 1);
  assert.ok(Number.isNaN(erf(Number.NaN)));
});

test('threefry matches the published known answers of Threefry-2x32-20', () => {
  assert.is(threefry(0, 0, 0, 0), 0x6b200159);
  assert.is(threefry(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff), 0x1cb996fc);
  assert.is(threefry(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3), 0xc4923a9c);
});

test('NaN goes through max, min and relu', () => {
  assert.ok(Number.isNaN(scalarOps.max.value(Number.NaN, 1)));
  assert.ok(Number.isNaN(scalarOps.min.value(1, Number.NaN)));
  assert.ok(Number.isNaN(scalarOps.relu.value(Number.NaN)));
});

test('mod and floordiv follow the sign of the divisor', () => {
  for (const [a, b, quotient, rest] of [
    [7, 3, 2, 1],
    [-7, 3, -3, 2],
    [7, -3, -3, -2],
    [-7, -3, 2, -1],
    [6, 3, 2, 0],
  ] as const) {
    assert.is(scalarOps.floordiv.value(a, b), quotient);
    assert.is(scalarOps.mod.value(a, b), rest);
  }
});

test('quotients and remainders of doubles are those of NumPy', () => {
  const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
  for (const [a, b, quotient, rest] of [
    [1, 0.1, 9, 0.09999999999999995],
    [-1, 0.1, -10, 5.551115123125783e-17],
    [1, -0.1, -10, -5.551115123125783e-17],
    [0.3, 0.1, 2, 0.09999999999999998],
    [-0.3, -0.1, 2, -0.09999999999999998],
    [1e16, 0.1, 1e17, 0.04488848768742176],
    [-1e-20, 1, -1, 1],
    [5, inf, 0, 5],
    [-5, inf, -1, inf],
    [inf, 2, nan, nan],
    [-0, 2, -0, 0],
    [0, -2, -0, -0],
    [-4, 2, -2, 0],
    [4, -2, -2, -0],
    [1, 0, inf, nan],
    [-1, 0, -inf, nan],
    [0, 0, nan, nan],
    [inf, 0, inf, nan],
    [1.7e308, 0.5, inf, 0],
  ] as const) {
    assert.ok(Object.is(scalarOps.floordiv.value(a, b), quotient), `${a} // ${b}`);
    assert.ok(Object.is(scalarOps.mod.value(a, b), rest), `${a} % ${b}`);
  }
});

test('shr is arithmetic for int32 and logical for uint32', () => {
  assert.is(scalarOps.shr.value(-8, 1), -4);
  assert.is(scalarOps.shr.value(0x80000000, 31), 1);
});

test('32-bit integer products wrap exactly', () => {
  const [a, b] = [0x7fffffff, 0x7ffffffd];
  assert.is(roundTo('int32', valueIn('mul', 'int32')(a, b)), Math.imul(a, b));
  assert.is(roundTo('uint32', valueIn('mul', 'uint32')(0xffffffff, 0xffffffff)), 1);
  assert.is(valueIn('mul', 'float32')(3, 0.5), 1.5);
});

test('halves round to even', () => {
  assert.equal([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.4999].map(roundEven), [-2, -2, -0, 0, 2, 2, 3]);
});

test('float16 rounding: ties to even, subnormals, overflow', () => {
  const cases: readonly (readonly [number, number])[] = [
    [1, 1],
    [1 + 2 ** -11, 1],
    [1 + 3 * 2 ** -11, 1 + 2 ** -9],
    [0.1, 0.0999755859375],
    [65504, 65504],
    [65519.9, 65504],
    [65520, Number.POSITIVE_INFINITY],
    [-70000, Number.NEGATIVE_INFINITY],
    [2 ** -24, 2 ** -24],
    [2 ** -25, 0],
    [1.5 * 2 ** -24, 2 ** -23],
    [6.1e-5, 6.097555160522461e-5],
  ];
  for (const [x, y] of cases) assert.is(roundTo('float16', x), y, `${x}`);
});

test('every float16 number rounds to itself', () => {
  for (let bits = 0; bits < 0x7c00; bits++) {
    const [exponent, fraction] = [bits >> 10, bits & 1023];
    const value =
      exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
    assert.is(roundTo('float16', value), value);
  }
});

test('every bfloat16 number rounds to itself, and its bits are read back', () => {
  for (let bits = 0; bits < 65536; bits++) {
    const value = fromBfloatBits(bits);
    const [exponent, fraction] = [(bits >> 7) & 255, bits & 127];
    const size =
      exponent === 255
        ? fraction === 0
          ? Number.POSITIVE_INFINITY
          : Number.NaN
        : exponent === 0
          ? fraction * 2 ** -133
          : (1 + fraction / 128) * 2 ** (exponent - 127);
    assert.ok(Object.is(value, bits & 0x8000 ? -size : size), `${bits}`);
    assert.ok(Object.is(roundTo('bfloat16', value), value), `${bits}`);
    assert.is(toBfloatBits(value), Number.isNaN(value) ? 0x7fc0 : bits);
  }
});

test('bfloat16 rounding is that of the definition: the nearest, of two the even one', () => {
  const largest = fromBfloatBits(0x7f7f);
  /** By search among all finite numbers, the first beyond them standing for infinity. */
  const nearest = (x: number): number => {
    if (Number.isNaN(x)) return x;
    const a = Math.abs(x);
    const at = (bits: number): number => (bits === 0x7f80 ? 2 ** 128 : fromBfloatBits(bits));
    let [low, high] = [0, 0x7f80];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (at(middle) <= a) low = middle;
      else high = middle;
    }
    const [below, above] = [a - at(low), at(high) - a];
    const bits = below < above || (below === above && low % 2 === 0) ? low : high;
    const size = bits === 0x7f80 || a >= 2 ** 128 ? Number.POSITIVE_INFINITY : at(bits);
    return x < 0 || Object.is(x, -0) ? -size : size;
  };
  const check = (x: number): void =>
    assert.ok(Object.is(roundTo('bfloat16', x), nearest(x)), `${x}`);
  for (const x of bfloatBorders()) check(x);
  // doubles next to what is half way: rounding to float32 first would lose the side
  for (const e of [-130, -126, -3, 0, 7, 127])
    for (const m of [1, 2, 65])
      for (const by of [-1, 0, 1]) check(2 ** e * (1 + m / 128 + 2 ** -8 + by * 2 ** -45));
  for (const x of [largest, largest + 2 ** 118, largest + 2 ** 119, 2 ** 128, 1e300, 5e-324]) {
    check(x);
    check(-x);
  }
  let state = 1;
  const word = new DataView(new ArrayBuffer(4));
  for (let i = 0; i < 20000; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    word.setUint32(0, state ^ (state >>> 13));
    check(word.getFloat32(0));
  }
  assert.is(roundTo('bfloat16', 0.1), 0.10009765625);
  assert.is(castTo('bfloat16', 65519), 65536);
});

test('dtypes promote to one that holds both: the two of 16 bits to float32', () => {
  for (const a of DTYPES)
    for (const b of DTYPES) {
      assert.is(promote(a, b), promote(b, a));
      for (const c of DTYPES) assert.is(promote(promote(a, b), c), promote(a, promote(b, c)));
    }
  assert.is(promote('bfloat16', 'float16'), 'float32');
  assert.is(promote('bfloat16', 'float32'), 'float32');
  assert.is(promote('bfloat16', 'int32'), 'bfloat16');
  assert.is(promote('uint8', 'bfloat16'), 'bfloat16');
  assert.is(promote('bfloat16', 'bfloat16'), 'bfloat16');
  assert.is(promote('uint8', 'int8'), 'int16');
  assert.is(promote('uint16', 'int16'), 'int32');
  assert.is(promote('uint8', 'int16'), 'int16');
  assert.is(promote('uint32', 'int8'), 'int32');
  assert.is(promote('uint32', 'int64'), 'int64');
  assert.is(promote('uint64', 'int64'), 'int64');
  assert.is(promote('int64', 'float16'), 'float16');
  assert.is(promote('float32', 'float64'), 'float64');
});

test('integers of all sizes wrap, shift and convert', () => {
  assert.equal(
    [128, -129, 255].map((x) => roundTo('int8', x)),
    [-128, 127, -1],
  );
  assert.equal(
    [32768, -1].map((x) => roundTo('int16', x)),
    [-32768, -1],
  );
  assert.equal(
    [-1, 65537].map((x) => roundTo('uint16', x)),
    [65535, 1],
  );
  assert.equal(
    [2 ** 63 + 2048, -(2 ** 63)].map((x) => roundTo('int64', x)),
    [2048 - 2 ** 63, -(2 ** 63)],
  );
  assert.is(roundTo('uint64', 2 ** 64 + 4096), 4096);
  assert.equal(
    [300.5, -1e9, Number.NaN].map((x) => castTo('int8', x)),
    [127, -128, 0],
  );
  assert.is(valueIn('mul', 'int64')(2 ** 40, 2 ** 30), roundTo('int64', 2 ** 70));
  assert.is(valueIn('mul', 'uint64')(2 ** 52 + 1, 2 ** 12), 2 ** 12);
  assert.is(valueIn('shr', 'int64')(-(2 ** 40), 38), -4);
  assert.is(valueIn('xor', 'int64')(2 ** 40, 1), 2 ** 40 + 1);
  assert.equal([isExactIn('int64', 2 ** 53), isExactIn('float64', 2 ** 60)], [false, true]);
  assert.equal([holds('int16', 'uint8'), holds('int8', 'uint8')], [true, false]);
  assert.equal([holds('float32', 'int16'), holds('float32', 'int32')], [true, false]);
});

test('casting a float to an integer truncates and saturates; NaN gives 0', () => {
  assert.is(castTo('int32', -2.9), -2);
  assert.is(castTo('int32', 3e9), 2147483647);
  assert.is(castTo('int32', Number.NEGATIVE_INFINITY), -2147483648);
  assert.is(castTo('uint8', 300.5), 255);
  assert.is(castTo('uint32', -1), 0);
  assert.is(castTo('int32', Number.NaN), 0);
  assert.is(castTo('bool', 0.25), 1);
});

test('dtype rules: operands of one dtype, bool only where it makes sense', () => {
  assert.is(scalarOps.add.dtype('int32', 'int32'), 'int32');
  assert.is(scalarOps.add.dtype('int32', 'float32'), undefined);
  assert.is(scalarOps.add.dtype('bool', 'bool'), undefined);
  assert.is(scalarOps.exp.dtype('int32'), undefined);
  assert.is(scalarOps.lt.dtype('float32', 'float32'), 'bool');
  assert.is(scalarOps.and.dtype('float32', 'float32'), undefined);
  assert.is(scalarOps.select.dtype('bool', 'uint8', 'uint8'), 'uint8');
  assert.is(scalarOps.select.dtype('int32', 'uint8', 'uint8'), undefined);
});

test.run();
