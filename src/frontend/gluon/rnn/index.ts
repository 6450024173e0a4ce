/**
 * `tigon/rnn`: recurrent layers, and the cells that make single steps.
 *
 * Invariant: compiled, a sequence is a loop: neither its length nor the number of its steps changes what is compiled.
 */
export {
  type CellResult,
  RecurrentCell,
  RecurrentCell as HybridRecurrentCell,
  type UnrollOptions,
} from './cell.ts';
export {
  type CellOptions,
  type GatedCellOptions,
  GRUCell,
  LSTMCell,
  LSTMPCell,
  type LSTMPCellOptions,
  RNNCell,
  type RNNCellOptions,
} from './cells.ts';
export { BidirectionalCell, HybridSequentialRNNCell, SequentialRNNCell } from './containers.ts';
export {
  Conv1DGRUCell,
  Conv1DLSTMCell,
  Conv1DRNNCell,
  Conv2DGRUCell,
  Conv2DLSTMCell,
  Conv2DRNNCell,
  Conv3DGRUCell,
  Conv3DLSTMCell,
  Conv3DRNNCell,
  type ConvCellOptions,
} from './conv-cells.ts';
export {
  GRU,
  type LayerOptions,
  LSTM,
  type LSTMOptions,
  RecurrentLayer,
  RNN,
  type RNNOptions,
} from './layer.ts';
export {
  DropoutCell,
  ModifierCell,
  ResidualCell,
  VariationalDropoutCell,
  type VariationalDropoutOptions,
  ZoneoutCell,
} from './modifiers.ts';
export type { Layout } from './sequences.ts';
export type { BeginOptions, StateInfo } from './states.ts';
