/** What recurrent cells and layers refuse, and the dtypes that their states start in. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as rnn from '../../../src/frontend/gluon/rnn/index.ts';
import { autograd, nd } from '../../../src/index.ts';
import { fails } from '../support.ts';

const ready = <T extends { initialize(): void }>(block: T): T => {
  block.initialize();
  return block;
};
const absent = undefined as never;
type Row = readonly [run: () => unknown, ...parts: string[]];

test('options that cannot be used are refused when a cell is made', () => {
  const base = new rnn.GRUCell(2);
  const option: readonly Row[] = [
    [() => new rnn.ZoneoutCell(base, { state: 0 } as never), 'ZoneoutCell: unknown', '"states"?'],
    [() => new rnn.VariationalDropoutCell(base, { input: 0 } as never), 'did you mean "inputs"?'],
    [() => new rnn.DropoutCell(0, { axes: 1 as never }), 'DropoutCell: axes is 1'],
    [() => new rnn.LSTM(2, { stateClipMin: 1, stateClipMax: -1 }), 'stateClipMin is 1'],
    [() => base.beginState(absent), 'GRUCell.beginState: batchSize is undefined'],
  ];
  for (const [make, ...parts] of option) fails(make, 'option', ...parts);
  const value: readonly Row[] = [
    [() => new rnn.GRU(2, { dropout: 1 }), 'GRU: dropout 1 must be from 0 to below 1'],
    [() => base.beginState(1, { func: 3 as never }), '3 is not a function'],
    [() => base.beginState(1, { func: () => 3 as never }), 'what func gives is 3'],
  ];
  for (const [make, ...parts] of value) fails(make, 'value', ...parts);
  const shape: readonly Row[] = [
    [() => new rnn.Conv1DRNNCell([0, 8], 2), 'Conv1DRNNCell: inputShape is [0, 8]'],
    [() => new rnn.Conv1DRNNCell([2, 2], 2, { i2hKernel: 7 }), 'a kernel of [7] is larger'],
  ];
  for (const [make, ...parts] of shape) fails(make, 'shape', ...parts);
});

test('inputs and states that do not fit name the cell', () => {
  const x = nd.ones([2, 3]);
  const long = nd.ones([2, 3, 5]);
  const gru = ready(new rnn.GRUCell(4, { inputSize: 5 }));
  const conv = ready(new rnn.Conv1DGRUCell([2, 8], 4));
  const stack = ready(new rnn.SequentialRNNCell(new rnn.LSTMCell(4)));
  const layer = ready(new rnn.GRU(4, { inputSize: 3 }));
  const value: readonly Row[] = [
    [() => conv(nd.ones([1, 2, 8]), absent), 'Conv1DGRUCell: takes one state in a list'],
    [() => conv(3 as never, []), 'Conv1DGRUCell: the input is 3'],
    [() => stack(x, absent), 'SequentialRNNCell: takes 2 states in a list'],
    [() => new rnn.DropoutCell(0)(3 as never, []), 'DropoutCell: the input is 3'],
    [() => gru.unroll(3, long, { beginState: 3 as never }), 'GRUCell.unroll: takes one state'],
    [() => gru.unroll(0, []), 'GRUCell.unroll: length is 0'],
    [() => gru.unroll(3, absent), 'GRUCell.unroll: the inputs are undefined'],
  ];
  for (const [run, ...parts] of value) fails(run, 'value', ...parts);
  const shape: readonly Row[] = [
    [() => gru(x, gru.beginState(2)), 'GRUCell: the input has 3 channels', 'are for 5'],
    [() => gru(nd.ones([2, 5]), gru.beginState(3)), 'GRUCell: the states are [3, 4]', '[2, 4]'],
    [() => gru.unroll(2, nd.ones([2])), 'GRUCell.unroll: length is 2, the inputs are [2]'],
    [() => gru.unroll(3, x), 'GRUCell: steps are [batch, channels], not [2]'],
    [() => conv(nd.ones([1, 2, 9]), conv.beginState(1)), 'Conv1DGRUCell: takes [batch, 2, 8]'],
    [
      () => ready(new rnn.ResidualCell(new rnn.GRUCell(1))).unroll(3, long),
      'ResidualCell: the inp',
    ],
    [() => layer(nd.ones([5, 2, 4])), 'GRU: the input f32[5, 2, 4] has 4 channels'],
    [() => layer(nd.ones([0, 2, 3])), 'GRU: f32[0, 2, 3] has no steps'],
    [() => layer(nd.ones([5, 2, 3]), [nd.ones([1, 3, 4])]), 'GRU: the states are [1, 3, 4]'],
  ];
  for (const [run, ...parts] of shape) fails(run, 'shape', ...parts);
  const wide = nd.ones([5, 2, 3], { dtype: 'float64' });
  fails(() => layer(wide, layer.beginState(2)), 'dtype', 'GRU: a state is float32', "'float64'");
});

test('states start in the dtype that steps give', () => {
  const layer = ready(new rnn.GRU(2));
  const cell = ready(new rnn.ZoneoutCell(new rnn.LSTMCell(2), { outputs: 0.5, states: 0.5 }));
  const masked = ready(new rnn.VariationalDropoutCell(new rnn.GRUCell(2), { inputs: 0.5 }));
  const conv = ready(new rnn.Conv1DLSTMCell([1, 3], 2));
  const given = { int32: 'float32', float16: 'float32', float64: 'float64' } as const;
  for (const [dtype, wanted] of Object.entries(given)) {
    const x = nd.ones([3, 1, 2], { dtype: dtype as keyof typeof given });
    assert.is(layer(x).dtype, wanted, dtype);
    autograd.record(() => {
      for (const unrolled of [cell, masked]) assert.is(unrolled.unroll(1, x)[0].dtype, wanted);
    });
    const rows = nd.ones([1, 2, 1, 3], { dtype: dtype as keyof typeof given });
    assert.is(conv.unroll(2, rows)[0].dtype, dtype === 'int32' ? 'float32' : dtype, dtype);
  }
});

test.run();
