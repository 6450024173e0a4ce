import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TigonError } from '../../../src/ir/errors.ts';
import { parseText } from '../../../src/ir/text/any.ts';

const messageOf = (text: string): string => {
  try {
    parseText(text, 'net.tg');
  } catch (error) {
    assert.instance(error, TigonError);
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  return assert.unreachable(`no error for ${text}`) as never;
};

test('an error has file, line, column, the line, a caret and a way out', () => {
  assert.is(
    messageOf('graph (%x: f32[4]) {\n  %a = expp %x\n  return %a\n}'),
    `ParseError: there is no op expp
  at net.tg:2:8
    2 |   %a = expp %x
      |        ^^^^
  help: did you mean exp?`,
  );
});

test('the error of an op is shown where the text asked for it', () => {
  const message = messageOf('graph (%x: f32[4], %y: f32[3]) {\n  %a = add %x, %y\n  return %a\n}');
  assert.match(message, /^ShapeError: add: .*f32\[4\].*f32\[3\]/);
  assert.match(message, 'at net.tg:2:8\n');
});

const cases: readonly (readonly [string, string | RegExp])[] = [
  ['', 'a text begins with graph, kernel, thread, program\n  at net.tg:1:1'],
  ['grahp () { return }', 'did you mean graph?'],
  ['graph (%x: f32[4]) { return %x', "expected '}', found the end of the text"],
  ['graph (%x: f32[4] { return %x }', /expected .*'\)'.*, found `{`/],
  ['graph (%x: f33[4]) { return %x }', 'there is no dtype f33'],
  ['graph (%x: f32[-1]) { return %x }', 'sizes are integers >= 0'],
  ['graph (%x: f32[4] strides [1, 2]) { return %x }', '2 strides for 1 axes'],
  ['graph (%x: f32[4]) { return %y }', '%y is not defined'],
  ['graph (%x: f32[4]) { %x = exp %x return %x }', '%x is defined twice'],
  ['graph (%x: f32[4]) { %a: f32[5] = exp %x return %a }', 'exp gives f32[4] here'],
  ['graph (%x: f32[4]) { %a = sum %x return %a }', 'sum needs the attribute axes'],
  ['graph (%x: f32[4]) { %a = sum %x {axs=[0]} return %a }', 'sum has no attribute axs'],
  ['graph (%x: f32[4]) { %a = sum %x {axes=0} return %a }', 'axes is a list of integers, not 0'],
  ['graph (%x: f32[4]) { %a = exp %x # 3', 'unexpected character "#"'],
  ['graph "half', 'a quoted text ends on the line it starts on'],
  ['kernel k(x: f32[4]) { nest i < 4 { x[i] = y[i] } }', 'y is no buffer of the kernel'],
  ['kernel k(x: f32[4]) { nest i < 4 { x[j] = 1.0 } }', 'j is no axis of this nest'],
  ['kernel k(x: f32[4]) { nest i < 4 { x[i, 0] = 1.0 } }', 'x has 1 axes, not 2'],
  ['kernel k(x: f32[4]) { nest i < 4 { x[i] = 1 } }', 'x holds float32, this is int32'],
  ['kernel k(x: f32[4]) { nest i < 4 { x[i] = i } }', 'write index(i)'],
  ['kernel k(x: f32[4]) { nest i < 4 { x[i * i] = 1.0 } }', 'an integer is needed here'],
  ['kernel k(x: f32[4]) { nest i < 4 { x[x[i]] = 1.0 } }', 'a loaded index needs its range'],
  ['kernel k(x: f32[4]) { nest i < 4 { x[i] = reduce avg [i] (1.0) } }', 'avg does not reduce'],
  ['kernel k(x: f32[4]) { nest i < 4, i < 3 { } }', 'i is already defined in this nest'],
  ['thread k() grid 1 { let a = b }', 'no register b is visible here'],
  ['thread k(read x: f32[4]) grid 1 { let a = x }', 'read one element of it, x[0]'],
  ['thread k() grid 1 { let a = add(1, 2.0) }', 'add does not take (i32, f32)'],
  ['thread k() grid 1 { let a: f32x4 = 1.0 }', 'use splat(...)'],
  ['thread k() grid 1 { let a = expp(1.0) }', 'did you mean exp?'],
  ['thread k() grid 1 { if true { let a = 1 } let b = a }', 'no register a is visible here'],
  ['program p { arena 0, 0 run k() }', 'the program has no kernel k'],
  ['program p { arena 0, 0 input x: f32[] input x: f32[] }', 'x is listed twice'],
];
for (const [text, expected] of cases)
  test(`${expected}`.slice(0, 60), () => {
    const message = messageOf(text);
    assert.match(message, expected);
    assert.match(message, /at net\.tg:1:\d+\n +1 \| .*\n +\| +\^/);
  });

test.run();
