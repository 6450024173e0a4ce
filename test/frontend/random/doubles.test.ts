/** Random numbers of float64: all bits of doubles, the same draws as float32 has. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { autograd, device, hybridize, nd, random } from '../../../src/index.ts';
import { threefry } from '../../../src/ir/numbers.ts';
import { fails } from '../support.ts';

type NDArray = nd.NDArray;
type Draw = () => NDArray;

const SIZE = 12;
const SEED = 2 ** 40 + 5;
const DOUBLE = { dtype: 'float64' } as const;
const numbers = async (x: NDArray): Promise<number[]> => Array.from(await x.data(), Number);

const words = (i: number, draw: number): readonly [number, number] => [
  threefry(5, 256, i, draw),
  threefry(5, 256 + 2 ** 31, i, draw),
];
const unit = (i: number, draw: number): number => {
  const [first, second] = words(i, draw);
  return (first * 2 ** 21 + (second >>> 11)) * 2 ** -53;
};
const openUnit = (i: number, draw: number): number => {
  const [first, second] = words(i, draw);
  return (first * 2 ** 20 + (second >>> 12) + 0.5) * 2 ** -52;
};
const normal = (i: number, draw: number): number =>
  Math.sqrt(-2 * Math.log(1 - unit(i, draw))) * Math.cos(2 * Math.PI * unit(i, draw + 1));

/** The method of Marsaglia and Tsang with seven proposals, for a ≥ 1. */
const gamma = (i: number, draw: number, a: number): number => {
  const d = a - 1 / 3;
  const made = (k: number): number => 1 + normal(i, draw + 3 * k) / Math.sqrt(9 * d);
  const accepted = (k: number): boolean => {
    const v = made(k) ** 3;
    const limit = normal(i, draw + 3 * k) ** 2 / 2 + d - d * v + d * Math.log(v);
    return v > 0 && Math.log(openUnit(i, draw + 3 * k + 2)) < limit;
  };
  const first = [0, 1, 2, 3, 4, 5, 6].find(accepted) ?? 0;
  return d * made(first) ** 3;
};

const of = (f: (i: number, draw: number) => number, draw: number): number[] =>
  Array.from({ length: SIZE }, (_, i) => f(i, draw));
const close = (got: number[], wanted: number[], name: string, within = 2e-15): void =>
  wanted.forEach((x, i) => {
    const error = Math.abs(got[i]! - x);
    assert.ok(error <= within * (Math.abs(x) + 1), `${name} ${i}: ${got[i]}, not ${x}`);
  });

if (device.default().caps.wide) {
  test('uniform doubles have 53 random bits of two words', async () => {
    random.seed(SEED);
    const draw = (): NDArray[] => [
      random.uniform([SIZE], 0, 1, DOUBLE),
      random.uniform([SIZE], -0.1, 0.2, DOUBLE),
    ];
    const drawn = draw();
    random.seed(SEED);
    const compiled = hybridize(draw)();
    assert.equal(await numbers(drawn[0]!), of(unit, 0));
    for (const [i, x] of drawn.entries())
      assert.equal(await numbers(x), await numbers(compiled[i]!), 'on the host as compiled');
    close(
      await numbers(drawn[1]!),
      of(unit, 1).map((u) => u * (0.2 + 0.1) - 0.1),
      'uniform',
      1e-16,
    );
  });

  test('distributions are computed in double precision, parameters that are numbers too', async () => {
    const draws: readonly (readonly [string, Draw, number[]])[] = [
      ['normal', () => random.normal([SIZE], 0.1, 0.3, DOUBLE), []],
      ['exponential', () => random.exponential([SIZE], 0.1, DOUBLE), []],
      ['weibull', () => random.weibull([SIZE], 1.7, 0.1, DOUBLE), []],
      ['gamma', () => random.gamma([SIZE], 2.7, 0.1, DOUBLE), []],
      ['dropout', () => nd.dropout(nd.full([SIZE], 0.1, DOUBLE), 0.3), []],
    ];
    const wanted: readonly number[][] = [
      of(normal, 0).map((x) => x * 0.3 + 0.1),
      of(unit, 2).map((u) => -Math.log1p(-u) * 0.1),
      of(openUnit, 3).map((u) => (-Math.log1p(-u)) ** (1 / 1.7) * 0.1),
      of((i, draw) => gamma(i, draw, 2.7), 4).map((x) => x * 0.1),
      of(unit, 26).map((u) => (u >= 0.3 ? 0.1 / 0.7 : 0)),
    ];
    random.seed(SEED);
    const made = hybridize(() => draws.map(([, draw]) => draw()))();
    for (const [i, [name]] of draws.entries()) {
      assert.is(made[i]!.dtype, 'float64', name);
      close(await numbers(made[i]!), wanted[i]!, name, 4e-15);
    }
  });

  test('each family draws as float32 does, with more digits', async () => {
    const [two, three] = [2.3, 3.1].map((v) => nd.full([SIZE], v, DOUBLE));
    const families: readonly (readonly [string, (...p: NDArray[]) => NDArray])[] = [
      ['beta', (a, b) => random.beta([SIZE], a!, b!)],
      ['studentT', (a) => random.studentT([SIZE], a!)],
      ['logistic', (a, b) => random.logistic([SIZE], a!, b!)],
      ['truncatedNormal', (a, b) => random.truncatedNormal([SIZE], -1, 4, a!, b!)],
      ['poisson', (a, b) => random.poisson([SIZE], a!.mul(b!))],
      ['binomial', (a, b) => random.binomial([SIZE], 30, a!.div(b!.mul(2)))],
      ['bernoulli', (a, b) => random.bernoulli([SIZE], a!.div(b!))],
    ];
    const draw = (p: NDArray[]): NDArray[] => {
      random.seed(4);
      return families.map(([, family]) => family(...p));
    };
    const doubles = draw([two!, three!]);
    const singles = draw([two!, three!].map((x) => x.astype('float32')));
    for (const [i, [name]] of families.entries()) {
      assert.equal([doubles[i]!.dtype, singles[i]!.dtype], ['float64', 'float32'], name);
      close(await numbers(doubles[i]!), await numbers(singles[i]!), name, 1e-5);
    }
  });

  test('a gamma number moves with its shape as the distribution function says, to the digits of doubles', async () => {
    const a = nd.full([1], 2, DOUBLE);
    a.attachGrad();
    random.seed(3);
    const x = autograd.record(() => random.gamma([1], a));
    x.backward();
    const [at] = (await numbers(x)) as [number];
    assert.ok(Math.abs((await numbers(a.grad!))[0]! / slopeOfTwo(at) - 1) < 1e-11);
  });
} else
  test('devices without numbers of 64 bits say so', () =>
    fails(() => random.uniform([2], 0, 1, DOUBLE), 'dtype', 'f64[2]', 'float32'));

/** `-(dF/da) / (dF/dx)` at a = 2, where `F = Σ xⁿ⁺² / (n! (n + 2)) (-1)ⁿ / Γ(2)`. */
const slopeOfTwo = (x: number): number => {
  const digammaTwo = 1 - 0.5772156649015329;
  let [term, slope] = [x * x, 0];
  for (let n = 0; n < 60; n++) {
    slope += (term / (n + 2)) * (Math.log(x) - 1 / (n + 2) - digammaTwo);
    term *= -x / (n + 1);
  }
  return -slope / (x * Math.exp(-x));
};

test.run();
