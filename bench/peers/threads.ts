/**
 * How many threads a peer is to use: what the runner says.
 *
 * Invariant: a whole number, one at least.
 */
export const threads: number = Number(process.env['TIGON_BENCH_THREADS'] ?? 1);
