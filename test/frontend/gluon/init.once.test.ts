import { test } from 'uvu';
import * as init from '../../../src/frontend/gluon/init.ts';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import { device, nd } from '../../../src/index.ts';
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

test('names that nobody knows, and those of classes', () => {
  const dense = new nn.Dense(1, { inUnits: 1, weightInit: 'orthogonal' });
  fails(() => dense.initialize(), 'option', "new init.Orthogonal(), from 'tigon/init'");
  const other = new nn.Dense(1, { inUnits: 1, weightInit: 'xavir' });
  fails(() => other.initialize(), 'option', "did you mean 'xavier'?");
});

test.run();
