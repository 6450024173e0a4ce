import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  L1Loss,
  L2Loss,
  SigmoidBinaryCrossEntropyLoss,
  SoftmaxCrossEntropyLoss,
} from '../../../src/frontend/gluon/loss.ts';
import { casesOf, compare } from './fixtures.ts';

const softmax = (options = {}): SoftmaxCrossEntropyLoss => new SoftmaxCrossEntropyLoss(options);
const binary = (options = {}): SigmoidBinaryCrossEntropyLoss =>
  new SigmoidBinaryCrossEntropyLoss(options);

const LOSSES = {
  L2: () => new L2Loss(),
  'L2 weighted': () => new L2Loss({ weight: 3 }),
  L1: () => new L1Loss(),
  softmax: () => softmax(),
  'softmax far': () => softmax(),
  'softmax weighted': () => softmax({ weight: 0.5 }),
  'softmax images': () => softmax({ axis: 1 }),
  'softmax images weighted': () => softmax({ axis: 1 }),
  'softmax dense': () => softmax({ sparseLabel: false }),
  'softmax from logits': () => softmax({ fromLogits: true }),
  binary: () => binary(),
  'binary far': () => binary(),
  'binary weighted': () => binary(),
  'binary from sigmoid': () => binary({ fromSigmoid: true }),
} as const;

const cases = casesOf('losses');
test('every fixture has a loss', () => {
  assert.equal([...cases.keys()].sort(), Object.keys(LOSSES).sort());
});

for (const [name, expected] of cases)
  for (const hybrid of [false, true])
    test(`${name}${hybrid ? ', hybridized' : ''}`, async () => {
      const loss = LOSSES[name as keyof typeof LOSSES]();
      if (hybrid) loss.hybridize();
      const { pred, label, weight, positive } = expected;
      const gradients = Object.fromEntries(
        (['pred', 'label', 'weight'] as const)
          .filter((key) => expected[`d_${key}`] !== undefined)
          .map((key) => {
            const x = expected[key]!.attachGrad();
            return [key, () => x.grad!];
          }),
      );
      await compare(
        name,
        expected,
        () =>
          loss instanceof SigmoidBinaryCrossEntropyLoss
            ? loss(pred!, label!, weight, positive)
            : loss(pred!, label!, weight),
        gradients,
      );
    });

test.run();
