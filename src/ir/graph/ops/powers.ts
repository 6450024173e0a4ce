/**
 * Roots, lengths, and powers and logarithms of other bases. Greatest errors in units of the last place (see the accuracy
 * test of array functions): all below 3.
 *
 * Invariant: logarithms of whole powers of their base are whole numbers; no overflow before the result overflows.
 */
import type { Node, Op } from '../graph.ts';
import type { NoAttrs } from './define.ts';
import { defineFormula, isDouble, type Write } from './formula.ts';

/**
 * The whole part first: `log(x) = k + log(x / base^k)`. So whole powers give whole numbers, and what is rounded is small.
 * `limits`: the greatest k whose power is a float, and a double.
 */
const logarithm = (
  name: string,
  base: number,
  limits: readonly [single: number, double: number],
): Op<NoAttrs> =>
  defineFormula({
    name,
    operands: ['x'],
    value: (f, [x]) => {
      const per = 1 / Math.log(base);
      const limit = limits[isDouble(x!) ? 1 : 0];
      const rough = f('mul', f('log', x!), per);
      const whole = f('min', f('max', f('round', rough), -limit), limit);
      const rest = f('mul', x!, f('pow', base, f('neg', whole)));
      const fine = f('add', f('mul', f('log', rest), per), whole);
      const finite = f('lt', f('abs', rough), Number.POSITIVE_INFINITY);
      return f('select', finite, fine, rough);
    },
    slopes: (f, [x]) => [f('div', 1 / Math.log(base), x!)],
  });

/** Logarithm to base 2. */
export const log2: Op<NoAttrs> = logarithm('log2', 2, [126, 1022]);
/** Logarithm to base 10. */
export const log10: Op<NoAttrs> = logarithm('log10', 10, [37, 307]);

/** 2 to the power of x. */
export const exp2: Op<NoAttrs> = defineFormula({
  name: 'exp2',
  operands: ['x'],
  value: (f, [x]) => f('pow', 2, x!),
  slopes: (f, _args, y) => [f('mul', y, Math.LN2)],
});

/** Cube root, of negative numbers too. */
export const cbrt: Op<NoAttrs> = defineFormula({
  name: 'cbrt',
  operands: ['x'],
  value: (f, [x]) => {
    const size = f('abs', x!);
    const rough = f('pow', size, 1 / 3);
    // one step of Newton's: a third is no float
    const error = f('sub', rough, f('div', size, f('mul', rough, rough)));
    const fine = f('sub', rough, f('div', error, 3));
    const inside = f('and', f('gt', size, 0), f('lt', size, Number.POSITIVE_INFINITY));
    return f('copysign', f('select', inside, fine, size), x!);
  },
  slopes: (f, _args, y) => [f('div', 1 / 3, f('mul', y, y))],
});

/** `x / length`, and 0 where there is no length. */
const share = (f: Write, x: Node, length: Node): Node => {
  const none = f('eq', length, 0);
  return f('div', f('select', none, 0, x), f('select', none, 1, length));
};

/** `sqrt(x² + y²)`. */
export const hypot: Op<NoAttrs> = defineFormula({
  name: 'hypot',
  operands: ['x', 'y'],
  value: (f, [x, y]) => {
    const far = f('max', f('abs', x!), f('abs', y!));
    const ratio = share(f, f('min', f('abs', x!), f('abs', y!)), far);
    const length = f('mul', far, f('sqrt', f('add', f('mul', ratio, ratio), 1)));
    const infinite = f('eq', far, Number.POSITIVE_INFINITY);
    return f('select', infinite, far, length);
  },
  slopes: (f, [x, y], length) => [share(f, x!, length), share(f, y!, length)],
});

/** `x - y`, and 0 for equal infinities. */
const apart = (f: Write, x: Node, y: Node): Node => f('select', f('eq', x, y), 0, f('sub', x, y));

/** `log(eˣ + eʸ)`. */
export const logaddexp: Op<NoAttrs> = defineFormula({
  name: 'logaddexp',
  operands: ['x', 'y'],
  value: (f, [x, y]) => {
    const less = f('neg', f('abs', apart(f, x!, y!)));
    return f('add', f('max', x!, y!), f('log1p', f('exp', less)));
  },
  slopes: (f, [x, y]) => {
    const by = apart(f, x!, y!);
    return [f('sigmoid', by), f('sigmoid', f('neg', by))];
  },
});
