/**
 * How WebAssembly says each scalar op on elements of 32 bits: on one number and on four lanes.
 *
 * Invariant: a scalar and a lane give the same bits for the same operands (transcendental functions run on all lanes
 * either way), so results do not depend on where a vector loop ends and its tail begins.
 */
import type { ScalarOp } from '../../ir/scalar.ts';
import type { RegType, TExpr } from '../../ir/thread/thread.ts';
import { modOfFloats } from './doubles/mod.ts';
import { wordsOf } from './draws.ts';
import { conjunction, inverse } from './masks.ts';
import * as math from './math.ts';
import { extract, insert, valueType } from './numbers.ts';
import { f32, i32, op, type Wasm } from './tree.ts';
import { inLane, shift, throughDoubles, type Vectors } from './vector.ts';

/** What a spelling is given. */
export interface Operands {
  readonly v: Vectors;
  /** Register type of the operands (of the last one, for `select`). */
  readonly type: RegType;
  readonly args: readonly Wasm[];
  /** The operands as they stood in Thread IR. */
  readonly exprs: readonly TExpr[];
  /** Known to be in [0, 2^31). */
  nonNegative(expr: TExpr): boolean;
  /** Known to be a float that is at most 0, or NaN. */
  atMostZero(expr: TExpr): boolean;
  /** Known to be the float 0, not -0. */
  isZero(expr: TExpr): boolean;
}
export type Spelling = (o: Operands) => Wasm;

const wide = (o: Operands): boolean => o.type.lanes === 4;
const float = (o: Operands): boolean => o.type.elem === 'f32';

type Arithmetic = 'add' | 'sub' | 'mul';
const arithmetic = (name: Arithmetic): Spelling => {
  // put together once: the encoder looks instructions up by their names
  const floats = [`f32.${name}`, `f32x4.${name}`] as const;
  const integers = [`i32.${name}`, `i32x4.${name}`] as const;
  return (o) => op((float(o) ? floats : integers)[wide(o) ? 1 : 0], o.args[0]!, o.args[1]!);
};

const onFloats =
  (name: 'sqrt' | 'floor' | 'ceil' | 'nearest'): Spelling =>
  (o) =>
    op(wide(o) ? `f32x4.${name}` : `f32.${name}`, o.args[0]!);

/** Runs a four-lane function on lanes, or on a scalar spread over them. */
const lanewise =
  (f: (v: Vectors, ...args: Wasm[]) => Wasm): Spelling =>
  (o) =>
    wide(o) ? f(o.v, ...o.args) : inLane(o.args, (...args) => f(o.v, ...args));

type Comparison = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';
const comparison =
  (name: Comparison): Spelling =>
  (o) => {
    const [a, b] = o.args;
    if (float(o)) return op(wide(o) ? `f32x4.${name}` : `f32.${name}`, a!, b!);
    if (name === 'eq' || name === 'ne')
      return op(wide(o) ? `i32x4.${name}` : `i32.${name}`, a!, b!);
    // a set mask is the greatest unsigned number, so bools compare as unsigned in both forms
    const sign = o.type.elem === 'i32' ? 's' : 'u';
    return op(wide(o) ? `i32x4.${name}_${sign}` : `i32.${name}_${sign}`, a!, b!);
  };

const bitwise =
  (name: 'and' | 'or' | 'xor'): Spelling =>
  (o) =>
    op(wide(o) ? `v128.${name}` : `i32.${name}`, o.args[0]!, o.args[1]!);

/** Applies a scalar function to each lane: for what SIMD has no instruction. */
const eachLane = (o: Operands, f: (...args: Wasm[]) => Wasm): Wasm => {
  const held = o.args.map((a) => o.v.keep(a));
  let out: Wasm = o.v.i(0);
  for (let l = 0; l < 4; l++)
    out = insert(o.type.elem, out, l, f(...held.map((a) => extract(o.type.elem, a, l))));
  return out;
};

const shiftBy =
  (left: boolean): Spelling =>
  (o) => {
    const name = left ? 'shl' : o.type.elem === 'u32' ? 'shr_u' : 'shr_s';
    const [a, b] = o.args;
    if (!wide(o)) return op(`i32.${name}`, a!, b!);
    const amount = o.exprs[1]!;
    if (amount.kind === 'const') return op(`i32x4.${name}`, a!, i32(amount.value));
    if (b!.kind === 'plain' && b!.op === 'i32x4.splat') return op(`i32x4.${name}`, a!, b!.args[0]!);
    return eachLane(o, (x, y) => op(`i32.${name}`, x, y));
  };

/** `x > y ? x : y` of vectors of floats: one instruction. */
const isLarger = ({ exprs: [c, x, y], type }: Operands): boolean => {
  if (type.lanes !== 4 || type.elem !== 'f32' || c?.kind !== 'op' || c.op !== 'gt') return false;
  const same = (a: TExpr | undefined, b: TExpr | undefined): boolean =>
    a?.kind === 'get' && b?.kind === 'get' && a.register === b.register;
  return same(c.args[0], x) && same(c.args[1], y);
};

/**
 * NaN in either operand gives NaN. `pmax(a, b)` keeps a NaN in `a`; a NaN in `b` shows as a set mask, which is a NaN.
 * Against a constant the mask is not needed.
 */
const extreme =
  (name: 'min' | 'max'): Spelling =>
  (o) => {
    const [a, b] = o.args;
    if (float(o)) {
      if (!wide(o)) return op(`f32.${name}`, a!, b!);
      const known = o.exprs.map((e) => {
        const c = e.kind === 'splat' ? e.arg : e;
        return c.kind === 'const' && !Number.isNaN(c.value);
      });
      if (known[1]) return op(`f32x4.p${name}`, a!, b!);
      if (known[0]) return op(`f32x4.p${name}`, b!, a!);
      const second = o.v.keep(b!);
      return op('v128.or', op(`f32x4.p${name}`, a!, second), op('f32x4.ne', second, second));
    }
    const sign = o.type.elem === 'i32' ? 's' : 'u';
    if (wide(o)) return op(`i32x4.${name}_${sign}`, a!, b!);
    const x = o.v.fb.hold(a!, 'i32');
    const y = o.v.fb.hold(b!, 'i32');
    return op('select', x, y, op(name === 'min' ? `i32.lt_${sign}` : `i32.gt_${sign}`, x, y));
  };

const powerOfTwo = (n: number): boolean => n > 0 && (n & (n - 1)) === 0;

/** Floor quotient (or remainder with the sign of the divisor) of two int32 or uint32; 0 when dividing by 0. */
const integerDivision =
  (remainder: boolean): Spelling =>
  (o) => {
    const fb = o.v.fb;
    const unsigned = o.type.elem === 'u32';
    const divisor = o.exprs[1]!;
    const by = divisor.kind === 'const' ? divisor.value : undefined;
    const one = (x: Wasm, y: Wasm): Wasm => {
      if (by !== undefined && by > 0 && by <= 0x7fffffff)
        return constantDivision(o, x, by, remainder, unsigned || o.nonNegative(o.exprs[0]!));
      const a = fb.hold(x, 'i32');
      const b = fb.hold(y, 'i32');
      const zero = op('i32.eqz', b);
      const safe = fb.bind(op('select', i32(1), b, zero), 'i32', 'divisor');
      if (unsigned) {
        const q = op(remainder ? 'i32.rem_u' : 'i32.div_u', a, safe);
        return op('select', i32(0), q, zero);
      }
      // in 64 bits, where -2^31 / -1 does not trap
      const q = fb.bind(
        op(
          'i32.wrap_i64',
          op('i64.div_s', op('i64.extend_i32_s', a), op('i64.extend_i32_s', safe)),
        ),
        'i32',
        'q',
      );
      const r = fb.bind(op('i32.sub', a, op('i32.mul', q, safe)), 'i32', 'r');
      const low = fb.bind(
        op('i32.and', op('i32.ne', r, i32(0)), op('i32.lt_s', op('i32.xor', r, safe), i32(0))),
        'i32',
        'low',
      );
      if (remainder)
        return op('select', i32(0), op('i32.add', r, op('select', safe, i32(0), low)), zero);
      return op('select', i32(0), op('i32.sub', q, low), zero);
    };
    if (!wide(o)) return one(o.args[0]!, o.args[1]!);
    if (by !== undefined && powerOfTwo(by))
      return remainder
        ? op('v128.and', o.args[0]!, o.v.i(by - 1))
        : shift(unsigned ? 'i32x4.shr_u' : 'i32x4.shr_s', o.args[0]!, Math.log2(by));
    return eachLane(o, one);
  };

const constantDivision = (
  o: Operands,
  x: Wasm,
  by: number,
  remainder: boolean,
  nonNegative: boolean,
): Wasm => {
  if (powerOfTwo(by)) {
    if (remainder) return op('i32.and', x, i32(by - 1));
    return op(nonNegative ? 'i32.shr_u' : 'i32.shr_s', x, i32(Math.log2(by)));
  }
  if (nonNegative) return op(remainder ? 'i32.rem_u' : 'i32.div_u', x, i32(by));
  const fb = o.v.fb;
  const a = fb.hold(x, 'i32');
  if (remainder) {
    const r = fb.bind(op('i32.rem_s', a, i32(by)), 'i32', 'r');
    return op('i32.add', r, op('i32.and', op('i32.shr_s', r, i32(31)), i32(by)));
  }
  const q = fb.bind(op('i32.div_s', a, i32(by)), 'i32', 'q');
  const r = op('i32.sub', a, op('i32.mul', q, i32(by)));
  return op('i32.add', q, op('i32.shr_s', r, i32(31)));
};

/** A number beyond all floats, whose quotients are still doubles. */
const BEYOND = 1e200;
/**
 * In doubles the quotient of two floats is never rounded up to an integer. Infinity has no quotient, but by 0; it divides
 * as a number beyond all floats does.
 */
const floorDivide = lanewise((v, x, y) =>
  throughDoubles(v, [x, y], (a, b) => {
    const by = op('f64x2.pmax', op('f64x2.pmin', b!, v.d(BEYOND)), v.d(-BEYOND));
    const infinite = op('f64x2.eq', op('f64x2.abs', a!), v.d(Number.POSITIVE_INFINITY));
    const none = op('v128.and', infinite, op('f64x2.ne', b!, v.d(0)));
    return v.choose(none, v.d(Number.NaN), op('f64x2.floor', op('f64x2.div', a!, by)));
  }),
);
const floatRemainder = lanewise((v, x, y) =>
  throughDoubles(v, [x, y], (a, b) => modOfFloats(a!, b!)),
);

const byKind =
  (floats: Spelling, integers: Spelling): Spelling =>
  (o) =>
    float(o) ? floats(o) : integers(o);

const generalPower = lanewise(math.pow);

const threefry: Spelling = (o) => wordsOf(o.v, o.type.lanes, [o.args])[0]!;

/** One row an op; a new op is a type error here until it has a spelling. */
export const spellings: Readonly<Record<ScalarOp, Spelling>> = {
  neg: (o) =>
    float(o)
      ? op(wide(o) ? 'f32x4.neg' : 'f32.neg', o.args[0]!)
      : wide(o)
        ? op('i32x4.neg', o.args[0]!)
        : op('i32.sub', i32(0), o.args[0]!),
  abs: (o) => {
    if (float(o)) return op(wide(o) ? 'f32x4.abs' : 'f32.abs', o.args[0]!);
    if (o.type.elem === 'u32') return o.args[0]!;
    if (wide(o)) return op('i32x4.abs', o.args[0]!);
    const x = o.v.fb.hold(o.args[0]!, 'i32');
    return op('select', op('i32.sub', i32(0), x), x, op('i32.lt_s', x, i32(0)));
  },
  sign: byKind(
    lanewise((v, x) => {
      const given = v.keep(x);
      const moved = op('f32x4.gt', op('f32x4.abs', given), v.f(0));
      return v.choose(moved, v.copySign(v.f(1), given), given);
    }),
    (o) => {
      const x = o.v.fb.hold(o.args[0]!, valueType(o.type));
      const above = o.type.elem === 'u32' ? 'gt_u' : 'gt_s';
      const sign = op(wide(o) ? 'i32x4.shr_s' : 'i32.shr_s', x, i32(31));
      // masks count down, scalars count up
      const positive = wide(o)
        ? op('i32x4.neg', op(`i32x4.${above}`, x, o.v.i(0)))
        : op(`i32.${above}`, x, i32(0));
      if (o.type.elem === 'u32') return positive;
      return op(wide(o) ? 'v128.or' : 'i32.or', sign, positive);
    },
  ),
  exp: (o) => lanewise(o.atMostZero(o.exprs[0]!) ? math.expOfNegative : math.exp)(o),
  expm1: lanewise(math.expm1),
  log: lanewise(math.log),
  log1p: lanewise(math.log1p),
  sin: lanewise(math.sin),
  cos: lanewise(math.cos),
  tan: lanewise(math.tan),
  tanh: lanewise(math.tanh),
  sigmoid: lanewise(math.sigmoid),
  erf: lanewise(math.erf),
  relu: (o) => {
    const x = o.args[0]!;
    if (float(o)) {
      if (wide(o)) return op('f32x4.pmax', x, o.v.f(0));
      const held = o.v.fb.hold(x, 'f32');
      return op('select', f32(0), held, op('f32.lt', held, f32(0)));
    }
    if (o.type.elem === 'u32') return x;
    if (wide(o)) return op('i32x4.max_s', x, o.v.i(0));
    const held = o.v.fb.hold(x, 'i32');
    return op('select', held, i32(0), op('i32.gt_s', held, i32(0)));
  },
  sqrt: onFloats('sqrt'),
  rsqrt: (o) =>
    wide(o)
      ? op('f32x4.div', o.v.f(1), op('f32x4.sqrt', o.args[0]!))
      : op('f32.div', f32(1), op('f32.sqrt', o.args[0]!)),
  floor: onFloats('floor'),
  ceil: onFloats('ceil'),
  round: onFloats('nearest'),
  isnan: (o) => {
    const x = o.v.fb.hold(o.args[0]!, valueType(o.type));
    return op(wide(o) ? 'f32x4.ne' : 'f32.ne', x, x);
  },
  not: (o) => (wide(o) ? inverse(o.args[0]!) : op('i32.eqz', o.args[0]!)),
  add: arithmetic('add'),
  sub: arithmetic('sub'),
  mul: arithmetic('mul'),
  div: (o) => op(wide(o) ? 'f32x4.div' : 'f32.div', o.args[0]!, o.args[1]!),
  floordiv: byKind(floorDivide, integerDivision(false)),
  mod: byKind(floatRemainder, integerDivision(true)),
  pow: (o) => {
    const power = o.exprs[1]!;
    const known = power.kind === 'splat' ? power.arg : power;
    if (known.kind !== 'const' || known.value !== 2) return generalPower(o);
    const x = o.v.fb.hold(o.args[0]!, valueType(o.type));
    return op(wide(o) ? 'f32x4.mul' : 'f32.mul', x, x);
  },
  copysign: lanewise((v, x, y) => v.copySign(x, y)),
  min: extreme('min'),
  max: extreme('max'),
  eq: comparison('eq'),
  ne: comparison('ne'),
  lt: comparison('lt'),
  le: comparison('le'),
  gt: comparison('gt'),
  ge: comparison('ge'),
  and: (o) => (wide(o) ? conjunction(o.args[0]!, o.args[1]!) : bitwise('and')(o)),
  or: bitwise('or'),
  xor: bitwise('xor'),
  shl: shiftBy(true),
  shr: shiftBy(false),
  select: (o) => {
    const [c, x, y] = o.args;
    if (isLarger(o)) return op('f32x4.pmax', y!, x!);
    // masks are all ones or all zeros: engines make three instructions of a choice, one of these
    if (wide(o) && o.isZero(o.exprs[2]!)) return op('v128.and', x!, c!);
    if (wide(o) && o.isZero(o.exprs[1]!)) return op('v128.andnot', y!, c!);
    return wide(o) ? o.v.choose(c!, x!, y!) : op('select', x!, y!, c!);
  },
  threefry,
};
