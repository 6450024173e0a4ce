/**
 * Hyperbolic functions and their inverses. Greatest errors in units of the last place (see the accuracy test of
 * array functions): all below 3.
 *
 * Invariant: exact near 0, no overflow before the result overflows; NaN outside the domain.
 */
import type { Node, Op } from '../graph.ts';
import type { NoAttrs } from './define.ts';
import { defineFormula, differenceOfSquares, type Write } from './formula.ts';

/** `(eᵃ ± e⁻ᵃ) / 2` of a ≥ 0 by the root of `eᵃ`, which does not overflow. */
const halfPower = (f: Write, size: Node): Node => {
  const root = f('exp', f('mul', size, 0.5));
  return f('mul', f('mul', root, 0.5), root);
};

/** Hyperbolic sine. */
export const sinh: Op<NoAttrs> = defineFormula({
  name: 'sinh',
  operands: ['x'],
  value: (f, [x]) => {
    const size = f('abs', x!);
    const e = f('expm1', size);
    const near = f('mul', f('add', e, f('div', e, f('add', e, 1))), 0.5);
    return f('copysign', f('select', f('gt', size, 20), halfPower(f, size), near), x!);
  },
  slopes: (_f, [x], _node, _attrs, b) => [b.emit(cosh, [x!], {})],
});

/** Hyperbolic cosine. */
export const cosh: Op<NoAttrs> = defineFormula({
  name: 'cosh',
  operands: ['x'],
  value: (f, [x]) => {
    const half = halfPower(f, f('abs', x!));
    return f('add', half, f('div', 0.25, half));
  },
  slopes: (_f, [x], _node, _attrs, b) => [b.emit(sinh, [x!], {})],
});

/** Beyond this, 1 is nothing beside the square. */
const LARGE = 1e8;

/** Inverse of the hyperbolic sine. */
export const asinh: Op<NoAttrs> = defineFormula({
  name: 'asinh',
  operands: ['x'],
  value: (f, [x]) => {
    const size = f('abs', x!);
    const square = f('mul', size, size);
    const rest = f('div', square, f('add', f('sqrt', f('add', square, 1)), 1));
    const near = f('log1p', f('add', rest, size));
    const far = f('add', f('log', size), Math.LN2);
    return f('copysign', f('select', f('gt', size, LARGE), far, near), x!);
  },
  slopes: (f, [x]) => [f('rsqrt', f('add', f('mul', x!, x!), 1))],
});

/** Inverse of the hyperbolic cosine, of numbers from 1 on. */
export const acosh: Op<NoAttrs> = defineFormula({
  name: 'acosh',
  operands: ['x'],
  value: (f, [x]) => {
    const over = f('sub', x!, 1);
    const root = f('sqrt', f('mul', over, f('add', over, 2)));
    const far = f('add', f('log', x!), Math.LN2);
    return f('select', f('gt', x!, LARGE), far, f('log1p', f('add', over, root)));
  },
  slopes: (f, [x]) => [f('rsqrt', f('mul', f('sub', x!, 1), f('add', x!, 1)))],
});

/** Inverse of the hyperbolic tangent, of numbers between -1 and 1. */
export const atanh: Op<NoAttrs> = defineFormula({
  name: 'atanh',
  operands: ['x'],
  value: (f, [x]) => {
    const size = f('abs', x!);
    const ratio = f('div', f('add', size, size), f('sub', 1, size));
    return f('copysign', f('mul', f('log1p', ratio), 0.5), x!);
  },
  slopes: (f, [x]) => [f('div', 1, differenceOfSquares(f, x!))],
});
