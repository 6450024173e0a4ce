import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hybridize, nd } from '../../../src/index.ts';
import { fails, rejects } from '../support.ts';

const x = nd.arange(12, undefined, 1, { dtype: 'float32' }).reshape([3, 4]);
const int = (...values: number[]): nd.NDArray => nd.array(values, { dtype: 'int32' });
const mask = nd.array([true, false, true]);

type Row = readonly [call: () => unknown, code: string, ...parts: string[]];
const ERRORS: Readonly<Record<string, readonly Row[]>> = {
  keys: [
    [
      () => x.at(int(0, 3)),
      'value',
      'at: position 3 at [1] of i32[2]',
      'axis 0 of f32[3, 4]',
      'positions go from -3 to 2',
    ],
    [() => x.at(':', int(-5)), 'value', 'position -5', 'axis 1'],
    [() => x.at(nd.array([0.5])), 'dtype', 'integers or booleans, not f32[1]', "astype('int32')"],
    [
      () => x.at(nd.array([true, false])),
      'shape',
      'the mask bool[2] does not fit axis 0 of f32[3, 4]',
    ],
    [() => x.at(0, 0, 0), 'shape', '3 indices for f32[3, 4]'],
    [() => x.at(int(0, 1), int(0, 1, 2)), 'shape', 'cannot broadcast i32[2] with i32[3]'],
    [() => x.set([int(0)], nd.zeros([5])), 'shape', 'set'],
    [
      () => nd.set(x, nd.zeros([2, 2]).gt(0), 1),
      'shape',
      'the mask bool[2, 2] does not fit f32[3, 4]',
    ],
    [() => x.slice([0, 1] as never, {} as never), 'value', 'the index for axis 1 is an object'],
    [() => nd.gatherNd(x, nd.zeros([3, 1], { dtype: 'int32' })), 'shape', 'gatherNd', '2 axes'],
    [() => nd.takeAlongAxis(x, int(0), 0), 'shape', 'takeAlongAxis', 'as many axes'],
  ],
  'axes and sizes': [
    [() => nd.moveaxis(x, [0, 1], 0), 'shape', 'moveaxis', 'as many places as axes'],
    [() => nd.roll(x, [1, 2], [0, 1, 0]), 'value', 'roll: 2 shifts for 3 axes'],
    [() => nd.rot90(x, 1, [0, 0]), 'shape', 'rot90', 'no plane'],
    [() => nd.broadcastArrays(x, nd.ones([3])), 'shape', 'f32[3, 4] with f32[3]'],
    [() => nd.vsplit(nd.ones([3]), 1), 'shape', 'vsplit'],
    [() => nd.diagonal(x, { axis1: 1 }), 'shape', 'rows and columns are both axis 1'],
    [() => nd.diagonal(x, { offsets: 1 } as never), 'option', 'did you mean "offset"?'],
    [() => nd.tril(nd.ones([3])), 'shape', 'tril', 'f32[3]'],
    [() => nd.fillDiagonal(nd.ones([2, 3, 2]), 1), 'shape', 'fillDiagonal'],
    [() => nd.insert(x, 5, 1, 0), 'value', 'insert: position 5', 'axis of 3'],
    [() => nd.delete(x, [4], 1), 'value', 'delete: position 4'],
    [() => nd.sliceLike(x, nd.ones([4, 4])), 'shape', 'sliceLike: axis 0'],
    [() => x.pad([1, 1], { mode: 'mirror' as never }), 'option', '"reflect"'],
    [() => nd.interp(x, nd.ones([2]), nd.ones([3])), 'shape', 'interp', 'vectors of one length'],
    [() => nd.sequenceMask(x, nd.ones([3])), 'shape', 'sequenceMask', 'lengths'],
    [() => nd.unravelIndex(int(12), [3, 4]), 'value', 'position 12', 'integers from 0 to 11'],
    [() => nd.meshgrid([x]), 'shape', 'meshgrid: takes vectors'],
  ],
  products: [
    [
      () => nd.einsum('ij,jk', x, x),
      'shape',
      'sizes of "j" in "ij,jk" differ (4 ≠ 3)',
      '[3, 4] · [3, 4]',
    ],
    [() => nd.einsum('ij->k', x), 'value', '"k" after "->"', 'is in no array'],
    [() => nd.einsum('ij->ii', x), 'value', 'stands there twice'],
    [() => nd.einsum('ij', x, x), 'value', '1 groups for 2 arrays'],
    [() => nd.einsum('ijk', x), 'shape', 'names 3 axes of an array with 2'],
    [() => nd.einsum('i1', x), 'value', 'is not a group of letters'],
    [() => nd.einsum('ii', x), 'shape', 'runs along axes of 3 and 4'],
    [
      () => nd.tensordot(x, x, [[0], [1]]),
      'shape',
      'tensordot: sizes differ: axis 0 of a f32[3, 4]',
    ],
    [() => nd.cross(x, x), 'shape', 'cross: vectors of 4 and 4'],
    [() => nd.khatriRao(x, nd.ones([2, 3])), 'shape', 'as many columns'],
  ],
  'numbers and reductions': [
    [() => nd.bitwiseAnd(x, 1), 'dtype', 'bitwiseAnd', 'integers and booleans', 'f32[3, 4]'],
    [() => nd.gcd(x, 2), 'dtype', 'gcd'],
    [() => nd.polygamma(-1, x), 'value', 'polygamma: n is -1'],
    [() => nd.clamp(x, null, null), 'value', 'no limit'],
    [() => nd.nanToNum(x, { nan: 'a' as never }), 'value', 'nan is "a"'],
    [() => x.max({ where: mask.expandDims(1) }), 'value', 'max', '{ where, initial }'],
    [() => nd.average(x, { weights: nd.ones([4]) }), 'shape', 'average: weights f32[4]'],
    [() => x.sum({ wher: mask } as never), 'option', 'did you mean "where"?'],
    [() => int(1).sum({ initial: 0.5 }), 'value', '0.5 does not fit int32'],
  ],
};
for (const [title, rows] of Object.entries(ERRORS))
  test(`${title}: errors say what is wrong and what to do`, () => {
    for (const [call, code, ...parts] of rows) fails(call, code, ...parts);
  });

test('selecting by a mask has no shape while tracing: the error says what has one', async () => {
  const select = hybridize((v: nd.NDArray) => v.at(v.gt(5)));
  fails(
    () => select(x),
    'trace',
    'not known while tracing',
    'where(mask, x, other)',
    'set(x, mask, value)',
  );
  const assign = hybridize((v: nd.NDArray) => v.set(v.gt(5), 0));
  assert.equal(await (assign(x) as nd.NDArray).sum().item(), 15);
  const rows = hybridize((v: nd.NDArray, m: nd.NDArray) => v.set(m, nd.array([9, 8, 7, 6])));
  assert.equal(await (rows(x, mask) as nd.NDArray).slice(':', 0).array(), [9, 4, 9]);
  await rejects(() => nd.booleanMask(x, nd.ones([2])), 'shape', 'booleanMask', 'axis 0');
});

test('a mask that is known is a constant of the trace', async () => {
  const rows = hybridize((v: nd.NDArray) => v.at(mask));
  assert.equal(await (rows(x) as nd.NDArray).slice(':', 0).array(), [0, 8]);
});

test('views share memory, copies do not', () => {
  const [even, odd] = [x.slice(':', '::2'), x.slice(':', '1::2')];
  assert.ok(nd.mayShareMemory(even, odd));
  assert.not.ok(nd.sharesMemory(even, odd));
  assert.ok(nd.sharesMemory(x, nd.moveaxis(x, 0, 1)));
  assert.ok(nd.sharesMemory(even, x.slice(0)));
  assert.not.ok(nd.mayShareMemory(x, x.copy()));
  assert.not.ok(nd.mayShareMemory(x, x.at(int(0))));
  assert.ok(nd.sharesMemory(x, x.at(null, '...', null)));
});

test('einsum multiplies in the cheapest order', () => {
  const [thin, wide] = [nd.ones([50, 2]), nd.ones([2, 50])];
  assert.equal(nd.einsumPath('ij,jk,kl->il', thin, wide, thin), [
    [1, 2],
    [0, 1],
  ]);
  assert.equal(nd.einsumPath('ij,jk,kl->il', wide, thin, wide), [
    [0, 1],
    [0, 1],
  ]);
  const many = Array.from({ length: 10 }, () => nd.ones([2, 2]));
  const text = 'ab,bc,cd,de,ef,fg,gh,hi,ij,jk->ak';
  assert.is(nd.einsumPath(text, ...many).length, 9);
});

test.run();
