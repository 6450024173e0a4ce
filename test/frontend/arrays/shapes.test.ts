import { test } from 'uvu';
import { nd } from '../../../src/index.ts';
import { inputs, testGroup } from './numpy.ts';

const I = inputs as Record<string, nd.NDArray>;
const [x, y, row, column, cube] = [I['x']!, I['y']!, I['row']!, I['column']!, I['cube']!];
const [vector, square, three, tall] = [I['vector']!, I['square']!, I['three']!, I['tall']!];
const [n, flags, lengths, i3] = [I['n']!, I['flags']!, I['lengths']!, I['i3']!];
const int = (values: number[] | number[][]): nd.NDArray => nd.array(values, { dtype: 'int32' });
const four = row.slice([0, 2]);

testGroup('shapes', {
  moveaxis: () => [nd.moveaxis(cube, 0, -1), nd.moveaxis(cube, [0, 1], [-1, -2])],
  rollaxis: () => [nd.rollaxis(cube, 2), nd.rollaxis(cube, 0, 3), nd.rollaxis(cube, 1, 1)],
  roll: () => [nd.roll(x, 2), nd.roll(x, -1, 0), nd.roll(x, [1, -2], [0, 1]), nd.roll(vector, 100)],
  rot90: () => [...[-1, 0, 1, 2].map((k) => nd.rot90(x, k)), nd.rot90(cube, 1, [2, 0])],
  flips: () => [nd.flipud(x), nd.fliplr(x)],
  atleast: () => [nd.atleast2d(row), nd.atleast3d(row), nd.atleast3d(x)],
  broadcastArrays: () => nd.broadcastArrays(x, row, column),
  append: () => [nd.append(x, row), nd.append(x, y, 1)],
  stacks: () => [
    nd.hstack([row, vector]),
    nd.hstack([x, column]),
    nd.vstack([row, x]),
    nd.dstack([x, y]),
    nd.columnStack([row, row]),
    nd.columnStack([x, column]),
  ],
  arraySplit: () => [...nd.arraySplit(tall, 3), ...nd.arraySplit(vector, [2, 5])],
  splits: () => [
    ...nd.hsplit(x, 2),
    ...nd.vsplit(square, 2),
    ...nd.dsplit(cube, 2),
    ...nd.hsplit(vector, 3),
  ],
  diagonal: () => [
    nd.diagonal(x),
    nd.diagonal(x, { offset: 1 }),
    nd.diagonal(x, { offset: -2 }),
    nd.diagonal(cube, { offset: 1, axis1: 1, axis2: 2 }),
    nd.diagonal(cube, { axis1: 2, axis2: 0 }),
    nd.diagonal(x, { offset: 9 }),
  ],
  trace: () => [nd.trace(x), nd.trace(cube, { offset: 1, axis1: 1, axis2: 2 }), nd.trace(n)],
  diag: () => [
    nd.diag(row),
    nd.diag(row, 2),
    nd.diag(row, -1),
    nd.diag(x, 1),
    nd.diagflat(three, 1),
  ],
  triangles: () => [nd.tril(x), nd.tril(x, -1), nd.triu(x, 1), nd.triu(cube), nd.tri(3, 4, 1)],
  fillDiagonal: () => [
    nd.fillDiagonal(x, 9),
    nd.fillDiagonal(tall, 9),
    nd.fillDiagonal(tall, 9, true),
    nd.fillDiagonal(square, row),
    nd.fillDiagonal(square, four),
    nd.fillDiagonal(nd.zeros([3, 3, 3]), 1),
  ],
  logspace: () => [
    nd.logspace(0, 2, 5),
    nd.logspace(-1, 3, 4, { base: 2 }),
    nd.logspace(0, 1, 3, { endpoint: false }),
  ],
  windows: () => [nd.hanning, nd.hamming, nd.blackman].flatMap((f) => [f(6), f(1)]),
  meshgrid: () => [
    ...nd.meshgrid([row, lengths]),
    ...nd.meshgrid([row, lengths, vector], { indexing: 'ij' }),
    ...nd.meshgrid([row, vector], { sparse: true }),
  ],
  indices: () => nd.indices([2, 3]),
  'triangle indices': () => [
    ...nd.trilIndices(3),
    ...nd.triuIndices(3, 1, 4),
    ...nd.diagIndices(3),
  ],
  unravelIndex: () =>
    nd.unravelIndex(
      int([
        [5, 0],
        [11, 7],
      ]),
      [3, 4],
    ),
  ravelMultiIndex: () => [
    nd.ravelMultiIndex([lengths.sub(1), lengths], [3, 4]),
    nd.ravelMultiIndex([i3.add(3), i3.sub(3)], [3, 4], { mode: 'clip' }),
    nd.ravelMultiIndex([i3.add(3), i3.sub(3)], [3, 4], { mode: 'wrap' }),
  ],
  insert: () => [
    nd.insert(x, 1, 9),
    nd.insert(x, 1, row, 0),
    nd.insert(x, 2, lengths, 1),
    nd.insert(x, [2], column, 1),
    nd.insert(x, [1, 3], column, 1),
    nd.insert(vector, [4, 1, 1], nd.array([7, 8, 9])),
    nd.insert(x, '1:3', 5, 1),
    nd.insert(vector, 6, 1),
    nd.insert(x, -1, 5, 1),
  ],
  delete: () => [
    nd.delete(x, 1),
    nd.delete(x, 1, 0),
    nd.delete(x, [0, -1], 1),
    nd.delete(vector, '::2'),
  ],
  resizeTo: () => [nd.resizeTo(row, [2, 3]), nd.resizeTo(x, [2, 2]), nd.resizeTo(row, [10])],
  ...Object.fromEntries(
    (['edge', 'reflect', 'symmetric', 'wrap'] as const).map((mode) => [
      `pad ${mode}`,
      () => [
        x.pad(
          [
            [2, 1],
            [0, 3],
          ],
          { mode },
        ),
        nd.pad(vector, [15], { mode }),
        nd.pad(column, [1, [2, 0]], { mode }),
      ],
    ]),
  ),
  diff: () => [
    nd.diff(x),
    nd.diff(x, { axis: 0, n: 2 }),
    nd.diff(n, { prepend: 0 }),
    nd.diff(flags),
    nd.diff(x, { axis: 0, append: x.slice([0, 1]) }),
  ],
  ediff1d: () => [nd.ediff1d(x), nd.ediff1d(row, { toBegin: 1, toEnd: nd.array([2, 3]) })],
  interp: () => [
    nd.interp(x, I['xp']!, I['fp']!),
    nd.interp(x, I['xp']!, I['fp']!, { left: -5, right: 5 }),
    nd.interp(row, I['xp']!.slice([0, 1]), I['fp']!.slice([0, 1])),
  ],
  polyval: () => [nd.polyval(row, x), nd.polyval(row, 2)],
});

test.run();
