import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assign } from '../../src/frontend/call.ts';
import { CachedFunction, plansOf } from '../../src/frontend/hybridize.ts';
import { assertAllClose, checkHybridize } from '../../src/frontend/testing.ts';
import { hostScalar } from '../../src/frontend/trace.ts';
import { autograd, hybridize, nd, random } from '../../src/index.ts';
import { fails, rejects } from './support.ts';

const array = (values: number[]): nd.NDArray => nd.array(values);

test('a function is traced once per signature and computes the same', async () => {
  let traces = 0;
  const f = hybridize((x: nd.NDArray, k: number) => {
    traces++;
    return x.mul(k).add(1).relu();
  });
  assert.equal(await f(array([1, -2]), 2).array(), [3, 0]);
  assert.equal(await f(array([3, 4]), 2).array(), [7, 9]);
  assert.is(traces, 1);
  assert.equal(await f(array([1, -2]), 3).array(), [4, 0]);
  assert.equal(f(nd.ones([2, 2]), 3).shape, [2, 2]);
  assert.is(traces, 3);
  assert.is(plansOf(f).length, 3);
  f(array([5, 6]), 2);
  assert.is(traces, 3, 'alternating shapes do not trace again');
});

test('the number of plans is bounded, the oldest unused goes first', () => {
  let traces = 0;
  const f = hybridize(
    (x: nd.NDArray) => {
      traces++;
      return x.add(1);
    },
    { maxPlans: 2 },
  );
  for (const n of [1, 2, 1, 3, 1]) f(nd.zeros([n]));
  assert.is(traces, 3);
  f(nd.zeros([2]));
  assert.is(traces, 4);
  assert.is(plansOf(f).length, 2);
  fails(() => hybridize((x: nd.NDArray) => x, { maxPlans: 0 }), 'option', 'maxPlans');
  fails(() => hybridize((x: nd.NDArray) => x, { static: true } as never), 'option', 'hybridize');
});

test('arguments may be nested, null or plain values, results too', async () => {
  const f = hybridize((o: { a: nd.NDArray; list: nd.NDArray[] }, flag: boolean, nothing: null) => ({
    sum: o.list.reduce((s, x) => s.add(x), o.a),
    flag,
    nothing,
    pair: [o.a, 'text'] as const,
    count: o.list.length,
  }));
  const a = array([1]);
  const r = f({ a, list: [a, a] }, true, null);
  assert.equal(await r.sum.array(), [3]);
  assert.is(r.flag, true);
  assert.is(r.nothing, null);
  assert.equal(await r.pair[0].array(), [1]);
  assert.is(r.pair[1], 'text');
  assert.is(r.count, 2);
  assert.equal(await f({ a, list: [a] }, true, null).sum.array(), [2]);
});

test('views may be arguments', async () => {
  const f = hybridize((x: nd.NDArray) => x.add(1).sum({ axis: 0 }));
  const x = nd.arange(6).reshape([2, 3]);
  assert.equal(await f(x).array(), [5, 7, 9]);
  assert.equal(await f(x.T).array(), [6, 15]);
  assert.equal(await f(x.slice(':', [1, 3])).array(), [7, 9]);
});

test('captured arrays are read anew at each call', async () => {
  const w = array([1, 2]);
  const f = hybridize((x: nd.NDArray) => x.mul(w));
  assert.equal(await f(array([10, 10])).array(), [10, 20]);
  assign(w, array([3, 4]));
  assert.equal(await f(array([10, 10])).array(), [30, 40]);
  assert.is(plansOf(f).length, 1);
});

test('a captured array that changes shape or dtype makes a new plan', async () => {
  const w = nd.array([1, 2]);
  let traces = 0;
  const f = hybridize((x: nd.NDArray) => {
    traces++;
    return x.mul(w);
  });
  f(array([1, 1]));
  const other = nd.array([5], { dtype: 'int32' });
  Object.assign(w, { layout: other.layout, storage: other.storage });
  assert.equal(await f(array([1, 1])).array(), [5, 5]);
  assert.is(traces, 2);
});

test('writes to captured arrays happen at each call, in order', async () => {
  const count = nd.zeros([1]);
  const f = hybridize((x: nd.NDArray) => {
    assign(count, count.add(1));
    const y = x.mul(count);
    assign(count, count.mul(2));
    return y;
  });
  assert.equal(await f(array([10])).array(), [10]);
  assert.equal(await count.array(), [2]);
  assert.equal(await f(array([10])).array(), [30]);
  assert.equal(await count.array(), [6]);
});

test('a state that others look at moves to memory of its own', async () => {
  const w = array([1, 2]);
  const before = w.detach();
  const f = hybridize((x: nd.NDArray) => {
    assign(w, w.add(x));
    return x.mul(1);
  });
  assert.equal(await f(w).array(), [1, 2], 'an argument keeps the value it was passed with');
  assert.equal(await before.array(), [1, 2]);
  assert.equal(await w.array(), [2, 4]);
  const held = w.storage;
  f(array([1, 1]));
  assert.ok(w.storage === held, 'updated in place once nobody else holds it');
  assert.equal(await w.array(), [3, 5]);
});

test('an array passed twice is one argument, with one gradient', async () => {
  const f = hybridize((x: nd.NDArray, y: nd.NDArray) => {
    const l = autograd.record(() => x.mul(y));
    l.backward();
    return l;
  });
  const x = array([3]).attachGrad();
  f(x, x);
  assert.equal(await x.grad!.array(), [6]);
  f(x, array([5]).attachGrad());
  assert.equal(await x.grad!.array(), [5]);
});

test('results that are arguments or captured arrays keep their values', async () => {
  const w = array([7]);
  const f = hybridize((x: nd.NDArray) => [x, w, x.reshape([1, 1]), x.reshape([1, 1])] as const);
  const x = array([1]);
  const [a, b, c, d] = f(x);
  assert.equal(await Promise.all([a, b].map((y) => y.array())), [[1], [7]]);
  assert.equal(c.shape, [1, 1]);
  assert.equal(await d.array(), [[1]]);
  assert.ok(a !== x);
});

test('host scalars are read at each call', async () => {
  let rate = 1;
  const f = hybridize((x: nd.NDArray) => x.mul(hostScalar(() => rate)));
  assert.equal(await f(array([2])).array(), [2]);
  rate = 10;
  assert.equal(await f(array([2])).array(), [20]);
  assert.is(plansOf(f).length, 1);
});

test('recorded calls pass gradients to arguments and captured arrays', async () => {
  const w = array([2, 3]).attachGrad();
  const f = hybridize((x: nd.NDArray) => x.mul(w).tanh().sum());
  const run = (g: (x: nd.NDArray) => nd.NDArray): nd.NDArray[] => {
    const x = array([0.1, 0.2]).attachGrad();
    autograd.record(() => g(x).mul(2)).backward();
    return [x.grad!, w.grad!.copy()];
  };
  const compiled = run(f);
  const eager = run((x) => x.mul(w).tanh().sum());
  await assertAllClose(compiled[0]!, eager[0]!);
  await assertAllClose(compiled[1]!, eager[1]!);
  const x = array([1, 1]);
  const y = autograd.record(() => f(x));
  y.backward();
  fails(() => y.backward(), 'gradient', 'retainGraph');
});

test('outputs that are not used get no gradient, hybridized calls chain', async () => {
  const f = hybridize((x: nd.NDArray) => [x.exp(), x.mul(3), x.argmax()] as const);
  const x = array([1, 2]).attachGrad();
  autograd.record(() => f(f(x)[1])[1]).backward();
  assert.equal(await x.grad!.array(), [9, 9]);
});

test('gradients of gradients pass through hybridized functions', async () => {
  const f = hybridize((x: nd.NDArray) => x.mul(x).mul(x).add(x.mul(x).detach()));
  const x = array([2]).attachGrad();
  const [g, h] = autograd.record(() => {
    const [a] = autograd.grad(f(x), [x], { createGraph: true });
    const [b] = autograd.grad(a!, [x], { createGraph: true });
    return [a!, b!];
  });
  assert.equal(await g!.array(), [12]);
  assert.equal(await h!.array(), [12]);
});

test('detach and pause cut gradients inside', async () => {
  const f = hybridize((x: nd.NDArray) =>
    x
      .mul(x.detach())
      .add(autograd.pause(() => x.mul(100)))
      .add(x),
  );
  const x = array([3]).attachGrad();
  autograd.record(() => f(x)).backward();
  assert.equal(await x.grad!.array(), [4]);
});

test('custom functions keep their gradient inside', async () => {
  class Twice extends autograd.Function {
    #x: nd.NDArray | undefined;
    forward(x: nd.NDArray): nd.NDArray {
      this.#x = x;
      return x.mul(2);
    }
    backward(dy: nd.NDArray): nd.NDArray {
      return dy.mul(50).mul(this.#x!);
    }
  }
  const w = array([5]).attachGrad();
  const f = hybridize((x: nd.NDArray) =>
    new Twice().apply(x.mul(w)).exp().mul(0).add(new Twice().apply(x)),
  );
  const x = array([3]).attachGrad();
  autograd.record(() => f(x)).backward();
  assert.equal(await x.grad!.array(), [150]);
  assert.equal(await w.grad!.array(), [0]);
  autograd.record(() => f(x)).backward();
  assert.equal(await x.grad!.array(), [150]);
  // 50 x comes from the gradient that the function says: its slope is what it is made of.
  const [dx] = autograd.grad(
    autograd.record(() => f(x)),
    [x],
    { createGraph: true },
  );
  dx!.backward();
  assert.equal(await x.grad!.array(), [50]);
});

test('a whole training step is one program', async () => {
  const make = (): { w: nd.NDArray; step: (x: nd.NDArray) => nd.NDArray } => {
    const w = array([1, -1]).attachGrad();
    return {
      w,
      step: (x) => {
        const l = autograd.record(() => x.mul(w).tanh().sum());
        l.backward();
        assign(w, w.sub(w.grad!.mul(0.1)));
        autograd.consumeGradient(w);
        return l;
      },
    };
  };
  const plain = make();
  const other = make();
  const compiled = hybridize(other.step);
  const x = array([0.5, 2]);
  for (let i = 0; i < 4; i++) await assertAllClose(compiled(x), plain.step(x));
  await assertAllClose(other.w, plain.w);
  assert.is(plansOf(compiled).length, 1);
});

test('a gradient used up inside the program says so, keepGradients keeps it', async () => {
  const w = array([1]).attachGrad();
  const step = (x: nd.NDArray): nd.NDArray => {
    const l = autograd.record(() => x.mul(w));
    l.backward();
    assign(w, w.sub(w.grad!));
    autograd.consumeGradient(w);
    return l;
  };
  const f = hybridize(step, { name: 'step' });
  f(array([1]));
  f(array([1]));
  assert.equal(await w.array(), [-1]);
  await rejects(() => w.grad!.data(), 'trace', 'step', 'keepGradients');
  autograd.record(() => w.mul(5)).backward();
  assert.equal(await w.grad!.array(), [5], 'an imperative backward writes again');
  f(array([2]));
  await rejects(() => w.grad!.data(), 'trace', 'step');
  f.hybridize({ keepGradients: true });
  f(array([4]));
  assert.equal(await w.grad!.array(), [4]);
});

test('accumulated gradients and arguments with gradients are written at each call', async () => {
  const w = array([1]).attachGrad('add');
  const f = hybridize((x: nd.NDArray) => {
    const l = autograd.record(() => x.mul(w).mul(x));
    l.backward();
    return l;
  });
  for (const v of [1, 2]) {
    const x = array([v]).attachGrad();
    f(x);
    assert.equal(await x.grad!.array(), [2 * v]);
  }
  assert.equal(await w.grad!.array(), [5]);
});

test('a custom function may be part of a whole step', async () => {
  class Reversed extends autograd.Function {
    forward(x: nd.NDArray): nd.NDArray {
      return x.mul(1);
    }
    backward(dy: nd.NDArray): nd.NDArray {
      return dy.neg();
    }
  }
  const w = array([1, 2]).attachGrad();
  const f = hybridize((x: nd.NDArray) => {
    const l = autograd.record(() => new Reversed().apply(w.mul(x)).sum());
    l.backward();
    return l;
  });
  assert.is(await f(array([3, 4])).item(), 11);
  assert.equal(await w.grad!.array(), [-3, -4]);
});

test('a view that is assigned becomes an array of its own', async () => {
  const base = nd.arange(4, undefined, 1, { dtype: 'float32' }).reshape([2, 2]);
  const w = base.T;
  const f = hybridize((x: nd.NDArray) => assign(w, w.add(x)));
  f(nd.ones([2, 2]));
  f(nd.ones([2, 2]));
  assert.equal(await w.array(), [
    [2, 4],
    [3, 5],
  ]);
  assert.equal(await base.array(), [
    [0, 1],
    [2, 3],
  ]);
});

test('attachGrad anew makes the next call write to the new gradient', async () => {
  const w = array([1]).attachGrad();
  const f = hybridize((x: nd.NDArray) => autograd.record(() => w.mul(x)).backward());
  f(array([2]));
  assert.equal(await w.grad!.array(), [2]);
  w.attachGrad();
  f(array([3]));
  assert.equal(await w.grad!.array(), [3]);
});

test('training and prediction have plans of their own', async () => {
  const f = hybridize((x: nd.NDArray) => (autograd.isTraining() ? x.mul(2) : x));
  const x = array([1]);
  assert.equal(await f(x).array(), [1]);
  assert.equal(await autograd.trainMode(() => f(x)).array(), [2]);
  assert.equal(await f(x).array(), [1]);
  assert.is(plansOf(f).length, 2);
});

test('hybridized functions inside hybridized functions are part of them', async () => {
  const inner = hybridize((x: nd.NDArray) => x.add(1));
  const outer = hybridize((x: nd.NDArray) => inner(x).mul(inner(x)));
  assert.equal(await outer(array([2])).array(), [9]);
  assert.is(plansOf(inner).length, 0);
});

test('active: false runs the plain function', () => {
  let runs = 0;
  const f = hybridize((x: nd.NDArray) => {
    runs++;
    return x.add(1);
  });
  const x = array([1]);
  f(x);
  f.hybridize({ active: false });
  f(x);
  f(x);
  assert.is(runs, 3);
  f.hybridize();
  f(x);
  assert.is(runs, 3);
});

test('arrays made inside are constants', async () => {
  const f = hybridize((x: nd.NDArray) =>
    x
      .add(nd.array([1, 2]))
      .add(nd.ones([2]))
      .mul(nd.arange(2))
      .add(nd.array(new Float32Array(100)).sum()),
  );
  assert.equal(await f(array([1, 1])).array(), [0, 4]);
});

test('reading a value while tracing is an error that says what to do', async () => {
  const cached = new CachedFunction((x: nd.NDArray) => (x.sum().itemSync() > 0 ? x : x.neg()), {
    name: 'choose',
  });
  fails(
    () => cached.call([array([1])]),
    'trace',
    'dataSync',
    'f32[]',
    'from sum',
    'not known while tracing',
    'hybridize.test.ts',
    'where()',
    'active: false',
  );
  const shape = hybridize((x: nd.NDArray) => x.reshape([x.size, 1]).mul(x.ndim));
  assert.equal(await shape(nd.ones([2, 2])).array(), [[2], [2], [2], [2]]);
});

test('arrays of a finished trace cannot be used', async () => {
  let kept: nd.NDArray | undefined;
  const f = hybridize(
    (x: nd.NDArray) => {
      kept = x.add(1);
      return kept.mul(2);
    },
    { name: 'leak' },
  );
  f(array([1]));
  fails(() => kept!.add(1), 'trace', 'made while tracing leak', 'return it');
  fails(() => hybridize((x: nd.NDArray) => x.add(kept!))(array([1])), 'trace', 'leak');
  assert.match(String(kept), 'finished trace');
  f.hybridize({ active: false });
  f(array([1]));
  assert.equal(await kept!.array(), [2]);
});

test('errors while tracing name the line and leave everything usable', async () => {
  const f = hybridize((x: nd.NDArray) => x.matmul(nd.ones([7, 2])));
  fails(() => f(nd.ones([2, 3])), 'shape', 'matmul', '3 ≠ 7', 'hybridize.test.ts');
  assert.equal(await f(nd.ones([1, 7])).array(), [[7, 7]]);
  fails(() => hybridize(async (x: nd.NDArray) => x)(array([1])), 'trace', 'promise');
  fails(() => hybridize({} as never), 'value', 'takes a function');
});

test('errors in backward inside a step do not leave the mode changed', async () => {
  assert.throws(() =>
    hybridize((x: nd.NDArray) => {
      autograd.record(() => x.mul(2)).backward();
      return x;
    })(array([1])),
  );
  assert.not.ok(autograd.isRecording());
  assert.equal(await array([1]).add(1).array(), [2]);
});

test('checkHybridize compares outputs, gradients and state over several calls', async () => {
  random.seed(1);
  const w = random.normal([3, 4]).attachGrad();
  const seen = nd.zeros([1]);
  const f = (x: nd.NDArray): nd.NDArray => {
    autograd.pause(() => assign(seen, seen.add(1)));
    return nd.dropout(x.matmul(w).relu(), 0.5).softmax().mul(seen);
  };
  await checkHybridize(f, [random.normal([2, 3])], { state: [w, seen] });
  const g = (x: nd.NDArray): nd.NDArray => x.add(runs++);
  let runs = 0;
  let message = '';
  await checkHybridize(g, [nd.ones([2])]).catch((error: Error) => {
    message = error.message;
  });
  assert.match(message, /output 0/);
});

test('assigning to an argument changes the array of the caller, as it does imperatively', async () => {
  const bump = (x: nd.NDArray, y: nd.NDArray): nd.NDArray => {
    assign(x, x.add(y));
    return x.mul(10);
  };
  const compiled = hybridize(bump);
  const a = nd.array([1, 2]);
  const b = nd.array([1, 2]);
  for (let i = 0; i < 3; i++)
    assert.equal(await compiled(a, nd.ones([2])).array(), await bump(b, nd.ones([2])).array());
  assert.equal(await a.array(), await b.array());
  // The same array twice: the second is read before the first changes.
  assert.equal(await compiled(a, a).array(), await bump(b, b).array());
  assert.equal(await a.array(), await b.array());
});

test.run();
