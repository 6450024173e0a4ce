/**
 * What the public functions of the levels refuse: each row a call, the code of its error and parts of the message.
 *
 * Invariant: nothing here has a right answer.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as ir from '../../src/ir/index.ts';

const js = (value: unknown): never => value as never;
const i = ir.idxAxis(ir.newAxis('i', 4, 'par'));
const b = new ir.GraphBuilder();
const x = b.input(ir.tensor('float32', [2, 3]));

type Row = readonly [call: () => unknown, code: ir.ErrorCode, ...parts: string[]];
const ROWS: readonly Row[] = [
  [() => ir.newAxis('k', -1, 'par'), 'value', 'axis k', '-1'],
  [() => ir.newAxis('k', 1.5, 'par'), 'value', 'axis k', '1.5'],
  [() => ir.idxDiv(i, -1), 'value', 'idxDiv', 'divisor is -1'],
  [() => ir.idxMod(i, -2), 'value', 'idxMod', 'divisor is -2'],
  [() => ir.idxFlatten([i], []), 'value', 'idxFlatten: 0 strides for 1 axes'],
  [() => ir.bytesOf(js('foo')), 'dtype', 'no such dtype: foo', 'bfloat16'],
  [() => ir.roundTo(js('foo'), 1), 'dtype', 'no such dtype: foo'],
  [() => ir.castTo(js('foo'), 1), 'dtype', 'no such dtype: foo'],
  [() => ir.tensor(js('foo'), [1]), 'dtype', 'no such dtype: foo'],
  [() => ir.tensor('float32', [2, -1]), 'shape', 'f32[2, -1]', 'integers ≥ 0'],
  [() => b.op(js('foo'), x), 'value', 'there is no such op'],
  [() => b.transpose(x, [0]), 'shape', 'transpose: axes [0]'],
  [() => ir.parseText(js(3)), 'parse', 'a number is no text'],
];

test('functions of the levels refuse what cannot be', () => {
  for (const [call, code, ...parts] of ROWS) {
    let caught: unknown;
    try {
      call();
    } catch (error) {
      caught = error;
    }
    assert.instance(caught, ir.TigonError, `${call}`);
    const { code: own, message } = caught as ir.TigonError;
    assert.is(own, code, `${call}`);
    for (const part of parts) assert.ok(message.includes(part), `${message}: ${part}`);
  }
});

test.run();
