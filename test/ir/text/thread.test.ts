import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpretThread } from '../../../src/ir/thread/interpret.ts';
import type { Cells } from '../../../src/ir/thread/memory.ts';
import { parseThread } from '../../../src/ir/thread/parse.ts';
import { printThread } from '../../../src/ir/thread/print.ts';
import type { ThreadBuffer } from '../../../src/ir/thread/thread.ts';
import { verifyThread } from '../../../src/ir/thread/verify.ts';
import { goldenText } from '../../support/golden.ts';

const roundTrip = (text: string, expected: string): void => {
  const kernel = parseThread(text);
  verifyThread(kernel);
  const printed = printThread(kernel);
  goldenText(printed, expected);
  assert.is(printThread(parseThread(printed)), printed);
};

test('statements, vectors and precedence', () => {
  roundTrip(
    `thread dense(read x: f32[1024], read idx: u8[16], write y: f32[1024], shared tile: f32[256]) grid 4 as g {
      cost 8192, 1e4
      note "4x8 tiles"
      let base = g * 256
      var acc: f32x4 = f32x4(0.0)
      for k in 0..base + 3 step 4 {
        set acc = fma(x[base + k : 4], splat(x[k]), acc)
        y[base : 4] = acc * (acc - (acc - acc))
        if (k + 1) * 2 - (k - 1) < 3 { barrier } else { let q = 3u y[0] = lane(acc, 3) * -1.5 + f32(idx[0]) + f32(q) }
      }
      for k in 0..3 { tile[k] = select(k < 3, 0.1, mod(x[k], -inf)) y[k : 4] = shuffle(acc, vec4(0.0, 1.0, x[0], 0.5), 0, 1, 4, 5) }
    }`,
    `
thread dense(
  read x: f32[1024],
  read idx: u8[16],
  write y: f32[1024],
  shared tile: f32[256],
) grid 4 as g {
  cost 8192, 10000
  note "4x8 tiles"
  let base: i32 = g * 256
  var acc: f32x4 = f32x4(0.0)
  for k in 0..base + 3 step 4 {
    set acc = fma(x[base + k : 4], splat(x[k]), acc)
    y[base : 4] = acc * (acc - (acc - acc))
    if (k + 1) * 2 - (k - 1) < 3 {
      barrier
    } else {
      let q: u32 = 3u
      y[0] = lane(acc, 3) * -1.5 + f32(idx[0]) + f32(q)
    }
  }
  for k in 0..3 {
    tile[k] = select(k < 3, 0.1, mod(x[k], -inf))
    y[k : 4] = shuffle(acc, vec4(0.0, 1.0, x[0], 0.5), 0, 1, 4, 5)
  }
}
`,
  );
});

test('registers of 64 bits: constants with all digits, one lane', () => {
  const text = `
thread wide(
  readwrite x: f64[4],
  readwrite n: i64[4],
) grid 1 as workgroup {
  cost 0, 0
  let third: f64 = f64(0.1)
  x[0] = fma(x[1], third, f64(f32(x[2])))
  n[1] = n[0] * i64(9007199254740991) + i64(x[3])
}
`;
  roundTrip(text, text);
  const kernel = parseThread(text);
  const x = [0, 0.3, 2.5, 1e3];
  const n = [-1, 0, 0, 0];
  interpretThread(
    kernel,
    new Map<ThreadBuffer, Cells>([x, n].map((cells, i) => [kernel.buffers[i]!, cells])),
  );
  assert.equal([x[0], n[1]], [0.3 * 0.1 + 2.5, -9007199254740991 + 1000]);
  const lanes = 'thread t(readwrite x: f64[4]) grid 1 { x[0 : 4] = x[0 : 4] }';
  assert.throws(() => verifyThread(parseThread(lanes)), /64-bit elements have one lane/);
  const narrow = 'thread t(readwrite x: f64[4], write y: i8[4]) grid 1 { y[0] = i8(x[0]) }';
  assert.throws(() => verifyThread(parseThread(narrow)), /goes by 32 bits/);
});

test('an inner register may have the name of an outer one; the text tells them apart', () => {
  roundTrip(
    'thread k(write y: i32[2]) grid 1 { let a = 1 for i in 0..2 { let a = a + i y[i] = a } }',
    `
thread k(
  write y: i32[2],
) grid 1 as workgroup {
  cost 0, 0
  let a: i32 = 1
  for i in 0..2 {
    let a.1: i32 = a + i
    y[i] = a.1
  }
}
`,
  );
});

test('workgroups of threads: their place, barriers and exchanges', () => {
  roundTrip(
    `thread sum(read x: f32[64], write y: f32[4], shared s: f32[2]) grid 4, threads 16 as "threads" {
      var sum = x[workgroup * 16 + "threads"]
      exchange there = sum across 8
      exchange two: f32x4 = splat(there) across 3
      if "threads" == 0 { s[0] = lane(two, 0) }
      barrier
      y[workgroup] = s[0]
    }`,
    `
thread sum(
  read x: f32[64],
  write y: f32[4],
  shared s: f32[2],
) grid 4 as workgroup, threads 16 as "threads" {
  cost 0, 0
  var sum: f32 = x[workgroup * 16 + "threads"]
  exchange there: f32 = sum across 8
  exchange two: f32x4 = splat(there) across 3
  if "threads" == 0 {
    s[0] = lane(two, 0)
  }
  barrier
  y[workgroup] = s[0]
}
`,
  );
});

test('the one thread of a workgroup is only named where the body asks for its place', () => {
  roundTrip(
    'thread one(write y: i32[2]) grid 2 as g, threads 1 { y[g] = local }',
    `
thread one(
  write y: i32[2],
) grid 2 as g, threads 1 as local {
  cost 0, 0
  y[g] = local
}
`,
  );
  roundTrip(
    'thread one(write y: i32[2]) grid 2 as g, threads 1 { y[g] = 7 }',
    `
thread one(
  write y: i32[2],
) grid 2 as g {
  cost 0, 0
  y[g] = 7
}
`,
  );
  assert.throws(
    () => parseThread('thread one(write y: i32[2]) grid 2 as g { y[g] = local }'),
    /no register local is visible here/,
  );
});

test('a parsed kernel runs', () => {
  const kernel = parseThread(
    'thread scale(read x: f32[8], write y: f32[8]) grid 2 as g { for i in 0..4 { y[g * 4 + i] = x[g * 4 + i] * 2.0 } }',
  );
  const y = new Float32Array(8);
  const [from, to] = kernel.buffers as [(typeof kernel.buffers)[0], (typeof kernel.buffers)[0]];
  interpretThread(
    kernel,
    new Map<ThreadBuffer, Cells>([
      [from, [1, 2, 3, 4, 5, 6, 7, 8]],
      [to, y],
    ]),
  );
  assert.equal([...y], [2, 4, 6, 8, 10, 12, 14, 16]);
});

test.run();
