import { nd, autograd, device, HybridBlock, Trainer, hybridize } from 'tigon';
import * as nn from 'tigon/nn';
import { SoftmaxCrossEntropyLoss } from 'tigon/loss';
import { DataLoader, MNIST } from 'tigon/data';
import { Accuracy } from 'tigon/metric';

class LeNet extends HybridBlock {
  features = new nn.HybridSequential(
    new nn.Conv2D(20, 5, { activation: 'relu' }), new nn.MaxPool2D(2),
    new nn.Conv2D(50, 5, { activation: 'relu' }), new nn.MaxPool2D(2), new nn.Flatten());
  hidden = new nn.Dense(128, { activation: 'relu' });
  output = new nn.Dense(10);

  forward(x: nd.NDArray) {
    const h = this.hidden(this.features(x));
    if (!autograd.isTraining()) console.log(h.shape);        // plain TypeScript: runs at trace time
    return this.output(h);
  }
}

const net = new LeNet();
net.initialize({ init: 'xavier', device: device.default() });
net.hybridize();                                             // the only line that changes

const loss = new SoftmaxCrossEntropyLoss();
const trainer = new Trainer(net.parameters(), 'adam', { learningRate: 1e-3 });
const accuracy = new Accuracy();

for await (const [x, y] of new DataLoader(await MNIST.train(), { batchSize: 64, shuffle: true })) {
  let out!: nd.NDArray;
  const l = autograd.record(() => loss(out = net(x), y));
  l.backward();
  trainer.step(x.shape[0]);
  accuracy.update(y, out);                                   // stays on the device
}
console.log(await accuracy.get());
await net.saveParameters('lenet.safetensors');
