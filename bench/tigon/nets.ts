/**
 * Tigon's nets of the benchmark, with the weights that all subjects start from.
 */
import { nd } from 'tigon';
import * as nn from 'tigon/nn';
import * as work from '../work.ts';

const setDense = (layer: nn.Dense, spec: work.DenseSpec): void => {
  layer.weight.setData(nd.array(work.weightOf(spec), { shape: [spec.outputs, spec.inputs] }));
};

/** Dense layers with relu between them. */
export const mlp = (layers: readonly work.DenseSpec[]): nn.HybridSequential => {
  const dense = layers.map(
    (l, i) =>
      new nn.Dense(l.outputs, {
        inUnits: l.inputs,
        ...(i < layers.length - 1 ? { activation: 'relu' as const } : {}),
      }),
  );
  const net = new nn.HybridSequential(...dense);
  net.initialize();
  layers.forEach((l, i) => {
    setDense(dense[i]!, l);
  });
  return net;
};

export const lenet = (): nn.HybridSequential => {
  const convs = work.LENET.conv.map(
    (l) => new nn.Conv2D(l.outputs, l.kernel, { activation: 'relu', inChannels: l.inputs }),
  );
  const [hidden, output] = [
    new nn.Dense(128, { activation: 'relu', inUnits: 800 }),
    new nn.Dense(10, { inUnits: 128 }),
  ];
  const net = new nn.HybridSequential(
    convs[0]!,
    new nn.MaxPool2D(2),
    convs[1]!,
    new nn.MaxPool2D(2),
    new nn.Flatten(),
    hidden,
    output,
  );
  net.initialize();
  work.LENET.conv.forEach((l, i) => {
    const shape = [l.outputs, l.inputs, l.kernel, l.kernel];
    convs[i]!.weight.setData(nd.array(work.kernelOf(l), { shape }));
  });
  setDense(hidden, work.LENET.dense[0]);
  setDense(output, work.LENET.dense[1]);
  return net;
};
