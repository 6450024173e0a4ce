/**
 * What one step of a recurrent net computes, from the input's share of the gates (all of them in one array) and the state.
 *
 * Invariant: gates stand in MXNet's and cuDNN's order; a step never touches the input, so that the inputs of all steps can
 * be multiplied at once.
 */
import { add, mul, sub } from '../../nd/arithmetic.ts';
import { split } from '../../nd/concat.ts';
import { linear } from '../../nd/linalg.ts';
import { clip, sigmoid, tanh } from '../../nd/math.ts';
import type { NDArray } from '../../ndarray.ts';

export type Activate = (x: NDArray) => NDArray;

/** Weight and bias of the step from state to state. */
export interface Recurrent {
  readonly weight: NDArray;
  readonly bias: NDArray;
}

/** `act(input + W h + b)` (Elman, Cognitive Science 14, 1990). */
export const rnnStep = (
  input: NDArray,
  [h]: readonly NDArray[],
  { weight, bias }: Recurrent,
  activate: Activate,
): NDArray[] => [activate(add(input, linear(h!, weight, bias)))];

export interface LstmOptions {
  readonly activate: Activate;
  readonly gate: Activate;
  /** From hidden to recurrent state (Sak et al., 2014): the state is this times the output. */
  readonly projection?: NDArray | undefined;
  /** Bounds of the cell state. */
  readonly bounds?: readonly [number, number] | undefined;
}

/** Gates: input, forget, cell, output (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000). */
export const lstmStep = (
  input: NDArray,
  [h, c]: readonly NDArray[],
  { weight, bias }: Recurrent,
  { activate, gate, projection, bounds }: LstmOptions,
): NDArray[] => {
  const gates = split(add(input, linear(h!, weight, bias)), 4, 1);
  const kept = mul(gate(gates[1]!), c!);
  const next = add(kept, mul(gate(gates[0]!), activate(gates[2]!)));
  const cell = bounds === undefined ? next : clip(next, bounds[0], bounds[1]);
  const output = mul(gate(gates[3]!), activate(cell));
  return [projection === undefined ? output : linear(output, projection), cell];
};

/** Gates: reset, update, new; the reset gate acts on the product with the state (Cho et al. 2014, as in cuDNN). */
export const gruStep = (
  input: NDArray,
  [h]: readonly NDArray[],
  { weight, bias }: Recurrent,
  activate: Activate = tanh,
  gate: Activate = sigmoid,
): NDArray[] => {
  const [xr, xz, xn] = split(input, 3, 1) as [NDArray, NDArray, NDArray];
  const [hr, hz, hn] = split(linear(h!, weight, bias), 3, 1) as [NDArray, NDArray, NDArray];
  const fresh = activate(add(xn, mul(gate(add(xr, hr)), hn)));
  return [add(fresh, mul(gate(add(xz, hz)), sub(h!, fresh)))];
};
