import { test } from 'uvu';
import { canonicalize } from '../../src/passes/canonicalize.ts';
import { poolingRules } from '../../src/passes/pooling.ts';
import { bringPooling } from '../../src/passes/pooling-family.ts';
import { golden } from '../support/passes.ts';

bringPooling(poolingRules);

const backward = (windows: string, pooled: string, x: string): readonly [string, string] => [
  `graph (%x: ${x}, %dy: ${pooled}) {
    %r = relu %x
    %i = windowArgmax %r ${windows}
    %s = poolScatter %dy, %i ${windows.replace('}', `, shape=${x.slice(3)}}`)}
    %zero = full {value=0, dtype=f32, shape=${x.slice(3)}}
    %mask = gt %r, %zero
    %dx = select %mask, %s, %zero
    return %dx }`,
  `graph (%x: ${x}, %dy: ${pooled}) {
    %r = relu %x
    %top = windowMax %r ${windows}
    %zero = full {value=0, dtype=f32, shape=${pooled.slice(3)}}
    %mask = gt %top, %zero
    %kept = select %mask, %dy, %zero
    %i = windowArgmax %r ${windows}
    %dx = poolScatter %kept, %i ${windows.replace('}', `, shape=${x.slice(3)}}`)}
    return %dx }`,
];

test('the mask of a pooled rectifier is taken on the pooled side', () => {
  const [before, after] = backward(
    '{kernel=[2, 2], strides=[2, 2], low=[0, 0], high=[0, 0]}',
    'f32[2, 3, 3]',
    'f32[2, 6, 6]',
  );
  golden(canonicalize, before, after);
});

test('also where windows overlap and are padded', () => {
  const [before, after] = backward(
    '{kernel=[3, 3], strides=[2, 2], low=[1, 1], high=[1, 1]}',
    'f32[2, 3, 4]',
    'f32[2, 5, 7]',
  );
  golden(canonicalize, before, after);
});

test('the sum of what a pool passes back is the sum of what came in', () => {
  const pools = (out: string): string => `
    %i = windowArgmax %x {kernel=[3, 2], strides=[2, 2], low=[1, 0], high=[1, 0]}
    %s = poolScatter %dy, %i {kernel=[3, 2], strides=[2, 2], low=[1, 0], high=[1, 0], shape=[2, 5, 6]}
    %b = sum %s {axes=${out}}`;
  const head = 'graph (%x: f32[2, 5, 6], %dy: f32[2, 3, 3])';
  golden(
    canonicalize,
    `${head} { ${pools('[0, 1, 2]')} return %b }`,
    `${head} { %b = sum %dy {axes=[0, 1, 2]} return %b }`,
  );
  const partial = `${head} { ${pools('[0, 1]')} return %b }`;
  golden(canonicalize, partial, partial);
});

test('the mask of another array stays where it is', () => {
  const text = `graph (%x: f32[2, 6], %y: f32[2, 6], %dy: f32[2, 3]) {
    %i = windowArgmax %x {kernel=[2], strides=[2], low=[0], high=[0]}
    %s = poolScatter %dy, %i {kernel=[2], strides=[2], low=[0], high=[0], shape=[2, 6]}
    %zero = full {value=0, dtype=f32, shape=[2, 6]}
    %mask = gt %y, %zero
    %dx = select %mask, %s, %zero
    return %dx }`;
  golden(canonicalize, text, text);
});

test.run();
