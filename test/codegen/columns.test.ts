import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { rowsApart } from '../../src/codegen/places.ts';
import { idxAxis } from '../../src/ir/dim.ts';
import { constant, reduce, scalar } from '../../src/ir/loop/expr.ts';
import type { Expr } from '../../src/ir/loop/loop.ts';
import { at, buffer, check, kernel, nest, par, put, red } from './support.ts';

const f = (v: number): Expr => constant(v, 'float32');

test('sums down columns are read row by row', () => {
  for (const [m, n] of [
    [16, 32],
    [37, 67],
    [530, 40],
    [20, 1100],
    [700, 33],
  ] as const) {
    const [x, out] = [buffer('x', [m, n]), buffer('out', [n])];
    const [j, r] = [par('j', n), red('r', m)];
    const [thread] = check(
      kernel(`columns${m}`, [x, out], nest([j], put(out, [j], reduce('add', [r], at(x, r, j))))),
      { tolerance: 1e-4 },
    );
    assert.match(thread!.notes.join(), /columns/);
  }
});

test('vector times matrix, several results, batches', () => {
  const [k, n, b] = [50, 90, 3];
  const [a, w, out, top] = [
    buffer('a', [b, k]),
    buffer('w', [b, k, n]),
    buffer('out', [b, n]),
    buffer('top', [b, n]),
  ];
  const [p, j, q] = [par('p', b), par('j', n), red('q', k)];
  const product = scalar('mul', at(a, p, q), at(w, p, q, j));
  check(
    kernel(
      'gemv',
      [a, w, out, top],
      nest(
        [p, j],
        put(out, [p, j], reduce('add', [q], product)),
        put(top, [p, j], reduce('max', [q], at(w, p, q, j))),
      ),
    ),
    { tolerance: 1e-4 },
  );
});

test('softmax and normalization down columns', () => {
  const [m, n] = [24, 45];
  const [x, out, mu] = [buffer('x', [m, n]), buffer('out', [m, n]), buffer('mu', [n])];
  const [i, j, r] = [par('i', m), par('j', n), red('r', m)];
  const most = reduce('max', [r], at(x, r, j));
  const total = reduce('add', [r], scalar('exp', scalar('sub', at(x, r, j), most)));
  const value = scalar('div', scalar('exp', scalar('sub', at(x, i, j), most)), total);
  check(kernel('softmax0', [x, out], nest([i, j], put(out, [i, j], value))), { tolerance: 1e-4 });
  const mean = scalar('mul', reduce('add', [r], at(x, r, j)), f(1 / m));
  const d = scalar('sub', at(x, r, j), mean);
  const variance = scalar('mul', reduce('add', [r], scalar('mul', d, d)), f(1 / m));
  const y = scalar('div', scalar('sub', at(x, i, j), mean), scalar('sqrt', variance));
  const [jj, ii] = [j, i];
  check(
    kernel(
      'batchnorm',
      [x, mu, out],
      nest([jj, ii], put(mu, [jj], mean), put(out, [jj, ii], y, [idxAxis(i), idxAxis(j)])),
    ),
    { tolerance: 1e-4 },
  );
});

test('rows a page apart are read together as far as their lines find places', () => {
  const rows = (columns: number, arrays: number): number => {
    const r = red('r', 40);
    const j = par('j', columns);
    const loads = Array.from({ length: arrays }, (_, i) =>
      at(buffer(`x${i}`, [40, columns]), r, j),
    );
    return rowsApart([loads.reduce((product, x) => scalar('mul', product, x))], r, 8);
  };
  assert.equal([rows(1024, 1), rows(1024, 2), rows(1024, 3)], [8, 4, 2]);
  assert.equal([rows(1000, 3), rows(512, 2), rows(512, 3)], [8, 8, 4]);
  const [m, n] = [41, 1024];
  const [x, y, out] = [buffer('x', [m, n]), buffer('y', [m, n]), buffer('out', [n])];
  const [j, r] = [par('j', n), red('r', m)];
  const product = scalar('mul', at(x, r, j), at(y, r, j));
  const sums = nest([j], put(out, [j], reduce('add', [r], product)));
  check(kernel('products', [x, y, out], sums), { tolerance: 1e-4 });
});

test('several axes summed, one kept in the middle', () => {
  const x = buffer('x', [6, 40, 5, 36]);
  const out = buffer('out', [40, 36]);
  const [c, w, n, h] = [par('c', 40), par('w', 36), red('n', 6), red('h', 5)];
  check(
    kernel(
      'middle',
      [x, out],
      nest([c, w], put(out, [c, w], reduce('add', [n, h], at(x, n, c, h, w)))),
    ),
    { tolerance: 1e-4 },
  );
});

test.run();
