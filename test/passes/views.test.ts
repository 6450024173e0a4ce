import { test } from 'uvu';
import { mergeViews } from '../../src/passes/views.ts';
import { golden } from '../support/passes.ts';

const becomes = (before: string, after: string, head = '(%x: f32[2, 3, 4])'): void =>
  golden(mergeViews, `graph ${head} { ${before} }`, `graph ${head} { ${after} }`);

test('reshapes compose, and vanish when they lead back', () => {
  becomes(
    '%a = reshape %x {shape=[6, 4]} %r = reshape %a {shape=[24]} return %r',
    '%r = reshape %x {shape=[24]} return %r',
  );
  becomes(
    '%a = reshape %x {shape=[6, 4]} %r = reshape %a {shape=[2, 3, 4]} return %r',
    'return %x',
  );
});

test('transposes compose, and vanish when they lead back', () => {
  becomes(
    '%a = transpose %x {axes=[1, 2, 0]} %r = transpose %a {axes=[1, 0, 2]} return %r',
    '%r = transpose %x {axes=[2, 1, 0]} return %r',
  );
  becomes(
    '%a = transpose %x {axes=[1, 2, 0]} %r = transpose %a {axes=[2, 0, 1]} return %r',
    'return %x',
  );
});

test('a transpose that moves only axes of size 1 is a reshape', () => {
  becomes(
    '%r = transpose %y {axes=[1, 0, 2]} return %r',
    '%r = reshape %y {shape=[1, 2, 4]} return %r',
    '(%y: f32[2, 1, 4])',
  );
});

test('repeats come last', () => {
  becomes(
    '%a = broadcast %v {shape=[5, 3], axes=[1]} %r = transpose %a {axes=[1, 0]} return %r',
    '%r = broadcast %v {shape=[3, 5], axes=[0]} return %r',
    '(%v: f32[3])',
  );
  becomes(
    '%a = broadcast %v {shape=[5, 3, 7], axes=[1, 2]} %r = transpose %a {axes=[2, 0, 1]} return %r',
    '%a = transpose %v {axes=[1, 0]} %r = broadcast %a {shape=[7, 5, 3], axes=[0, 2]} return %r',
    '(%v: f32[3, 7])',
  );
  becomes(
    '%a = broadcast %v {shape=[5, 3], axes=[1]} %r = reshape %a {shape=[5, 1, 3]} return %r',
    '%r = broadcast %v {shape=[5, 1, 3], axes=[2]} return %r',
    '(%v: f32[3])',
  );
  becomes(
    '%a = broadcast %v {shape=[5, 3], axes=[1]} %r = broadcast %a {shape=[5, 2, 3], axes=[0, 2]} return %r',
    '%r = broadcast %v {shape=[5, 2, 3], axes=[2]} return %r',
    '(%v: f32[3])',
  );
});

test('axes of size 1 are taken away before repeating', () => {
  becomes(
    '%r = broadcast %v {shape=[1, 3, 4], axes=[0, 1]} return %r',
    '%a = reshape %v {shape=[3]} %r = broadcast %a {shape=[1, 3, 4], axes=[1]} return %r',
    '(%v: f32[1, 3])',
  );
});

test('a repeat that splits or joins repeated axes stays', () => {
  const text = '%a = broadcast %v {shape=[4, 3], axes=[1]} %r = reshape %a {shape=[12]} return %r';
  becomes(text, text, '(%v: f32[3])');
});

test('slices compose, forwards and backwards', () => {
  becomes(
    '%a = slice %v {begin=[2], end=[10], step=[2]} %r = slice %a {begin=[1], end=[4], step=[2]} return %r',
    '%r = slice %v {begin=[4], end=[9], step=[4]} return %r',
    '(%v: f32[12])',
  );
  becomes(
    '%a = slice %v {begin=[11], end=[-1], step=[-1]} %r = slice %a {begin=[11], end=[-1], step=[-1]} return %r',
    'return %v',
    '(%v: f32[12])',
  );
  becomes(
    '%a = slice %v {begin=[3], end=[9], step=[1]} %r = slice %a {begin=[5], end=[-1], step=[-1]} return %r',
    '%r = slice %v {begin=[8], end=[2], step=[-1]} return %r',
    '(%v: f32[12])',
  );
});

test('a slice of what was padded', () => {
  becomes(
    '%a = pad %v {low=[2], high=[3], interior=[0], value=0} %r = slice %a {begin=[3], end=[6], step=[1]} return %r',
    '%r = slice %v {begin=[1], end=[4], step=[1]} return %r',
    '(%v: f32[5])',
  );
  becomes(
    '%a = pad %v {low=[2], high=[3], interior=[1], value=0} %r = slice %a {begin=[2], end=[11], step=[2]} return %r',
    'return %v',
    '(%v: f32[5])',
  );
  const touching =
    '%a = pad %v {low=[2], high=[3], interior=[0], value=0} %r = slice %a {begin=[1], end=[6], step=[1]} return %r';
  becomes(touching, touching, '(%v: f32[5])');
});

test('a slice of one part of a concatenation', () => {
  const head = '(%v: f32[5], %w: f32[4])';
  becomes(
    '%a = concat %v, %w {axis=0} %r = slice %a {begin=[6], end=[9], step=[1]} return %r',
    '%r = slice %w {begin=[1], end=[4], step=[1]} return %r',
    head,
  );
  becomes(
    '%a = concat %v, %w {axis=0} %r = slice %a {begin=[0], end=[5], step=[1]} return %r',
    'return %v',
    head,
  );
  const across =
    '%a = concat %v, %w {axis=0} %r = slice %a {begin=[3], end=[7], step=[1]} return %r';
  becomes(across, across, head);
});

test('a slice of repeats', () => {
  becomes(
    '%a = broadcast %v {shape=[5, 3], axes=[1]} %r = slice %a {begin=[1, 1], end=[3, 3], step=[1, 1]} return %r',
    '%a = slice %v {begin=[1], end=[3], step=[1]} %r = broadcast %a {shape=[2, 2], axes=[1]} return %r',
    '(%v: f32[3])',
  );
});

test('pads of the same value add up', () => {
  becomes(
    '%a = pad %v {low=[1], high=[2], interior=[0], value=0} %r = pad %a {low=[3], high=[0], interior=[0], value=0} return %r',
    '%r = pad %v {low=[4], high=[2], interior=[0], value=0} return %r',
    '(%v: f32[3])',
  );
  const other =
    '%a = pad %v {low=[1], high=[2], interior=[0], value=0} %r = pad %a {low=[3], high=[0], interior=[0], value=1} return %r';
  becomes(other, other, '(%v: f32[3])');
});

test('stopped gradients let views meet', () => {
  becomes(
    '%a = reshape %x {shape=[6, 4]} %s = stopGradient %a %r = reshape %s {shape=[2, 3, 4]} return %r',
    '%r = stopGradient %x return %r',
  );
});

test('concatenations flatten, and put slices together again', () => {
  becomes(
    '%a = concat %v, %w {axis=0} %r = concat %a, %v {axis=0} return %r',
    '%r = concat %v, %w, %v {axis=0} return %r',
    '(%v: f32[3], %w: f32[2])',
  );
  becomes(
    `%a = slice %v {begin=[0, 0], end=[2, 1], step=[1, 1]} %b = slice %v {begin=[0, 1], end=[2, 3], step=[1, 1]}
     %r = concat %a, %b {axis=1} return %r`,
    'return %v',
    '(%v: f32[2, 3])',
  );
});

test.run();
