/**
 * Why: the net on which MXNet's tests compare hybridized with imperative runs, narrow enough to be compiled in a test.
 *
 * Invariant: layer for layer the ResNet-18 (version 1) for small images: 20 convolutions with batch norms, one dense layer.
 */
import * as nn from '../../src/frontend/gluon/nn/index.ts';
import { HybridBlock, type nd } from '../../src/index.ts';

const convolved = (channels: number, inChannels: number, kernel: number, strides: number) =>
  new nn.HybridSequential(
    new nn.Conv2D(channels, kernel, {
      inChannels,
      strides,
      padding: (kernel - 1) / 2,
      useBias: false,
    }),
    new nn.BatchNorm({ inChannels: channels }),
  );

class BasicBlock extends HybridBlock {
  readonly body: nn.HybridSequential;
  readonly shortcut: nn.HybridSequential | undefined;
  constructor(channels: number, inChannels: number, strides: number) {
    super();
    this.body = new nn.HybridSequential(
      convolved(channels, inChannels, 3, strides),
      new nn.Activation('relu'),
      convolved(channels, channels, 3, 1),
    );
    this.shortcut =
      strides === 1 && channels === inChannels
        ? undefined
        : convolved(channels, inChannels, 1, strides);
  }
  override forward(x: nd.NDArray): nd.NDArray {
    return this.body(x)
      .add(this.shortcut === undefined ? x : this.shortcut(x))
      .relu();
  }
}

/** ResNet-18 for small images, with an eighth of its channels. */
export const narrowResNet18 = (): nn.HybridSequential => {
  const net = new nn.HybridSequential(convolved(8, 3, 3, 1), new nn.Activation('relu'));
  let inChannels = 8;
  for (const [stage, channels] of [8, 16, 32, 64].entries())
    for (const block of [0, 1]) {
      net.add(new BasicBlock(channels, inChannels, stage > 0 && block === 0 ? 2 : 1));
      inChannels = channels;
    }
  return net.add(new nn.GlobalAvgPool2D(), new nn.Dense(10, { inUnits: 64 }));
};
