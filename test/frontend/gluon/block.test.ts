import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { autograd, nd, random } from 'tigon';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assign } from '../../../src/frontend/call.ts';
import { Block, compilationOf, HybridBlock } from '../../../src/frontend/gluon/block.ts';
import { Constant, Normal, Xavier } from '../../../src/frontend/gluon/init.ts';
import { Parameter } from '../../../src/frontend/gluon/parameter.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import { testAtOnce } from '../support.ts';

/** y = x Wᵀ + b with the input size learnt from x. */
class Linear extends HybridBlock {
  weight: Parameter;
  bias: Parameter;
  readonly #units: number;
  constructor(units: number) {
    super();
    this.#units = units;
    this.weight = new Parameter({ shape: [units, 0] });
    this.bias = new Parameter({ shape: [units], init: 'zeros' });
  }
  override forward(x: nd.NDArray): nd.NDArray {
    this.weight.infer([this.#units, x.shape[1]!]);
    return x.matmul(this.weight.data().T).add(this.bias.data());
  }
}

class Net extends HybridBlock {
  layers = [new Linear(4), new Linear(3)];
  named = { out: new Linear(2) };
  override forward(x: nd.NDArray): nd.NDArray {
    let h = x;
    for (const layer of this.layers) h = layer(h).tanh();
    return this.named.out(h);
  }
}

const made = (): Net => {
  random.seed(3);
  const net = new Net();
  net.initialize({ init: new Normal(0.5) });
  return net;
};
const input = (): nd.NDArray => nd.linspace(-1, 1, 10).reshape([2, 5]);

test('blocks are callable objects of their class, with fields, private members and instanceof', () => {
  const net = made();
  assert.is(typeof net, 'function');
  assert.ok(net instanceof Net && net instanceof HybridBlock && net instanceof Block);
  assert.equal(net(input()).shape, [2, 2]);
});

test('children and parameters are found in fields, arrays and plain objects, under their paths', () => {
  assert.equal(
    [...made().collectParams().keys()],
    [
      'layers.0.weight',
      'layers.0.bias',
      'layers.1.weight',
      'layers.1.bias',
      'named.out.weight',
      'named.out.bias',
    ],
  );
  assert.equal([...made().collectParams('.*bias').keys()].length, 3);
});

test('a block that is used twice is collected once: its parameters are shared', () => {
  class Shared extends HybridBlock {
    a = new Linear(5);
    b = this.a;
    override forward(x: nd.NDArray): nd.NDArray {
      return this.b(this.a(x));
    }
  }
  const net = new Shared();
  net.initialize();
  assert.is(net.parameters().length, 2);
  assert.equal(net(input()).shape, [2, 5]);
});

test('shapes are learnt at the first call, also when that call is traced', () => {
  const net = made();
  assert.equal(net.layers[0]!.weight.shape, [4, 0]);
  net.hybridize();
  net(input());
  assert.equal(net.layers[0]!.weight.shape, [4, 5]);
});

test('hybridized and imperative runs agree in results and gradients', async () => {
  const net = made();
  const run = (): [nd.NDArray, nd.NDArray[]] => {
    const y = autograd.record(() => net(input()).square());
    y.backward();
    return [y, net.parameters().map((p) => p.grad().copy())];
  };
  const [y0, g0] = run();
  net.hybridize();
  const [y1, g1] = run();
  await assertAllClose(y1, y0, { rtol: 1e-6 });
  for (const [i, g] of g0.entries()) await assertAllClose(g1[i]!, g, { rtol: 1e-5 });
  net.hybridize({ active: false });
  await assertAllClose(net(input()).square(), y0, { rtol: 1e-6 });
});

test('replacing a child or casting a parameter drops stale programs', () => {
  const net = made();
  net.hybridize();
  net(input());
  const fresh = new Linear(7);
  fresh.initialize({ init: 0.5 });
  net.named.out = fresh;
  assert.equal(net(input()).shape, [2, 7]);
  const compiled = compilationOf(net)!.cached.plans.length;
  assert.is(compiled, 1);
});

test('hooks of children run hybridized too, and can be detached', () => {
  const net = made();
  const seen: string[] = [];
  const handle = net.layers[0]!.registerForwardHook((_b, _a, y) => {
    seen.push((y as nd.NDArray).shape.join());
  });
  net.hybridize();
  net(input());
  assert.equal(seen, ['2,4']);
  handle.detach();
  net(nd.zeros([3, 5]));
  assert.equal(seen, ['2,4']);
});

test('several results, nested arguments and null pass through hybridized blocks', async () => {
  class Pair extends HybridBlock {
    override forward(
      args: { a: nd.NDArray; b: nd.NDArray | null },
      scale: number,
    ): [nd.NDArray, { sum: nd.NDArray }] {
      const doubled = args.a.mul(scale);
      return [doubled, { sum: args.b === null ? doubled : doubled.add(args.b) }];
    }
  }
  const net = new Pair();
  net.hybridize();
  const a = nd.ones([3]);
  const [x, { sum }] = net({ a, b: null }, 2);
  assert.equal(
    [await x.array(), await sum.array()],
    [
      [2, 2, 2],
      [2, 2, 2],
    ],
  );
  const [, second] = net({ a, b: a }, 3);
  assert.equal(await second.sum.array(), [4, 4, 4]);
});

testAtOnce('a plain block that reads values splits the program instead of failing', async () => {
  class Peek extends Block {
    override forward(x: nd.NDArray): nd.NDArray {
      return x.sum().itemSync() > 0 ? x : x.neg();
    }
  }
  class Mixed extends HybridBlock {
    first = new Linear(4);
    peek = new Peek();
    override forward(x: nd.NDArray): nd.NDArray {
      return this.peek(this.first(x));
    }
  }
  random.seed(1);
  const net = new Mixed();
  net.initialize();
  const wanted = net(input());
  net.hybridize();
  await assertAllClose(net(input()), wanted, { rtol: 1e-6 });
  assert.match(compilationOf(net)!.split!, /Peek/);
  assert.is(compilationOf(net.first)!.cached.plans.length, 1);
});

test('a value read while tracing a hybrid block is an error that names block, line and way out', () => {
  class Bad extends HybridBlock {
    inner = new (class Inner extends HybridBlock {
      override forward(x: nd.NDArray): nd.NDArray {
        return x.sum().itemSync() > 0 ? x : x.neg();
      }
    })();
    override forward(x: nd.NDArray): nd.NDArray {
      return this.inner(x);
    }
  }
  const net = new Bad();
  net.hybridize();
  assert.throws(
    () => net(input()),
    (e: Error) =>
      /TraceError|trace/.test(e.name) &&
      /inner \(Inner\)/.test(e.message) &&
      /block\.test\.ts:\d+/.test(e.message) &&
      /cond|imperative/.test(e.message),
  );
});

test('running statistics written in forward are updated by hybridized programs', async () => {
  class Counter extends HybridBlock {
    count = new Parameter({ shape: [1], init: 'zeros', gradReq: 'null' });
    override forward(x: nd.NDArray): nd.NDArray {
      const next = this.count.data().add(1);
      assign(this.count.data(), next);
      return x.mul(next);
    }
  }
  const net = new Counter();
  net.initialize();
  net.hybridize();
  for (let i = 0; i < 3; i++) net(nd.ones([2]));
  assert.equal(await net.count.data().array(), [3]);
});

test('parameters go to a file and come back, by name', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tigon-'));
  const path = join(folder, 'net.safetensors');
  const net = made();
  const wanted = net(input());
  await net.saveParameters(path);
  const other = new Net();
  await other.loadParameters(path);
  await assertAllClose(other(input()), wanted, { rtol: 1e-6 });
  const third = new Net();
  third.initialize();
  third(input());
  await third.loadParameters(new Uint8Array(await readFile(path)));
  await assertAllClose(third(input()), wanted, { rtol: 1e-6 });
  await rm(folder, { recursive: true });
});

test('a block of float32 takes parameters of 16 bits as they are; one of 16 bits takes no others', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tigon-'));
  const path = join(folder, 'net.safetensors');
  for (const dtype of ['bfloat16', 'float16'] as const) {
    const net = made();
    net(input());
    net.cast(dtype);
    await net.saveParameters(path);
    const wide = new Net();
    await wide.loadParameters(path);
    const saved = net.collectParams();
    for (const [name, parameter] of wide.collectParams()) {
      assert.is(parameter.dtype, 'float32');
      assert.equal(await parameter.data().data(), await saved.get(name)!.data().data());
    }
    await wide.saveParameters(path);
    const error = await net.loadParameters(path).then(
      () => '',
      (e: Error) => e.message,
    );
    assert.match(error, `is f32, the block needs ${dtype === 'float16' ? 'f16' : 'bf16'}`);
  }
  await rm(folder, { recursive: true });
});

test('a file that does not fit is refused whole, with every difference named', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tigon-'));
  const path = join(folder, 'net.safetensors');
  const net = made();
  net(input());
  await net.saveParameters(path);
  class Other extends HybridBlock {
    layers = [new Linear(4), new Linear(9)];
    extra = new Linear(2);
    override forward(x: nd.NDArray): nd.NDArray {
      return x;
    }
  }
  const other = new Other();
  other.initialize({ init: new Constant(0.25) });
  other.layers[0]!(input());
  const before = await other.layers[0]!.weight.data().array();
  let message = '';
  await other.loadParameters(path).catch((e: Error) => {
    message = e.message;
  });
  for (const part of [
    'layers.1.weight has shape [3, 4]',
    'extra.weight is missing',
    'named.out.bias is in the file',
  ])
    assert.ok(message.includes(part), `${part} in ${message}`);
  assert.equal(await other.layers[0]!.weight.data().array(), before);
  const bytes = await readFile(path);
  await writeFile(path, bytes.subarray(0, bytes.length - 8));
  let truncated = '';
  await net.loadParameters(path).catch((e: Error) => {
    truncated = e.message;
  });
  assert.match(truncated, /net\.safetensors/);
  await rm(folder, { recursive: true });
});

test('mistakes with parameters are named', () => {
  const net = new Net();
  assert.throws(
    () => net(input()),
    /layers\.0\.weight has no values: the block was not initialized/,
  );
  net.initialize();
  net(input());
  assert.throws(() => net(nd.zeros([2, 6])), /\[2, 6\]/);
  assert.throws(
    () => net.layers[0]!.bias.setData(nd.zeros([9])),
    /layers\.0\.bias: setData with f32\[9\] for f32\[4\]/,
  );
  assert.throws(() => net.initialize({ inti: 'zeros' } as never), /inti.*init/s);
  assert.throws(
    () => net.initialize({ init: 'xavir' as never, forceReinit: true }),
    /did you mean 'xavier'/,
  );
  assert.throws(() => new Parameter({ shape: [1], gradReq: 'wirte' as never }), /gradReq/);
  const constant = new Parameter({ shape: [2], gradReq: 'null' });
  constant.initialize();
  assert.throws(() => constant.grad(), /has no gradient/);
});

test('xavier scales by the fans, convolution kernels included', async () => {
  random.seed(0);
  const p = new Parameter({ shape: [64, 32, 3, 3], init: new Xavier() });
  p.initialize();
  const bound = Math.sqrt(3 / ((32 * 9 + 64 * 9) / 2));
  const values = (await p.data().data()) as Float32Array;
  const largest = values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  assert.ok(largest <= bound && largest > 0.99 * bound);
});

test('summary lists layers, shapes and counts, and changes nothing else', () => {
  const net = made();
  const text = net.summary(input());
  assert.match(text, /layers\.0 \(Linear\)\s+\[2, 4\]\s+24/);
  assert.match(text, /trainable 47, not trainable 0/);
});

test.run();
