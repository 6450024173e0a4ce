/**
 * What a tiny operation costs: arrays of 16 elements, so that calls are all there is.
 *
 * Invariant: 1000 calls a sample; the median and the best of interleaved rounds are printed in microseconds a call.
 * Run: `node --conditions=tigon-source --import tsx bench/kernels/overhead.ts`
 */
import { autograd, hybridize, nd } from '../../src/index.ts';

const CALLS = 1000;
const ROUNDS = 41;

const x = nd.zeros([16]);
const one = nd.ones([16]);
const w = nd.ones([16]).attachGrad();
const compiled = hybridize((a: nd.NDArray) => a.mul(2).add(w).relu());

const chain = (from: nd.NDArray, step: (y: nd.NDArray) => nd.NDArray): nd.NDArray => {
  let y = from;
  for (let i = 0; i < CALLS; i++) y = step(y);
  return y;
};

const rows: readonly (readonly [name: string, run: () => unknown])[] = [
  ['add two arrays', () => chain(x, (y) => y.add(one))],
  ['add a number', () => chain(x, (y) => y.add(1))],
  ['relu', () => chain(x, (y) => y.relu())],
  ['reshape (view)', () => chain(x, (y) => y.reshape([4, 4]))],
  ['sum, and add it', () => chain(x, (y) => y.add(y.sum()))],
  ['recorded multiply', () => autograd.record(() => chain(w, (y) => y.mul(one)))],
  [
    'recorded multiply and its backward',
    () => autograd.record(() => chain(w, (y) => y.mul(one))).backward(),
  ],
  ['hybridized function of three operations', () => chain(x, (y) => compiled(y))],
];

const times = rows.map(() => [] as number[]);
for (let round = 0; round < ROUNDS; round++)
  rows.forEach(([, run], i) => {
    const start = performance.now();
    run();
    times[i]!.push(((performance.now() - start) * 1000) / CALLS);
  });
rows.forEach(([name], i) => {
  const sorted = times[i]!.sort((a, b) => a - b);
  const median = sorted[ROUNDS >> 1]!;
  console.log(
    `${name.padEnd(42)} median ${median.toFixed(2)} µs, best ${sorted[0]!.toFixed(2)} µs`,
  );
});
