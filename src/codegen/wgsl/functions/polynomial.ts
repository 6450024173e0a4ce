/**
 * Phrases of function templates.
 *
 * Invariant: `x` is a name, or text that may be repeated.
 */

/** Horner's rule, highest coefficient first. */
export const polynomial = (x: string, [first, ...rest]: readonly number[]): string =>
  rest.reduce((sum, c) => `fma(${sum}, ${x}, $F(${c}))`, `$F(${first})`);

/** The size of `value` with the sign of x. */
export const copying = (value: string): string => `copysign_$F(${value}, x)`;
