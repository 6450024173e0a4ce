/**
 * A plain imperative training loop, the one of the README, that reports its resident memory: `node ... memory-loop.ts 5000`.
 *
 * Nothing in it disposes of arrays or awaits anything but the loader: what it shows is what users get.
 */
import { autograd, HybridBlock, type nd, Trainer } from 'tigon';
import { DataLoader, ImageDataset } from 'tigon/data';
import { SoftmaxCrossEntropyLoss } from 'tigon/loss';
import { Accuracy } from 'tigon/metric';
import * as nn from 'tigon/nn';

class LeNet extends HybridBlock {
  features = new nn.HybridSequential(
    new nn.Conv2D(20, 5, { activation: 'relu' }),
    new nn.MaxPool2D(2),
    new nn.Conv2D(50, 5, { activation: 'relu' }),
    new nn.MaxPool2D(2),
    new nn.Flatten(),
  );
  hidden = new nn.Dense(128, { activation: 'relu' });
  output = new nn.Dense(10);
  override forward(x: nd.NDArray): nd.NDArray {
    return this.output(this.hidden(this.features(x)));
  }
}

const steps = Number(process.argv[2] ?? 5000);
const report = Number(process.argv[3] ?? 100);
const COUNT = 60_000;
const images = new Uint8Array(COUNT * 784);
for (let i = 0, word = 1; i < images.length; i++) {
  word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
  images[i] = word >>> 24;
}
const labels = Uint8Array.from({ length: COUNT }, (_, i) => i % 10);
const data = new ImageDataset(
  { shape: [COUNT, 28, 28], data: images },
  { shape: [COUNT], data: labels },
  'drawn',
);

const net = new LeNet();
net.initialize({ init: 'xavier' });
const loss = new SoftmaxCrossEntropyLoss();
const trainer = new Trainer(net.parameters(), 'adam', { learningRate: 1e-3 });
const accuracy = new Accuracy();
const loader = new DataLoader(data, { batchSize: 64, shuffle: true, seed: 1 });

let step = 0;
let peak = 0;
while (step < steps)
  for await (const [x, y] of loader) {
    let out!: nd.NDArray;
    const l = autograd.record(() => {
      out = net(x);
      return loss(out, y);
    });
    l.backward();
    trainer.step(x.shape[0]);
    accuracy.update(y, out);
    peak = Math.max(peak, process.memoryUsage.rss());
    if (++step % report === 0 || step === steps)
      console.log(JSON.stringify({ step, rss: process.memoryUsage.rss(), peak }));
    if (step === steps) break;
  }
