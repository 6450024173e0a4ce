import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Adam,
  AdamW,
  create,
  Optimizer,
  type OptimizerName,
  SGD,
} from '../../../src/frontend/gluon/optim.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import { autograd, hybridize, nd, Parameter, Trainer } from '../../../src/index.ts';
import { fails } from '../support.ts';

interface Variant {
  readonly name: OptimizerName;
  readonly options: Record<string, number | boolean>;
  readonly losses: readonly number[];
  readonly weights: readonly (readonly number[])[];
  readonly biases: readonly (readonly number[])[];
}
const fixture = JSON.parse(
  readFileSync(new URL('../../fixtures/optim.json', import.meta.url), 'utf8'),
) as {
  readonly x: number[][][];
  readonly y: number[][][];
  readonly weight: number[][];
  readonly bias: number[];
  readonly variants: readonly Variant[];
};

const parameter = (name: string, values: number[] | number[][]): Parameter => {
  const data = nd.array(values);
  const p = new Parameter({ shape: data.shape });
  p.name = name;
  p.setData(data);
  return p;
};

for (const { name, options, ...expected } of fixture.variants)
  for (const compiled of [false, true])
    test(`${name} ${JSON.stringify(options)} ${compiled ? 'in a hybridized step' : 'eager'}: ten steps as PyTorch`, async () => {
      const weight = parameter('weight', fixture.weight);
      const bias = parameter('bias', fixture.bias);
      const trainer = new Trainer([weight, bias], create(name, options));
      const plain = (x: nd.NDArray, y: nd.NDArray): nd.NDArray => {
        const l = autograd.record(() =>
          nd.linear(x, weight.data(), bias.data()).sub(y).square().sum(),
        );
        l.backward();
        trainer.step(4);
        return l.div(4);
      };
      const step = compiled ? hybridize(plain) : plain;
      for (let i = 0; i < 10; i++) {
        const l = step(nd.array(fixture.x[i]!), nd.array(fixture.y[i]!));
        // Loss and parameters in float32 against float32: a few roundings apart after ten steps.
        const tolerance = { rtol: 2e-5, atol: 2e-6 };
        await assertAllClose(l, expected.losses[i]!, tolerance);
        await assertAllClose(weight.data().reshape([6]), [...expected.weights[i]!], tolerance);
        await assertAllClose(bias.data(), [...expected.biases[i]!], tolerance);
      }
    });

test('a new learning rate does not rescale old momentum, as in MXNet', async () => {
  const w = parameter('w', [1]);
  const trainer = new Trainer([w], 'sgd', { learningRate: 1, momentum: 0.5 });
  const step = (): void => {
    autograd.record(() => w.data().sum()).backward();
    trainer.step(1);
  };
  step();
  assert.equal(await w.data().array(), [0]);
  trainer.learningRate = 0.25;
  step();
  // momentum -1 halved, less 0.25 times the gradient
  assert.equal(await w.data().array(), [-0.75]);
});

test('names and options that do not exist are errors with the nearest', () => {
  fails(
    () => create('adamm' as 'adam'),
    'option',
    'there is no optimizer "adamm"; known: sgd, adam, adamw',
    "did you mean 'adam'?",
  );
  fails(() => create(3 as unknown as 'sgd'), 'option', 'there is no optimizer 3', 'an instance');
  fails(
    () => new SGD({ momentun: 0.9 } as object),
    'option',
    'SGD: unknown option "momentun"',
    'did you mean "momentum"?',
  );
  fails(() => new SGD({ lr: 0.1 } as object), 'option', 'unknown option "lr"', 'learningRate');
  fails(() => new Adam({ momentum: 0.9 } as object), 'option', 'Adam: unknown option "momentum"');
});

test('numbers out of range are errors that say the range', () => {
  fails(() => new SGD({ learningRate: -1 }), 'option', 'SGD: learningRate is -1', '≥ 0');
  fails(() => new SGD({ learningRate: Number.NaN }), 'option', 'SGD: learningRate is NaN');
  fails(() => new SGD({ momentum: 1 }), 'option', 'momentum is 1', 'from 0 to below 1');
  fails(() => new SGD({ nesterov: true }), 'option', 'nesterov needs momentum', 'momentum: 0.9');
  fails(() => new Adam({ beta2: 1 }), 'option', 'Adam: beta2 is 1', 'from 0 to below 1');
  fails(() => new AdamW({ epsilon: -1 }), 'option', 'AdamW: epsilon is -1');
  fails(() => new Adam({ clipGradient: 0 }), 'option', 'Adam: clipGradient is 0', '> 0');
});

test('the table makes each optimizer with its defaults', () => {
  for (const [name, kind, rate, wd] of [
    ['sgd', SGD, 0.01, 0],
    ['adam', Adam, 0.001, 0],
    ['adamw', AdamW, 0.001, 0.01],
  ] as const) {
    const optimizer = create(name);
    assert.instance(optimizer, kind);
    assert.instance(optimizer, Optimizer);
    assert.is(optimizer.name, name);
    assert.is(optimizer.learningRate, rate);
    assert.is(optimizer.wd, wd);
  }
});

test.run();
