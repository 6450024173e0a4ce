import { test } from 'uvu';
import { onDevice } from '../../../src/frontend/default-device.ts';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import { autograd, device, nd, random, Trainer } from '../../../src/index.ts';

/** Programs that run again and again, where a device may replay what it recorded of the first run. */
const makeNet = (): nn.HybridSequential => {
  random.seed(6);
  const net = new nn.HybridSequential(
    new nn.Conv2D(4, 3, { inChannels: 1, activation: 'relu' }),
    new nn.BatchNorm({ inChannels: 4 }),
    new nn.AvgPool2D(2),
    new nn.Dense(6, { inUnits: 16, activation: 'tanh' }),
    new nn.LayerNorm({ inChannels: 6 }),
    new nn.Dropout(0.3),
    new nn.Dense(2, { inUnits: 6 }),
  );
  net.initialize({ init: 'xavier' });
  return net;
};

/** Ten steps on changing data: outputs, the last gradients, and what was learnt. */
const train = (compiled: boolean): nd.NDArray[] => {
  const net = makeNet();
  if (compiled) net.hybridize({ staticAlloc: true, staticShape: true });
  const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: 0.05, momentum: 0.9 });
  const outputs: nd.NDArray[] = [];
  let x = nd.arange(108).mul(0.61).sin().reshape([3, 1, 6, 6]).attachGrad();
  for (let step = 0; step < 10; step++) {
    const y = autograd.record(() => net(x));
    y.backward();
    trainer.step(3);
    outputs.push(y, x.grad!.copy());
    x = x.detach().add(y.mean().mul(0.1)).attachGrad();
  }
  const state = net
    .parameters()
    .flatMap((p) => (p.gradReq === 'null' ? p.data() : [p.data(), p.grad()]));
  return [...outputs, ...state];
};

test('ten steps of a net of many layers: outputs, gradients and parameters are those of the imperative net on the CPU', async () => {
  const wanted = onDevice(device.cpu(), () => train(false));
  const found = train(true);
  for (const [i, y] of found.entries())
    await assertAllClose(y, wanted[i]!, { rtol: 1e-3, atol: 1e-4, label: `array ${i}` });
});

test.run();
