/** Convolutions large enough for matrix units to read copies of their operands: the numbers are those of float32 on the CPU. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertAllClose } from '../../src/frontend/testing.ts';
import { autograd, device, explain, hybridize, nd, random } from '../../src/index.ts';

test('a convolution of bfloat16 and its gradients', async () => {
  random.seed(4);
  const cpu = device.cpu();
  const make = (...shape: number[]): nd.NDArray =>
    random.uniform(shape, -1, 1, { device: cpu }).astype('bfloat16');
  const [x, w] = [make(16, 16, 16, 16), make(16, 16, 3, 3)];
  const grads = async (on: ReturnType<typeof device.default>, dtype: nd.DType) => {
    const [a, b] = await Promise.all([x, w].map((v) => nd.toDevice(v.astype(dtype), on)));
    a!.attachGrad();
    b!.attachGrad();
    const f = hybridize((p: nd.NDArray, q: nd.NDArray) =>
      nd.convolution(p, q, undefined, { padding: 1 }).astype('float32'),
    );
    const y = autograd.record(() => f(a!, b!));
    y.backward();
    if (on.kind === 'cuda') assert.match(JSON.stringify(explain(f)), /layout_/);
    return Promise.all(
      [y, a!.grad!, b!.grad!].map(async (v) =>
        Array.from(await v.astype('float32').data(), Number),
      ),
    );
  };
  const want = await grads(cpu, 'float32');
  const got = await grads(device.default(), 'bfloat16');
  for (const [i, w] of want.entries()) {
    const most = Math.max(...w.map(Math.abs));
    await assertAllClose(nd.array(got[i]!, { device: cpu }), w, { rtol: 0, atol: 2 ** -7 * most });
  }
});

test.run();
