/**
 * A net of two layers made by hand, trained by one compiled step: what a page writes that uses arrays and gradients and
 * no layers. `npm run size` measures the page that runs it, and a test runs it.
 *
 * Invariant: names no device; its numbers follow from nothing but this text.
 */
import { autograd, hybridize, nd } from 'tigon/web';

const SAMPLES = 96;
const HIDDEN = 32;
const CLASSES = 3;
const RATE = 1;

export interface Trained {
  readonly losses: readonly number[];
  /** The share of samples that are classified as they should be. */
  readonly accuracy: number;
}

/** Points on the arms of a spiral, and which arm each is on. */
const spiral = (): [x: nd.NDArray, y: nd.NDArray] => {
  const places = Array.from({ length: SAMPLES }, (_, i) => {
    const radius = (i / SAMPLES) * 0.9 + 0.1;
    const angle = 2 * radius + ((i % CLASSES) * 2 * Math.PI) / CLASSES;
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
  const arms = Array.from({ length: SAMPLES }, (_, i) => i % CLASSES);
  return [nd.array(places), nd.array(arms, { dtype: 'int32' })];
};

/** Numbers between -1 and 1 that look random, divided by the root of the fan-in. */
const weights = (rows: number, columns: number): nd.NDArray => {
  const values = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i * i + 1));
  return nd.array(values, { shape: [rows, columns] }).div(Math.sqrt(rows));
};

const scores = (x: nd.NDArray, parameters: readonly nd.NDArray[]): nd.NDArray => {
  const [w1, b1, w2, b2] = parameters as [nd.NDArray, nd.NDArray, nd.NDArray, nd.NDArray];
  return nd.matmul(nd.relu(nd.matmul(x, w1).add(b1)), w2).add(b2);
};

const crossEntropy = (logits: nd.NDArray, labels: nd.NDArray): nd.NDArray =>
  nd.neg(nd.mean(nd.pick(nd.logSoftmax(logits, { axis: 1 }), labels, { axis: 1 })));

/** The loss, and the parameters after a step down its gradient. */
const step = hybridize((x: nd.NDArray, y: nd.NDArray, ...parameters: nd.NDArray[]) => {
  for (const p of parameters) p.attachGrad();
  const loss = autograd.record(() => crossEntropy(scores(x, parameters), y));
  loss.backward();
  return [loss, ...parameters.map((p) => nd.sub(p, p.grad!.mul(RATE)))];
});

/** Trains on the default device. */
export const train = async (steps: number): Promise<Trained> => {
  const [x, y] = spiral();
  let parameters = [
    weights(2, HIDDEN),
    nd.zeros([HIDDEN]),
    weights(HIDDEN, CLASSES),
    nd.zeros([CLASSES]),
  ];
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const [loss, ...next] = step(x, y, ...parameters) as [nd.NDArray, ...nd.NDArray[]];
    parameters = next;
    losses.push(await loss.item());
  }
  const classes = nd.argmax(scores(x, parameters), { axis: 1 });
  return { losses, accuracy: await nd.mean(nd.eq(classes, y).astype('float32')).item() };
};
