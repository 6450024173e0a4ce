import { test } from 'uvu';
import * as init from '../../../src/frontend/gluon/init.ts';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import { device, nd, Parameter } from '../../../src/index.ts';
import { fails } from '../support.ts';

const draw = (initializer: init.Initializer, ...shape: number[]): unknown =>
  initializer.draw({ shape, dtype: 'float32', device: device.default(), name: 'a.weight' });

test('initializers refuse what they are not for', () => {
  fails(() => draw(new init.Orthogonal(), 3), 'shape', 'Orthogonal: a.weight has shape [3]');
  fails(() => draw(new init.Bilinear(), 3, 3), 'shape', 'Bilinear: a.weight', 'no axes of space');
  fails(() => draw(new init.LSTMBias(), 6), 'shape', 'LSTMBias: a.weight', '[4 · hidden]');
  fails(() => new init.Orthogonal({ scale: 0 }), 'option', 'Orthogonal: scale is 0');
  fails(() => new init.TruncatedNormal({ stdev: -1 }), 'option', 'stdev -1');
  fails(() => new init.Kaiming({ factor: 'in' } as never), 'option', 'did you mean "factorType"?');
  fails(() => new init.Mixed([['(', 'ones']]), 'value', 'is not a regular expression');
  fails(() => new init.Mixed(['ones'] as never), 'value', 'pass pairs');
  fails(() => draw(new init.Mixed([['b', 'ones']]), 1), 'value', 'no pattern matches', "['.*'");
  const load = new init.Load({ 'a.weight': nd.ones([2]) });
  fails(() => draw(load, 3), 'shape', 'the value for a.weight has shape [2], the parameter [3]');
  fails(
    () => draw(new init.Load({ b: nd.ones([2]) }), 2),
    'value',
    'there is no value for the parameter a.weight',
    'there are: b',
  );
});

test('numbers and initializers that are none are refused at once', () => {
  const option: readonly (readonly [() => unknown, string])[] = [
    [() => new init.Constant('1' as never), 'Constant: value is "1"'],
    [() => new init.Uniform(-1), 'Uniform: scale is -1'],
    [() => new init.Normal('1' as never), 'Normal: sigma is "1"'],
    [() => new init.Xavier({ magnitude: -1 }), 'Xavier: magnitude is -1'],
    [() => new init.Kaiming({ slope: Number.NaN }), 'Kaiming: slope is NaN'],
    [() => new init.MSRAPrelu({ slope: '1' as never }), 'MSRAPrelu: slope is "1"'],
    [() => init.initializer({} as never), 'an object is no initializer'],
  ];
  for (const [make, part] of option) fails(make, 'option', part);
  const value: readonly (readonly [() => unknown, string])[] = [
    [() => new init.Mixed([[3 as never, 'ones']]), 'Mixed: 3 is no pattern'],
    [() => new init.Load(null as never), 'Load: the values are null'],
    [() => new init.Load({ b: [1] as never }), 'Load: the value for b is a JavaScript array'],
    [() => init.register('', () => new init.Zero()), 'init.register: the name is ""'],
    [() => init.register('x', 3 as never), 'init.register: 3 is not a function'],
  ];
  for (const [make, part] of value) fails(make, 'value', part);
  const ints = { dtype: 'int32', gradReq: 'write' } as const;
  fails(() => new Parameter({ shape: [1], ...ints }), 'dtype', 'only floats have gradients');
  fails(() => new nn.Dense(1).cast('int8'), 'dtype', "int8 with gradReq 'write'");
});

test('names that nobody knows, and those of classes', () => {
  const dense = new nn.Dense(1, { inUnits: 1, weightInit: 'orthogonal' });
  fails(() => dense.initialize(), 'option', "new init.Orthogonal(), from 'tigon/init'");
  const other = new nn.Dense(1, { inUnits: 1, weightInit: 'xavir' });
  fails(() => other.initialize(), 'option', "did you mean 'xavier'?");
});

test.run();
