/**
 * Every second element is read by two vectors that stay within the buffer.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { everySecond } from '../../../src/codegen/emit/seconds.ts';
import { idxAdd, idxAxis, idxEvaluate, idxOffset, idxScale, newAxis } from '../../../src/ir/dim.ts';
import { i32 } from '../../../src/ir/thread/build.ts';

test('the lanes are the elements, and nothing beyond the buffer is read', () => {
  const [along, tap] = [newAxis('along', 4, 'par'), newAxis('tap', 3, 'red')];
  const offset = idxAdd(idxScale(idxAxis(along), 2), idxAxis(tap));
  for (const first of [0, 1, 2])
    for (const t of [0, 1, 2])
      for (const beyond of [0, 1, 2]) {
        const elements = first + t + 7 + beyond;
        const value = (axis: unknown) => (axis === tap ? i32(t) : undefined);
        const { at, lanes } = everySecond(idxOffset(offset, first), elements, value);
        const [low, high] = at.map((idx) =>
          idxEvaluate(
            idx,
            (a) => (a === tap ? t : 0),
            () => 0,
          ),
        );
        assert.ok(low! >= 0 && high! + 4 <= elements, `${first} ${t} ${beyond}`);
        const read = lanes.map((lane) => (lane < 4 ? low! + lane : high! + lane - 4));
        assert.equal(
          read,
          [0, 2, 4, 6].map((by) => first + t + by),
        );
      }
});

test.run();
