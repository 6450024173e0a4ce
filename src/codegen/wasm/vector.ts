/**
 * Shorthand for four-lane arithmetic: what polynomials and bit tricks are written in.
 *
 * Invariant: operands that are used twice are held in locals here, so callers may pass any tree once.
 */
import type { FunctionBuilder } from './builder.ts';
import type { PlainOp } from './instructions.ts';
import { i32, lane, op, shuffle, type Wasm } from './tree.ts';

export interface Vectors {
  readonly fb: FunctionBuilder;
  /** Whether multiply-add is one instruction. */
  readonly fused: boolean;
  f(value: number): Wasm;
  i(value: number): Wasm;
  d(value: number): Wasm;
  /** `a * b + c`. */
  madd(a: Wasm, b: Wasm, c: Wasm): Wasm;
  /** Horner's rule, highest coefficient first; `x` must be free to repeat. */
  poly(x: Wasm, coefficients: readonly number[]): Wasm;
  keep(value: Wasm, name?: string): Wasm;
  /** `yes` where the mask is set, else `no`. */
  choose(mask: Wasm, yes: Wasm, no: Wasm): Wasm;
  /** Magnitude of `x` with the sign of `y`. */
  copySign(x: Wasm, y: Wasm): Wasm;
}

export const vectors = (fb: FunctionBuilder, fused: boolean): Vectors => {
  const self: Vectors = {
    fb,
    fused,
    f: (value) => fb.constant('f32x4', value),
    i: (value) => fb.constant('i32x4', value),
    d: (value) => fb.constant('f64x2', value),
    madd: (a, b, c) =>
      fused ? op('f32x4.relaxed_madd', a, b, c) : op('f32x4.add', op('f32x4.mul', a, b), c),
    poly: (x, [first, ...rest]) =>
      rest.reduce((sum: Wasm, c) => self.madd(sum, x, self.f(c)), self.f(first!)),
    keep: (value, name) => fb.hold(value, 'v128', name),
    // masks are all ones or all zeros in each lane, where both mean the same: one instruction instead of three
    choose: (mask, yes, no) =>
      op(fused ? 'i32x4.relaxed_laneselect' : 'v128.bitselect', yes, no, mask),
    copySign: (x, y) => op('v128.bitselect', y, x, self.i(-0x80000000)),
  };
  return self;
};

/** Adding 1.5 * 2^52 rounds a double to an integer and leaves it in the low bits. */
export const DOUBLE_ROUNDER = 6755399441055744;

/** Applies `f` to pairs of doubles made of four floats, and narrows the result: for what float32 cannot hold on the way. */
export const throughDoubles = (
  v: Vectors,
  args: readonly Wasm[],
  f: (...halves: Wasm[]) => Wasm,
): Wasm => {
  const held = args.map((a) => v.keep(a));
  const low = held.map((a) => v.keep(op('f64x2.promote_low_f32x4', a)));
  const high = held.map((a) => v.keep(op('f64x2.promote_low_f32x4', shuffle(a, a, [2, 3, 2, 3]))));
  return narrow(v, f(...low), f(...high));
};

/** Four floats of two pairs of doubles. */
export const narrow = (_v: Vectors, low: Wasm, high: Wasm): Wasm =>
  shuffle(op('f32x4.demote_f64x2_zero', low), op('f32x4.demote_f64x2_zero', high), [0, 1, 4, 5]);

/** Vector op by name with a scalar shift amount. */
export const shift = (
  name: Extract<PlainOp, `${string}.sh${string}`>,
  x: Wasm,
  amount: number,
): Wasm => op(name, x, i32(amount));

/** First lane of `f(x in all lanes)`: one code path, one result, for scalars and vectors. */
export const inLane = (args: readonly Wasm[], f: (...vectors: Wasm[]) => Wasm): Wasm =>
  lane('f32x4.extract_lane', 0, f(...args.map((a) => op('f32x4.splat', a))));
