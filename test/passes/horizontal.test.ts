import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseGraph } from '../../src/ir/graph/parse.ts';
import { horizontal } from '../../src/passes/horizontal.ts';
import { golden, runPass } from '../support/passes.ts';

const MATRIX = '{aBatch=[], bBatch=[], aContract=[1], bContract=[0]}';

test('query, key and value become one product of joined weights', () => {
  golden(
    horizontal,
    `graph (%x: f32[64, 8], %q: f32[8, 4], %k: f32[8, 4], %v: f32[8, 6]) {
      %a = dot %x, %q ${MATRIX}
      %b = dot %x, %k ${MATRIX}
      %c = dot %x, %v ${MATRIX}
      return %a, %b, %c }`,
    `graph (%x: f32[64, 8], %q: f32[8, 4], %k: f32[8, 4], %v: f32[8, 6]) {
      %w = concat %q, %k, %v {axis=1}
      %y = dot %x, %w ${MATRIX}
      %a = slice %y {begin=[0, 0], end=[64, 4], step=[1, 1]}
      %b = slice %y {begin=[0, 4], end=[64, 8], step=[1, 1]}
      %c = slice %y {begin=[0, 8], end=[64, 14], step=[1, 1]}
      return %a, %b, %c }`,
  );
});

test('products that share their second operand join along rows', () => {
  golden(
    horizontal,
    `graph (%x: f32[2, 30], %y: f32[3, 30], %w: f32[30, 20]) {
      %a = dot %x, %w ${MATRIX}
      %b = dot %y, %w ${MATRIX}
      return %a, %b }`,
    `graph (%x: f32[2, 30], %y: f32[3, 30], %w: f32[30, 20]) {
      %z = concat %x, %y {axis=0}
      %p = dot %z, %w ${MATRIX}
      %a = slice %p {begin=[0, 0], end=[2, 20], step=[1, 1]}
      %b = slice %p {begin=[2, 0], end=[5, 20], step=[1, 1]}
      return %a, %b }`,
  );
});

test('batched products join behind the batch axes', () => {
  const graph = parseGraph(`graph (%x: f32[2, 40, 8], %p: f32[2, 3, 8], %q: f32[2, 5, 8]) {
      %a = dot %x, %p {aBatch=[0], bBatch=[0], aContract=[2], bContract=[2]}
      %b = dot %x, %q {aBatch=[0], bBatch=[0], aContract=[2], bContract=[2]}
      return %b, %a }`);
  const { graph: after } = runPass(horizontal, graph);
  assert.equal(
    after.outputs.map((x) => x.op.name),
    ['slice', 'slice'],
  );
});

const kept = (text: string, reason: RegExp): void => {
  const graph = parseGraph(text);
  const { graph: after, notes } = runPass(horizontal, graph);
  assert.is(after, graph);
  assert.is(notes.length, 1);
  assert.match(notes[0]!, reason);
};

test('large weights are not moved for the sake of a small shared operand', () => {
  kept(
    `graph (%x: f32[4, 8], %p: f32[8, 40], %q: f32[8, 40]) {
      %a = dot %x, %p ${MATRIX} %b = dot %x, %q ${MATRIX} return %a, %b }`,
    /reading it once saves 32 elements, joining the others moves 640/,
  );
});

test('products that need one another stay apart', () => {
  kept(
    `graph (%x: f32[64, 8], %p: f32[8, 4]) {
      %a = dot %x, %p ${MATRIX}
      %t = slice %a {begin=[0, 0], end=[8, 4], step=[1, 1]}
      %b = dot %x, %t ${MATRIX}
      return %a, %b }`,
    /one needs the result of another/,
  );
});

test('two merges that would wait for each other: the second is refused', () => {
  const graph = parseGraph(`graph (%x: f32[64, 8], %y: f32[60, 8], %p: f32[8, 4], %q: f32[8, 4]) {
      %a = dot %x, %p ${MATRIX}
      %as = slice %a {begin=[0, 0], end=[8, 4], step=[1, 1]}
      %b = dot %y, %as ${MATRIX}
      %c = dot %y, %q ${MATRIX}
      %cs = slice %c {begin=[0, 0], end=[8, 4], step=[1, 1]}
      %d = dot %x, %cs ${MATRIX}
      return %a, %b, %c, %d }`);
  const { notes } = runPass(horizontal, graph);
  assert.is(notes.length, 1);
  assert.match(notes[0]!, /one needs the result of another/);
});

test.run();
