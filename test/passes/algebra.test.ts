import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseGraph } from '../../src/ir/graph/parse.ts';
import { simplifyAlgebra } from '../../src/passes/algebra.ts';
import { nodeCount } from '../../src/passes/rewrite.ts';
import { golden, runPass } from '../support/passes.ts';

/** `%r = EXPRESSION` over x, y: f32[4], i, j: i32[4], c: bool[4] becomes `expected`. */
const becomes = (lines: string, expected: string): void => {
  const head = '(%x: f32[4], %y: f32[4], %i: i32[4], %c: bool[4])';
  golden(
    simplifyAlgebra,
    `graph ${head} { ${constants} ${lines} return %r }`,
    expected.startsWith('%') && !expected.includes('=')
      ? `graph ${head} { return ${expected} }`
      : `graph ${head} { ${constants} ${expected} return %r }`,
  );
};
const constants = `
  %zero = full {value=0, dtype=f32, shape=[4]}
  %one = full {value=1, dtype=f32, shape=[4]}
  %two = full {value=2, dtype=f32, shape=[4]}
  %three = full {value=3, dtype=f32, shape=[4]}
  %half = full {value=0.5, dtype=f32, shape=[4]}
  %minus = full {value=-1, dtype=f32, shape=[4]}
  %none = full {value=0, dtype=i32, shape=[4]}
`;

test('neutral elements disappear', () => {
  becomes('%r = add %x, %zero', '%x');
  becomes('%r = add %zero, %x', '%x');
  becomes('%r = sub %x, %zero', '%x');
  becomes('%r = mul %one, %x', '%x');
  becomes('%r = div %x, %one', '%x');
  becomes('%r = pow %x, %one', '%x');
});

test('signs cancel and move outward', () => {
  becomes('%a = neg %x  %r = neg %a', '%x');
  becomes('%r = sub %zero, %x', '%r = neg %x');
  becomes('%r = mul %x, %minus', '%r = neg %x');
  becomes('%a = neg %y  %r = add %x, %a', '%r = sub %x, %y');
  becomes('%a = neg %y  %r = sub %x, %a', '%r = add %x, %y');
  becomes('%a = sub %x, %y  %r = neg %a', '%r = sub %y, %x');
  becomes('%a = neg %x  %b = neg %y  %r = mul %a, %b', '%r = mul %x, %y');
  becomes('%a = neg %x  %r = abs %a', '%r = abs %x');
});

test('zero times a float stays: it may be NaN', () => {
  becomes('%r = mul %x, %zero', '%r = mul %x, %zero');
  becomes('%r = sub %x, %x', '%r = sub %x, %x');
  becomes('%r = mul %i, %none', '%r = full {value=0, dtype=i32, shape=[4]}');
  becomes('%r = sub %i, %i', '%r = full {value=0, dtype=i32, shape=[4]}');
});

test('twice a half is the whole, where that is exact', () => {
  becomes('%a = mul %x, %half  %r = add %a, %a', '%x');
  becomes(
    '%a = mul %x, %three  %r = add %a, %a',
    '%six = full {value=6, dtype=f32, shape=[4]} %r = mul %x, %six',
  );
  becomes('%r = add %x, %x', '%r = add %x, %x');
});

test('division by a power of two is multiplication, by another number is not', () => {
  becomes('%r = div %x, %two', '%r = mul %x, %half');
  becomes('%r = div %x, %three', '%r = div %x, %three');
  becomes('%a = sqrt %x  %r = div %one, %a', '%r = rsqrt %x');
});

test('small powers are products', () => {
  becomes('%r = pow %x, %two', '%r = mul %x, %x');
  becomes('%r = pow %x, %three', '%a = mul %x, %x  %r = mul %x, %a');
  becomes('%r = pow %x, %minus', '%r = div %one, %x');
  becomes('%r = pow %x, %zero', '%r = full {value=1, dtype=f32, shape=[4]}');
  becomes('%r = pow %x, %half', '%r = pow %x, %half');
});

test('equal sums in another order are one node', () => {
  const graph = parseGraph(`graph (%x: f32[4], %y: f32[4]) {
    %a = add %x, %y  %b = add %y, %x  %r = sub %a, %b  return %r }`);
  assert.is(nodeCount(runPass(simplifyAlgebra, graph).graph), 4);
});

test('selects with one outcome, or a negated condition', () => {
  becomes('%r = select %c, %x, %x', '%x');
  becomes('%n = not %c  %r = select %n, %x, %y', '%r = select %c, %y, %x');
  becomes('%n = not %c  %r = not %n', '%c');
  becomes('%e = eq %x, %y  %r = not %e', '%r = ne %x, %y');
  becomes('%t = full {value=1, dtype=bool, shape=[4]}  %r = select %t, %x, %y', '%x');
});

test('casts there and back disappear where nothing is lost', () => {
  becomes('%a = cast %c {dtype=f32}  %r = cast %a {dtype=bool}', '%c');
  becomes('%a = cast %c {dtype=i32}  %r = cast %a {dtype=f32}', '%r = cast %c {dtype=f32}');
  becomes(
    '%a = cast %x {dtype=i32}  %r = cast %a {dtype=f32}',
    '%a = cast %x {dtype=i32}  %r = cast %a {dtype=f32}',
  );
  becomes(
    '%a = cast %i {dtype=f32}  %r = cast %a {dtype=i32}',
    '%a = cast %i {dtype=f32}  %r = cast %a {dtype=i32}',
  );
});

test('factors gather where it is exact', () => {
  becomes(
    '%a = mul %x, %three  %r = mul %a, %two',
    '%s = full {value=6, dtype=f32, shape=[4]} %r = mul %x, %s',
  );
  becomes('%a = mul %x, %three  %r = mul %a, %three', '%a = mul %x, %three  %r = mul %a, %three');
});

test('a map of repeated values is computed before repeating', () => {
  golden(
    simplifyAlgebra,
    `graph (%v: f32[3], %w: f32[3]) {
      %a = broadcast %v {shape=[5, 3], axes=[1]}
      %b = broadcast %w {shape=[5, 3], axes=[1]}
      %s = add %a, %b
      %r = exp %s
      return %r }`,
    `graph (%v: f32[3], %w: f32[3]) {
      %s = add %v, %w
      %e = exp %s
      %r = broadcast %e {shape=[5, 3], axes=[1]}
      return %r }`,
  );
});

test('maps of a reshaped product become its epilogue', () => {
  golden(
    simplifyAlgebra,
    `graph (%x: f32[4, 3], %w: f32[3, 6], %y: f32[4, 2, 3]) {
      %p = dot %x, %w {aBatch=[], bBatch=[], aContract=[1], bContract=[0]}
      %v = reshape %p {shape=[4, 2, 3]}
      %a = relu %v
      %r = mul %a, %y
      return %r }`,
    `graph (%x: f32[4, 3], %w: f32[3, 6], %y: f32[4, 2, 3]) {
      %p = dot %x, %w {aBatch=[], bBatch=[], aContract=[1], bContract=[0]}
      %a = relu %p
      %v = reshape %y {shape=[4, 6]}
      %m = mul %a, %v
      %r = reshape %m {shape=[4, 2, 3]}
      return %r }`,
  );
});

test('values repeated along different axes are not one', () => {
  const text = `graph (%v: f32[4], %w: f32[4]) {
      %a = broadcast %v {shape=[4, 4], axes=[0]}
      %b = broadcast %w {shape=[4, 4], axes=[1]}
      %r = add %a, %b
      return %r }`;
  golden(simplifyAlgebra, text, text);
});

test.run();
