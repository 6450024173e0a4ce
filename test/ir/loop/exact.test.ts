import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Bound,
  idxAdd,
  idxAxis,
  idxDiv,
  idxMod,
  idxOffset,
  idxScale,
  newAxis,
} from '../../../src/ir/dim.ts';
import { exactRange } from '../../../src/ir/loop/exact.ts';
import { rangeUnder } from '../../../src/ir/loop/ranges.ts';

const [i, j, k] = [newAxis('i', 4, 'par'), newAxis('j', 6, 'par'), newAxis('k', 2, 'red')];
const flat = idxAdd(idxScale(idxAxis(i), 6), idxAxis(j));

test('guards on remainders bound quotients of sums that intervals do not see', () => {
  // a neighbour in a row of 6 that stays in its row stays among the 4 rows
  const within: Bound = {
    idx: idxAdd(idxMod(flat, 3), idxOffset(idxScale(idxAxis(k), -1), 0)),
    lo: 0,
    hi: 3,
  };
  const row = idxDiv(idxAdd(flat, idxScale(idxAxis(k), -1)), 3);
  assert.is(rangeUnder(row, [within])[0], -1);
  assert.equal(exactRange(row, [within]), [0, 7]);
  assert.equal(exactRange(row, []), [-1, 7]);
});

test('guards about other axes are left out, what never happens reads anywhere, and many values are not gone through', () => {
  const wide = newAxis('wide', 100_000, 'par');
  const other: Bound = { idx: idxAdd(idxAxis(wide), idxAxis(i)), lo: 0, hi: 2 };
  assert.equal(exactRange(idxAxis(i), [other]), [0, 3]);
  assert.equal(exactRange(idxAxis(i), [{ idx: idxAxis(i), lo: 9, hi: 10 }]), [0, 0]);
  assert.is(exactRange(idxAxis(wide), []), undefined);
});

test.run();
