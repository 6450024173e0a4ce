/**
 * The inverse of the error function: what turns uniform numbers into normal ones.
 *
 * Invariant: exact to 4 units of the last place (of float64: to 6) inside (-1, 1), infinite at both ends, NaN beyond.
 */
import type { Node, Op } from '../graph.ts';
import type { NoAttrs } from './define.ts';
import { defineFormula, differenceOfSquares, isDouble, polynomial, type Write } from './formula.ts';

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

/** The same for doubles, in `w - 3.125` (w < 6.25), in `sqrt(w) - 3.25` (to 4) and in `sqrt(w) - 5`: off by 4e-16. */
const DOUBLE = [
  [
    -2.362369698566107e-22, -1.6787330615256773e-19, 1.1027771591500033e-18, 1.1125794759379464e-17,
    -1.290702354613073e-16, 2.166994626283574e-17, 6.581955305929239e-15, -4.0554139746886e-14,
    -8.106594456438496e-14, 2.6335724924608484e-12, -1.2977505202014966e-11,
    -5.4154417754696635e-11, 1.0512202440121784e-9, -4.112633104297614e-9, -2.907038666019143e-8,
    4.2347877672780653e-7, -1.3654691796592068e-6, -1.3882523361276876e-5, 0.0001867342080212427,
    -0.0007407025341669402, -0.006033670871427011, 0.2401581824255897, 1.6536545626831027,
  ],
  [
    -1.5102695423335065e-8, 6.969241977629694e-10, 1.3104351499972014e-7, -2.713451105439456e-7,
    -2.7004219280868947e-8, 1.4987130784186127e-6, -3.986084395214756e-6, 2.9257291901789823e-6,
    1.2465167157087251e-5, -4.731898412011245e-5, 6.828708654753377e-5, 2.4031257015092525e-5,
    -0.00035503780975963814, 0.0009532893637435638, -0.0016882755357337071, 0.0024914420969817607,
    -0.003751208508215561, 0.00537091455357168, 1.0052589676941652, 3.0838856104922208,
  ],
  [
    3.666070468422754e-11, -2.352646999154706e-11, -4.116293592200399e-10, 1.493201597105101e-9,
    -3.5158694896710817e-9, 7.639414842393792e-9, -1.5214554109256627e-8, 2.9127676471851595e-8,
    -6.75771296673446e-8, 2.290144377256384e-7, -9.930232707052572e-7, 4.526060118383704e-6,
    -1.9681771642885822e-5, 7.599527734419926e-5, -0.00021503011976295027, -0.00013871931835141962,
    1.010300464864544, 4.849906401408584,
  ],
] as const;

const precise = (f: Write, w: Node): Node => {
  const root = f('sqrt', f('max', w, 0));
  const [first, second, third] = DOUBLE;
  const near = polynomial(f, f('sub', w, 3.125), first);
  const far = polynomial(f, f('sub', root, 3.25), second);
  const end = polynomial(f, f('sub', root, 5), third);
  return f('select', f('lt', w, 6.25), near, f('select', f('lt', root, 4), far, end));
};

const rough = (f: Write, w: Node): Node => {
  const near = polynomial(f, f('sub', w, 2.5), CENTER);
  const far = polynomial(f, f('sub', f('sqrt', f('max', w, 0)), 3), TAIL);
  return f('select', f('lt', w, 5), near, far);
};

/** The number whose `erf` this is. */
export const erfinv: Op<NoAttrs> = defineFormula({
  name: 'erfinv',
  operands: ['x'],
  value: (f, [x]) => {
    const w = f('neg', f('log', differenceOfSquares(f, x!)));
    const inside = f('mul', isDouble(x!) ? precise(f, w) : rough(f, w), x!);
    const end = f('eq', f('abs', x!), 1);
    return f('select', end, f('mul', x!, Number.POSITIVE_INFINITY), inside);
  },
  slopes: (f, _args, y) => [f('mul', f('exp', f('mul', y, y)), Math.sqrt(Math.PI) / 2)],
});
