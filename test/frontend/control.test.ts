/** Loops and branches: imperative, hybridized, differentiated once and twice, nested, on each device. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as nn from '../../src/frontend/gluon/nn/index.ts';
import { plansOf } from '../../src/frontend/hybridize.ts';
import { assertAllClose, checkHybridize } from '../../src/frontend/testing.ts';
import { autograd, device, hybridize, nd, random } from '../../src/index.ts';
import { fails, synchronous, testAtOnce } from './support.ts';

type Array = nd.NDArray;

/** Numbers in a band where all functions here are smooth. */
const values = (shape: readonly number[], seed: number): Array =>
  nd.array(
    Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) =>
      Math.sin(1 + 3.7 * i + 11 * seed),
    ),
    { shape },
  );

const cell = (x: Array, h: Array, w: Array, u: Array): Array => x.dot(w).add(h.dot(u)).tanh();

/** Products and sums with gradients that are not theirs. */
class Pair extends autograd.Function {
  #kept: readonly Array[] = [];
  forward(x: Array, y: Array): Array[] {
    this.#kept = [x, y];
    return [x.mul(y), x.add(y).sum()];
  }
  backward(dy: Array, dsum: Array): Array[] {
    const [x, y] = this.#kept;
    return [dy.mul(y!).mul(3).add(dsum), dy.mul(x!).neg()];
  }
}

type Run = (...inputs: Array[]) => Array | readonly Array[];
interface Case {
  readonly name: string;
  readonly inputs: readonly (readonly number[])[];
  readonly run: Run;
  /** How gradients are differentiated is looked at too. */
  readonly twice?: true;
}

const cases: readonly Case[] = [
  {
    name: 'a cell with matrices from outside',
    twice: true,
    inputs: [
      [4, 2, 3],
      [2, 5],
      [3, 5],
      [5, 5],
    ],
    run: (x, h, w, u) => {
      const [all, last] = nd.foreach(
        (e, s: Array) => {
          const n = cell(e, s, w!, u!);
          return [n, n];
        },
        x!,
        h!,
      );
      return [all, last];
    },
  },
  {
    name: 'lists and objects, sequences of several dtypes, a state that is not a float',
    inputs: [[3, 2], [3, 2], [2]],
    run: (x, y, s) => {
      const [out, end] = nd.foreach(
        ({ a, b: [b, i] }, { s: state, n }) => [
          { sum: [a.mul(state), b], place: i.astype('float32').mul(a) },
          { s: state.mul(b).add(a), n: n.add(1) },
        ],
        { a: x!, b: [y!, nd.arange(0, 3, 1, { dtype: 'int32' })] as const },
        { s: s!, n: nd.array(4, { dtype: 'int32' }) },
      );
      return [out.sum[0]!, out.sum[1]!, out.place, end.s, end.n.astype('float32')];
    },
  },
  {
    name: 'gradients of their own, in a body and in a branch',
    twice: true,
    inputs: [[3, 2], [2]],
    run: (x, w) => {
      const [out, end] = nd.foreach(
        (v, s: Array) => {
          const [product, sum] = new Pair().applyAll(v.add(s), w!);
          return [product!, s.add(product!.mul(sum!)).tanh()];
        },
        x!,
        w!,
      );
      const last = nd.cond(
        end.sum().gt(-100),
        () => new Pair().apply(end, w!),
        () => end,
      );
      return [out, last];
    },
  },
  {
    name: 'a loop in a loop, whose body sees both',
    twice: true,
    inputs: [[3, 4, 2], [2], [2]],
    run: (x, s, w) => {
      const [out, end] = nd.foreach(
        (row, outer: Array) => {
          const [inner, last] = nd.foreach(
            (e, t: Array) => [t.mul(w!).add(outer), t.mul(e).add(w!).tanh()],
            row,
            outer,
          );
          return [inner.sum({ axis: 0 }), last.add(outer).mul(0.5)];
        },
        x!,
        s!,
      );
      return [out, end];
    },
  },
  {
    name: 'states that trade places, one that stays, outputs that are inputs',
    inputs: [[3, 2], [2], [2], [2]],
    run: (x, a, b, c) => {
      const [[e, k], [p, q, r]] = nd.foreach(
        (v, [s, t, u]) => [[v, u] as const, [t.mul(v), s, u] as const],
        x!,
        [a!, b!, c!] as const,
      );
      return [e, k, p, q, r];
    },
  },
  {
    name: 'slices and transpositions as data',
    inputs: [
      [2, 7, 3],
      [2, 3],
    ],
    run: (x, s) => {
      const time = x!.transpose([1, 0, 2]).slice([1, 6]);
      const [out, end] = nd.foreach((v, t: Array) => [t, t.mul(0.5).add(v.sin())], time, s!);
      return [out, end];
    },
  },
  {
    name: 'a loop after a loop, over what the first one gave',
    inputs: [[3, 2], [2]],
    run: (x, s) => {
      const [out, end] = nd.foreach((v, t: Array) => [t.mul(v), t.add(v.sin())], x!, s!);
      return nd.foreach((v, t: Array) => [t, t.mul(0.9).add(v)], out, end);
    },
  },
  {
    name: 'while: powers until they are large',
    inputs: [[2]],
    run: (x) => {
      const [out, [n, p]] = nd.whileLoop(
        ([i]) => i!.lt(3),
        ([i, y]) => [y!.sin(), [i!.add(1), y!.mul(x!)]],
        [nd.array(0), x!],
        { maxIterations: 5 },
      );
      return [out, n!, p!];
    },
  },
  {
    name: 'while in foreach',
    twice: true,
    inputs: [[3, 2]],
    run: (x) => {
      const [out] = nd.foreach(
        (v, s: Array) => {
          const [, [, y]] = nd.whileLoop(
            ([i]) => i!.lt(s),
            ([i, z]) => [undefined, [i!.add(1), z!.mul(v)]],
            [nd.array(0), v],
            { maxIterations: 4 },
          );
          return [y!, s.add(1)];
        },
        x!,
        nd.array(0),
      );
      return out;
    },
  },
  {
    name: 'branches',
    inputs: [[3], [3]],
    run: (x, w) => [
      nd.cond(
        x!.sum().gt(-100),
        () => x!.mul(w!),
        () => w!.log(),
      ),
      nd.cond(
        x!.sum().gt(100),
        () => x!.log().mul(w!),
        () => x!.mul(x!),
      ),
    ],
  },
];

const given = ({ inputs }: Case): Array[] => inputs.map((shape, i) => values(shape, i));

/** The gradient of the squares of first derivatives. */
const twice =
  (f: Run) =>
  (...x: Array[]): void => {
    const square = (ys: readonly Array[]): Array =>
      ys.map((y) => y.mul(y).sum()).reduce((sum, y) => sum.add(y));
    const l = autograd.record(() => {
      const y = square([f(...x)].flat());
      return square(autograd.grad(y, x, { createGraph: true }));
    });
    l.backward();
  };

if (synchronous)
  for (const each of cases) {
    const { name, run } = each;
    test(`${name}: hybridized is imperative, with gradients`, async () => {
      const options = { rtol: 1e-4, atol: 1e-5, calls: 1 };
      await checkHybridize(run as never, given(each), options as never);
    });
    if (each.twice !== true) continue;
    test(`${name}: second derivatives are those of imperative loops, compiled apart and as a whole`, async () => {
      const results = [twice(run), twice(hybridize(run)), hybridize(twice(run))].map((way) => {
        const x = given(each).map((v) => v.attachGrad());
        way(...x);
        return x.map((v) => v.grad!);
      });
      for (const other of results.slice(1))
        for (const [i, g] of other.entries())
          await assertAllClose(g, results[0]![i]!, { rtol: 1e-3, atol: 1e-3, label: `input ${i}` });
    });
  }
// What is derived is the same on all devices: others run all of it as one program.
else
  test('all of it in one program is what the CPU makes of it step by step, with gradients', async () => {
    const counts = cases.map((c) => c.inputs.length);
    const starts = counts.map((_, i) => counts.slice(0, i).reduce((sum, n) => sum + n, 0));
    const all = (...x: Array[]): Array[] =>
      cases.flatMap((c, i) => c.run(...x.slice(starts[i], starts[i]! + counts[i]!)));
    const results = (f: (...x: Array[]) => readonly Array[]): Array[] => {
      const x = cases.flatMap(given).map((v) => v.attachGrad());
      const y = autograd.record(() => f(...x));
      autograd.backward(y.filter((v) => v.origin !== undefined));
      return [...y, ...x.map((v) => v.grad!)];
    };
    const made = results(hybridize(all));
    const tested = device.default();
    device.setDefault(device.cpu());
    const wanted = results(all);
    device.setDefault(tested);
    for (const [i, y] of made.entries())
      await assertAllClose(y, await wanted[i]!.array(), { rtol: 1e-3, atol: 1e-4, label: `${i}` });
  });

/** As it is written, where that is not compiled anew at each call, and hybridized. */
const ways = (f: Run): Run[] => (synchronous ? [f, hybridize(f)] : [hybridize(f)]);

test('nothing flows out of the branch that is not taken, not even NaN', async () => {
  const f = hybridize((x: Array) =>
    nd.cond(
      x.sum().gt(0),
      () => x.sqrt(),
      () => x.div(x.sub(x)).mul(0),
    ),
  );
  const x = nd.array([4, 0]);
  x.attachGrad();
  const y = autograd.record(() => nd.where(nd.array([1, 0]), f(x), 0));
  y.backward();
  assert.is((await x.grad!.data())[0], 0.25);
  const g = hybridize((z: Array) =>
    nd.cond(
      z.sum().gt(100),
      () => z.log(),
      () => z.mul(2),
    ),
  );
  const z = nd.array([0, -1]);
  z.attachGrad();
  autograd.record(() => g(z)).backward();
  assert.equal(await z.grad!.array(), [2, 2]);
});

test('steps after the end of a while change nothing, and give no NaN', async () => {
  const f = (x: Array, w: Array): readonly Array[] => {
    const [out, y, n] = nd.whileLoop(
      (v) => v.gt(1),
      (v) => [v, v.sub(1).sqrt().mul(w)],
      x,
      { maxIterations: 6 },
    );
    return [out, y, n];
  };
  for (const run of ways(f)) {
    const [x, w] = [nd.array(10), nd.array(1)];
    x.attachGrad();
    w.attachGrad();
    const [out, y, n] = autograd.record(() => run(x, w)) as Array[];
    y!.backward();
    assert.is(await n!.item(), 3);
    await assertAllClose(out!, nd.array([10, 3, Math.SQRT2, 0, 0, 0]));
    assert.ok(Number.isFinite((await x.grad!.item()) as number));
    assert.ok(Number.isFinite((await w.grad!.item()) as number));
  }
});

test('a while that never runs', async () => {
  const f = (x: Array): readonly Array[] => {
    const [out, y, n] = nd.whileLoop(
      () => false,
      (v) => [v.mul(2), v.add(1)],
      x,
      {
        maxIterations: 2,
      },
    );
    return [out, y, n];
  };
  for (const run of ways(f)) {
    const [out, y, n] = run(nd.array([1, 2])) as Array[];
    assert.equal(await out!.array(), [
      [0, 0],
      [0, 0],
    ]);
    assert.equal(await y!.array(), [1, 2]);
    assert.is(await n!.item(), 0);
  }
});

test('draws in a loop are those of an imperative one, and go on after it', async () => {
  const f = (x: Array): readonly Array[] => {
    const [out, s] = nd.foreach(
      (v, t: Array) => {
        const r = random.uniform([2]).add(random.normal([2]));
        return [nd.dropout(v, 0.5), t.add(r)];
      },
      x,
      nd.zeros([2]),
    );
    return [out, s, random.uniform([3])];
  };
  const compiled = hybridize(f);
  random.seed(5);
  const eager = autograd.trainMode(() => [...f(values([4, 6], 0)), ...f(values([4, 6], 0))]);
  random.seed(5);
  const made = autograd.trainMode(() => [
    ...compiled(values([4, 6], 0)),
    ...compiled(values([4, 6], 0)),
  ]);
  for (const [i, y] of made.entries())
    await assertAllClose(y, eager[i]!, { rtol: 1e-5, atol: 1e-6 });
});

test('what the body assigns to is carried through the loop', async () => {
  const norm = new nn.BatchNorm({ momentum: 0.5, inChannels: 2 });
  norm.initialize();
  const other = new nn.BatchNorm({ momentum: 0.5, inChannels: 2 });
  other.initialize();
  const over = (net: nn.BatchNorm) => (x: Array) =>
    nd.foreach((v, s: Array) => [net(v), s], x, nd.zeros([]))[0];
  const x = values([3, 4, 2], 3);
  const eager = autograd.record(() => over(norm)(x));
  const made = autograd.record(() => hybridize(over(other))(x));
  await assertAllClose(made, eager, { rtol: 1e-4, atol: 1e-5 });
  for (const [name, p] of other.collectParams())
    await assertAllClose(p.data(), norm.collectParams().get(name)!.data(), {
      rtol: 1e-4,
      label: name,
    });
});

testAtOnce(
  'a cell over 35 steps is the unrolled one; the program is as long for 5 steps as for 50',
  async () => {
    const weights = [values([6, 8], 1), values([8, 8], 2)] as const;
    for (const w of weights) w.attachGrad();
    const loop = (x: Array): Array =>
      nd.foreach(
        (e, h: Array) => {
          const n = cell(e, h, ...weights);
          return [n, n];
        },
        x,
        nd.zeros([4, 8]),
      )[0];
    const unrolled = (x: Array): Array => {
      let h = nd.zeros([4, 8]);
      const all: Array[] = [];
      for (let t = 0; t < x.shape[0]!; t++) {
        h = cell(x.at(t), h, ...weights);
        all.push(h);
      }
      return nd.stack(all);
    };
    const compiled = hybridize(loop);
    const x = values([35, 4, 6], 3).mul(0.5);
    const results: Array[][] = [];
    for (const f of [unrolled, compiled]) {
      const y = autograd.record(() => f(x));
      y.backward(values([35, 4, 8], 4));
      results.push([y, ...weights.map((w) => w.grad!.copy())]);
    }
    for (const [i, y] of results[1]!.entries())
      await assertAllClose(y, results[0]![i]!, { rtol: 1e-3, atol: 1e-4, label: `result ${i}` });
    const kernels = [5, 50].map((steps) => {
      const f = hybridize(loop);
      f(values([steps, 4, 6], 3));
      return plansOf(f)[0]!.loaded!.compiled.program.kernels.length;
    });
    assert.is(kernels[0], kernels[1]);
  },
);

test('a value that is read inside of a traced body is the same error as anywhere in a trace', () => {
  const f = hybridize((x: Array) =>
    nd.foreach((v, s: Array) => [v.dataSync()[0] === 0 ? v : s, s], x, nd.zeros([2])),
  );
  fails(() => f(values([3, 2], 0)), 'trace', 'is not known while tracing', 'where()');
});

test.run();
