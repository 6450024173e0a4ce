import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  idxAdd,
  idxAxis,
  idxConst,
  idxDiv,
  idxOffset,
  idxOpaque,
  idxScale,
  newAxis,
} from '../../../src/ir/dim.ts';
import {
  accumulator,
  constant,
  guard,
  load,
  newBuffer,
  reduce,
  scalar,
} from '../../../src/ir/loop/expr.ts';
import type { Expr, LoopBuffer, LoopKernel, Nest, Store } from '../../../src/ir/loop/loop.ts';
import { rangeUnder } from '../../../src/ir/loop/ranges.ts';
import { verifyKernel } from '../../../src/ir/loop/verify.ts';

const buffer = (name: string, ...shape: number[]): LoopBuffer =>
  newBuffer(name, { dtype: 'float32', shape });
const i = newAxis('i', 4, 'par');
const j = newAxis('j', 6, 'par');
const k = newAxis('k', 6, 'red');
const x = buffer('x', 4, 6);
const out = buffer('out', 4, 6);
const row = buffer('row', 4);
const zero = constant(0, 'float32');

const put = (
  b: LoopBuffer,
  axes: Store['axes'],
  value: Expr,
  index = axes.map(idxAxis),
): Store => ({
  buffer: b,
  index,
  value,
  axes,
  mode: 'set',
  over: [],
});
const kernel = (
  nest: Partial<Nest>,
  buffers: readonly LoopBuffer[] = [x, out, row],
): LoopKernel => ({
  name: 'case',
  buffers,
  nests: [{ axes: [i, j], stores: [], contract: undefined, ...nest }],
  origin: [],
});
const fails = (k: LoopKernel, rule: RegExp): void => assert.throws(() => verifyKernel(k), rule);

test('a map, a row reduction, a contraction are well formed', () => {
  verifyKernel(kernel({ stores: [put(out, [i, j], load(x, [idxAxis(i), idxAxis(j)]))] }));
  const sum = reduce('add', [k], load(x, [idxAxis(i), idxAxis(k)]));
  verifyKernel(kernel({ stores: [put(row, [i], sum), put(out, [i, j], sum)] }));
  const contract = {
    batch: [],
    m: [i],
    n: [j],
    k: [k],
    a: load(x, [idxAxis(i), idxAxis(k)]),
    b: load(buffer('w', 6, 6), [idxAxis(k), idxAxis(j)]),
    index: [idxAxis(i), idxAxis(j)],
  };
  const w = (contract.b as Extract<Expr, { kind: 'load' }>).buffer;
  verifyKernel(kernel({ contract, stores: [put(out, [i, j], accumulator)] }, [x, w, out]));
  fails(kernel({ stores: [put(out, [i, j], accumulator)] }), /`acc` stands in a nest/);
});

test('reads outside a buffer are refused unless guarded', () => {
  const right = idxOffset(idxAxis(j), 1);
  const next = load(x, [idxAxis(i), right]);
  fails(
    kernel({ stores: [put(out, [i, j], next)] }),
    /load from x: index 1 can be 6, outside 0\.\.5/,
  );
  verifyKernel(
    kernel({ stores: [put(out, [i, j], guard([{ idx: right, lo: 0, hi: 6 }], next, zero))] }),
  );
  // a bound on another index does not help
  fails(
    kernel({ stores: [put(out, [i, j], guard([{ idx: idxAxis(i), lo: 0, hi: 3 }], next, zero))] }),
    /load from x/,
  );
  // the other side of a one-sided bound is known too
  const left = load(x, [idxAxis(i), idxOffset(idxAxis(j), -3)]);
  const first = [{ idx: idxAxis(j), lo: 0, hi: 3 }];
  verifyKernel(kernel({ stores: [put(out, [i, j], guard(first, zero, left))] }));
});

test('loaded indices count with their bounds', () => {
  const take = (hi: number): { store: Store; ids: LoopBuffer } => {
    const ids = newBuffer('ids', { dtype: 'int32', shape: [4] });
    const id = idxOpaque(load(ids, [idxAxis(i)]), 0, hi);
    return { store: put(out, [i, j], load(x, [id, idxAxis(j)])), ids };
  };
  const [good, bad] = [take(3), take(4)];
  verifyKernel(kernel({ stores: [good.store] }, [x, good.ids, out]));
  fails(kernel({ stores: [bad.store] }, [x, bad.ids, out]), /index 0 can be 4/);
  fails(kernel({ stores: [good.store] }, [x, out]), /ids is read but not listed/);
});

test('axes are bound where they are used, and of the right kind', () => {
  fails(
    kernel({ stores: [put(out, [i, j], load(x, [idxAxis(i), idxAxis(k)]))] }),
    /axis k is not bound/,
  );
  fails(kernel({ axes: [i, k], stores: [] }), /nest axis k is parallel/);
  const wrong = reduce('add', [j], load(x, [idxAxis(i), idxAxis(j)]));
  fails(kernel({ stores: [put(row, [i], wrong)] }), /reductions run over reduction axes, not j/);
  fails(kernel({ stores: [put(row, [j], zero)] }), /axes of the store to row are the first/);
});

test('stores that would collide are refused', () => {
  fails(
    kernel({ stores: [put(row, [i, j], zero, [idxAxis(i)])] }),
    /different values of j write the same element/,
  );
  const flat = buffer('flat', 24);
  const at = (step: number): Store =>
    put(flat, [i, j], zero, [idxAdd(idxScale(idxAxis(i), step), idxAxis(j))]);
  verifyKernel(kernel({ stores: [at(6)] }, [flat]));
  fails(kernel({ stores: [at(5)] }, [flat]), /write the same element/);
  fails(
    kernel({ stores: [put(flat, [], zero, [idxConst(24)])] }, [flat]),
    /store to flat: index 0 can be 24/,
  );
});

test('values have the dtype of their buffer', () => {
  const flag = scalar('gt', load(x, [idxAxis(i), idxAxis(j)]), zero);
  fails(
    kernel({ stores: [put(out, [i, j], flag)] }),
    /out holds float32, the value stored is bool/,
  );
});

test('the range of an index under guards', () => {
  const inner = idxOffset(idxAdd(idxScale(idxAxis(i), 2), idxAxis(j)), -1);
  assert.equal(rangeUnder(inner, []), [-1, 10]);
  assert.equal(rangeUnder(inner, [{ idx: inner, lo: 0, hi: 8 }]), [0, 7]);
  const flat = idxAdd(idxScale(inner, 10), idxAxis(k));
  assert.equal(rangeUnder(flat, [{ idx: inner, lo: 0, hi: 8 }]), [0, 75]);
  // a bound on a sum bounds its parts, whatever else is known about them
  const sum = idxAdd(idxScale(idxAxis(i), 3), idxAxis(j));
  const both = [
    { idx: idxAxis(i), lo: 0, hi: 1 },
    { idx: sum, lo: 0, hi: 2 },
  ];
  assert.equal(rangeUnder(idxScale(sum, 4), both), [0, 4]);
  assert.equal(rangeUnder(idxDiv(idxScale(idxAxis(j), 4), 3), both), [0, 1]);
});

test('a bound on a multiple of an index is one on the index', () => {
  const before = idxOffset(idxAxis(i), -1);
  const guarded = (lo: number): LoopKernel => {
    const bounds = [{ idx: idxScale(before, 2), lo, hi: 9 }];
    return kernel({
      axes: [i],
      stores: [put(row, [i], guard(bounds, load(row, [before]), zero))],
    });
  };
  verifyKernel(guarded(0));
  verifyKernel(guarded(-1));
  fails(guarded(-2), /index 0 can be -1/);
});

test.run();
