/**
 * Sequences with time first: [steps, batch, …], and what lengths of their own mean for the samples of a batch.
 *
 * Invariant: what lies behind the end of a sample changes nothing: states stay, outputs are 0.
 */
import { failure } from '../../callsite.ts';
import { ge, lt, sub } from '../../nd/arithmetic.ts';
import { stack } from '../../nd/concat.ts';
import { arange } from '../../nd/creation.ts';
import { foreach } from '../../nd/foreach.ts';
import { gather, where } from '../../nd/indexing.ts';
import { astype } from '../../nd/math.ts';
import { broadcastTo, flip, reshape, swapAxes } from '../../nd/shape.ts';
import { isNDArray, type NDArray } from '../../ndarray.ts';
import { checkChoice, shown } from '../../options.ts';

/** `TNC`: [steps, batch, channels]; `NTC`: [batch, steps, channels]. */
export type Layout = 'TNC' | 'NTC';

export const checkLayout = (where: string, layout: Layout): Layout =>
  checkChoice(where, 'layout', layout, ['TNC', 'NTC']);

/** Between a layout and time first, both ways. */
export const timeFirst = (x: NDArray, layout: Layout): NDArray =>
  layout === 'TNC' ? x : swapAxes(x, 0, 1);

/** One array of all steps, time first, from what `unroll` is given. */
export const stepsOf = (
  name: string,
  length: number,
  inputs: NDArray | readonly NDArray[],
  layout: Layout,
): NDArray => {
  if (!isNDArray(inputs) && !(Array.isArray(inputs) && inputs.every(isNDArray)))
    throw failure(
      'value',
      `${name}.unroll: the inputs are ${shown(inputs)}`,
      'pass one array of all steps, or a list of arrays, one for each step',
    );
  if (!Number.isInteger(length) || length < 1)
    throw failure('value', `${name}.unroll: length is ${shown(length)}`, 'pass an integer ≥ 1');
  const steps = isNDArray(inputs) ? inputs.shape[layout === 'TNC' ? 0 : 1] : inputs.length;
  if (steps === length && (!isNDArray(inputs) || inputs.ndim >= 2))
    return isNDArray(inputs) ? timeFirst(inputs, layout) : stack(inputs);
  throw failure(
    'shape',
    `${name}.unroll: length is ${length}, the inputs are ${isNDArray(inputs) ? `[${inputs.shape.join(', ')}] (${layout})` : `${inputs.length} arrays`}`,
    'pass as many steps as the length says, and the layout of the inputs',
  );
};

/** Throws unless `lengths` has one number for each sample. */
export const checkLengths = (name: string, lengths: NDArray, batch: number): void => {
  if (isNDArray(lengths) && lengths.ndim === 1 && lengths.shape[0] === batch) return;
  throw failure(
    'shape',
    `${name}: lengths of sequences are ${isNDArray(lengths) ? `[${lengths.shape.join(', ')}]` : shown(lengths)} for a batch of ${batch}`,
    'pass one length for each sample: [batch]',
  );
};

const stepNumbers = (steps: number, like: NDArray): NDArray =>
  reshape(arange(0, steps, 1, { dtype: 'int32', device: like.device }), [steps, 1]);
const perSample = (lengths: NDArray): NDArray =>
  reshape(astype(lengths, 'int32'), [1, lengths.shape[0]!]);

/** Whether a step is before the end of a sample: bool [steps, batch]. */
export const insideOf = (lengths: NDArray, steps: number): NDArray =>
  lt(stepNumbers(steps, lengths), perSample(lengths));

/** The steps of each sample from its last to its first; what is behind its end stays. */
export const reversed = (x: NDArray, lengths: NDArray | undefined): NDArray => {
  if (lengths === undefined) return flip(x, 0);
  const [steps, batch] = x.shape as [number, number];
  const numbers = stepNumbers(steps, lengths);
  const back = sub(sub(perSample(lengths), 1), numbers);
  const places = where(ge(back, 0), back, broadcastTo(numbers, [steps, batch]));
  const ones = x.shape.slice(2).map(() => 1);
  const index = broadcastTo(reshape(places, [steps, batch, ...ones]), x.shape);
  return gather(x, index, { axis: 0 });
};

/** `condition` [batch] where `x` is [batch, …]. */
const forEachOf = (condition: NDArray, x: NDArray): NDArray =>
  reshape(condition, [x.shape[0]!, ...x.shape.slice(1).map(() => 1)]);

export type StepOf = (x: NDArray, states: readonly NDArray[]) => readonly [NDArray, NDArray[]];

/** All steps of `x` [steps, batch, …], one after the other: the outputs, stacked, and the last states. */
export const overSteps = (
  step: StepOf,
  x: NDArray,
  states: readonly NDArray[],
  lengths: NDArray | undefined,
): [NDArray, NDArray[]] => {
  if (lengths === undefined) {
    const [outputs, last] = foreach(
      (element: NDArray, now: NDArray[]) => step(element, now) as [NDArray, NDArray[]],
      x,
      [...states],
    );
    return [outputs, last];
  }
  const inside = insideOf(lengths, x.shape[0]!);
  const [outputs, last] = foreach(
    ([element, on]: [NDArray, NDArray], now: NDArray[]) => {
      const [y, next] = step(element, now);
      const kept = next.map((s, i) => where(forEachOf(on, s), s, now[i]!));
      return [where(forEachOf(on, y), y, 0), kept] as [NDArray, NDArray[]];
    },
    [x, inside],
    [...states],
  );
  return [outputs, last];
};
