import { test } from 'uvu';
import { nd } from '../../../src/index.ts';
import { inputs, type NumpyCase, testGroup } from './numpy.ts';

const { x, row, unit, bigger, n, m, extreme, extreme2, tall, bits, shifts, bytes, flags } =
  inputs as Record<string, nd.NDArray>;
type Unary = (x: nd.NDArray) => nd.NDArray;
type Binary = (x: nd.NDArray, y: nd.NDArray) => nd.NDArray;
const int = (values: number | number[]): nd.NDArray => nd.array(values, { dtype: 'int32' });

const unary = (
  names: readonly (keyof typeof nd)[],
  of: nd.NDArray,
  suffix = '',
): Record<string, NumpyCase['run']> =>
  Object.fromEntries(names.map((name) => [`${name}${suffix}`, () => (nd[name] as Unary)(of)]));
const binary = (
  names: readonly (keyof typeof nd)[],
  p: nd.NDArray,
  q: nd.NDArray,
  suffix = '',
): Record<string, NumpyCase['run']> =>
  Object.fromEntries(names.map((name) => [`${name}${suffix}`, () => (nd[name] as Binary)(p, q)]));

const far = nd.array([0.1, 1, 2, 5, 7.5, 10, 20, 33.5]);
const positive = tall!.abs().add(0.1);
const EXTREMES = ' at the extremes';

testGroup('elementwise', {
  ...unary(
    [
      'sinh',
      'cosh',
      'arctan',
      'arcsinh',
      'exp2',
      'cbrt',
      'degrees',
      'radians',
      'trunc',
      'fix',
      'rint',
      'sinc',
    ],
    x!,
  ),
  ...unary(['arcsin', 'arccos', 'arctanh'], unit!),
  ...unary(['arccosh', 'log2', 'log10'], bigger!),
  ...binary(['arctan2', 'hypot', 'logaddexp', 'copysign', 'fmax', 'fmin', 'fmod'], x!, row!),
  heaviside: () => nd.heaviside(x!.round(), row!),
  ldexp: () => nd.ldexp(x!, n!),
  ...binary(
    ['arctan2', 'hypot', 'logaddexp', 'copysign', 'fmax', 'fmin'],
    extreme!,
    extreme2!,
    EXTREMES,
  ),
  ...unary(
    [
      'sinh',
      'cosh',
      'arctan',
      'arcsinh',
      'arcsin',
      'arccos',
      'arctanh',
      'arccosh',
      'log2',
      'log10',
      'exp2',
      'cbrt',
      'trunc',
    ],
    extreme!,
    EXTREMES,
  ),
  ...unary(['isInf', 'isPosInf', 'isNegInf', 'signBit', 'nanToNum'], extreme!),
  "nanToNum of one's own": () => nd.nanToNum(extreme!, { nan: 7, posinf: 8, neginf: 9 }),
  clamp: () => nd.clamp(x!, row!, 0.5),
  erfinv: () => nd.erfinv(unit!),
  ...Object.fromEntries(
    (['gamma', 'gammaln', 'digamma'] as const).flatMap((name): [string, NumpyCase][] => [
      [name, { run: () => nd[name](tall!), tolerance: { rtol: 2e-5 } }],
      [`${name} far`, { run: () => nd[name](far), tolerance: { rtol: 2e-6 } }],
    ]),
  ),
  polygamma: {
    run: () => [0, 1, 2, 3].map((k) => nd.polygamma(k, positive)),
    tolerance: { rtol: 1e-5 },
  },
  ...binary(['bitwiseAnd', 'bitwiseOr', 'bitwiseXor', 'leftShift', 'rightShift'], bits!, shifts!),
  'rightShift of negative numbers': () => nd.rightShift(bits!.neg(), shifts!),
  'leftShift of bytes': () => nd.leftShift(bytes!, 3),
  bitwiseNot: () => [bits!, bytes!, flags!].map(nd.bitwiseNot),
  gcd: () => nd.gcd(n!, m!),
  lcm: () => nd.lcm(n!, m!),
  'gcd of neighbours': () => nd.gcd(int(1836311903), int([1134903170, 6, 0])),
  'fmod of integers': () => nd.fmod(n!, nd.where(m!.eq(0), 1, m!)),
  logical: () => [n!.logicalAnd(m!), x!.gt(0).logicalOr(m!), n!.logicalXor(m!)],
});

test.run();
