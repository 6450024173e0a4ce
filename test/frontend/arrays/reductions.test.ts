import { test } from 'uvu';
import { nd } from '../../../src/index.ts';
import { inputs, type NumpyCase, testGroup } from './numpy.ts';

const I = inputs as Record<string, nd.NDArray>;
const [x, y, n, m, flags] = [I['x']!, I['y']!, I['n']!, I['m']!, I['flags']!];
const [holes, weights] = [I['holes']!, I['weights']!];

testGroup('reductions', {
  ptp: () => [nd.ptp(x), nd.ptp(x, { axis: 1 }), nd.ptp(n, { axis: 0 })],
  countNonzero: () => [
    nd.countNonzero(m),
    nd.countNonzero(m, { axis: 1 }),
    nd.countNonzero(flags, { axis: [0, 1], keepDims: true }),
  ],
  ...Object.fromEntries(
    (['nansum', 'nanprod', 'nanmean', 'nanvar', 'nanstd', 'nanmax', 'nanmin'] as const).map(
      (name): [string, NumpyCase['run']] => [
        name,
        () => [
          nd[name](holes),
          nd[name](holes, { axis: 0 }),
          nd[name](holes, { axis: 1, keepDims: true }),
        ],
      ],
    ),
  ),
  'nanvar with ddof': () => nd.nanvar(holes, { axis: 1, ddof: 1 }),
  nanarg: () => [nd.nanargmax(holes), nd.nanargmin(holes, { axis: 0 })],
  average: () => [
    nd.average(x),
    nd.average(x, { weights: y.abs() }),
    nd.average(x, { axis: 1, weights }),
    nd.average(x, { axis: 1, weights: y.abs(), keepDims: true }),
  ],
  moments: () => nd.moments(x, { axis: 1 }),
  where: () => [
    x.sum({ where: flags }),
    x.sum({ axis: 0, where: flags }),
    x.prod({ axis: 1, where: flags }),
    x.mean({ axis: 1, where: flags }),
    x.var({ axis: 1, where: flags }),
    x.std({ axis: 0, keepDims: true, where: flags }),
    x.max({ axis: 1, initial: 0, where: flags }),
    x.min({ axis: 0, initial: 9, where: flags }),
    m.all({ axis: 0, where: flags }),
    m.any({ axis: 1, where: flags }),
    n.sum({ axis: 0, where: flags.slice(':1') }),
  ],
  initial: () => [
    x.sum({ axis: 0, initial: 10 }),
    x.prod({ initial: 2 }),
    x.max({ axis: 1, initial: 1 }),
    x.min({ initial: -9 }),
    nd.zeros([0, 3]).max({ axis: 0, initial: 4 }),
    n.sum({ initial: 100 }),
  ],
});

test.run();
