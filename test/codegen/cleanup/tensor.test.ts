/** Clean-up of kernels for matrix units: copies, waits and products keep their order, and loads stay on their side. */
import { test } from 'uvu';
import { cleanup } from '../../../src/codegen/cleanup.ts';
import { parseThread } from '../../../src/ir/thread/parse.ts';
import { printThread } from '../../../src/ir/thread/print.ts';
import { verifyThread } from '../../../src/ir/thread/verify.ts';
import { goldenText } from '../../support/golden.ts';

const BUFFERS =
  'read x: bf16[4096], readwrite y: f32[4096], shared s: bf16[1024], shared r: f32[64]';

const becomes = (body: string, expected: string): void => {
  const kernel = parseThread(`thread k(${BUFFERS}) grid 2 as group, threads 32 as local {${body}}`);
  verifyThread(kernel);
  const clean = cleanup(kernel);
  verifyThread(clean);
  const [, text] = printThread(clean).match(/ {2}cost 0, 0\n([\s\S]*)}\n$/)!;
  goldenText(text!.replaceAll(/^ {2}/gm, ''), expected);
};

test('shared memory is read again behind a wait, and behind a copy to it', () => {
  becomes(
    `let before = r[local] y[local] = before + s[local]
    copy s[local * 8 : 8] = x[local * 8] commit
    y[local + 32] = r[local]
    wait 0
    y[local + 64] = r[local] + s[local]`,
    `
let before: f32 = r[local]
y[local] = before + s[local]
let t6: i32 = local * 8
copy s[t6 : 8] = x[t6]
commit
y[local + 32] = before
wait 0
y[local + 64] = r[local] + s[local]
`,
  );
});

test('what a copy needs leaves the loop, the copy does not; waits and commits stay, groups of nothing too', () => {
  becomes(
    `for i in 0..4 { copy s[local * 8 + 256 * 0 : 8] = x[group * 2048 + local * 8 + i * 256] when i * 8 + local < 30
      commit wait 1 commit wait 0 barrier y[group * 128 + i * 32 + local] = s[local] barrier }`,
    `
let t6: i32 = local * 8
let t12: i32 = (group * 256 + local) * 8
let t24: i32 = group * 128 + local
for i in 0..4 {
  copy s[t6 : 8] = x[t12 + i * 256] when local + i * 8 < 30
  commit
  wait 1
  commit
  wait 0
  barrier
  y[t24 + i * 32] = s[local]
  barrier
}
`,
  );
});

test('sums nobody reads and fragments nobody multiplies are dropped; a sum is what was added before it is read', () => {
  becomes(
    `fragments a = s[mod(local, 32) * 8]
    fragments unused = s[mod(local, 32) * 8 + 512]
    var c: f32x4 = f32x4(0.0) var d: f32x4 = f32x4(1.0)
    mma c += bf16(a, lane(a, 0), lane(a, 1))
    mma d += bf16(a, lane(a, 2), lane(a, 3))
    let first = lane(c, 0)
    mma c += bf16(a, lane(a, 2), lane(a, 3))
    y[local] = first y[local + 32] = lane(c, 0)`,
    `
fragments a: u32x4 = s[local * 8]
var c: f32x4 = f32x4(0.0)
mma c += bf16(a, lane(a, 0), lane(a, 1))
let first: f32 = lane(c, 0)
mma c += bf16(a, lane(a, 2), lane(a, 3))
y[local] = first
y[local + 32] = lane(c, 0)
`,
  );
});

test('fragments are read where they stand: not out of loops, not once for two', () => {
  becomes(
    `var c: f32x4 = f32x4(0.0)
    for i in 0..4 { fragments a = s[local * 8] barrier fragments b = s[local * 8]
      mma c += bf16(a, lane(b, 0), lane(b, 1)) s[local] = f32(i) barrier }
    y[local] = lane(c, 0)`,
    `
var c: f32x4 = f32x4(0.0)
let t7: i32 = local * 8
for i in 0..4 {
  fragments a: u32x4 = s[t7]
  barrier
  fragments b: u32x4 = s[t7]
  mma c += bf16(a, lane(b, 0), lane(b, 1))
  s[local] = f32(i)
  barrier
}
y[local] = lane(c, 0)
`,
  );
});

test.run();
