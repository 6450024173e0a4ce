import { test } from 'uvu';
import { nd } from '../../../src/index.ts';
import { synchronous } from '../support.ts';
import { inputs, type NumpyCase, testGroup } from './numpy.ts';

const I = inputs as Record<string, nd.NDArray>;
const [x, cube, n, row] = [I['x']!, I['cube']!, I['n']!, I['row']!];
const [i3, i4, i2x2, again, one] = [I['i3']!, I['i4']!, I['i2x2']!, I['again']!, I['one']!];
const [flags, rowflags, lengths] = [I['flags']!, I['rowflags']!, I['lengths']!];
const int = (...values: number[]): nd.NDArray => nd.array(values, { dtype: 'int32' });

const KEYS: Readonly<Record<string, readonly nd.Index[]>> = {
  i3: [i3],
  ':, i4': [':', i4],
  'i3, 1': [i3, 1],
  i2x2: [i2x2],
  again: [again],
  'i3, column': [i3.expandDims(1), i4],
  pairs: [i3, int(3, 0, 1)],
  one: [one],
  null: [null, ':', null, 1],
  'dots null': ['...', null],
  'i3 null': [i3, null],
  flags: [flags],
  rowflags: [rowflags],
  'rowflags, 1:': [rowflags, '1:'],
  ':2, i4': [':2', i4],
  'negative step': ['::-1', '::2'],
  'rowflags, i2': [rowflags, int(3, 0)],
};
const DEEP: Readonly<Record<string, readonly nd.Index[]>> = {
  '0, :, i4': [0, ':', i4],
  'i, :, i': [int(0, 1, 1), ':', int(3, 0, 1)],
  ':, i, i': [':', int(0, 1, 1), int(3, 0, 1)],
  ':, i, 1': [':', int(0, 2), 1],
  '1, :, i2x2': [1, ':', i2x2],
  ':, 1:, i2x2': [':', '1:', i2x2],
  'i, null, :': [int(1, 0), null, ':', '::-2'],
  ':, flags': [':', flags],
  'dots, i4': ['...', i4],
};
const casesOf = (
  name: string,
  array: nd.NDArray,
  keys: typeof KEYS,
): [string, NumpyCase['run']][] =>
  Object.entries(keys).flatMap(([title, key]): [string, NumpyCase['run']][] => {
    // masks need the values: elsewhere the tests of `booleanMask` read them
    const at = key.map((k) =>
      synchronous || !nd.isNDArray(k) || k.dtype !== 'bool' ? k : undefined,
    );
    const known = at.includes(undefined) ? undefined : (at as nd.Index[]);
    const read = (): nd.NDArray => array.at(...known!);
    const values = (): nd.NDArray => {
      const part = read();
      return nd.arange(1, part.size + 1, 1, { dtype: 'float32' }).reshape(part.shape);
    };
    return known === undefined
      ? []
      : [
          [`${name}[${title}]`, read],
          [`${name}[${title}] =`, () => array.set(known, values())],
          [`${name}[${title}] +=`, () => nd.indexAdd(array, known, values())],
        ];
  });

testGroup(
  'indexing',
  {
    ...Object.fromEntries([...casesOf('x', x, KEYS), ...casesOf('cube', cube, DEEP)]),
    'set of integers': () => n.set(again, 5),
    gatherNd: () => [
      nd.gatherNd(cube, nd.stack([again.mod(2), again])),
      nd.gatherNd(x, nd.stack([i2x2, i2x2])),
    ],
    scatterNd: () => nd.scatterNd(row, nd.stack([again.mod(2), again]), [2, 3]),
    takeAlongAxis: () =>
      nd.takeAlongAxis(
        x,
        nd.array(
          [
            [1, 0],
            [-1, 2],
            [3, 3],
          ],
          { dtype: 'int32' },
        ),
        1,
      ),
    putAlongAxis: () => nd.putAlongAxis(x, nd.array([[1], [-1], [3]], { dtype: 'int32' }), 9, 1),
    booleanMask: async () => [
      await nd.booleanMask(x, rowflags),
      await nd.booleanMask(x, nd.array([1, 0, 1, 1]), { axis: 1 }),
    ],
    sequenceMask: () => nd.sequenceMask(x.slice(':', ':3'), lengths, { value: 5 }),
    sequenceLast: () => nd.sequenceLast(x.slice(':', ':3'), lengths),
    sequenceReverse: () => nd.sequenceReverse(x.slice(':', ':3'), lengths),
  },
  (title) => synchronous || !title.includes('flags'),
);

test.run();
