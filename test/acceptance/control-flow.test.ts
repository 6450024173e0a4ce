/**
 * Why: what MXNet's tests of loops and branches demand: gradients of nested loops, captured arrays, any structure of results.
 *
 * Invariant: hybridized and imperative, a loop is held against the same steps written out.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { autograd, HybridBlock, hybridize, nd, random, SymbolBlock } from 'tigon';
import * as nn from 'tigon/nn';
import * as rnn from 'tigon/rnn';
import { assertAllClose, checkHybridize } from 'tigon/testing';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

type Array = nd.NDArray;
const input = (...shape: number[]): Array =>
  nd
    .arange(shape.reduce((n, d) => n * d, 1))
    .reshape(shape)
    .mul(1.3)
    .sin();

/** Results and gradients of `f` at copies of `xs`, by the sum of squares. */
const withGradients = async (
  f: (...xs: Array[]) => readonly Array[],
  xs: readonly Array[],
): Promise<number[][]> => {
  const given = xs.map((x) => x.copy().attachGrad());
  let ys: readonly Array[] = [];
  autograd
    .record(() => {
      ys = f(...given);
      return ys.map((y) => y.square().sum()).reduce((a, b) => a.add(b));
    })
    .backward();
  return Promise.all(
    [...ys, ...given.map((x) => x.grad!)].map(async (y) => Array.from(await y.data())),
  );
};
const same = async (
  f: (...xs: Array[]) => readonly Array[],
  byHand: typeof f,
  xs: readonly Array[],
): Promise<void> => {
  const wanted = await withGradients(byHand, xs);
  for (const way of [f, hybridize(f as never) as unknown as typeof f])
    for (const [i, values] of (await withGradients(way, xs)).entries())
      await assertAllClose(values, wanted[i]!, { rtol: 1e-4, atol: 1e-5, label: `result ${i}` });
};

test('one loop over sequences of several lengths and widths, with what it captures', async () => {
  const w = input(3).attachGrad();
  const f = hybridize((x: Array, s: Array) =>
    nd.foreach((e, t: Array) => [e.mul(t).add(w.sum()), t.add(e.mul(0.5))], x, s),
  );
  for (const [steps, width] of [
    [4, 2],
    [1, 5],
    [3, 1],
  ] as const) {
    const [x, s] = [input(steps, width), input(width)];
    const [out, last] = autograd.record(() => f(x, s));
    autograd.backward([out, last]);
    assert.equal(out.shape, [steps, width]);
    await assertAllClose(last, s.add(x.sum({ axis: 0 }).mul(0.5)), { atol: 1e-6 });
    await assertAllClose(w.grad!, nd.full([3], steps * width), { atol: 1e-5 });
  }
});

test('a while that counts is the loop over a sequence', async () => {
  const w = input(2, 2);
  const loop = (x: Array, s: Array): readonly Array[] => {
    const [out, [, last]] = nd.whileLoop(
      ([i]) => i!.lt(4),
      ([i, t]) => {
        const next = t!.dot(w).add(x.at(0)).tanh();
        return [next.mul(i!.add(1)), [i!.add(1), next]];
      },
      [nd.array(0), s],
      { maxIterations: 6 },
    );
    return [out.slice([0, 4]), last!];
  };
  const byHand = (x: Array, s: Array): readonly Array[] => {
    const out: Array[] = [];
    let t = s;
    for (let i = 0; i < 4; i++) {
      t = t.dot(w).add(x.at(0)).tanh();
      out.push(t.mul(i + 1));
    }
    return [nd.stack(out), t];
  };
  await same(loop, byHand, [input(1, 2), input(2)]);
});

test('a while in a while: as many inner steps as the outer one says', async () => {
  const nested = (x: Array): readonly Array[] => {
    const [, [, sum]] = nd.whileLoop(
      ([i]) => i!.lt(3),
      ([i, s]) => {
        const [, [, power]] = nd.whileLoop(
          ([j]) => j!.le(i!),
          ([j, p]) => [undefined, [j!.add(1), p!.mul(x)]],
          [nd.array(0), x],
          { maxIterations: 3 },
        );
        return [undefined, [i!.add(1), s!.add(power!)]];
      },
      [nd.array(0), nd.zeros([2])],
      { maxIterations: 3 },
    );
    return [sum!];
  };
  await same(nested, (x) => [x.square().add(x.mul(x).mul(x)).add(x.square().square())], [
    nd.array([0.5, -1.5]),
  ]);
});

test('branches: the one that the values choose, with its gradient, in one program', async () => {
  const w = nd.array([2, 3]).attachGrad();
  const f = hybridize((x: Array) =>
    nd.cond(
      x.sum().gt(0),
      () => [x.mul(w), x.square()],
      () => [w.sub(x), x.abs().sqrt()],
    ),
  );
  for (const [values, wanted, dx, dw] of [
    [
      [1, 4],
      [2, 12, 1, 16],
      [2 + 2, 3 + 8],
      [1, 4],
    ],
    [
      [-4, -1],
      [6, 4, 2, 1],
      [-1 - 0.25, -1 - 0.5],
      [1, 1],
    ],
  ] as const) {
    const x = nd.array([...values]).attachGrad();
    const [a, b] = autograd.record(() => f(x));
    autograd.backward([a!, b!]);
    await assertAllClose(nd.concat([a!, b!], 0), [...wanted]);
    await assertAllClose(x.grad!, [...dx]);
    await assertAllClose(w.grad!, [...dw]);
  }
});

test('blocks and loops inside bodies: parameters, names and captured arrays are found at any depth', async () => {
  class Deep extends HybridBlock {
    inner = new nn.Dense(3, { inUnits: 3 });
    gate = new nn.Dense(1, { inUnits: 3 });
    override forward(x: Array): [Array, Array] {
      return nd.foreach(
        (e, s: Array) => {
          const h = this.inner(e.add(s));
          const next = nd.cond(
            this.gate(h).sum().gt(0),
            () => nd.foreach((_, t: Array) => [t, t.add(h).tanh()], nd.zeros([2]), s)[1],
            () => h.mul(s),
          );
          return [next, next];
        },
        x,
        nd.ones([1, 3]),
      );
    }
  }
  random.seed(12);
  const net = new Deep();
  net.initialize({ init: 'normal' });
  net.initialize({ init: 'xavier', forceReinit: true });
  const x = input(4, 1, 3);
  await checkHybridize(net, [x], { state: net.parameters().map((p) => p.data()) });
  // the text of the program tells all names apart: what reads it computes the same
  const folder = mkdtempSync(join(tmpdir(), 'tigon-loops-'));
  try {
    await net.export(join(folder, 'deep'), x);
    const copy = (await SymbolBlock.imports(join(folder, 'deep'))) as unknown as Deep;
    assert.equal([...copy.collectParams().keys()].sort(), [...net.collectParams().keys()].sort());
    const [wanted, found] = [net(x), copy(x)];
    for (const i of [0, 1] as const) await assertAllClose(found[i], wanted[i], { atol: 1e-6 });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('results in any structure: lists, objects, one array, nothing', async () => {
  const x = input(3, 2);
  const run = (v: Array) => {
    const each = nd.foreach(
      (e, s: Array) => [{ a: e, b: [s, [e.add(s)]] as const }, s],
      v,
      nd.ones([2]),
    );
    const none = nd.foreach((e, { s }) => [undefined, { s: s.add(e) }], v, { s: nd.zeros([2]) });
    const counted = nd.whileLoop(
      ({ i }) => i.lt(2),
      ({ i, y: [y] }) => [
        { out: [y], more: { i } },
        { i: i.add(1), y: [y.mul(2)] as const },
      ],
      { i: nd.array(0), y: [v] as const },
      { maxIterations: 3 },
    );
    const chosen = nd.cond(
      v.sum().gt(-100),
      () => ({ one: v, two: [v.neg()] as const }),
      () => ({ one: v, two: [v] as const }),
    );
    return { each, none, counted, chosen };
  };
  for (const f of [run, hybridize(run)]) {
    const { each, none, counted, chosen } = f(x);
    assert.equal(each[0].a.shape, [3, 2]);
    await assertAllClose(each[0].b[1][0], x.add(1));
    assert.is(none[0], undefined);
    await assertAllClose(none[1].s, x.sum({ axis: 0 }), { atol: 1e-6 });
    const [{ out, more }, { i, y }, steps] = counted;
    await assertAllClose(out[0]!, nd.stack([x, x.mul(2), x.mul(0)]));
    assert.equal(await more.i.array(), [0, 1, 0]);
    assert.equal([await i.item(), await steps.item()], [2, 2]);
    await assertAllClose(y[0], x.mul(4));
    await assertAllClose(chosen.two[0], x.neg());
  }
});

test('recurrent cells are bodies of loops', async () => {
  for (const cell of [new rnn.RNNCell(3), new rnn.LSTMCell(3), new rnn.GRUCell(3)]) {
    cell.initialize({ init: 'xavier' });
    const x = input(4, 2, 2);
    const [wanted, states] = cell.unroll(4, x, { layout: 'TNC' });
    const loop = hybridize((v: Array) =>
      nd.foreach((e, s: Array[]) => cell(e, s) as rnn.CellResult, v, cell.beginState(2)),
    );
    const [found, after] = loop(x);
    await assertAllClose(found, wanted, { atol: 1e-6 });
    for (const [i, s] of after.entries()) await assertAllClose(s, states[i]!, { atol: 1e-6 });
  }
});

test.run();
