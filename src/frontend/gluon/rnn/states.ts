/**
 * States of recurrent cells and layers: how they are described, made, and checked before they are used.
 *
 * Invariant: states are a list with one array for each description, of its shape.
 */
import { type DType, isFloat, promote } from '../../../ir/dtype.ts';
import type { Shape } from '../../../ir/type.ts';
import type { Device } from '../../../runtime/device.ts';
import { failure } from '../../callsite.ts';
import { zeros } from '../../nd/creation.ts';
import { isNDArray, type NDArray } from '../../ndarray.ts';
import { checkFunction, checkOptions, shown } from '../../options.ts';
import { count, expectArray } from '../nn/shared.ts';
import type { Parameter } from '../parameter.ts';

/** One of a cell's states. */
export interface StateInfo {
  readonly shape: Shape;
  /** Meaning of its axes: `NC`, `LNC` (layers first), `NCHW`, …. */
  readonly layout: string;
}

export interface BeginOptions {
  /** Makes a state. Default: zeros. */
  readonly func?: (shape: Shape) => NDArray;
  /** Default 'float32'. */
  readonly dtype?: DType;
  /** Default: the default device. */
  readonly device?: Device;
}

/** What states are for: a cell or a layer. */
interface Stateful {
  readonly constructor: { readonly name: string };
  stateInfo(batchSize: number): readonly StateInfo[];
}

/** States to start from: zeros, or what `func` makes. */
export const freshStates = (
  owner: Stateful,
  batchSize: number,
  options: BeginOptions,
): NDArray[] => {
  const where = `${owner.constructor.name}.beginState`;
  checkOptions(where, options, ['func', 'dtype', 'device']);
  const { func, ...made } = options;
  const help = 'func takes a shape and gives an array: { func: nd.ones }';
  if (func !== undefined) checkFunction(where, func, help);
  return owner.stateInfo(count(where, 'batchSize', batchSize, 0)).map(({ shape }) => {
    if (func === undefined) return zeros(shape, made);
    const state = func(shape);
    expectArray(where, state, 'what func gives');
    return state;
  });
};

const shapeText = ({ shape }: { readonly shape: Shape }): string => `[${shape.join(', ')}]`;

/**
 * Throws unless `states` is a list of as many arrays as `wanted`, of those shapes; with `dtype`, which steps give at
 * least, unless each can hold it.
 */
export const checkStates = (
  where: string,
  states: readonly NDArray[],
  wanted: readonly StateInfo[],
  dtype?: DType,
): void => {
  if (!Array.isArray(states) || states.length !== wanted.length || !states.every(isNDArray))
    throw failure(
      'value',
      `${where}: takes ${wanted.length === 1 ? 'one state' : `${wanted.length} states`} in a list, not ${shown(states)}`,
      'beginState(batchSize) makes the first ones',
    );
  if (!wanted.every((info, i) => shapeText(info) === shapeText(states[i]!)))
    throw failure(
      'shape',
      `${where}: the states are ${states.map(shapeText).join(' and ')}, they must be ${wanted.map(shapeText).join(' and ')}`,
      'beginState(batchSize) makes the first ones',
    );
  if (dtype === undefined) return;
  const narrow = states.find((state) => promote(state.dtype, dtype) !== state.dtype);
  if (narrow !== undefined)
    throw failure(
      'dtype',
      `${where}: a state is ${narrow.dtype}, a step gives ${dtype}`,
      `beginState(batchSize, { dtype: '${dtype}' }) makes states that stay as they are`,
    );
};

/** The dtype that steps with these parameters give for inputs of `dtype`: states that start in it keep it. */
export const steppedIn = (dtype: DType, parameters: readonly Parameter[]): DType =>
  parameters.reduce(
    (widest, parameter) => promote(widest, parameter.dtype),
    isFloat(dtype) ? dtype : ('bool' as DType),
  );
