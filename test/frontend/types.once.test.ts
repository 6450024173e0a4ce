/** What dtypes give together, what fits where, how far they go: as NumPy says, where nothing else is documented. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nd } from '../../src/index.ts';
import { fails } from './support.ts';

test('operations give what resultType and promoteTypes say', () => {
  const dtypes = ['bool', 'int8', 'uint16', 'uint32', 'int64', 'float16', 'float64'] as const;
  for (const a of dtypes)
    for (const b of dtypes) {
      const [x, y] = [nd.ones([1], { dtype: a }), nd.ones([1], { dtype: b })];
      const both = nd.promoteTypes(a, b);
      assert.is(nd.resultType(x, b), both);
      // booleans are counted when they are added
      assert.is(x.add(y).dtype, both === 'bool' ? 'int32' : both, `${a} + ${b}`);
    }
  const bytes = nd.ones([2], { dtype: 'uint8' });
  for (const n of [3, 300, -1, 2.5]) assert.is(bytes.add(n).dtype, nd.resultType(bytes, n), `${n}`);
  assert.is(nd.resultType(1), 'float32');
  fails(() => nd.resultType(), 'value', 'no operands');
  fails(() => nd.promoteTypes('int8', 'long' as never), 'option', 'use "int64"');
});

test('what may be converted', () => {
  const cases: readonly (readonly [nd.NDArray['dtype'], nd.NDArray['dtype'], boolean, boolean])[] =
    [
      ['int8', 'int16', true, true],
      ['uint8', 'int8', false, true],
      ['int32', 'uint64', false, false],
      ['int16', 'float32', true, true],
      ['int32', 'float32', false, true],
      ['float64', 'float16', false, true],
      ['float16', 'bfloat16', false, true],
      ['float32', 'int64', false, false],
      ['bool', 'uint8', true, true],
    ];
  for (const [from, to, safe, sameKind] of cases) {
    assert.is(nd.canCast(from, to), safe, `${from} to ${to}`);
    assert.is(nd.canCast(from, to, 'sameKind'), sameKind, `${from} to ${to}, sameKind`);
    assert.equal([nd.canCast(from, to, 'unsafe'), nd.canCast(from, to, 'no')], [true, false]);
  }
  fails(() => nd.canCast('int8', 'int16', 'same_kind' as never), 'option', 'sameKind');
});

test('how far dtypes go', () => {
  const info = nd.finfo('float64');
  assert.equal([info.eps, info.max, info.bits], [Number.EPSILON, Number.MAX_VALUE, 64]);
  assert.is(info.smallestSubnormal, Number.MIN_VALUE);
  assert.equal(
    [nd.finfo('float32').max, nd.finfo('float32').tiny],
    [3.4028234663852886e38, 2 ** -126],
  );
  assert.is(nd.finfo('bfloat16').max, 3.3895313892515355e38);
  assert.equal([nd.iinfo('int64').min, nd.iinfo('int64').max], [-(2n ** 63n), 2n ** 63n - 1n]);
  assert.equal([nd.iinfo('uint16').min, nd.iinfo('uint16').max], [0, 65535]);
  fails(() => nd.finfo('int8'), 'dtype', 'int8 is no float', 'iinfo');
  fails(() => nd.iinfo('float16'), 'dtype', 'finfo');
});

test.run();
