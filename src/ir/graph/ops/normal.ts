/**
 * The inverse of the error function: what turns uniform numbers into normal ones.
 *
 * Invariant: exact to 4 units of the last place inside (-1, 1), infinite at both ends, NaN beyond.
 */
import type { Op } from '../graph.ts';
import type { NoAttrs } from './define.ts';
import { defineFormula, differenceOfSquares, polynomial } from './formula.ts';

/**
 * `erfinv(x) / x` in `w - 2.5` (w < 5) and in `sqrt(w) - 3` with `w = -log(1 - x²)`: highest first (Giles, "Approximating
 * the erfinv function", GPU Computing Gems 2011).
 */
const CENTER = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 2.1858087e-4, -1.25372503e-3,
  -4.17768164e-3, 0.246640727, 1.50140941,
];
const TAIL = [
  -2.00214257e-4, 1.00950558e-4, 1.34934322e-3, -3.67342844e-3, 5.73950773e-3, -7.6224613e-3,
  9.43887047e-3, 1.00167406, 2.83297682,
];

/** The number whose `erf` this is. */
export const erfinv: Op<NoAttrs> = defineFormula({
  name: 'erfinv',
  operands: ['x'],
  value: (f, [x]) => {
    const w = f('neg', f('log', differenceOfSquares(f, x!)));
    const near = polynomial(f, f('sub', w, 2.5), CENTER);
    const far = polynomial(f, f('sub', f('sqrt', f('max', w, 0)), 3), TAIL);
    const inside = f('mul', f('select', f('lt', w, 5), near, far), x!);
    const end = f('eq', f('abs', x!), 1);
    return f('select', end, f('mul', x!, Number.POSITIVE_INFINITY), inside);
  },
  slopes: (f, _args, y) => [f('mul', f('exp', f('mul', y, y)), Math.sqrt(Math.PI) / 2)],
});
