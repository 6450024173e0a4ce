import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { idxAdd, idxAxis, idxDiv, idxMod, idxOffset, idxScale } from '../../src/ir/dim.ts';
import { constant, guard, indexValue, reduce, scalar } from '../../src/ir/loop/expr.ts';
import { at, buffer, check, kernel, nest, par, put, red } from './support.ts';

const zero = constant(0, 'float32');

test('repeats by two and four are woven from whole vectors, with tails', () => {
  for (const by of [2, 4])
    for (const n of [4, 7, 13]) {
      const [x, out] = [buffer('x', [5, n]), buffer('out', [5, by * n])];
      const [i, j] = [par('i', 5), par('j', by * n)];
      const value = scalar('neg', at(x, i, idxDiv(idxAxis(j), by)));
      const [thread] = check(
        kernel(`repeat${by}_${n}`, [x, out], nest([i, j], put(out, [i, j], value))),
      );
      assert.match(thread!.notes.join(), /interleaved/);
    }
});

test('the gradient of pooling: remainders are compared with positions', () => {
  const [h, w] = [6, 20];
  const [dy, idx] = [buffer('dy', [h / 2, w / 2]), buffer('idx', [h / 2, w / 2], 'int32')];
  const [out, twice] = [buffer('out', [h, w]), buffer('twice', [h, w])];
  const [i, j] = [par('i', h), par('j', w)];
  const row = idxDiv(idxAxis(i), 2);
  const column = idxDiv(idxAxis(j), 2);
  const place = idxAdd(idxScale(idxMod(idxAxis(i), 2), 2), idxMod(idxAxis(j), 2));
  const hit = scalar('eq', at(idx, row, column), indexValue(place));
  const value = scalar('select', hit, at(dy, row, column), zero);
  const [thread] = check(
    kernel(
      'unpool',
      [dy, idx, out, twice],
      nest([i, j], put(out, [i, j], value), put(twice, [i, j], scalar('add', value, value))),
    ),
  );
  assert.match(thread!.notes.join(), /interleaved.* 2 lines together/);
});

test('short sums over windows that overlap are written out', () => {
  const n = 22;
  const [x, out] = [buffer('x', [n / 2]), buffer('out', [n])];
  const [j, k] = [par('j', n), red('k', 2)];
  const q = idxAdd(idxDiv(idxOffset(idxAxis(j), 1), 2), idxScale(idxAxis(k), -1));
  const value = guard([{ idx: q, lo: 0, hi: n / 2 }], at(x, q), zero);
  const [thread] = check(
    kernel('spread', [x, out], nest([j], put(out, [j], reduce('add', [k], value)))),
  );
  assert.match(thread!.notes.join(), /interleaved/);
});

test('under a guard, and for whole numbers', () => {
  const [n, by] = [18, 2];
  const [x, out] = [buffer('x', [n], 'int32'), buffer('out', [by * n], 'int32')];
  const j = par('j', by * n);
  const q = idxDiv(idxAxis(j), by);
  const value = guard([{ idx: q, lo: 3, hi: 15 }], at(x, q), constant(-1, 'int32'));
  check(kernel('guarded', [x, out], nest([j], put(out, [j], value))));
});

test('other divisions keep the generic schedule', () => {
  const n = 24;
  const [x, out] = [buffer('x', [n]), buffer('out', [n])];
  const j = par('j', n);
  const value = scalar('add', at(x, idxDiv(idxAxis(j), 2)), at(x, idxDiv(idxAxis(j), 3)));
  const [thread] = check(kernel('mixed', [x, out], nest([j], put(out, [j], value))));
  assert.not.match(thread!.notes.join(), /interleaved/);
});

test.run();
