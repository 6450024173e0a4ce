import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { idxConst } from '../../src/ir/dim.ts';
import { literal } from '../../src/ir/graph/ops/leaf.ts';
import { constant } from '../../src/ir/loop/expr.ts';
import { foldConstants } from '../../src/passes/fold.ts';
import { golden } from '../support/passes.ts';

const becomes = (before: string, after: string): void =>
  golden(foldConstants, `graph (%x: f32[3]) { ${before} }`, `graph (%x: f32[3]) { ${after} }`);

test('maps of constants are constants of any size, rounded to their dtype', () => {
  becomes(
    '%a = full {value=0.1, dtype=f32, shape=[1000, 1000]} %b = add %a, %a return %b',
    '%b = full {value=0.20000000298023224, dtype=f32, shape=[1000, 1000]} return %b',
  );
  becomes(
    '%a = full {value=2147483647, dtype=i32, shape=[]} %b = add %a, %a return %b',
    '%b = full {value=-2, dtype=i32, shape=[]} return %b',
  );
  becomes(
    '%a = full {value=300.7, dtype=f32, shape=[2]} %b = cast %a {dtype=u8} return %b',
    '%b = full {value=255, dtype=u8, shape=[2]} return %b',
  );
});

test('a literal read at a known place is its number: no other is looked at', () => {
  const read: unknown[] = [];
  const values = new Proxy([5, 6, 7], {
    get: (from, key) => {
      if (key !== 'length') read.push(key);
      return Reflect.get(from, key) as unknown;
    },
  });
  const node = { attrs: { values, dtype: 'float32', shape: [3] } };
  assert.is(literal.lower!(node as never, [idxConst(1)], {} as never), constant(6, 'float32'));
  assert.equal(read, ['1']);
});

test('views of constants are constants', () => {
  becomes(
    `%a = full {value=7, dtype=f32, shape=[]} %b = broadcast %a {shape=[4, 6], axes=[]}
     %c = reshape %b {shape=[24]} %d = slice %c {begin=[0], end=[20], step=[2]} return %d`,
    '%d = full {value=7, dtype=f32, shape=[10]} return %d',
  );
});

test('small computed tables become literals', () => {
  becomes(
    '%a = literal {values=[1, 2, 3], dtype=f32, shape=[3]} %b = mul %a, %a return %b',
    '%b = literal {values=[1, 4, 9], dtype=f32, shape=[3]} return %b',
  );
});

test('positions stay computed, unless a question about them has one answer', () => {
  const text = `%i = iota {axis=0, dtype=i32, shape=[40]} %n = full {value=3, dtype=i32, shape=[40]}
    %r = lt %i, %n return %r`;
  becomes(text, text);
  becomes(
    `%i = iota {axis=0, dtype=i32, shape=[40]} %n = full {value=40, dtype=i32, shape=[40]}
     %r = lt %i, %n return %r`,
    '%r = full {value=1, dtype=bool, shape=[40]} return %r',
  );
});

test('a literal of one value is a full', () => {
  becomes(
    '%a = literal {values=[2, 2], dtype=f32, shape=[2]} return %a',
    '%a = full {value=2, dtype=f32, shape=[2]} return %a',
  );
});

test('what depends on an input stays', () => {
  const text = '%a = full {value=2, dtype=f32, shape=[3]} %b = mul %x, %a return %b';
  becomes(text, text);
});

test.run();
