/** Clean-up of workgroups with many threads: what it may move, and what stays where all threads meet. */
import { test } from 'uvu';
import { cleanup } from '../../../src/codegen/cleanup.ts';
import { parseThread } from '../../../src/ir/thread/parse.ts';
import { printThread } from '../../../src/ir/thread/print.ts';
import { verifyThread } from '../../../src/ir/thread/verify.ts';
import { goldenText } from '../../support/golden.ts';

const BUFFERS = 'read x: f32[4096], readwrite y: f32[4096], shared s: f32[64]';

/** The body of a kernel of 8 workgroups with 64 threads, cleaned up. */
const becomes = (body: string, expected: string, buffers = BUFFERS): void => {
  const kernel = parseThread(`thread k(${buffers}) grid 8 as group, threads 64 as local {${body}}`);
  verifyThread(kernel);
  const clean = cleanup(kernel);
  verifyThread(clean);
  const [, text] = printThread(clean).match(/ {2}cost 0, 0\n([\s\S]*)}\n$/)!;
  goldenText(text!.replaceAll(/^ {2}/gm, ''), expected);
};

test('the place of a thread has bounds: conditions on it fold', () => {
  becomes(
    'if local < 64 { y[local] = 1.0 } if local >= 64 { y[0] = 2.0 } if group * 64 + local < 512 { y[local + 64] = 3.0 }',
    `
y[local] = 1.0
y[local + 64] = 3.0
`,
  );
});

test('a workgroup of one thread has no place to ask for', () => {
  const kernel = parseThread(
    'thread one(write y: f32[8]) grid 8 as g, threads 1 { if local == 0 { y[g + local] = 1.0 } }',
  );
  goldenText(
    printThread(cleanup(kernel)),
    `
thread one(
  write y: f32[8],
) grid 8 as g {
  cost 0, 0
  y[g] = 1.0
}
`,
  );
});

test('what is computed from the place of a thread leaves loops, and sums keep their common factor', () => {
  becomes(
    'for i in 0..8 { y[group * 512 + i * 64 + local] = x[(local * 4 + i * 256) * 2] }',
    `
let t10: i32 = group * 512 + local
let t18: i32 = local * 8
for i in 0..8 {
  y[t10 + i * 64] = x[t18 + i * 512]
}
`,
  );
});

test('an exchange stays where it is, with what it gives; another of the same value is another', () => {
  becomes(
    `var sum = x[local]
     for i in 0..3 {
       let old = sum * 2.0
       exchange there = sum across 4
       set sum = there + old
     }
     exchange a = sum across 1
     exchange b = sum across 1
     y[local] = a + b`,
    `
var sum: f32 = x[local]
for i in 0..3 {
  let old: f32 = sum * 2.0
  exchange there: f32 = sum across 4
  set sum = there + old
}
exchange a: f32 = sum across 1
exchange b: f32 = sum across 1
y[local] = a + b
`,
  );
});

test('an exchange whose result nobody uses is gone, with what it alone needed', () => {
  becomes(
    `let v = exp(x[local])
     exchange a = v across 1
     exchange b = a across 2
     y[local] = 1.0
     exchange c = x[local + 64] across 1
     y[local + 64] = c`,
    `
y[local] = 1.0
exchange c: f32 = x[local + 64] across 1
y[local + 64] = c
`,
  );
});

test('an exchange in a loop is not hoisted, though nothing in it changes', () => {
  becomes(
    `let v = x[local]
     for i in 0..4 {
       exchange a = v across 1
       y[i * 64 + local] = a * 2.0
     }`,
    `
let v: f32 = x[local]
for i in 0..4 {
  exchange a: f32 = v across 1
  y[local + i * 64] = a * 2.0
}
`,
  );
});

test('shared memory is read anew behind a barrier, global memory is not', () => {
  becomes(
    `s[local] = x[local]
     barrier
     let there = s[63 - local]
     let mine = y[local]
     barrier
     s[local] = there
     barrier
     y[local] = s[63 - local] + there + mine + y[local]`,
    `
s[local] = x[local]
barrier
let t5: i32 = local * -1
let there: f32 = s[t5 + 63]
let mine: f32 = y[local]
barrier
s[local] = there
barrier
y[local] = s[t5 + 63] + there + mine + mine
`,
  );
});

test('a load from shared memory does not leave a loop with a barrier, nor sink below one', () => {
  becomes(
    `for i in 0..4 {
       barrier
       let a = s[local]
       barrier
       s[63 - local] = a + 1.0
     }
     for j in 0..4 { y[j * 64 + local] = x[local] + s[0] }`,
    `
let t8: i32 = local * -1
for i in 0..4 {
  barrier
  let a: f32 = s[local]
  barrier
  s[t8 + 63] = a + 1.0
}
let t18: f32 = x[local] + s[0]
for j in 0..4 {
  y[local + j * 64] = t18
}
`,
  );
});

test('barriers stay, in loops and branches with nothing else in them', () => {
  becomes(
    `for i in 0..4 { let unused = x[local] barrier }
     if group < 3 { barrier } else { let unused = x[local] }
     if local < 3 { let unused = x[local] }`,
    `
for i in 0..4 {
  barrier
}
if group < 3 {
  barrier
}
`,
  );
});

test('quotients and remainders of sums that show them', () => {
  becomes(
    `let id = group * 64 + local
     let row = floordiv(id, 64)
     let column = mod(id, 64)
     y[row + 8 * column] = x[floordiv(id * 4 + 3, 4) + floordiv(id, 8) + mod(id * 6 + 5, 3)]`,
    `
let id: i32 = group * 64 + local
y[group + local * 8] = x[id + shr(id, 3) + 2]
`,
  );
});

test('a point taken apart along its axes and put together again is the point', () => {
  becomes(
    `let id = group * 64 + local
     let k = mod(id, 7)
     let rest = floordiv(id, 7)
     let j = mod(rest, 3)
     let i = floordiv(rest, 3)
     y[(i * 3 + j) * 7 + k + 1] = x[i * 21 + j * 7 + k] + x[k * 73 + rest] + x[(i * 3 + j) * 2 + k * 2]`,
    `
let id: i32 = group * 64 + local
let k: i32 = mod(id, 7)
let rest: i32 = floordiv(id, 7)
y[id + 1] = x[id] + x[k * 73 + rest] + x[(k + rest) * 2]
`,
  );
});

test('divisions are left alone where a sum may wrap around or the rest is no rest', () => {
  becomes(
    `y[local] = f32(floordiv(i32(x[local]) * 64 + local, 64))
     y[local + 64] = f32(mod(group * 63 + local, 64)) + f32(floordiv(group * 64 + local - 1, 64))`,
    `
y[local] = f32(shr(local + i32(x[local]) * 64, 6))
y[local + 64] = f32(and(group * 63 + local, 63)) + f32(shr(group * 64 + local + -1, 6))
`,
  );
});

test.run();
