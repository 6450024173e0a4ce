/**
 * Why: what MXNet's tests of tracing (deferred compute) demand: a traced function is the imperative one is the exported one,
 * whatever it does with shapes, indices and constants; what cannot be traced fails loudly.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as nn from '../../src/frontend/gluon/nn/index.ts';
import { plansOf } from '../../src/frontend/hybridize.ts';
import { assertAllClose, checkGradients, checkHybridize } from '../../src/frontend/testing.ts';
import {
  autograd,
  HybridBlock,
  hybridize,
  nd,
  Parameter,
  random,
  SymbolBlock,
} from '../../src/index.ts';
import { CpuDevice } from '../../src/runtime/cpu/device.ts';
import { fails, rejects } from '../frontend/support.ts';

const folder = mkdtempSync(join(tmpdir(), 'tigon-tracing-'));
const pathOf = (name: string): string => join(folder, name);

type Traced = (...xs: nd.NDArray[]) => readonly nd.NDArray[];

class Body extends HybridBlock {
  readonly #f: Traced;
  constructor(f: Traced) {
    super();
    this.#f = f;
  }
  override forward(...xs: nd.NDArray[]): readonly nd.NDArray[] {
    return this.#f(...xs);
  }
}

const line = (): nd.NDArray => nd.arange(10).astype('float32');
const int = (...values: number[]): nd.NDArray => nd.array(values, { dtype: 'int32' });

/** Shapes, dtypes and exact values. */
const assertEqual = async (
  actual: readonly nd.NDArray[],
  expected: readonly nd.NDArray[],
  label: string,
): Promise<void> => {
  assert.equal(
    actual.map((y) => `${y.dtype} ${y.shape}`),
    expected.map((y) => `${y.dtype} ${y.shape}`),
    label,
  );
  for (const [i, y] of actual.entries())
    assert.equal(await y.array(), await expected[i]!.array(), `${label}, result ${i}`);
};

/** Functions of one vector, and the first result by hand where that is short. */
const TRACED: Readonly<Record<string, readonly [Traced, (readonly number[])?]>> = {
  'one result': [
    (a) => [a.add(nd.arange(a.shape[0]!)).sub(1)],
    [-1, 1, 3, 5, 7, 9, 11, 13, 15, 17],
  ],
  reshapes: [
    (a) => {
      const b = a.add(nd.arange(a.size));
      const [c, d] = [b.reshape([5, 2]), b.reshape([2, 5])];
      return [
        c
          .reshape([-1])
          .add(d.reshape([-1]))
          .div(2),
        c.add(1),
        d.add(1),
      ];
    },
    [0, 2, 4, 6, 8, 10, 12, 14, 16, 18],
  ],
  slices: [
    (a) => {
      const b = a.slice(':5');
      return [nd.concat([b, b]).add(a)];
    },
    [0, 2, 4, 6, 8, 5, 7, 9, 11, 13],
  ],
  'one of several results': [(a) => [nd.split(a, 2)[0]!], [0, 1, 2, 3, 4]],
  'the argument among the results': [(a) => [a, a.add(1), a]],
  casts: [
    (a) => {
      const b = a.sub(0.5).astype('int32');
      return [b.add(nd.zerosLike(b)), nd.zerosLike(a), a.astype('bool').astype('uint8')];
    },
    [0, 0, 1, 2, 3, 4, 5, 6, 7, 8],
  ],
  triangles: [() => [nd.tril(nd.ones([2, 2]), 1), nd.tril(nd.ones([2, 2]), -1)]],
  'an index': [(a) => [a.at(1).add(1), a.at(-1)]],
  'ranges and indices': [
    (a) => {
      const b = a.reshape([5, 2]);
      return [b.at(':2', 1).add(1), b.at(1, 1).add(1), b.at('::-2', null, '...')];
    },
    [2, 4],
  ],
  'arrays of positions': [
    (a) => {
      const b = a.reshape([5, 2]);
      return [a.at(int(1, 2, 3)), b.at(int(4, 0), int(1, 1)), b.at(':', int(-1))];
    },
    [1, 2, 3],
  ],
  'marks of positions': [
    (a) => {
      const marks = a.mod(2).eq(0);
      return [
        a.set(marks, 0),
        nd.where(marks, a, a.neg()),
        nd.booleanMask(a, marks, { size: 5 }),
        nd.flatNonzero(marks, { size: 6, fillValue: -1 }),
      ];
    },
    [0, 1, 0, 3, 0, 5, 0, 7, 0, 9],
  ],
};

for (const [name, [f, byHand]] of Object.entries(TRACED))
  test(`traced = imperative = exported: ${name}`, async () => {
    const net = new Body(f);
    const wanted = net(line());
    if (byHand !== undefined) assert.equal(await wanted[0]!.array(), byHand);
    net.hybridize();
    await assertEqual(net(line()), wanted, 'traced');
    await assertEqual(net(line()), wanted, 'replayed');
    await net.export(pathOf(name), line());
    const copy = (await SymbolBlock.imports(pathOf(name))) as unknown as Body;
    await assertEqual(copy(line()), wanted, 'exported');
  });

test('without arguments: constants made inside, and what is computed of them', async () => {
  const f: Traced = () => {
    const a = nd.arange(10);
    const b = a.add(nd.arange(a.shape[0]!));
    const [first] = nd.split(a, 2);
    return [
      b.sub(1),
      b.reshape([5, 2]).add(1),
      nd.concat([a.slice(':5'), a.slice(':5')]).add(a),
      first!,
    ];
  };
  const net = new Body(f);
  const wanted = net();
  assert.equal(await wanted[0]!.array(), [-1, 1, 3, 5, 7, 9, 11, 13, 15, 17]);
  net.hybridize();
  await assertEqual(net(), wanted, 'traced');
  await assertEqual(net(), wanted, 'replayed');
  await rejects(() => net.export(pathOf('nothing')), 'value', 'there are no arrays');
});

test('a part that is assigned is a new array; assigning while it is recorded is refused', async () => {
  const net = new Body((a) => [nd.assign(a, a.set(':5', 0)), a.add(1)]);
  const wanted = [0, 0, 0, 0, 0, 5, 6, 7, 8, 9];
  for (const active of [false, true]) {
    net.hybridize({ active });
    const x = line();
    const [first, second] = net(x);
    assert.equal(await first!.array(), wanted);
    assert.equal(
      await second!.array(),
      wanted.map((v) => v + 1),
    );
    assert.equal(
      await x.array(),
      wanted,
      'the array of the caller changes, as it does imperatively',
    );
    fails(
      () => autograd.record(() => net(line().attachGrad())),
      'gradient',
      'assign: f32[10] cannot change while its use is recorded',
    );
  }
});

test('a net can be exported again and again, with the same text', async () => {
  const net = new Body((a) => [a.add(1)]);
  const texts: string[] = [];
  for (const name of ['first', 'second']) {
    const [file] = await net.export(pathOf(name), line());
    texts.push(readFileSync(file!, 'utf8'));
  }
  assert.is(texts[0], texts[1]);
  assert.match(texts[0]!, /\(%data0?: f32\[10\]\)/);
});

test('the same array as two arguments is one input', async () => {
  const f = hybridize((a: nd.NDArray, b: nd.NDArray) => a.mul(b).add(b));
  const [x, y] = [line(), line().add(1)];
  assert.equal(await f(x, x).array(), await x.mul(x).add(x).array());
  assert.equal(await f(x, y).array(), await x.mul(y).add(y).array());
  assert.equal(
    plansOf(f).map((plan) => plan.bounds.length),
    [1, 2],
  );
});

test('copying to another device inside of a trace is refused: a program runs on one', async () => {
  const elsewhere = new CpuDevice({ threads: 1 });
  const copies = hybridize((a: nd.NDArray) => nd.toDevice(a.add(1), elsewhere), { name: 'copies' });
  fails(() => copies(line()), 'trace', 'toDevice: copies is traced as one program', 'one device');
  const mixes = hybridize((a: nd.NDArray) => a.add(nd.ones([10], { device: elsewhere })));
  fails(() => mixes(line()), 'device', 'one program runs on one device');
  const half = hybridize((a: nd.NDArray) => a.sub(1));
  const there = half(await nd.toDevice(line(), elsewhere));
  assert.is(there.device, elsewhere);
  assert.equal(
    await (await nd.toDevice(there, line().device)).array(),
    await line().sub(1).array(),
  );
});

test('keys of other kinds fail loudly, naming what there is', () => {
  const wrong = (key: unknown): (() => unknown) => {
    const f = hybridize((a: nd.NDArray) => a.at(key as nd.Index));
    return () => f(line());
  };
  fails(wrong([1, 2, 3, 4]), 'value', 'at: the index for axis 0 is', 'NDArray of positions');
  fails(wrong([[1, 2, 3]]), 'value', 'must hold integers');
  fails(wrong(new Int32Array([1, 2, 3])), 'value', 'Int32Array', 'NDArray of positions');
  fails(wrong(nd.array([1, 2, 3])), 'dtype', 'indices must be integers or booleans');
  const beyond = hybridize((a: nd.NDArray) => a.at(int(0, 12)));
  fails(() => beyond(line()), 'value', 'position 12 at [1] of i32[2] is out of range for axis 0');
});

/** A parameter of its own beside a layer. */
class Shifted extends HybridBlock {
  dense = new nn.Dense(10, { inUnits: 10 });
  weight = new Parameter({ shape: [10], init: 'ones' });
  override forward(x: nd.NDArray): nd.NDArray {
    assert.is(x.shape[1], 10);
    return this.dense(x).add(this.weight.data());
  }
}

test('blocks with parameters of their own and layers inside: gradients, and export', async () => {
  random.seed(3);
  const net = new Shifted();
  net.initialize({ init: 'xavier' });
  const x = nd.arange(80).mul(0.3).sin().reshape([8, 10]);
  await checkHybridize(net, [x], { state: net.parameters().map((p) => p.data()) });
  await net.export(pathOf('shifted'), x);
  const copy = (await SymbolBlock.imports(pathOf('shifted'))) as unknown as Shifted;
  assert.equal([...copy.collectParams().keys()].sort(), [...net.collectParams().keys()].sort());
  await assertAllClose(copy(x), net(x), { rtol: 1e-6 });
});

test('a parameter learns its shape where forward tells it, and says so where nobody does', async () => {
  class Silent extends HybridBlock {
    dense = new nn.Dense(10);
    weight = new Parameter({ shape: [0], init: 'ones' });
    override forward(x: nd.NDArray): nd.NDArray {
      return this.dense(x).add(this.weight.data());
    }
  }
  class Telling extends Silent {
    override forward(x: nd.NDArray): nd.NDArray {
      this.weight.infer([x.shape[1]!]);
      return super.forward(x);
    }
  }
  const x = nd.arange(80).mul(0.3).sin().reshape([8, 10]);
  for (const active of [false, true]) {
    const silent = new Silent();
    silent.initialize();
    silent.hybridize({ active });
    fails(() => silent(x), 'value', 'weight has no values yet', 'learnt from the first input');
    const net = new Telling();
    net.initialize();
    net.hybridize({ active });
    autograd.record(() => net(x)).backward();
    assert.equal(net.weight.shape, [10]);
    await assertAllClose(net.weight.grad(), nd.full([10], 8));
    await net.export(pathOf('telling'), x);
  }
});

test('ranges follow the size of each input, not of the first', async () => {
  const f = hybridize((a: nd.NDArray) =>
    nd.concat([
      a,
      a.slice(':', '1:').pad([
        [0, 0],
        [0, 1],
      ]),
    ]),
  );
  for (const width of [16, 8, 1, 16]) {
    const x = nd
      .arange(8 * width)
      .reshape([8, width])
      .astype('float32');
    const y = f(x);
    assert.equal(y.shape, [16, width]);
    const shifted = await y.slice('8:').array();
    const values = (await x.array()) as number[][];
    assert.equal(
      shifted,
      values.map((row) => [...row.slice(1), 0]),
    );
  }
});

test('axes of size 0, then others', async () => {
  const f = hybridize(
    (a: nd.NDArray) => [a.at(0), a.slice(':', '1:'), a.sum({ axis: 1 })] as const,
  );
  for (const n of [0, 3, 0]) {
    const [first, rest, sums] = f(nd.ones([2, n, 2]));
    assert.equal(
      [first.shape, rest.shape],
      [
        [n, 2],
        [2, Math.max(0, n - 1), 2],
      ],
    );
    assert.equal(await sums.array(), [
      [n, n],
      [n, n],
    ]);
    const x = nd.ones([2, n, 2]).attachGrad();
    autograd.record(() => f(x)[0].sum()).backward();
    assert.is(await x.grad!.sum().item(), 2 * n);
  }
});

test('advanced indexing: hybridized is imperative, and gradients are slopes', async () => {
  const x = nd.arange(24).mul(0.7).sin().reshape([2, 3, 4]);
  const rows = nd.array([[1], [0]], { dtype: 'int32' });
  const f = (a: nd.NDArray): nd.NDArray[] => [
    a.at(int(1, 0, 1)),
    a.at(rows, int(2, 0)),
    a.at(':', int(0, -1), '1:3'),
    a.at(int(1, 0), ':', int(3, 3)),
    a.at('...', int(1, 1, 1)),
    a.at(0, null, rows, '::-1'),
    a.at(nd.array([true, false]), '::2'),
    a.at(
      nd.array([
        [true, false, true],
        [false, false, true],
      ]),
      -1,
    ),
  ];
  await checkHybridize(f, [x]);
  await checkGradients((a) => f(a.mul(a)), [x]);
});

/** Python's rules for `begin:end:step` along an axis of `size`. */
const placesOf = ([begin, end, step]: readonly (number | null)[], size: number): number[] => {
  const by = step ?? 1;
  const edge = (at: number | null, open: number): number =>
    at === null
      ? open
      : Math.max(by > 0 ? 0 : -1, Math.min(at < 0 ? at + size : at, by > 0 ? size : size - 1));
  const places: number[] = [];
  const last = edge(end!, by > 0 ? size : -1);
  for (let i = edge(begin!, by > 0 ? 0 : size - 1); by > 0 ? i < last : i > last; i += by)
    places.push(i);
  return places;
};

test('48 random ranges, hybridized: the elements that Python takes', async () => {
  const shape = [3, 4, 5] as const;
  const x = nd
    .arange(60)
    .astype('float32')
    .reshape([...shape]);
  let state = 11;
  const below = (n: number): number => {
    state = (state * 48271) % 2147483647;
    return state % n;
  };
  const range = (size: number): (number | null)[] =>
    [
      () => below(2 * size + 3) - size - 1,
      () => below(2 * size + 3) - size - 1,
      () => [1, 2, -1, -2][below(4)]!,
    ].map((pick) => (below(4) === 0 ? null : pick()));
  for (let round = 0; round < 4; round++) {
    const keys = Array.from({ length: 12 }, () => shape.map(range));
    const f = hybridize((a: nd.NDArray) =>
      keys.map((key) => a.slice(...(key as unknown as nd.Index[])).mul(2)),
    );
    for (const [i, y] of f(x).entries()) {
      const places = keys[i]!.map((r, axis) => placesOf(r, shape[axis]!));
      assert.equal(
        y.shape,
        places.map((p) => p.length),
      );
      const wanted = places[0]!.flatMap((a) =>
        places[1]!.flatMap((b) => places[2]!.map((c) => 2 * (a * 20 + b * 5 + c))),
      );
      assert.equal(Array.from(await y.data()), wanted, JSON.stringify(keys[i]));
    }
  }
});

test.after(() => rmSync(folder, { recursive: true }));
test.run();
