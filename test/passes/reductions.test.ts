import { test } from 'uvu';
import { simplifyReductions } from '../../src/passes/reductions.ts';
import { golden } from '../support/passes.ts';

const becomes = (head: string, before: string, after: string): void =>
  golden(simplifyReductions, `graph ${head} { ${before} }`, `graph ${head} { ${after} }`);

test('a sum of repeats is a multiple', () => {
  becomes(
    '(%v: f32[3])',
    '%a = broadcast %v {shape=[5, 3], axes=[1]} %r = sum %a {axes=[0]} return %r',
    '%n = full {value=5, dtype=f32, shape=[3]} %r = mul %v, %n return %r',
  );
  becomes(
    '(%v: f32[3, 2])',
    '%a = broadcast %v {shape=[5, 3, 4, 2], axes=[1, 3]} %r = sum %a {axes=[0, 3]} return %r',
    `%s = sum %v {axes=[1]} %n = full {value=5, dtype=f32, shape=[3]} %m = mul %s, %n
     %r = broadcast %m {shape=[3, 4], axes=[0]} return %r`,
  );
});

test('the largest of repeats is one of them', () => {
  becomes(
    '(%v: f32[3])',
    '%a = broadcast %v {shape=[5, 3], axes=[1]} %r = reduceMax %a {axes=[0, 1]} return %r',
    '%r = reduceMax %v {axes=[0]} return %r',
  );
});

test('folds of folds are one', () => {
  becomes(
    '(%x: f32[2, 3, 4, 5])',
    '%a = sum %x {axes=[1]} %r = sum %a {axes=[1, 2]} return %r',
    '%r = sum %x {axes=[1, 2, 3]} return %r',
  );
  const mixed = '%a = reduceMax %x {axes=[1]} %r = sum %a {axes=[1]} return %r';
  becomes('(%x: f32[2, 3, 4, 5])', mixed, mixed);
});

test('axes of size 1 are not folded', () => {
  becomes(
    '(%x: f32[2, 1, 4])',
    '%r = sum %x {axes=[1, 2]} return %r',
    '%a = sum %x {axes=[2]} %r = reshape %a {shape=[2]} return %r',
  );
  becomes(
    '(%x: f32[2, 1])',
    '%r = reduceMax %x {axes=[1]} return %r',
    '%r = reshape %x {shape=[2]} return %r',
  );
});

test('factors leave sums', () => {
  becomes(
    '(%x: f32[2, 3])',
    '%c = full {value=0.3, dtype=f32, shape=[2, 3]} %a = mul %x, %c %r = sum %a {axes=[1]} return %r',
    '%s = sum %x {axes=[1]} %c = full {value=0.3, dtype=f32, shape=[2]} %r = mul %s, %c return %r',
  );
  becomes(
    '(%x: f32[2, 3])',
    '%a = neg %x %r = sum %a {axes=[1]} return %r',
    '%s = sum %x {axes=[1]} %r = neg %s return %r',
  );
});

test('sums of 16 bits are left alone: a count or an unscaled sum may overflow, or be rounded', () => {
  for (const dtype of ['f16', 'bf16']) {
    const scaled = `%c = full {value=0.25, dtype=${dtype}, shape=[2, 3]} %a = mul %x, %c %r = sum %a {axes=[1]} return %r`;
    becomes(`(%x: ${dtype}[2, 3])`, scaled, scaled);
    const repeated =
      '%a = broadcast %x {shape=[9, 2, 3], axes=[1, 2]} %r = sum %a {axes=[0]} return %r';
    becomes(`(%x: ${dtype}[2, 3])`, repeated, repeated);
  }
});

test('reductions name the axes that a transpose moved', () => {
  becomes(
    '(%x: f32[2, 3, 4])',
    '%a = transpose %x {axes=[2, 0, 1]} %r = sum %a {axes=[1]} return %r',
    '%s = sum %x {axes=[0]} %r = transpose %s {axes=[1, 0]} return %r',
  );
});

test('dot names the axes of transposed operands', () => {
  becomes(
    '(%x: f32[2, 3], %w: f32[5, 3])',
    '%t = transpose %w {axes=[1, 0]} %r = dot %x, %t {aBatch=[], bBatch=[], aContract=[1], bContract=[0]} return %r',
    '%r = dot %x, %w {aBatch=[], bBatch=[], aContract=[1], bContract=[1]} return %r',
  );
  becomes(
    '(%q: f32[2, 7, 4, 3], %k: f32[2, 5, 4, 3])',
    `%a = transpose %q {axes=[0, 2, 1, 3]} %b = transpose %k {axes=[0, 2, 3, 1]}
     %r = dot %a, %b {aBatch=[0, 1], bBatch=[0, 1], aContract=[3], bContract=[2]} return %r`,
    '%r = dot %q, %k {aBatch=[0, 2], bBatch=[0, 2], aContract=[3], bContract=[3]} return %r',
  );
});

test('dot keeps a transpose that reorders free axes', () => {
  const text = `%t = transpose %x {axes=[1, 0, 2]}
    %r = dot %t, %w {aBatch=[], bBatch=[], aContract=[2], bContract=[0]} return %r`;
  becomes('(%x: f32[2, 3, 4], %w: f32[4, 5])', text, text);
});

test('a transposed product swaps its operands', () => {
  becomes(
    '(%x: f32[2, 3], %w: f32[3, 5])',
    `%p = dot %x, %w {aBatch=[], bBatch=[], aContract=[1], bContract=[0]}
     %r = transpose %p {axes=[1, 0]} return %r`,
    '%r = dot %w, %x {aBatch=[], bBatch=[], aContract=[0], bContract=[1]} return %r',
  );
});

test('contracted pairs stand in order', () => {
  becomes(
    '(%x: f32[2, 3, 4], %y: f32[4, 3, 5])',
    '%r = dot %x, %y {aBatch=[], bBatch=[], aContract=[2, 1], bContract=[0, 1]} return %r',
    '%r = dot %x, %y {aBatch=[], bBatch=[], aContract=[1, 2], bContract=[1, 0]} return %r',
  );
});

test('a product that sums nothing is a map of its operands', () => {
  becomes(
    '(%x: f32[1, 3], %y: f32[1, 5])',
    '%r = dot %x, %y {aBatch=[], bBatch=[], aContract=[0], bContract=[0]} return %r',
    `%a = reshape %x {shape=[3]} %b = reshape %y {shape=[5]}
     %c = broadcast %a {shape=[3, 5], axes=[0]} %d = broadcast %b {shape=[3, 5], axes=[1]}
     %r = mul %c, %d return %r`,
  );
  becomes(
    '(%x: f32[3, 2], %y: f32[5, 2, 1, 1])',
    '%r = dot %x, %y {aBatch=[1], bBatch=[1], aContract=[], bContract=[]} return %r',
    `%a = transpose %x {axes=[1, 0]} %b = transpose %y {axes=[1, 0, 2, 3]}
     %c = broadcast %a {shape=[2, 3, 5, 1, 1], axes=[0, 1]}
     %d = broadcast %b {shape=[2, 3, 5, 1, 1], axes=[0, 2, 3, 4]}
     %r = mul %c, %d return %r`,
  );
});

test.run();
