/**
 * The net, and one step of its training in each of the three ways to run it.
 *
 * Invariant: from one seed, the three give the same losses.
 */

import { SoftmaxCrossEntropyLoss } from 'tigon/loss';
import * as nn from 'tigon/nn';
import { autograd, HybridBlock, hybridize, type nd, random, Trainer } from 'tigon/web';
import type { Mode } from './run.ts';

const SEED = 1;

export class LeNet extends HybridBlock {
  readonly features: nn.HybridSequential = new nn.HybridSequential(
    new nn.Conv2D(20, 5, { activation: 'relu' }),
    new nn.MaxPool2D(2),
    new nn.Conv2D(50, 5, { activation: 'relu' }),
    new nn.MaxPool2D(2),
    new nn.Flatten(),
  );
  readonly hidden: nn.Dense = new nn.Dense(128, { activation: 'relu' });
  readonly output: nn.Dense = new nn.Dense(10);

  forward(x: nd.NDArray): nd.NDArray {
    return this.output(this.hidden(this.features(x)));
  }
}

/** Trains on a batch: its mean loss, and what the net says about it. */
export type Step = (x: nd.NDArray, y: nd.NDArray) => readonly [nd.NDArray, nd.NDArray];

/** A new net on the default device. */
export const prepare = (mode: Mode): { readonly net: LeNet; readonly step: Step } => {
  random.seed(SEED);
  const net = new LeNet();
  net.initialize({ init: 'xavier' });
  const loss = new SoftmaxCrossEntropyLoss();
  const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: 0.05, momentum: 0.9 });
  const step: Step = (x, y) => {
    let out!: nd.NDArray;
    const l = autograd.record(() => {
      out = net(x);
      return loss(out, y);
    });
    l.backward();
    trainer.step(x.shape[0]!);
    return [l.mean(), out];
  };
  switch (mode) {
    case 'imperative':
      return { net, step };
    case 'net':
      net.hybridize();
      return { net, step };
    case 'step':
      return { net, step: hybridize(step, { name: 'step' }) };
    default:
      return mode satisfies never;
  }
};
