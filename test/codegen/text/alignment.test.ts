/** Powers of two that divide indices, as memory layouts are chosen by them; caps of devices. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Alignment } from '../../../src/codegen/text/alignment.ts';
import { defaultWgslCaps, GUARANTEED_LIMITS, wgslCaps } from '../../../src/codegen/wgsl/caps.ts';
import * as b from '../../../src/ir/thread/build.ts';
import type { TExpr, TStmt } from '../../../src/ir/thread/thread.ts';

const INT = b.regType('i32');
const counter = b.register('i', INT);
const i = b.get(counter);
const free = b.get(b.register('free', INT));

/** What divides `e` inside a loop of `from .. 64 step`. */
const within = (e: TExpr, from: number, step: number): number =>
  new Alignment([b.forOf(counter, b.i32(from), b.i32(64), step, [])]).twos(e);

test('numbers, sums, products, shifts, masks', () => {
  const none = new Alignment([]);
  assert.is(none.twos(b.i32(12)), 2);
  assert.is(none.twos(b.i32(-8)), 3);
  assert.ok(none.twos(b.i32(0)) >= 2);
  assert.is(none.twos(free), 0);
  assert.is(none.twos(b.mul(free, b.i32(12))), 2);
  assert.is(none.twos(b.add(b.mul(free, b.i32(8)), b.i32(4))), 2);
  assert.is(none.twos(b.operate('shl', free, b.i32(3))), 3);
  assert.is(none.twos(b.operate('and', free, b.i32(~7))), 3);
  assert.is(none.twos(b.operate('shr', b.mul(free, b.i32(16)), b.i32(2))), 2);
  assert.is(none.twos(b.operate('mod', b.mul(free, b.i32(4)), b.i32(12))), 2);
  assert.is(none.twos(b.operate('floordiv', b.mul(free, b.i32(12)), b.i32(3))), 0);
});

test('loop counters have what start and step have', () => {
  assert.is(within(i, 0, 4), 2);
  assert.is(within(i, 2, 4), 1);
  assert.is(within(i, 0, 1), 0);
  assert.is(within(b.mul(i, b.i32(2)), 8, 2), 2);
});

test('variables have the least of all they are set to, also by way of each other', () => {
  const [p, q] = [b.register('p', INT), b.register('q', INT)];
  const body = (by: number): TStmt[] => [
    b.varOf(p, b.i32(0)),
    b.varOf(q, b.i32(8)),
    b.forOf(counter, b.i32(0), b.i32(4), 1, [
      b.setOf(p, b.add(b.get(q), b.i32(4))),
      b.setOf(q, b.add(b.get(p), b.i32(by))),
    ]),
  ];
  assert.is(new Alignment(body(16)).twos(b.get(p)), 2);
  assert.is(new Alignment(body(6)).twos(b.get(p)), 1);
});

test('caps: powers of two within the limits; what every device has by default', () => {
  const { threads, subgroup, sharedBytes, maxBindings, alignment } = defaultWgslCaps;
  assert.equal(
    { threads, subgroup, sharedBytes, maxBindings, alignment },
    { threads: 256, subgroup: 1, sharedBytes: 16384, maxBindings: 8, alignment: 256 },
  );
  assert.is(wgslCaps({ ...GUARANTEED_LIMITS, maxComputeWorkgroupSizeX: 200 }).threads, 128);
  assert.is(wgslCaps(GUARANTEED_LIMITS, 32).subgroup, 32);
});

test.run();
