import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import { SGD } from '../../../src/frontend/gluon/optim.ts';
import { encode } from '../../../src/frontend/io/safetensors.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import { autograd, device, hybridize, nd, Parameter, random, Trainer } from '../../../src/index.ts';
import { fails, rejects } from '../support.ts';

const parameter = (
  name: string,
  values: number[],
  more: { lrMult?: number; wdMult?: number; gradReq?: 'write' | 'add' | 'null' } = {},
): Parameter => {
  const p = new Parameter({ shape: [values.length], ...more });
  p.name = name;
  p.setData(nd.array(values));
  return p;
};
/** Gradient 2 everywhere. */
const backward = (...ps: Parameter[]): void =>
  autograd.record(() => ps.map((p) => p.data().mul(2).sum()).reduce((a, b) => a.add(b))).backward();
const values = async (p: Parameter): Promise<number[]> => Array.from(await p.data().data());

test('step divides gradients by the batch size and rescaleGrad', async () => {
  const w = parameter('w', [1, 1]);
  const trainer = new Trainer([w], 'sgd', { learningRate: 1, rescaleGrad: 0.5 });
  backward(w);
  trainer.step(4);
  assert.equal(await values(w), [0.75, 0.75]);
});

test('lrMult and wdMult scale the rates of a parameter, also when changed later', async () => {
  const a = parameter('a', [1], { lrMult: 0.5 });
  const b = parameter('b', [1], { wdMult: 0 });
  const trainer = new Trainer([a, b], 'sgd', { learningRate: 0.5, wd: 1 });
  backward(a, b);
  trainer.step(1);
  assert.equal(await values(a), [1 - 0.25 * 3]);
  assert.equal(await values(b), [1 - 0.5 * 2]);
  a.lrMult = 0;
  backward(a, b);
  trainer.step(1);
  assert.equal(await values(a), [0.25]);
});

test("parameters with gradReq 'null' stay as they are and need no gradient", async () => {
  const a = parameter('a', [1]);
  const fixed = parameter('fixed', [1], { gradReq: 'null' });
  const trainer = new Trainer([a, fixed], 'sgd', { learningRate: 1 });
  backward(a);
  trainer.step(1);
  assert.equal(await values(a), [-1]);
  assert.equal(await values(fixed), [1]);
});

test("with gradReq 'add', gradients of several backward passes count together", async () => {
  const a = parameter('a', [1], { gradReq: 'add' });
  const trainer = new Trainer([a], 'sgd', { learningRate: 1 });
  backward(a);
  backward(a);
  trainer.step(2);
  assert.equal(await values(a), [-1]);
});

test('an eager step is one program of as few kernels as can be, whatever the number of parameters', () => {
  const ps = Array.from({ length: 8 }, (_, i) => parameter(`p${i}`, new Array(3 + i).fill(1)));
  for (const name of ['sgd', 'adam', 'adamw'] as const) {
    const trainer = new Trainer(ps, name, { learningRate: 0.1 });
    // The first step also gives parameters that share memory with others memory of their own.
    backward(...ps);
    trainer.step(1);
    for (let i = 0; i < 2; i++) {
      backward(...ps);
      const before = device.activity();
      trainer.step(1);
      const after = device.activity();
      assert.is(after.programs - before.programs, 1, name);
      // a kernel sees so many arrays at most: of each parameter four with the moments of adam
      const least = Math.ceil((4 * ps.length) / ps[0]!.data().device.caps.maxBindings);
      assert.ok(after.kernels - before.kernels <= least, name);
    }
  }
});

test('a gradient that no backward pass has written since the last step is an error', async () => {
  const a = parameter('a', [1]);
  const b = parameter('b', [1]);
  const trainer = new Trainer([a, b], 'sgd', { learningRate: 1 });
  fails(
    () => trainer.step(1),
    'gradient',
    'trainer.step: no backward pass has written the gradient of a, b since the last step',
    'call l.backward()',
    'ignoreStaleGrad',
  );
  backward(a, b);
  trainer.step(1);
  backward(b);
  fails(() => trainer.step(1), 'gradient', 'gradient of a since');
  assert.equal(await values(b), [-1], 'nothing was updated');
});

test('ignoreStaleGrad leaves parameters without a new gradient alone, with bias corrections of their own', async () => {
  const make = (): { a: Parameter; b: Parameter; trainer: Trainer } => {
    const a = parameter('a', [1]);
    const b = parameter('b', [1]);
    return { a, b, trainer: new Trainer([a, b], 'adam', { learningRate: 0.1 }) };
  };
  const one = make();
  const two = make();
  backward(one.a, one.b);
  one.trainer.step(1);
  backward(one.b);
  one.trainer.step(1, { ignoreStaleGrad: true });
  backward(one.a, one.b);
  one.trainer.step(1);
  for (let i = 0; i < 3; i++) {
    backward(two.a, two.b);
    two.trainer.step(1);
    if (i === 1) await assertAllClose(await values(one.a), await values(two.a));
  }
  await assertAllClose(await values(one.b), await values(two.b));
  one.trainer.step(1, { ignoreStaleGrad: true });
  await assertAllClose(await values(one.b), await values(two.b), { label: 'nothing to do' });
});

const steps = (): { w: Parameter; trainer: Trainer; step: (x: nd.NDArray) => nd.NDArray } => {
  const w = parameter('w', [1, -1]);
  const trainer = new Trainer([w], 'adam', { learningRate: 0.1, wd: 0.1 });
  const step = (x: nd.NDArray): nd.NDArray => {
    const l = autograd.record(() => w.data().mul(x).square().sum());
    l.backward();
    trainer.step(x.shape[0]);
    return l;
  };
  return { w, trainer, step };
};

test('a hybridized step does what the plain one does; new rates compile nothing', async () => {
  const plain = steps();
  const compiled = steps();
  const step = hybridize(compiled.step);
  for (let i = 0; i < 6; i++) {
    const x = nd.array([i + 1, 2]);
    if (i === 3) plain.trainer.learningRate = compiled.trainer.learningRate = 0.03;
    if (i === 4) compiled.trainer.optimizer.wd = plain.trainer.optimizer.wd = 0.2;
    await assertAllClose(step(x), plain.step(x));
    await assertAllClose(compiled.w.data(), plain.w.data());
  }
  assert.is(step.cached.plans.length, 1);
  const [plan] = step.cached.plans;
  compiled.w.lrMult = plain.w.lrMult = 0.5;
  const x = nd.array([1, 2]);
  step(x);
  plain.step(x);
  await assertAllClose(compiled.w.data(), plain.w.data());
  assert.is.not(step.cached.plans[0], plan, 'lrMult is part of the graph: traced anew');
  step(x);
  plain.step(x);
  await assertAllClose(compiled.w.data(), plain.w.data());
});

test('steps inside and outside of a hybridized function can be mixed', async () => {
  const plain = steps();
  const mixed = steps();
  const step = hybridize(mixed.step);
  const x = nd.array([1, 2]);
  for (let i = 0; i < 6; i++) {
    plain.step(x);
    (i % 2 === 0 ? step : mixed.step)(x);
    await assertAllClose(mixed.w.data(), plain.w.data(), { label: `step ${i}` });
  }
  assert.is(step.cached.plans.length, 1);
});

test('two updates in one hybridized function have the bias corrections of two updates', async () => {
  const plain = steps();
  const compiled = steps();
  const twice = hybridize((x: nd.NDArray) => {
    compiled.step(x);
    return compiled.step(x);
  });
  const x = nd.array([1, 2]);
  for (let i = 0; i < 3; i++) {
    plain.step(x);
    await assertAllClose(twice(x), plain.step(x));
    await assertAllClose(compiled.w.data(), plain.w.data());
  }
});

test('backward hybridized, step outside: gradients are fresh at each call', async () => {
  const w = parameter('w', [1]);
  const trainer = new Trainer([w], 'sgd', { learningRate: 0.25 });
  const gradients = hybridize((x: nd.NDArray) => {
    const l = autograd.record(() => w.data().mul(x).sum());
    l.backward();
    return l;
  });
  for (let i = 0; i < 3; i++) {
    gradients(nd.array([1]));
    trainer.step(1);
  }
  assert.equal(await values(w), [0.25]);
  fails(() => trainer.step(1), 'gradient', 'gradient of w');
});

test('a parameter that is an argument of the hybridized function has a fresh gradient too', async () => {
  const w = parameter('w', [1]);
  const trainer = new Trainer([w], 'sgd', { learningRate: 0.25 });
  const gradients = hybridize((x: nd.NDArray) => {
    const l = autograd.record(() => x.mul(2).sum());
    l.backward();
    return l;
  });
  for (let i = 0; i < 2; i++) {
    gradients(w.data());
    trainer.step(1);
  }
  assert.equal(await values(w), [0]);
});

test('step hybridized without backward: a stale gradient is an error at each call', async () => {
  const w = parameter('w', [1]);
  const trainer = new Trainer([w], 'sgd', { learningRate: 0.25 });
  const update = hybridize(() => trainer.step(1));
  backward(w);
  update();
  assert.equal(await values(w), [0.5]);
  fails(() => update(), 'gradient', 'no backward pass has written the gradient of w');
  assert.equal(await values(w), [0.5]);
  backward(w);
  update();
  assert.equal(await values(w), [0]);
});

test('sizes that are learnt from the first input work in a hybridized step', async () => {
  random.seed(3);
  const net = new nn.HybridSequential(new nn.Dense(4, { activation: 'relu' }), new nn.Dense(1));
  net.initialize({ init: 'xavier' });
  const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: 0.1, momentum: 0.9 });
  const step = hybridize((x: nd.NDArray) => {
    const l = autograd.record(() => net(x).square().mean());
    l.backward();
    trainer.step(1);
    return l;
  });
  const x = random.normal([8, 3]);
  const first = (await step(x).data())[0]!;
  for (let i = 0; i < 20; i++) step(x);
  assert.ok((await step(x).data())[0]! < first / 2);
});

test('half-precision parameters are updated in single precision', async () => {
  for (const dtype of ['float16', 'bfloat16'] as const) {
    const w = new Parameter({ shape: [2], dtype, init: 'ones' });
    w.initialize();
    const trainer = new Trainer([w], 'sgd', { learningRate: 0.5, momentum: 0.9 });
    autograd.record(() => w.data().sum()).backward();
    trainer.step(4);
    assert.equal(Array.from(await w.data().data()), [0.875, 0.875]);
    assert.is(w.data().dtype, dtype);
  }
});

test('an optimizer of your own', async () => {
  class SignDescent extends SGD {
    override update(
      ...[m, { weight, gradient, rate }]: Parameters<SGD['update']>
    ): ReturnType<SGD['update']> {
      return { weight: m.sub(weight, m.mul(rate, m.clip(gradient, rate))), states: [] };
    }
  }
  const w = parameter('w', [1]);
  const trainer = new Trainer([w], new SignDescent({ learningRate: 0.5 }));
  backward(w);
  trainer.step(1);
  assert.equal(await values(w), [0.75]);
});

test('wrong arguments are errors that say what to pass', () => {
  const w = parameter('w', [1]);
  const made =
    (source: unknown): (() => Trainer) =>
    () =>
      new Trainer(source as Parameter[], 'sgd');
  fails(made(undefined), 'value', 'Trainer: the first argument is not a list', 'net.parameters()');
  fails(made([]), 'value', 'Trainer: there are no parameters');
  fails(made([w, 3]), 'value', 'Trainer: item 1 is not a Parameter');
  fails(() => new Trainer([w], 'sdg' as 'sgd'), 'option', "did you mean 'sgd'?");
  fails(
    () => new Trainer([w], 'sgd', { momentum: 0.9, lr: 1 } as object),
    'option',
    'SGD: unknown option "lr"',
  );
  fails(
    () => new (Trainer as unknown as new (...a: unknown[]) => Trainer)([w], new SGD(), { wd: 1 }),
    'option',
    'options beside an optimizer instance',
  );
  const trainer = new Trainer(new Map([['w', w]]), 'sgd');
  for (const size of [0, -1, Number.NaN, undefined])
    fails(() => trainer.step(size), 'value', `the batch size is ${size}`, 'x.shape[0]');
  fails(() => trainer.step(1, { ignoreStale: true } as object), 'option', '"ignoreStaleGrad"');
  fails(
    () => {
      trainer.learningRate = Number.NaN;
    },
    'option',
    'learningRate is NaN',
  );
  const empty = new Trainer([new Parameter({ shape: [2] })], 'sgd');
  fails(() => empty.step(1), 'value', 'was not initialized', 'net.initialize()');
});

const folder = mkdtempSync(join(tmpdir(), 'tigon-trainer-'));
test.after(() => rmSync(folder, { recursive: true }));

test('saved states go on as if training had not stopped', async () => {
  const path = join(folder, 'states.safetensors');
  const one = steps();
  const x = nd.array([1, 2]);
  for (let i = 0; i < 3; i++) one.step(x);
  one.trainer.learningRate = 0.05;
  await one.trainer.saveStates(path);
  const two = steps();
  two.w.setData(one.w.data().copy());
  await two.trainer.loadStates(path);
  assert.is(two.trainer.learningRate, 0.05);
  const step = hybridize(two.step);
  for (let i = 0; i < 3; i++) {
    one.step(x);
    step(x);
    await assertAllClose(two.w.data(), one.w.data());
  }
});

test('states that do not fit change nothing and say why', async () => {
  const path = join(folder, 'other.safetensors');
  const { trainer, step } = steps();
  step(nd.array([1, 2]));
  await trainer.saveStates(path);
  const other = new Trainer([parameter('v', [1, 2])], 'adam', { learningRate: 0.7 });
  await rejects(
    () => other.loadStates(path),
    'file',
    `loadStates: ${path} does not fit the trainer`,
    'parameter v is missing',
    'v.mean is missing',
    'w.mean is in the file, but not in the trainer',
  );
  assert.is(other.learningRate, 0.7);
  await rejects(
    () => new Trainer([parameter('w', [1, 2])], 'sgd').loadStates(path),
    'file',
    'it is of optimizer adam, the trainer has sgd',
  );
  await rejects(
    () => new Trainer([parameter('w', [1, 2, 3])], 'adam').loadStates(path),
    'file',
    'w.mean is float32 [2], the trainer needs float32 [3]',
  );
  const plain = join(folder, 'plain.safetensors');
  writeFileSync(plain, Buffer.concat(encode([])));
  await rejects(() => trainer.loadStates(plain), 'file', 'it holds no trainer states');
  await rejects(() => trainer.loadStates(join(folder, 'none')), 'file', 'no such file');
});

test.run();
