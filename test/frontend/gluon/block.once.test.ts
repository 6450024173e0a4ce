/** What blocks, parameters and what goes with them refuse. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import { Constant, device, nd, Parameter, SymbolBlock, utils } from '../../../src/index.ts';
import { fails, rejects } from '../support.ts';

const none = undefined as never;
const three = 3 as never;
type Row = readonly [run: () => unknown, code: string, ...parts: string[]];

test('arguments that cannot be used are named', async () => {
  const net = new nn.Dense(2, { inUnits: 3 });
  net.initialize();
  net.hybridize();
  const cpu = device.cpu();
  const whole = nd.ones([2], { dtype: 'int32' });
  const rows: readonly Row[] = [
    [() => net.collectParams(three), 'value', 'collectParams: 3 is not a regular expression'],
    [() => net.apply(three), 'value', 'apply: 3 is not a function'],
    [() => net.registerForwardHook(three), 'value', 'registerForwardHook: 3'],
    [() => net.registerForwardPreHook(three), 'value', 'registerForwardPreHook: 3'],
    [() => net.registerOpHook(three), 'value', 'registerOpHook: 3'],
    [() => net.setattr('lrMult', '1' as never), 'option', 'lrMult is "1"'],
    [() => new Parameter({ shape: [1], wdMult: Number.NaN }), 'option', 'wdMult is NaN'],
    [() => new Parameter({ shape: [0] }).infer(none), 'shape', 'undefined is not a shape'],
    [() => net.weight.data(three), 'device', 'is on cpu(), not on 3'],
    [() => net.compileFor(cpu, none), 'value', 'compileFor: the list of inputs is undefined'],
    [() => net.compileFor(cpu, [1, 3] as never), 'shape', 'compileFor: 1 is not a shape'],
    [() => net.compileFor(three, [[1, 3]]), 'device', 'compileFor: 3 is no device'],
    [() => net.inferShape([null as never]), 'shape', 'inferShape: null is not a shape'],
    [() => utils.clipGlobalNorm([whole], 1), 'dtype', 'clipGlobalNorm: takes floats, not i32[2]'],
    [() => utils.clipGradValue([whole], 1), 'dtype', 'clipGradValue: takes floats'],
    [() => utils.splitData(whole, 1, { batchAxis: '0' as never }), 'shape', 'no axis "0"'],
  ];
  for (const [run, code, ...parts] of rows) fails(run, code, ...parts);
  await rejects(() => net.export(three, nd.ones([1, 3])), 'value', 'export: the path is 3');
  await rejects(() => SymbolBlock.imports(three), 'value', 'the source is 3', '{ programs');
});

test('constants of any dtype have values; a cast before they are made counts', async () => {
  const whole = new Constant(nd.array([1, 2], { dtype: 'int32' }));
  whole.initialize();
  assert.equal(await whole.data().array(), [1, 2]);
  const wide = new Constant([1, 2]);
  wide.cast('float64');
  wide.initialize();
  assert.is(wide.data().dtype, 'float64');
  fails(() => whole.grad(), 'gradient', 'has no gradient');
});

test.run();
