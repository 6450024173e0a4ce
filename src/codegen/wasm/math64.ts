/**
 * Functions of doubles, each a function of the module that only modules which call it hold. Greatest errors, in units of
 * the last place (measured by the test of this file): exp, log, log1p, sin, cos, erf 0.8, pow 0.9, expm1 1.2, tan,
 * tanh, sigmoid 1.9. Angles of any size are reduced exactly; remainders are exact.
 *
 * Invariant: right at the extremes too (overflow to infinity, gradual underflow, NaN, signed zero, arguments outside the
 * domain).
 */
export { erf } from './doubles/erf.ts';
export { exp, expm1, sigmoid, tanh } from './doubles/exp.ts';
export { log, log1p } from './doubles/log.ts';
export { floorDiv, mod, modOfFloats } from './doubles/mod.ts';
export { pow } from './doubles/pow.ts';
export { cos, sin, tan } from './doubles/trig.ts';
