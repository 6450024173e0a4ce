import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { plansOf } from '../../src/frontend/hybridize.ts';
import {
  CosineScheduler,
  FactorScheduler,
  type LRScheduler,
  MultiFactorScheduler,
  OneCycleScheduler,
  PolyScheduler,
} from '../../src/frontend/lr-scheduler.ts';
import { autograd, hybridize, nd, Parameter, Trainer } from '../../src/index.ts';
import { fails } from './support.ts';

interface Case {
  readonly name: string;
  readonly schedule: LRScheduler;
  /** Base rate 1, from update 0 on unless `from` says otherwise. */
  readonly rates: readonly number[];
  readonly from?: number;
}
const CASES: readonly Case[] = [
  {
    name: 'factor: after every two updates',
    schedule: new FactorScheduler({ step: 2, factor: 0.1, stopFactorLr: 0.005 }),
    rates: [1, 1, 1, 0.1, 0.1, 0.01, 0.01, 0.005, 0.005],
  },
  {
    name: 'factor after a warm-up, from a base of its own',
    schedule: new FactorScheduler({
      step: 4,
      factor: 0.5,
      baseLr: 8,
      warmupSteps: 4,
      warmupBeginLr: 4,
    }),
    rates: [4, 5, 6, 7, 8, 4, 4, 4, 4, 2],
  },
  {
    name: 'factors after given updates',
    schedule: new MultiFactorScheduler({ step: [2, 3], factor: 0.5 }),
    rates: [1, 1, 1, 0.5, 0.25, 0.25],
  },
  {
    name: 'a constant warm-up',
    schedule: new MultiFactorScheduler({
      step: [4],
      factor: 0.5,
      warmupSteps: 2,
      warmupBeginLr: 0.25,
      warmupMode: 'constant',
    }),
    rates: [0.25, 0.25, 1, 1, 1, 0.5],
  },
  {
    name: 'a polynomial',
    schedule: new PolyScheduler({ maxUpdate: 5, pwr: 2, finalLr: 0.2, warmupSteps: 1 }),
    rates: [0, 1, 0.2 + 0.8 * 0.5625, 0.4, 0.25, 0.2, 0.2],
  },
  {
    name: 'half a cosine',
    schedule: new CosineScheduler({
      maxUpdate: 5,
      finalLr: 0.5,
      warmupSteps: 1,
      warmupBeginLr: 0.5,
    }),
    rates: [
      0.5,
      1,
      0.5 + 0.25 * (1 + Math.SQRT1_2),
      0.75,
      0.5 + 0.25 * (1 - Math.SQRT1_2),
      0.5,
      0.5,
    ],
  },
  {
    name: 'one cycle, as PyTorch',
    schedule: new OneCycleScheduler({ maxUpdate: 10, maxLr: 1 }),
    from: 1,
    rates: [
      0.04, 0.52, 1, 0.950484632, 0.811745654, 0.611262227, 0.388741978, 0.188258346, 0.049519368,
      4e-6,
    ],
  },
  {
    name: 'one cycle that begins at its top',
    schedule: new OneCycleScheduler({ maxUpdate: 2, warmupShare: 0.5 }),
    from: 1,
    rates: [1, 4e-6],
  },
];

for (const { name, schedule, rates, from = 0 } of CASES)
  test(`rates: ${name}`, () => {
    rates.forEach((rate, i) => {
      const got = schedule.rate(from + i, 1);
      assert.ok(Math.abs(got - rate) < 2e-6, `update ${from + i}: ${got}, expected ${rate}`);
    });
  });

test('a compiled step follows the schedule without being compiled anew', async () => {
  const w = new Parameter({ shape: [1], init: 'zeros' });
  w.initialize();
  const lrScheduler = new MultiFactorScheduler({ step: [2], factor: 0.5 });
  const trainer = new Trainer([w], 'sgd', { learningRate: 1, lrScheduler });
  const step = hybridize(() => {
    autograd.record(() => w.data().sum()).backward();
    trainer.step(1);
  });
  const seen: number[] = [];
  for (let i = 0; i < 4; i++) {
    step();
    seen.push(await w.data().item());
  }
  assert.equal(seen, [-1, -2, -2.5, -3]);
  assert.is(trainer.learningRate, 0.5);
  assert.is(plansOf(step).length, 1);
  trainer.optimizer.lrScheduler = { rate: (update, base) => base * update };
  step();
  assert.is(await w.data().item(), -8);
  assert.is(plansOf(step).length, 1);
});

test('updates made before count, two in one program too', async () => {
  const w = new Parameter({ shape: [1], init: 'zeros' });
  w.initialize();
  const lrScheduler = { rate: (update: number) => update };
  const trainer = new Trainer([w], 'sgd', { lrScheduler, beginNumUpdate: 10 });
  const step = hybridize(() => {
    for (let i = 0; i < 2; i++) {
      autograd.record(() => w.data().sum()).backward();
      trainer.step(1);
    }
  });
  step();
  assert.is(await w.data().item(), -23);
  step();
  assert.is(await w.data().item(), -50);
});

test('what cannot be is an error', () => {
  fails(() => new FactorScheduler({ step: 0 }), 'option', 'step is 0', 'an integer ≥ 1');
  fails(() => new FactorScheduler({ step: 1, factor: 2 }), 'option', 'factor is 2');
  fails(
    () => new MultiFactorScheduler({ step: [3, 2] }),
    'option',
    'step[1] is 2',
    'they increase',
  );
  fails(
    () => new CosineScheduler({ maxUpdate: 3, warmupSteps: 3 }),
    'option',
    'maxUpdate is 3',
    '≥ 4',
  );
  fails(
    () => new PolyScheduler({ maxUpdate: 3, warmupMode: 'linaer' as 'linear' }),
    'option',
    'did you mean "linear"',
  );
  fails(
    () => new OneCycleScheduler({ maxUpdate: 9, warmupShare: 1 }),
    'option',
    'warmupShare is 1',
  );
  fails(
    () => new FactorScheduler(undefined as never),
    'option',
    'there are no options',
    '{ step: … }',
  );
  fails(() => new OneCycleScheduler(undefined as never), 'option', 'there are no options');
  const step = new FactorScheduler({ step: 9 });
  fails(() => step.rate(1, undefined as never), 'value', 'rate: update 1, base undefined');
  const w = new Parameter({ shape: [1], init: 'zeros' });
  const trainer = new Trainer([w], 'sgd', { lrScheduler: step });
  fails(() => trainer.setLearningRate(1), 'option', 'that of the scheduler', 'trainer.optimizer');
  fails(
    () => new Trainer([w], 'sgd', { lrScheduler: 3 as unknown as LRScheduler }),
    'option',
    'SGD: lrScheduler is 3',
    'tigon/lr-scheduler',
  );
  nd.zeros([1]).dispose();
});

test.run();
