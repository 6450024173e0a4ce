/** First mistakes: what is said of them ends with what to write instead, and where. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as nn from '../../src/frontend/gluon/nn/index.ts';
import { nd, Trainer } from '../../src/index.ts';
import { fails, rejects } from './support.ts';

const js = (value: unknown): never => value as never;
const x = nd.ones([2, 3]);
const here = 'mistakes.once.test.ts:';

test('options as other libraries have them', () => {
  fails(() => x.sum(js(0)), 'option', 'sum: options', '{ axis: … }, not 0', here);
  fails(() => x.mean(js({ dim: 0 })), 'option', 'unknown option "dim"', 'did you mean "axis"?');
  fails(() => x.sum(js({ axis: 0, keepdims: true })), 'option', 'did you mean "keepDims"?');
  fails(() => new nn.Dense(1, js({ bias: false })), 'option', 'did you mean "useBias"?');
  const rate = { learningRate: js('a') };
  const { weight } = new nn.Dense(1, { inUnits: 1 });
  fails(() => new Trainer([weight], 'sgd', rate), 'option', 'learningRate is "a"', 'a number');
  const decay = js({ learningRate: 1, weightDecay: 1 });
  fails(() => new Trainer([weight], 'sgd', decay), 'option', 'did you mean "wd"?');
  const trainer = new Trainer([weight], 'sgd', { learningRate: 1 });
  fails(() => trainer.step(js('4')), 'value', 'the batch size is "4"', 'x.shape[0]', here);
});

test('shapes and values that do not go together', () => {
  fails(() => x.reshape([-1, -1]), 'shape', 'no more than one');
  fails(() => nd.stack([x, nd.ones([2])]), 'shape', 'f32[2, 3] and f32[2]', 'concat', here);
  fails(() => nd.zeros([0, 2]).max({ axis: 0 }), 'shape', 'no elements', 'leave empty', here);
  fails(() => nd.array(js(['1'])), 'value', '"1" is not a number', 'Number(', here);
  const conv = new nn.Conv2D(4, 3);
  conv.initialize();
  fails(() => conv(nd.ones([1, 28, 28, 1])), 'shape', '[batch, channels', here);
  assert.equal(conv(nd.ones([1, 1, 28, 28])).shape, [1, 4, 26, 26]);
});

test('paths say where they begin, and errors of files which line asked', async () => {
  const read = async (): Promise<unknown> => await nd.load('no/such.npy');
  await rejects(read, 'file', 'cannot read no/such.npy', process.cwd(), here);
  const write = async (): Promise<unknown> => await nd.save(process.cwd(), { x });
  await rejects(write, 'file', 'it is a directory', 'the name of a file', here);
});

test.run();
