/** Gradients of their own, differentiated twice: as recorded calls, compiled, and in loops. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertAllClose } from '../../src/frontend/testing.ts';
import { autograd, hybridize, nd } from '../../src/index.ts';
import { fails } from './support.ts';

class Squared extends autograd.Function {
  override forward(x: nd.NDArray): nd.NDArray {
    return x.mul(1);
  }
  override backward(dy: nd.NDArray): nd.NDArray {
    return dy.mul(dy);
  }
}

class Halved extends autograd.Function {
  #x!: nd.NDArray;
  override forward(x: nd.NDArray): nd.NDArray {
    this.#x = x;
    return nd.sin(x);
  }
  override backward(dy: nd.NDArray): nd.NDArray {
    return dy.mul(nd.cos(this.#x)).mul(0.5);
  }
}

type Call = (x: nd.NDArray) => nd.NDArray;

const calls = (own: () => autograd.Function): Record<string, Call> => ({
  plain: (x) => nd.exp(own().apply(x)),
  loop: (x) =>
    nd.foreach(
      (_, [h]) => {
        const y = nd.tanh(own().apply(h!)).mul(1.5);
        return [y, [y]];
      },
      nd.zeros([3]),
      [x],
    )[1][0]!,
});

const start = (): nd.NDArray => nd.array([0.3, -0.2]).attachGrad();

/** The gradient of a result and its gradient together. */
const twice = (f: Call): nd.NDArray => {
  const x = start();
  const total = autograd.record(() => {
    const y = f(x);
    const [slope] = autograd.grad(y, [x], { createGraph: true });
    return y.add(slope!).sum();
  });
  autograd.backward(total);
  return x.grad!;
};

test('gradients of gradients are the same compiled where what flows back is linear', async () => {
  for (const [name, f] of Object.entries(calls(() => new Halved()))) {
    await assertAllClose(twice(hybridize(f)), twice(f), { label: name });
  }
});

test('where it is not, what was computed at once is, and what was compiled says why it is not', async () => {
  const { plain, loop } = calls(() => new Squared());
  // y = exp(x), its gradient y², and both: y receives 1 from itself, 2 y from the gradient
  const wanted = [0.3, -0.2].map((x) => ((1 + 2 * Math.exp(x)) * Math.exp(x)) ** 2);
  await assertAllClose(twice(plain!), wanted);
  for (const f of [plain!, loop!]) {
    const x = start();
    const first = hybridize((a: nd.NDArray) => f(a));
    autograd.backward(autograd.record(() => first(x).sum()));
    assert.ok(((await x.grad!.array()) as number[]).every(Number.isFinite));
    fails(() => twice(first), 'gradient', 'Squared.backward', 'not linear', 'arrive in two');
  }
});

test.run();
