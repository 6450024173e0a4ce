import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { HybridBlock } from '../../../src/frontend/gluon/block.ts';
import {
  CosineEmbeddingLoss,
  CTCLoss,
  HingeLoss,
  HuberLoss,
  KLDivLoss,
  LogisticLoss,
  PoissonNLLLoss,
  SDMLLoss,
  SquaredHingeLoss,
  TripletLoss,
} from '../../../src/frontend/gluon/loss.ts';
import type { nd } from '../../../src/index.ts';
import { synchronous } from '../support.ts';
import { type Case, casesOf, compare } from './fixtures.ts';

type Loss = HybridBlock & ((...operands: never[]) => nd.NDArray);

/** Losses as the fixtures have them, and the names of what they are called with. */
const LOSSES: Readonly<Record<string, readonly [() => Loss, ...string[]]>> = {
  huber: [() => new HuberLoss({ rho: 0.7 }), 'label'],
  hinge: [() => new HingeLoss({ margin: 1.5, weight: 2 }), 'label', 'weight'],
  'squared hinge': [() => new SquaredHingeLoss(), 'label'],
  logistic: [() => new LogisticLoss(), 'label'],
  'logistic binary': [() => new LogisticLoss({ labelFormat: 'binary' }), 'label'],
  triplet: [() => new TripletLoss({ margin: 3 }), 'label', 'negative'],
  cosine: [() => new CosineEmbeddingLoss({ margin: 0.1 }), 'other', 'label'],
  poisson: [() => new PoissonNLLLoss(), 'label'],
  'poisson rates': [() => new PoissonNLLLoss({ fromLogits: false, computeFull: true }), 'label'],
  divergence: [() => new KLDivLoss(), 'label'],
  'divergence of scores': [() => new KLDivLoss({ fromLogits: false, axis: 1 }), 'label'],
  sdml: [() => new SDMLLoss(), 'other'],
  ctc: [() => new CTCLoss(), 'label'],
  'ctc lengths': [
    () => new CTCLoss({ layout: 'TNC', labelLayout: 'TN' }),
    'label',
    'steps',
    'lengths',
  ],
};

const cases = casesOf('more-losses');
test('every fixture has a loss', () => {
  assert.equal([...cases.keys()].sort(), Object.keys(LOSSES).sort());
});

for (const [name, expected] of cases)
  for (const hybrid of synchronous ? [false, true] : [true])
    test(`${name}${hybrid ? ', hybridized' : ''}`, async () => {
      const [make, ...rest] = LOSSES[name]!;
      const loss = make();
      if (hybrid) loss.hybridize();
      const call = loss as unknown as (...operands: nd.NDArray[]) => nd.NDArray;
      const operands = ['pred', ...rest];
      const gradients = Object.fromEntries(
        operands
          .filter((key) => expected[`d_${key}`] !== undefined)
          .map((key) => {
            const x = expected[key]!.attachGrad();
            return [key, () => x.grad!];
          }),
      );
      const run = (k: Case): nd.NDArray => call(...operands.map((key) => k[key]!));
      await compare(name, expected, () => run(expected), gradients);
    });

test.run();
