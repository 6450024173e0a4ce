/**
 * Lets V8 optimize functions later than it would: a process of tests ends soon, and runs most of what it runs a few times
 * over many shapes. Tests of the compiler take 40 % less of a processor, tests that interpret kernels for long 17 %.
 *
 * Invariant: only speed depends on it; a V8 that does not know the flag says so, and runs as it would without.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--interrupt-budget=400000');
