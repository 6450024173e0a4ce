import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import { autograd, hybridize, nd, Parameter, Trainer, utils } from '../../../src/index.ts';
import { fails } from '../support.ts';

test('arrays are scaled together to the norm, and left alone below it', async () => {
  const make = (): nd.NDArray[] => [nd.array([3, 0]), nd.array([[0], [4]], { dtype: 'float16' })];
  const over = make();
  await assertAllClose(utils.clipGlobalNorm(over, 1), 5);
  await assertAllClose(over[0]!, [0.6, 0]);
  await assertAllClose(over[1]!.astype('float32'), [[0], [0.8]], { atol: 5e-4 });
  const under = make();
  await assertAllClose(utils.clipGlobalNorm(under, 6), 5);
  await assertAllClose(under[0]!, [3, 0]);
});

test('a norm that is not finite changes nothing, and warns when asked to', async () => {
  const { warn } = console;
  const warnings: string[] = [];
  console.warn = (text: string): void => void warnings.push(text);
  try {
    const x = nd.array([Number.POSITIVE_INFINITY, 7]);
    const norm = utils.clipGlobalNorm([x], 1, { checkIsFinite: true });
    assert.is(await norm.item(), Number.POSITIVE_INFINITY);
    await new Promise((done) => setTimeout(done, 50));
    assert.equal(Array.from(await x.data()), [Number.POSITIVE_INFINITY, 7]);
    assert.equal(warnings, ['clipGlobalNorm: the norm is Infinity']);
  } finally {
    console.warn = warn;
  }
});

for (const compiled of [false, true])
  test(`gradients are clipped before a step${compiled ? ' in one program' : ''}`, async () => {
    const w = new Parameter({ shape: [2], init: 'zeros' });
    const fixed = new Parameter({ shape: [2], init: 'zeros', gradReq: 'null' });
    for (const p of [w, fixed]) p.initialize();
    const trainer = new Trainer([w, fixed], 'sgd', { learningRate: 1 });
    const plain = (g: nd.NDArray): nd.NDArray => {
      autograd.record(() => w.data().mul(g).sum()).backward();
      const norm = utils.clipGlobalNorm([w, fixed], 0.5);
      utils.clipGradValue([w], 0.35);
      trainer.step(1);
      return norm;
    };
    const step = compiled ? hybridize(plain) : plain;
    await assertAllClose(step(nd.array([30, -40])), 50);
    await assertAllClose(w.data(), [-0.3, 0.35]);
  });

test('what cannot be clipped is an error', () => {
  const x = nd.array([1]);
  fails(() => utils.clipGlobalNorm([x], 0), 'value', 'largest norm is 0', '> 0');
  fails(() => utils.clipGlobalNorm([], 1), 'value', 'nothing to clip');
  fails(() => utils.clipGradValue([3 as unknown as nd.NDArray], 1), 'value', '3 is no array');
  fails(() => utils.clipGradValue(x as unknown as nd.NDArray[], 1), 'value', 'no list');
});

test.run();
