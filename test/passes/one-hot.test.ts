import { test } from 'uvu';
import { canonicalize } from '../../src/passes/canonicalize.ts';
import { golden } from '../support/passes.ts';

const oneHot = (last: number): string => `
  %zero = full {value=0, dtype=i32, shape=[4]}
  %last = full {value=${last}, dtype=i32, shape=[4]}
  %low = max %labels, %zero
  %position = min %low, %last
  %spread = broadcast %position {shape=[4, 3], axes=[0]}
  %here = iota {axis=1, dtype=i32, shape=[4, 3]}
  %hit = eq %here, %spread
  %none = full {value=0, dtype=f32, shape=[4, 3]}`;

test('the sum of one-hot rows is what stands in them', () => {
  golden(
    canonicalize,
    `graph (%labels: i32[4], %dy: f32[4]) { ${oneHot(2)}
      %value = broadcast %dy {shape=[4, 3], axes=[0]}
      %rows = select %hit, %value, %none
      %s = sum %rows {axes=[1]}
      return %s }`,
    'graph (%labels: i32[4], %dy: f32[4]) { return %dy }',
  );
});

test('a constant in one-hot rows', () => {
  golden(
    canonicalize,
    `graph (%labels: i32[4]) { ${oneHot(2)}
      %value = full {value=0.25, dtype=f32, shape=[4, 3]}
      %rows = select %hit, %value, %none
      %s = sum %rows {axes=[1]}
      return %s }`,
    'graph (%labels: i32[4]) { %s = full {value=0.25, dtype=f32, shape=[4]} return %s }',
  );
});

test('positions that may miss the row are looked up', () => {
  const text = `graph (%labels: i32[4], %dy: f32[4]) {
      %here = iota {axis=1, dtype=i32, shape=[4, 3]}
      %spread = broadcast %labels {shape=[4, 3], axes=[0]}
      %hit = eq %here, %spread
      %value = broadcast %dy {shape=[4, 3], axes=[0]}
      %none = full {value=0, dtype=f32, shape=[4, 3]}
      %rows = select %hit, %value, %none
      %s = sum %rows {axes=[1]}
      return %s }`;
  golden(canonicalize, text, text);
});

test('along another axis than the positions nothing is known', () => {
  const text = `graph (%labels: i32[4], %dy: f32[4]) {
      %here = iota {axis=1, dtype=i32, shape=[4, 3]}
      %zero = full {value=0, dtype=i32, shape=[4]}
      %low = max %labels, %zero
      %last = full {value=2, dtype=i32, shape=[4]}
      %position = min %low, %last
      %spread = broadcast %position {shape=[4, 3], axes=[0]}
      %hit = eq %here, %spread
      %value = broadcast %dy {shape=[4, 3], axes=[0]}
      %none = full {value=0, dtype=f32, shape=[4, 3]}
      %rows = select %hit, %value, %none
      %s = sum %rows {axes=[0]}
      return %s }`;
  golden(canonicalize, text, text);
});

test.run();
