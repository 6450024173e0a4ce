/**
 * The error function of doubles.
 *
 * Invariant: the rational functions of fdlibm's s_erf (Sun Microsystems, 1993), one on each of four ranges.
 */
import type { Wasm } from '../tree.ts';
import {
  abs,
  add,
  div,
  ge,
  head,
  lt,
  mul,
  ne,
  poly,
  sub,
  type Unary,
  unary,
  withSign,
} from './build.ts';
import { exp } from './exp.ts';

interface Ratio {
  readonly over: readonly number[];
  readonly under: readonly number[];
}

/** erf(x) / x - 1 in x², below 0.84375. */
const SMALL: Ratio = {
  over: [
    -2.3763016656650163e-5, -5.770270296489442e-3, -2.848174957559851e-2, -3.250421072470015e-1,
    1.2837916709551256e-1,
  ],
  under: [
    -3.960228278775368e-6, 1.3249473800432164e-4, 5.081306281875766e-3, 6.50222499887673e-2,
    3.9791722395915535e-1, 1,
  ],
};
/** erf(x) - AROUND_ONE in |x| - 1, below 1.25. */
const AROUND_ONE = 8.450629115104675e-1;
const MIDDLE: Ratio = {
  over: [
    -2.166375594868791e-3, 3.5478304325618236e-2, -1.1089469428239668e-1, 3.1834661990116175e-1,
    -3.722078760357013e-1, 4.1485611868374833e-1, -2.3621185607526594e-3,
  ],
  under: [
    1.1984499846799107e-2, 1.363708391202905e-2, 1.2617121980876164e-1, 7.182865441419627e-2,
    5.40397917702171e-1, 1.0642088040084423e-1, 1,
  ],
};
/** log(|x| erfc(|x|)) + x² + 0.5625 in 1 / x², below 1 / 0.35 and beyond. */
const LARGE: Ratio = {
  over: [
    -9.814329344169145, -8.12874355063066e1, -1.8460509290671104e2, -1.6239666946257347e2,
    -6.2375332450326006e1, -1.0558626225323291e1, -6.938585727071818e-1, -9.864944034847148e-3,
  ],
  under: [
    -6.04244152148581e-2, 6.570249770319282, 1.0863500554177944e2, 4.2900814002756783e2,
    6.453872717332679e2, 4.3456587747522923e2, 1.3765775414351904e2, 1.9651271667439257e1, 1,
  ],
};
const LARGER: Ratio = {
  over: [
    -4.835191916086514e2, -1.0250951316110772e3, -6.375664433683896e2, -1.6063638485582192e2,
    -1.7757954917754752e1, -7.99283237680523e-1, -9.8649429247001e-3,
  ],
  under: [
    -2.244095244658582e1, 4.7452854120695537e2, 2.5530504064331644e3, 3.1998582195085955e3,
    1.536729586084437e3, 3.257925129965739e2, 3.033806074348246e1, 1,
  ],
};
const ratio = (x: Wasm, { over, under }: Ratio): Wasm => div(poly(x, over), poly(x, under));

export const erf: Unary = unary('erf', 'error function', (b, x) => {
  const size = b.keep(abs(x), 'size');
  b.when(lt(size, 0.84375), () => {
    const z = b.keep(mul(x, x), 'z');
    return add(x, mul(x, ratio(z, SMALL)));
  });
  b.when(lt(size, 1.25), () => {
    const s = b.keep(sub(size, 1), 's');
    return withSign(add(AROUND_ONE, ratio(s, MIDDLE)), x);
  });
  b.when(ge(size, 6), () => withSign(1, x));
  b.when(ne(x, x), () => x);
  // exp(-x²) as a product: the square of the upper half of x is exact
  const upper = b.keep(head(size), 'upper');
  const first = b.keep(exp(sub(-0.5625, mul(upper, upper))), 'first');
  const rest = b.keep(mul(sub(upper, size), add(upper, size)), 'rest');
  const z = b.keep(div(1, mul(size, size)), 'z');
  const missing = (r: Ratio): Wasm =>
    withSign(sub(1, div(mul(first, exp(add(rest, ratio(z, r)))), size)), x);
  b.when(lt(size, 1 / 0.35), () => missing(LARGE));
  return missing(LARGER);
});
