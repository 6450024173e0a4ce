/**
 * What random functions refuse, each in its own name, and what they give at the edges of what they take.
 *
 * Invariant: a row is a call and the parts of its message; nothing here depends on the device.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nd, random } from '../../../src/index.ts';
import { fails } from '../support.ts';

/** What a caller without types may pass. */
const js = (value: unknown): never => value as never;
const cpu = { device: js('cpu') };
const lone = nd.array(1);
const mixed = nd.eye(2);

type Row = readonly [call: () => unknown, code: string, ...parts: string[]];
const REFUSALS: Readonly<Record<string, readonly Row[]>> = {
  states: [
    [() => random.setState(js(undefined)), 'value', 'random.setState: undefined is no state'],
    [() => random.setState(js({ seed: 1 })), 'value', 'random.setState: draws is undefined'],
    [
      () => random.setState({ seed: 1, draws: 0, parameters: 0.5 }),
      'value',
      'parameters is 0.5',
      'getState()',
    ],
    [() => random.setState({ seed: -1, draws: 0, parameters: 0 }), 'value', 'seed is -1'],
    [() => random.seed(1, cpu), 'option', 'random.seed: device is "cpu"'],
    [() => random.getState(cpu), 'option', 'random.getState: device is "cpu"'],
    [() => random.forParameter(js(3)), 'value', 'random.forParameter: 3 is not a function'],
  ],
  draws: [
    [() => random.normal([1], 0, 1, cpu), 'option', 'random.normal: device is "cpu"'],
    [() => random.uniform([1], 0, 1, cpu), 'option', 'random.uniform: device is "cpu"'],
    [() => random.permutation(2, cpu), 'option', 'random.permutation: device is "cpu"'],
    [() => random.uniform([1], -Infinity, 1), 'value', 'random.uniform: from -Infinity to 1'],
    [() => random.uniform([1], -Infinity, nd.ones([1])), 'value', 'low is -Infinity', 'finite'],
    [() => random.uniform([1], -3e38, 3e38), 'value', 'too far for float32'],
    [
      () => random.randint([3], 0, 1000, { dtype: 'uint8' }),
      'value',
      'random.randint: from 0 to 999 does not fit uint8',
    ],
    [() => random.randint([3], -1, 2, { dtype: 'bool' }), 'value', 'from -1 to 1', 'bool'],
    [() => random.randint([3], 0, 1e5, { dtype: 'float16' }), 'value', 'does not fit float16'],
  ],
  samples: [
    [() => random.shuffle(js([1, 2])), 'value', 'random.shuffle: a JavaScript array of 2'],
    [() => random.shuffle(lone), 'shape', 'random.shuffle: f32[] has no axis'],
    [() => random.choice(lone, [1]), 'shape', 'random.choice: f32[] has no axis'],
    [() => random.choice(0, [1]), 'value', 'random.choice: nothing to choose from'],
    [() => random.choice(2, [1], cpu), 'option', 'random.choice: device is "cpu"'],
    [
      () => random.choice(2, [1], { p: js([1, 1]) }),
      'value',
      'random.choice: p: a JavaScript array',
    ],
    [() => random.choice(2 ** 40, [1]), 'value', 'random.choice: low 0'],
  ],
  'normal vectors': [
    [
      () => random.multivariateNormal([2], nd.zeros([3]), mixed),
      'shape',
      'random.multivariateNormal: the mean f32[3] does not stretch to [2, 2]',
    ],
    [
      () => random.multivariateNormal([2], 0, nd.ones([3, 2, 2])),
      'shape',
      'the covariance f32[3, 2, 2] does not stretch to [2, 2, 2]',
    ],
    [
      () => random.multivariateNormal([], js('a'), mixed),
      'value',
      'random.multivariateNormal: mean is "a"',
    ],
    [
      () => random.multivariateNormal([], 0, mixed, js({ scale: 1 })),
      'option',
      'random.multivariateNormal: unknown option "scale"',
    ],
    [() => random.multivariateNormal([], 0, mixed, { dtype: 'int32' }), 'dtype', 'makes floats'],
    [
      () => random.multivariateNormal([], 0, mixed, { factor: js('no') }),
      'option',
      'factor is "no"',
      'true or false',
    ],
  ],
};
for (const [title, rows] of Object.entries(REFUSALS))
  test(`${title}: each function refuses in its own name`, () => {
    const before = random.getState();
    for (const [call, code, ...parts] of rows) fails(call, code, ...parts);
    assert.equal(random.getState(), before, 'what is refused draws nothing');
  });

test('dtypes that hold the bounds, and samples of nothing', async () => {
  assert.equal(await random.randint([2], 255, 256, { dtype: 'uint8' }).array(), [255, 255]);
  assert.equal(await random.randint([1], 1, 2, { dtype: 'bool' }).array(), [true]);
  const none = random.choice(0, [2, 0]);
  assert.equal([none.shape, none.dtype], [[2, 0], 'int32']);
  assert.equal(random.choice(nd.zeros([0, 3]), [0], { replace: false }).shape, [0, 3]);
});

test('normal vectors have the dtype that is asked for', async () => {
  const zero = nd.zeros([2, 2]);
  for (const dtype of ['float64', 'float16'] as const) {
    const x = random.multivariateNormal([3], 0.1, zero, { factor: true, dtype });
    assert.equal([x.shape, x.dtype], [[3, 2], dtype]);
  }
});

test.run();
