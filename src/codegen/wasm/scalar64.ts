/**
 * How WebAssembly says each scalar op on one element of 64 bits: a double, a signed or an unsigned integer.
 *
 * Invariant: integers wrap; division by zero gives 0, as the scalar table has it, and traps nowhere.
 */
import { TigonError } from '../../ir/errors.ts';
import type { ScalarOp } from '../../ir/scalar.ts';
import { define } from './doubles/build.ts';
import * as math from './math64.ts';
import type { Operands, Spelling } from './scalar.ts';
import { f64, i64, op, type Wasm } from './tree.ts';

type OfArgs = (a: Wasm, b: Wasm) => Wasm;
type OfOperands = (a: Wasm, b: Wasm, o: Operands) => Wasm;

/** A spelling for doubles, one for integers. */
const by =
  (doubles: OfOperands, integers: OfOperands): Spelling =>
  (o) =>
    (o.type.elem === 'f64' ? doubles : integers)(o.args[0]!, o.args[1]!, o);
const onDoubles =
  (f: OfArgs): Spelling =>
  (o) =>
    f(o.args[0]!, o.args[1]!);
const onIntegers =
  (f: OfOperands): Spelling =>
  (o) =>
    f(o.args[0]!, o.args[1]!, o);

const unsigned = (o: Operands): boolean => o.type.elem === 'u64';
const long = (o: Operands, x: Wasm): Wasm => o.v.fb.hold(x, 'i64');
const double = (o: Operands, x: Wasm): Wasm => o.v.fb.hold(x, 'f64');
const negative = (x: Wasm): Wasm => op('i64.lt_s', x, i64(0n));

const arithmetic = (name: 'add' | 'sub' | 'mul'): Spelling =>
  by(
    (a, b) => op(`f64.${name}`, a, b),
    (a, b) => op(`i64.${name}`, a, b),
  );

const comparison = (name: 'lt' | 'le' | 'gt' | 'ge'): Spelling =>
  by(
    (a, b) => op(`f64.${name}`, a, b),
    (a, b, o) => op(unsigned(o) ? `i64.${name}_u` : `i64.${name}_s`, a, b),
  );

const equality = (name: 'eq' | 'ne'): Spelling =>
  by(
    (a, b) => op(`f64.${name}`, a, b),
    (a, b) => op(`i64.${name}`, a, b),
  );

const extreme = (name: 'min' | 'max', test: 'lt' | 'gt'): Spelling =>
  by(
    (a, b) => op(`f64.${name}`, a, b),
    (a, b, o) => {
      const [x, y] = [long(o, a), long(o, b)];
      return op('select', x, y, op(unsigned(o) ? `i64.${test}_u` : `i64.${test}_s`, x, y));
    },
  );

/** Floor quotient and remainder with the sign of the divisor; 0 when dividing by 0. */
const division = (name: 'floordiv' | 'mod'): ((a: Wasm, b: Wasm) => Wasm) =>
  define(
    `i64.${name}`,
    { params: ['i64', 'i64'], result: 'i64', note: `${name} that never traps` },
    (b, x, y) => {
      b.when(op('i64.eqz', y!), () => i64(0n));
      // the quotient of the least number by -1 is out of range
      const wrapped = name === 'mod' ? i64(0n) : op('i64.sub', i64(0n), x!);
      b.when(op('i64.eq', y!, i64(-1n)), () => wrapped);
      const quotient = b.keepLong(op('i64.div_s', x!, y!), 'quotient');
      const rest = b.keepLong(op('i64.sub', x!, op('i64.mul', quotient, y!)), 'rest');
      const other = op('i32.and', op('i64.ne', rest, i64(0n)), negative(op('i64.xor', rest, y!)));
      return name === 'mod'
        ? op('i64.add', rest, op('select', y!, i64(0n), other))
        : op('i64.sub', quotient, op('i64.extend_i32_u', other));
    },
  );
const signedQuotient = division('floordiv');
const signedRest = division('mod');

const unsignedDivision = (o: Operands, a: Wasm, b: Wasm, name: 'div_u' | 'rem_u'): Wasm => {
  const divisor = long(o, b);
  const zero = op('i64.eqz', divisor);
  const safe = op('select', i64(1n), divisor, zero);
  return op('select', i64(0n), op(`i64.${name}`, a, safe), op('i64.eqz', divisor));
};

const refused: Spelling = () => {
  throw new TigonError('verify', 'there is no such operation on elements of 64 bits');
};

/** One row an op; a new op is a type error here until it has a spelling. */
export const spellings64: Readonly<Record<ScalarOp, Spelling>> = {
  neg: by(
    (a) => op('f64.neg', a),
    (a) => op('i64.sub', i64(0n), a),
  ),
  abs: by(
    (a) => op('f64.abs', a),
    (a, _b, o) => {
      if (unsigned(o)) return a;
      const x = long(o, a);
      return op('select', op('i64.sub', i64(0n), x), x, negative(x));
    },
  ),
  sign: by(
    (a, _b, o) => {
      const x = double(o, a);
      const moved = op('f64.gt', op('f64.abs', x), f64(0));
      return op('select', op('f64.copysign', f64(1), x), x, moved);
    },
    (a, _b, o) => {
      const x = long(o, a);
      if (unsigned(o)) return op('i64.extend_i32_u', op('i64.ne', x, i64(0n)));
      const above = op('i64.extend_i32_u', op('i64.gt_s', x, i64(0n)));
      return op('i64.or', op('i64.shr_s', x, i64(63n)), above);
    },
  ),
  exp: onDoubles(math.exp),
  expm1: onDoubles(math.expm1),
  log: onDoubles(math.log),
  log1p: onDoubles(math.log1p),
  sin: onDoubles(math.sin),
  cos: onDoubles(math.cos),
  tan: onDoubles(math.tan),
  tanh: onDoubles(math.tanh),
  sigmoid: onDoubles(math.sigmoid),
  erf: onDoubles(math.erf),
  relu: by(
    (a, _b, o) => {
      const x = double(o, a);
      return op('select', f64(0), x, op('f64.lt', x, f64(0)));
    },
    (a, _b, o) => {
      if (unsigned(o)) return a;
      const x = long(o, a);
      return op('select', i64(0n), x, negative(x));
    },
  ),
  sqrt: onDoubles((a) => op('f64.sqrt', a)),
  rsqrt: onDoubles((a) => op('f64.div', f64(1), op('f64.sqrt', a))),
  floor: onDoubles((a) => op('f64.floor', a)),
  ceil: onDoubles((a) => op('f64.ceil', a)),
  round: onDoubles((a) => op('f64.nearest', a)),
  isnan: (o) => {
    const x = double(o, o.args[0]!);
    return op('f64.ne', x, x);
  },
  not: refused,
  add: arithmetic('add'),
  sub: arithmetic('sub'),
  mul: arithmetic('mul'),
  div: onDoubles((a, b) => op('f64.div', a, b)),
  floordiv: by(math.floorDiv, (a, b, o) =>
    unsigned(o) ? unsignedDivision(o, a, b, 'div_u') : signedQuotient(a, b),
  ),
  mod: by(math.mod, (a, b, o) =>
    unsigned(o) ? unsignedDivision(o, a, b, 'rem_u') : signedRest(a, b),
  ),
  pow: (o) => {
    const power = o.exprs[1]!;
    if (power.kind !== 'const' || power.value !== 2) return math.pow(o.args[0]!, o.args[1]!);
    const x = double(o, o.args[0]!);
    return op('f64.mul', x, x);
  },
  copysign: onDoubles((a, b) => op('f64.copysign', a, b)),
  min: extreme('min', 'lt'),
  max: extreme('max', 'gt'),
  eq: equality('eq'),
  ne: equality('ne'),
  lt: comparison('lt'),
  le: comparison('le'),
  gt: comparison('gt'),
  ge: comparison('ge'),
  and: onIntegers((a, b) => op('i64.and', a, b)),
  or: onIntegers((a, b) => op('i64.or', a, b)),
  xor: onIntegers((a, b) => op('i64.xor', a, b)),
  shl: onIntegers((a, b) => op('i64.shl', a, b)),
  shr: onIntegers((a, b, o) => op(unsigned(o) ? 'i64.shr_u' : 'i64.shr_s', a, b)),
  select: (o) => op('select', o.args[1]!, o.args[2]!, o.args[0]!),
  threefry: refused,
};
