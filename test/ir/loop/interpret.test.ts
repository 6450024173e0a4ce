import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { idxAxis, idxOffset, idxOpaque, newAxis } from '../../../src/ir/dim.ts';
import type { DType } from '../../../src/ir/dtype.ts';
import {
  accumulator,
  constant,
  guard,
  indexValue,
  load,
  newBuffer,
  reduce,
  scalar,
} from '../../../src/ir/loop/expr.ts';
import { interpretKernel } from '../../../src/ir/loop/interpret.ts';
import type { Expr, LoopBuffer, Nest, Store } from '../../../src/ir/loop/loop.ts';

const buffer = (name: string, shape: number[], dtype: DType = 'float32'): LoopBuffer =>
  newBuffer(name, { dtype, shape });
const put = (b: LoopBuffer, axes: Store['axes'], value: Expr): Store => ({
  buffer: b,
  index: axes.map(idxAxis),
  value,
  axes,
  mode: 'set',
  over: [],
});
const run = (nest: Nest, data: [LoopBuffer, number[]][]): Map<LoopBuffer, Float64Array> => {
  const memory = new Map(data.map(([b, v]) => [b, Float64Array.from(v)]));
  interpretKernel({ name: 'case', buffers: [...memory.keys()], nests: [nest], origin: [] }, memory);
  return memory;
};
const i = newAxis('i', 3, 'par');
const k = newAxis('k', 3, 'red');

test('floats are rounded when stored, not before', () => {
  const [h, s] = [buffer('h', [3], 'float16'), buffer('s', [3])];
  // 2049 is no float16: the sum is exact, the store rounds to even
  const value = scalar('add', load(s, [idxAxis(i)]), constant(2048, 'float32'));
  const memory = run({ axes: [i], stores: [put(h, [i], value)], contract: undefined }, [
    [s, [1, 2, 3]],
    [h, [0, 0, 0]],
  ]);
  assert.equal([...memory.get(h)!], [2048, 2050, 2052]);
});

test('integers wrap', () => {
  const [a, out] = [buffer('a', [3], 'int32'), buffer('out', [3], 'int32')];
  const x = load(a, [idxAxis(i)]);
  const memory = run(
    { axes: [i], stores: [put(out, [i], scalar('mul', x, x))], contract: undefined },
    [
      [a, [65536, 2147483647, -3]],
      [out, [0, 0, 0]],
    ],
  );
  assert.equal([...memory.get(out)!], [0, 1, 9]);
});

test('reductions: first extreme, NaN above all, empty gives the neutral element', () => {
  const [x, most, top, none] = [
    buffer('x', [3]),
    buffer('most', [], 'int32'),
    buffer('top', []),
    buffer('none', []),
  ];
  const empty = newAxis('e', 0, 'red');
  const at = load(x, [idxAxis(k)]);
  const nest: Nest = {
    axes: [],
    stores: [
      put(most, [], reduce('argmax', [k], at)),
      put(top, [], reduce('max', [k], at)),
      put(none, [], reduce('max', [empty], load(x, [idxAxis(empty)]))),
    ],
    contract: undefined,
  };
  const after = (values: number[]): number[] => {
    const m = run(nest, [
      [x, values],
      [most, [0]],
      [top, [0]],
      [none, [0]],
    ]);
    return [most, top, none].map((b) => m.get(b)![0]!);
  };
  assert.equal(after([1, 7, 7]), [1, 7, Number.NEGATIVE_INFINITY]);
  assert.equal(after([9, Number.NaN, 10]), [1, Number.NaN, Number.NEGATIVE_INFINITY]);
});

test('a contraction with an epilogue', () => {
  const [a, b, out] = [buffer('a', [3, 3]), buffer('b', [3, 3]), buffer('out', [3, 3])];
  const j = newAxis('j', 3, 'par');
  const nest: Nest = {
    axes: [i, j],
    stores: [put(out, [i, j], scalar('add', accumulator, constant(1, 'float32')))],
    contract: {
      batch: [],
      m: [i],
      n: [j],
      k: [k],
      a: load(a, [idxAxis(i), idxAxis(k)]),
      b: load(b, [idxAxis(k), idxAxis(j)]),
      index: [idxAxis(i), idxAxis(j)],
    },
  };
  const memory = run(nest, [
    [a, [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    [b, [1, 0, 0, 0, 2, 0, 0, 0, 3]],
    [out, new Array<number>(9).fill(0)],
  ]);
  assert.equal([...memory.get(out)!], [2, 5, 10, 5, 11, 19, 8, 17, 28]);
});

test('accumulation zeroes first and adds in order', () => {
  const [dy, ids, out] = [buffer('dy', [3]), buffer('ids', [3], 'int32'), buffer('out', [2])];
  const to = idxOpaque(load(ids, [idxAxis(k)]), 0, 1);
  const store: Store = {
    buffer: out,
    index: [to],
    value: load(dy, [idxAxis(k)]),
    axes: [],
    mode: 'add',
    over: [k],
  };
  const memory = run({ axes: [], stores: [store], contract: undefined }, [
    [dy, [1, 10, 100]],
    [ids, [1, 0, 1]],
    [out, [7, 7]],
  ]);
  assert.equal([...memory.get(out)!], [10, 101]);
});

test('of scattered numbers the greatest may stay', () => {
  const [ids, out] = [buffer('ids', [3], 'int32'), buffer('out', [3], 'int32')];
  const to = idxOpaque(load(ids, [idxAxis(k)]), 0, 2);
  const value = scalar('add', indexValue(idxAxis(k)), constant(1, 'int32'));
  const store: Store = { buffer: out, index: [to], value, axes: [], mode: 'max', over: [k] };
  const memory = run({ axes: [], stores: [store], contract: undefined }, [
    [ids, [1, 0, 1]],
    [out, [7, 7, 7]],
  ]);
  assert.equal([...memory.get(out)!], [2, 3, 0]);
});

test('the side of a guard not taken is not read; any other read outside is an error', () => {
  const [x, out] = [buffer('x', [3]), buffer('out', [3])];
  const next = idxOffset(idxAxis(i), 1);
  const value = load(x, [next]);
  const safe = guard([{ idx: next, lo: 0, hi: 3 }], value, constant(-1, 'float32'));
  const memory = run({ axes: [i], stores: [put(out, [i], safe)], contract: undefined }, [
    [x, [5, 6, 7]],
    [out, [0, 0, 0]],
  ]);
  assert.equal([...memory.get(out)!], [6, 7, -1]);
  assert.throws(
    () =>
      run({ axes: [i], stores: [put(out, [i], value)], contract: undefined }, [
        [x, [5, 6, 7]],
        [out, [0, 0, 0]],
      ]),
    /x: index 3 of dimension 0 is outside 0\.\.2/,
  );
});

test.run();
