/**
 * Shorthand for functions of doubles: arithmetic on trees, early returns, functions made when they are first called.
 *
 * Invariant: `keep` whatever is used more than once; a function is built once and shared by all modules, which hold those
 * that something in them calls.
 */
import { FunctionBuilder } from '../builder.ts';
import {
  call,
  f64,
  get,
  i32,
  i64,
  op,
  type ValueType,
  type Wasm,
  type WasmFunction,
} from '../tree.ts';

/** A double: a tree, or a number. */
export type Double = Wasm | number;
const lift = (x: Double): Wasm => (typeof x === 'number' ? f64(x) : x);

export const add = (a: Double, b: Double): Wasm => op('f64.add', lift(a), lift(b));
export const sub = (a: Double, b: Double): Wasm => op('f64.sub', lift(a), lift(b));
export const mul = (a: Double, b: Double): Wasm => op('f64.mul', lift(a), lift(b));
export const div = (a: Double, b: Double): Wasm => op('f64.div', lift(a), lift(b));
export const neg = (a: Wasm): Wasm => op('f64.neg', a);
export const abs = (a: Wasm): Wasm => op('f64.abs', a);
export const min = (a: Double, b: Double): Wasm => op('f64.min', lift(a), lift(b));
export const max = (a: Double, b: Double): Wasm => op('f64.max', lift(a), lift(b));
export const nearest = (a: Wasm): Wasm => op('f64.nearest', a);
export const withSign = (size: Double, sign: Wasm): Wasm => op('f64.copysign', lift(size), sign);

export const lt = (a: Double, b: Double): Wasm => op('f64.lt', lift(a), lift(b));
export const le = (a: Double, b: Double): Wasm => op('f64.le', lift(a), lift(b));
export const gt = (a: Double, b: Double): Wasm => op('f64.gt', lift(a), lift(b));
export const ge = (a: Double, b: Double): Wasm => op('f64.ge', lift(a), lift(b));
export const eq = (a: Double, b: Double): Wasm => op('f64.eq', lift(a), lift(b));
export const ne = (a: Double, b: Double): Wasm => op('f64.ne', lift(a), lift(b));
export const both = (a: Wasm, b: Wasm): Wasm => op('i32.and', a, b);
export const either = (a: Wasm, b: Wasm): Wasm => op('i32.or', a, b);
/** Both sides are computed. */
export const choose = (condition: Wasm, yes: Double, no: Double): Wasm =>
  op('select', lift(yes), lift(no), condition);

export const bitsOf = (x: Wasm): Wasm => op('i64.reinterpret_f64', x);
export const ofBits = (x: Wasm): Wasm => op('f64.reinterpret_i64', x);
/** The number without the last 32 bits of its significand: products of two such are exact. */
export const head = (x: Wasm): Wasm =>
  ofBits(op('i64.and', bitsOf(x), i64(0xffff_ffff_0000_0000n)));
/** Horner's rule, highest coefficient first; `x` must be free to repeat. */
export const poly = (x: Wasm, [first, ...rest]: readonly number[]): Wasm =>
  rest.reduce((sum: Wasm, c) => add(mul(sum, x), c), lift(first!));

/** What a function's body is written with. */
export interface Body {
  readonly fb: FunctionBuilder;
  keep(value: Wasm, name: string): Wasm;
  keepLong(value: Wasm, name: string): Wasm;
  keepInt(value: Wasm, name: string): Wasm;
  /** Ends with the value that `make` gives, where the condition holds. */
  when(condition: Wasm, make: () => Double): void;
}

const bodyOf = (fb: FunctionBuilder): Body => ({
  fb,
  keep: (value, name) => fb.hold(value, 'f64', name),
  keepLong: (value, name) => fb.hold(value, 'i64', name),
  keepInt: (value, name) => fb.hold(value, 'i32', name),
  when: (condition, make) => {
    const then = fb.nested(() => fb.push({ kind: 'return', value: lift(make()) }));
    fb.push({ kind: 'if', condition, then, otherwise: [] });
  },
});

/** A function under a name of its own, by the types of its parameters and its result: gives calls of it. */
export const define = <P extends readonly ValueType[]>(
  name: string,
  signature: { readonly params: P; readonly result: ValueType; readonly note: string },
  body: (b: Body, ...args: Wasm[]) => Double,
): ((...args: { [K in keyof P]: Wasm }) => Wasm) => {
  let made: WasmFunction | undefined;
  const make = (): WasmFunction => {
    const fb = new FunctionBuilder();
    const params = signature.params.map((type, i) => get(fb.param(type, 'xyzw'[i]!)));
    fb.push({ kind: 'return', value: lift(body(bodyOf(fb), ...params)) });
    const { result, note } = signature;
    return fb.finish(name, { result, notes: [note] });
  };
  return (...args) => {
    made ??= make();
    return call(made, ...(args as readonly Wasm[]));
  };
};

export type Unary = (x: Wasm) => Wasm;
export type Binary = (x: Wasm, y: Wasm) => Wasm;

/** A function of one double. */
export const unary = (name: string, note: string, body: (b: Body, x: Wasm) => Double): Unary => {
  const signature = { params: ['f64'], result: 'f64', note } as const;
  const made = define(`f64.${name}`, signature, (b, x) => body(b, x!));
  return (x) => made(x);
};

/** A function of two doubles. */
export const binary = (
  name: string,
  note: string,
  body: (b: Body, x: Wasm, y: Wasm) => Double,
): Binary => {
  const signature = { params: ['f64', 'f64'], result: 'f64', note } as const;
  const made = define(`f64.${name}`, signature, (b, x, y) => body(b, x!, y!));
  return (x, y) => made(x, y);
};

const BIAS = 1023;
/** `x * 2^k` for whole k within ±2000, rounded once: the power is two factors, each in range while k is not. */
export const scaled = (b: Body, x: Double, k: Wasm): Wasm => {
  const exponent = b.keepInt(k, 'k');
  const half = b.keepInt(op('i32.shr_s', exponent, i32(1)), 'half');
  const power = (n: Wasm): Wasm =>
    ofBits(op('i64.shl', op('i64.extend_i32_s', op('i32.add', n, i32(BIAS))), i64(52n)));
  return mul(mul(x, power(half)), power(op('i32.sub', exponent, half)));
};
