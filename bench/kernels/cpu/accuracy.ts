/**
 * Greatest errors of the CPU's functions over floats of all magnitudes, in units of the last place.
 *
 * Invariant: against double precision; infinities, NaN and the sign of infinity have to be right.
 * Run: `node --conditions=tigon-source --import tsx bench/kernels/cpu/accuracy.ts [op]... [--stride=1021]`
 */
import { wasmCaps } from '../../../src/codegen/wasm/caps.ts';
import { type ScalarOp, scalarOps } from '../../../src/ir/scalar.ts';
import { f32, operate, splat } from '../../../src/ir/thread/build.ts';
import type { TExpr } from '../../../src/ir/thread/thread.ts';
import { hasRelaxedSimd } from '../../../src/runtime/cpu/features.ts';
import { mapFloats } from '../../../test/support/wasm.ts';

interface Swept {
  readonly name: string;
  readonly make: (x: TExpr) => TExpr;
  readonly value: (x: number) => number;
}

const UNARY: readonly ScalarOp[] = [
  ...(['exp', 'expm1', 'log', 'log1p', 'tanh', 'sigmoid', 'erf'] as const),
  ...(['sin', 'cos', 'tan', 'sqrt', 'rsqrt'] as const),
];
const POWERS = [-2.5, -1, 0.3, 0.5, 1.7, 3, 11];

const swept: readonly Swept[] = [
  ...UNARY.map((op) => ({
    name: op,
    make: (x: TExpr) => operate(op, x),
    value: scalarOps[op].value,
  })),
  {
    name: 'exp of -|x|',
    make: (x) => operate('exp', operate('neg', operate('abs', x))),
    value: (x) => Math.exp(-Math.abs(x)),
  },
  ...POWERS.map((power) => ({
    name: `pow ${power}`,
    make: (x: TExpr) => operate('pow', x, splat(f32(power))),
    value: (x: number) => x ** Math.fround(power),
  })),
];

/** Units in the last place; none smaller than the least subnormal. */
const ulpOf = (y: number): number =>
  Math.abs(y) < 2 ** -126 ? 2 ** -149 : 2 ** (Math.floor(Math.log2(Math.abs(y))) - 23);

const CHUNK = 1 << 20;

/** The greatest error over every `stride`th pattern of bits, and where it is. */
const worstOf = (
  { make, value }: Swept,
  fused: boolean,
  stride: number,
): { readonly ulp: number; readonly at: number } => {
  let [ulp, at] = [0, 0];
  for (let start = 0; start < 2 ** 32; start += CHUNK * stride) {
    const bits = Uint32Array.from({ length: CHUNK }, (_, i) => (start + i * stride) % 2 ** 32);
    const x = new Float32Array(bits.buffer);
    const got = mapFloats((v) => make(v!), [x], wasmCaps(fused));
    for (let i = 0; i < CHUNK; i++) {
      const want = value(x[i]!);
      const single = Math.fround(want);
      const both = Number.isFinite(single) && Number.isFinite(got[i]!);
      // the last step before infinity may fall on either side
      const edge = Math.abs(want) > 3.4028e38 && Math.abs(got[i]!) > 3.4028e38;
      const right = edge || Object.is(got[i]!, single);
      const error = both
        ? Math.abs(got[i]! - want) / ulpOf(want)
        : right
          ? 0
          : Number.POSITIVE_INFINITY;
      if (error > ulp) [ulp, at] = [error, x[i]!];
    }
  }
  return { ulp, at };
};

const named = process.argv.slice(2).filter((a) => !a.startsWith('--'));
const option = process.argv.find((a) => a.startsWith('--stride='));
const stride = Number(option?.slice('--stride='.length) ?? 1021);
console.log(`${'function'.padEnd(14)} fused                          product and sum`);
for (const s of swept) {
  if (named.length > 0 && !named.some((n) => s.name.startsWith(n))) continue;
  const show = (fused: boolean): string => {
    if (fused && !hasRelaxedSimd()) return '-'.padEnd(30);
    const { ulp, at } = worstOf(s, fused, stride);
    return `${ulp.toFixed(2)} ulp at ${at}`.padEnd(30);
  };
  console.log(s.name.padEnd(14), show(true), show(false));
}
