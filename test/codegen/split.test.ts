import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { splitReductions } from '../../src/codegen/split.ts';
import { constant, reduce, scalar } from '../../src/ir/loop/expr.ts';
import type { Expr } from '../../src/ir/loop/loop.ts';
import { at, buffer, caps, check, kernel, nest, par, put, red } from './support.ts';

const f = (v: number): Expr => constant(v, 'float32');

test('a sum over everything runs in parts of a fixed size', () => {
  const n = 140_003;
  const [x, out] = [buffer('x', [n]), buffer('out', [])];
  const k = red('k', n);
  const whole = kernel('sum', [x, out], nest([], put(out, [], reduce('add', [k], at(x, k)))));
  const parts = splitReductions(whole, caps());
  assert.is(parts.length, 2);
  assert.equal(
    splitReductions(whole, caps(4, 1)).map((p) => p.nests.length),
    parts.map((p) => p.nests.length),
  );
  // a sum of positive numbers: relative error 1e-6
  const data = new Map([
    [x, Float64Array.from({ length: n }, (_, i) => Math.fround(((i * 37) % 101) / 100))],
  ]);
  check(whole, { data, tolerance: 1e-6 }, parts);
});

test('positions survive the cut: the first of equals wins', () => {
  const n = 150_000;
  const [x, most, least] = [
    buffer('x', [n]),
    buffer('most', [], 'int32'),
    buffer('least', [], 'int32'),
  ];
  const k = red('k', n);
  const whole = kernel(
    'arg',
    [x, most, least],
    nest(
      [],
      put(most, [], reduce('argmax', [k], at(x, k))),
      put(least, [], reduce('argmin', [k], at(x, k))),
    ),
  );
  const values = Float64Array.from({ length: n }, (_, i) => (i * 7919) % 1000);
  values[140_001] = 5000;
  values[140_005] = 5000;
  check(whole, { data: new Map([[x, values]]) }, splitReductions(whole, caps()));
});

test('sums of channels run image by image, both in one pass', () => {
  const [images, channels, places] = [33, 64, 66];
  const shape = [images, channels, places];
  const [x, y, out] = [buffer('x', shape), buffer('y', shape), buffer('out', shape)];
  const [i, c, p] = [par('i', images), par('c', channels), par('p', places)];
  const [k, q, k1, q1] = [red('k', images), red('q', places), red('k1', images), red('q1', places)];
  const total = reduce('add', [k, q], at(x, k, c, q));
  const slope = reduce('add', [k1, q1], scalar('mul', at(x, k1, c, q1), at(y, k1, c, q1)));
  const value = scalar('add', scalar('mul', at(x, i, c, p), total), slope);
  const whole = kernel('norm', [x, y, out], nest([i, c, p], put(out, [i, c, p], value)));
  const launches = splitReductions(whole, caps());
  assert.equal(
    launches.map((l) => l.nests.map((n) => [n.axes.map((a) => a.extent), n.stores.length])),
    [[[[images, channels], 2]], [[shape, 1]]],
  );
  const size = images * channels * places;
  const ramp = (by: number): Float64Array =>
    Float64Array.from({ length: size }, (_, n) => Math.fround(((n * by) % 101) / 100));
  const data = new Map([
    [x, ramp(37)],
    [y, ramp(53)],
  ]);
  check(whole, { data, tolerance: 2e-6 }, launches);
});

test('a reduction that needs another is cut after it', () => {
  const n = 131_072;
  const [x, out] = [buffer('x', [n]), buffer('out', [])];
  const k = red('k', n);
  const mean = scalar('mul', reduce('add', [k], at(x, k)), f(1 / n));
  const d = scalar('sub', at(x, k), mean);
  const whole = kernel(
    'variance',
    [x, out],
    nest([], put(out, [], scalar('mul', reduce('add', [k], scalar('mul', d, d)), f(1 / n)))),
  );
  const parts = splitReductions(whole, caps());
  assert.is(parts.length, 3);
  check(whole, { tolerance: 1e-5 }, parts);
});

test('a reduction stays whole where parts would each compute anew what it needs', () => {
  const [m, n] = [64, 1024];
  const [x, out] = [buffer('x', [m, n]), buffer('out', [n])];
  const [j, r] = [par('j', n), red('r', m)];
  const mean = scalar('mul', reduce('add', [r], at(x, r, j)), f(1 / m));
  const d = scalar('sub', at(x, r, j), mean);
  const variance = reduce('add', [r], scalar('mul', d, d));
  const norm = kernel('variances', [x, out], nest([j], put(out, [j], variance)));
  assert.equal(splitReductions(norm, caps()), [norm]);
});

test('rows of results: columns and channels', () => {
  const [m, n] = [5000, 60];
  const [x, out] = [buffer('x', [m, n]), buffer('out', [n])];
  const [j, r] = [par('j', n), red('r', m)];
  const columns = kernel(
    'columns',
    [x, out],
    nest([j], put(out, [j], reduce('add', [r], at(x, r, j)))),
  );
  const parts = splitReductions(columns, caps());
  assert.is(parts.length, 2);
  check(columns, { tolerance: 3e-5 }, parts);

  const y = buffer('y', [16, 4, 2100]);
  const sums = buffer('sums', [4]);
  const [c, a, b] = [par('c', 4), red('a', 16), red('b', 2100)];
  const channels = kernel(
    'channels',
    [y, sums],
    nest([c], put(sums, [c], reduce('add', [a, b], at(y, a, c, b)))),
  );
  const cut = splitReductions(channels, caps());
  assert.is(cut.length, 2);
  check(channels, { tolerance: 3e-5 }, cut);
});

test('softmax of one long row: the map stays one launch', () => {
  const n = 132_000;
  const [x, out] = [buffer('x', [n]), buffer('out', [n])];
  const [i, k] = [par('i', n), red('k', n)];
  const most = reduce('max', [k], at(x, k));
  const total = reduce('add', [k], scalar('exp', scalar('sub', at(x, k), most)));
  const value = scalar('div', scalar('exp', scalar('sub', at(x, i), most)), total);
  const whole = kernel('softmax', [x, out], nest([i], put(out, [i], value)));
  const parts = splitReductions(whole, caps());
  assert.is(parts.length, 3);
  const threads = check(whole, { tolerance: 1e-6 }, parts);
  assert.ok(threads[2]!.grid > 1, 'the last launch is shared out');
});

test('what is small or has many results is left alone', () => {
  const [x, out] = [buffer('x', [512, 1024]), buffer('out', [512])];
  const [i, k] = [par('i', 512), red('k', 1024)];
  const rows = kernel('rows', [x, out], nest([i], put(out, [i], reduce('add', [k], at(x, i, k)))));
  assert.equal(splitReductions(rows, caps()), [rows]);
});

test.run();
