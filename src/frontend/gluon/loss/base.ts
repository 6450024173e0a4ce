/**
 * What losses have in common: weights, the axis of samples, checks of what they are called with.
 *
 * Invariant: labels that the host can see are looked at before anything is computed from them.
 */
import { showType } from '../../../ir/type.ts';
import { call, type Fragment } from '../../call.ts';
import { failure } from '../../callsite.ts';
import type { NDArray } from '../../methods.ts';
import { axisOf } from '../../nd/axes.ts';
import type { TypedArray } from '../../nd/filled.ts';
import { checkOptions, shown } from '../../options.ts';
import { expectValues } from '../../values.ts';
import { HybridBlock } from '../block.ts';
import { expectArray } from '../nn/shared.ts';
import type { LossAttrs } from './formulas.ts';

export interface LossOptions {
  /** Multiplies the loss. Default 1. */
  readonly weight?: number;
  /** The axis of samples. Default 0. */
  readonly batchAxis?: number;
}
/** Dense labels are looked at up to this size; a NaN among more shows as a NaN loss. */
const LOOKED_AT = 16384;

/** Finds the first of `values` that is not `right`. */
const firstNot =
  (right: (value: number) => boolean) =>
  (values: TypedArray): number => {
    for (let i = 0; i < values.length; i++) if (!right(values[i]!)) return i;
    return -1;
  };
export const firstNaN: (values: TypedArray) => number = firstNot((v) => !Number.isNaN(v));
/** Of labels from 0 to 1. */
export const firstBeyond: (values: TypedArray) => number = firstNot((v) => v >= 0 && v <= 1);
/** Of labels that are -1 or 1. */
export const firstUnsigned: (values: TypedArray) => number = firstNot((v) => v === 1 || v === -1);

/** Throws a ValueError with `help` for the first label that `search` finds, where the host can see labels. */
export const refuseLabels = (
  where: string,
  label: NDArray,
  search: (values: TypedArray) => number,
  help: string,
): void => {
  expectValues(
    label,
    search,
    (value, position, array, asked) =>
      failure(
        'value',
        `${where}: label ${value} at [${position.join(', ')}] of ${showType(array.type)}${asked}`,
        help,
      ),
    LOOKED_AT,
  );
};

/** What to do about labels that are NaN. */
export const CLEAN =
  'labels must be numbers: find out where the NaN comes from, and drop such samples';

/** Throws unless a loss was called with arrays. */
export const takes = (
  name: string,
  pred: NDArray,
  label: NDArray,
  weight: NDArray | undefined,
): void => {
  expectArray(name, pred, 'the prediction');
  expectArray(name, label, 'the label');
  if (weight !== undefined) expectArray(name, weight, 'the sample weight');
};

/** What losses have in common. Subclasses say how an element counts. */
export abstract class Loss extends HybridBlock {
  readonly weight: number;
  readonly batchAxis: number;

  constructor(name: string, options: LossOptions, more: readonly string[] = []) {
    super();
    checkOptions(name, options, ['weight', 'batchAxis', ...more]);
    const { weight = 1, batchAxis = 0 } = options;
    if (typeof weight !== 'number' || Number.isNaN(weight))
      throw failure(
        'option',
        `${name}: weight is ${shown(weight)}`,
        'weights of samples go to the call',
      );
    this.weight = weight;
    this.batchAxis = batchAxis;
  }

  protected reduce(
    f: Fragment<LossAttrs>,
    pred: NDArray,
    label: NDArray,
    sampleWeight: NDArray | undefined,
    how: Partial<LossAttrs> & { readonly more?: readonly NDArray[] } = {},
  ): NDArray {
    const { axis = -1, given = 'scores', dense = false, numbers = [], more = [] } = how;
    const { weight } = this;
    const batchAxis = axisOf(f.name, this.batchAxis, pred.ndim);
    const weighted = sampleWeight !== undefined;
    const operands = [pred, label, ...more];
    return call(f, weighted ? [...operands, sampleWeight] : operands, {
      attrs: { weight, batchAxis, axis, given, dense, weighted, numbers },
      key: `${weight}/${batchAxis}/${axis}/${given}/${dense}/${weighted}/${numbers}`,
    });
  }
}

/** Throws when the axis of classes or features is that of samples; one axis alone is a single sample. */
export const expectApart = (name: string, axis: number, batchAxis: number, x: NDArray): void => {
  if (x.ndim === 1 || axis !== axisOf(name, batchAxis, x.ndim)) return;
  throw failure(
    'shape',
    `${name}: axis ${axis} of ${showType(x.type)} cannot be both that of samples and the one that is folded`,
    'pass [batch, ..., classes], or the axes: { batchAxis, axis }',
  );
};

/** A number among the options of a loss. */
export const numberOf = (
  name: string,
  option: string,
  value: number,
  least: number = Number.NEGATIVE_INFINITY,
): number => {
  if (typeof value === 'number' && value >= least) return value;
  throw failure(
    'option',
    `${name}: ${option} is ${shown(value)}`,
    least === Number.NEGATIVE_INFINITY
      ? 'pass a number'
      : `pass a number ${least === 0 ? '≥' : '>'} 0`,
  );
};
