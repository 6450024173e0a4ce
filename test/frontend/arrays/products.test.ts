import { test } from 'uvu';
import { nd } from '../../../src/index.ts';
import { inputs, testGroup } from './numpy.ts';

const I = inputs as Record<string, nd.NDArray>;
const [x, y, row, column, cube, other] = ['x', 'y', 'row', 'column', 'cube', 'other'].map(
  (name) => I[name]!,
) as [nd.NDArray, nd.NDArray, nd.NDArray, nd.NDArray, nd.NDArray, nd.NDArray];
const [vector, square, three, threes] = [I['vector']!, I['square']!, I['three']!, I['threes']!];
const [n, m, lengths, flags, tall] = [I['n']!, I['m']!, I['lengths']!, I['flags']!, I['tall']!];
const corner = square.slice(':2', ':2');

const EINSUMS: readonly (readonly [string, ...nd.NDArray[]])[] = [
  ['ij->ji', x],
  ['ij->', x],
  ['ij->j', x],
  ['ii', square],
  ['ii->i', square],
  ['ij,ij->ij', x, y],
  ['ij,ij', x, y],
  ['ij,jk', x, square],
  ['ij,kj->ik', x, y],
  ['bij,bij->b', cube, other],
  ['bij,bkj->bik', cube, other],
  ['bij,j->bi', cube, row],
  ['...j,jk->...k', cube, square],
  ['...ij,...ij->...', cube, other],
  ['bij,ij->b...', cube, x],
  ['ij,j,i->', x, row, lengths.astype('float32')],
  ['ij,jk,kl->il', x, square, square],
  ['bij,bik,jl,km->blm', cube, other, square, square],
  ['ij,jk,kl,lm,mn->in', x, square, square, square, square],
  ['i,j->ij', row, vector],
  ['iij->j', nd.stack([corner, corner, corner], -1)],
  ['ijij->ij', nd.einsum('ij,kl->ijkl', square, square)],
  ['ba', x],
  ['ij,kl->ijkl', three, three],
  ['i...->...', cube],
  ['ij,jk->ik', n, m.T],
  ['ij->i', flags], // counts: NumPy would say whether there is one
  ['ij,kj->ij', x, row.reshape([1, 4])],
  ['...,...', x, row],
  [' i j , j k -> i k ', x, square],
  ['ij,ij->j', x, column],
  ['ijk,ikl->ijl', cube.slice(':', ':', ':2').transpose([0, 2, 1]), other],
];

testGroup('products', {
  tensordot: () => [
    nd.tensordot(cube, x),
    nd.tensordot(cube, square, [[2], [0]]),
    nd.tensordot(cube, other, [
      [2, 0],
      [2, 0],
    ]),
    nd.tensordot(cube, other, [
      [1, 2],
      [1, 2],
    ]),
    nd.tensordot(row, vector, 0),
  ],
  inner: () => [nd.inner(x, y), nd.inner(row, row), nd.inner(cube, row), nd.inner(x, nd.array(2))],
  vdot: () => [nd.vdot(x, y), nd.vdot(n, m)],
  outer: () => [nd.outer(row, vector), nd.outer(n, lengths)],
  kron: () => [nd.kron(x, three), nd.kron(row, three), nd.kron(lengths, lengths)],
  khatriRao: () => nd.khatriRao(three.T, square.slice(':', ':2')),
  cross: () => [
    nd.cross(three, threes),
    nd.cross(three.slice(':', ':2'), threes.slice('...', ':2')),
    nd.cross(three.T, three.T, { axis: 0 }),
    nd.cross(tall, three.slice(':1'), { axisC: 0 }),
  ],
  einsum: {
    run: () => EINSUMS.map(([text, ...xs]) => nd.einsum(text, ...xs)),
    tolerance: { atol: 2e-5 },
  },
});

test.run();
