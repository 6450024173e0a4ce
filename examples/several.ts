import { autograd, device, nd, random, Trainer, utils } from 'tigon';
import { ArrayDataset, DataLoader } from 'tigon/data';
import { SoftmaxCrossEntropyLoss } from 'tigon/loss';
import { Accuracy } from 'tigon/metric';
import * as nn from 'tigon/nn';

const devices = [await device.cuda({ index: 0 }), await device.cuda({ index: 1 })];

random.seed(1);
const points = random.normal([1024, 2]);                     // on the CPU, the default device
const isMixed = points.slice(':', 0).mul(points.slice(':', 1)).lt(0).astype('int32');
const batches = new DataLoader(new ArrayDataset(points, isMixed), { batchSize: 64 });

const net = new nn.HybridSequential(new nn.Dense(32, { activation: 'relu' }), new nn.Dense(2));
net.initialize({ init: 'xavier', device: devices });         // a copy on each
net.hybridize();                                             // a program for each

const loss = new SoftmaxCrossEntropyLoss();
const trainer = new Trainer(net.parameters(), 'adam', { learningRate: 0.02 });
const accuracy = new Accuracy();

for (let epoch = 0; epoch < 5; epoch++) {
  accuracy.reset();
  for await (const [x, y] of batches) {
    const xs = utils.splitAndLoad(x, devices);               // half of the batch on each
    const ys = utils.splitAndLoad(y, devices);
    const outs: nd.NDArray[] = [];
    const losses = autograd.record(() =>
      xs.map((part, i) => loss((outs[i] = net(part)), ys[i]!)));
    autograd.backward(losses);
    await trainer.step(x.shape[0]);                          // sums gradients, updates each copy
    accuracy.update(ys, outs);                               // stays on the devices
  }
}
console.log(await accuracy.get());
