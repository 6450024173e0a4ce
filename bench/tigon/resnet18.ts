/**
 * ResNet-18 for photographs (He et al. 2016, table 1), as users write it.
 */
import * as nn from 'tigon/nn';
import { ConvNorm, Residual } from '../cuda/models.ts';
import { RESNET18, RESNET18_BLOCKS } from '../nets/tables.ts';
import type { Net } from './training.ts';

class Stem extends nn.HybridSequential {
  constructor(width: number) {
    super(
      new ConvNorm(3, width, 7, 2),
      new nn.Activation('relu'),
      new nn.MaxPool2D(3, { strides: 2, padding: 1 }),
    );
  }
}

export const resnet18 = (): Net =>
  new nn.HybridSequential(
    new Stem(RESNET18.widths[0]),
    ...RESNET18_BLOCKS.map(({ inputs, outputs }) => new Residual(inputs, outputs)),
    new nn.GlobalAvgPool2D(),
    new nn.Flatten(),
    new nn.Dense(RESNET18.classes, { inUnits: RESNET18.widths[3] }),
  );
