/**
 * The part of an array that a key names: ranges first, then arrays of positions in what they leave.
 *
 * Invariant: reading a part that no array takes part in is a view.
 */
import { sameShape } from '../../ir/type.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import type { PickedAttrs } from './advanced.ts';
import { type ArrayKeys, type Index, type Part, partsOf } from './keys.ts';
import { reshape } from './shape.ts';
import { type SliceAttrs, slicePart } from './views.ts';

export interface Selection extends SliceAttrs {
  /** The arrays that index what is left. */
  readonly arrays: readonly NDArray[];
  /** Which axes of what is left they index, and where their axes stand in the result. */
  readonly picked: PickedAttrs;
  /** The shape of the selected part, before arrays index it, with new axes. */
  readonly open: readonly number[];
}

/**
 * A key as ranges, and arrays that index what the ranges leave. As in NumPy, the axes of arrays stand where the first of
 * them does; in front, if something stands between them. Positions count as arrays beside arrays.
 */
export const selection = (
  name: string,
  x: NDArray,
  specs: readonly Index[],
  arraysIn: ArrayKeys,
): Selection => {
  const parts = partsOf(name, x, specs, arraysIn);
  const arrays: NDArray[] = [];
  const axes: number[] = [];
  const open: number[] = [];
  const [begin, end, step]: [number[], number[], number[]] = [[], [], []];
  for (const part of parts) {
    const size = x.shape[begin.length]!;
    if (part.kind !== 'new') {
      begin.push(part.kind === 'position' ? part.at : part.kind === 'range' ? part.begin : 0);
      end.push(part.kind === 'position' ? part.at + 1 : part.kind === 'range' ? part.end : size);
      step.push(part.kind === 'range' ? part.step : 1);
    }
    switch (part.kind) {
      case 'new':
        open.push(1);
        break;
      case 'range':
        open.push(Math.max(0, Math.ceil((part.end - part.begin) / part.step)));
        break;
      case 'position':
        break;
      case 'array':
        arrays.push(part.idx);
        axes.push(open.length);
        open.push(size);
        break;
      default:
        part satisfies never;
    }
  }
  return { begin, end, step, arrays, picked: { axes, place: placeOf(parts, arrays) }, open };
};

/** Where the axes of positions stand in the result. */
const placeOf = (parts: readonly Part[], arrays: readonly NDArray[]): number => {
  if (arrays.length === 0) return 0;
  const chosen = parts.flatMap(({ kind }, i) =>
    kind === 'array' || kind === 'position' ? [i] : [],
  );
  return chosen.every((at, i) => i === 0 || at === chosen[i - 1]! + 1) ? chosen[0]! : 0;
};

const isWhole = (x: NDArray, part: Selection): boolean =>
  part.begin.every((b, i) => b === 0 && part.step[i] === 1 && part.end[i] === x.shape[i]);

/** What the ranges of a key leave of `x`. */
export const region = (x: NDArray, part: Selection): NDArray => {
  const y = isWhole(x, part) ? x : slicePart(x, part);
  return sameShape(y.shape, part.open) ? y : reshape(y, part.open);
};

const none: ArrayKeys = (name) => {
  throw failure(
    'option',
    `x.${name}: what arrays in keys mean is not in this page`,
    `write nd.${name}(x, …), or import 'tigon/methods', which brings all that methods can do`,
  );
};

/** Reads the part that a key without arrays names. */
export const partBy =
  (name: string) =>
  (x: NDArray, ...specs: Index[]): NDArray =>
    region(x, selection(name, x, specs, none));
