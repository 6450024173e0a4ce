/**
 * What parameters are made with, and which of it goes together.
 *
 * Invariant: a check gives its value back or throws an error that says how to write it.
 */
import { type DType, isFloat } from '../../ir/dtype.ts';
import type { Shape } from '../../ir/type.ts';
import { failure } from '../callsite.ts';
import { checkChoice, shown } from '../options.ts';
import type { InitializerLike } from './init/named.ts';

export type GradReq = 'write' | 'add' | 'null';

export interface ParameterOptions {
  /** Sizes; 0 where they are to be learnt from the first input. */
  readonly shape: Shape;
  /** Default 'float32'. */
  readonly dtype?: DType;
  /** How its values are made; default: what `initialize` is told. */
  readonly init?: InitializerLike;
  /** 'null' for state that no gradient changes (running statistics). Default 'write'. */
  readonly gradReq?: GradReq;
  /** Multiplies the trainer's learning rate. Default 1. */
  readonly lrMult?: number;
  /** Multiplies the trainer's weight decay. Default 1. */
  readonly wdMult?: number;
  /** False for state that never has a gradient: gradReq is 'null' and stays so. Default true. */
  readonly differentiable?: boolean;
}

export const PARAMETER_OPTIONS: readonly string[] = [
  'shape',
  'dtype',
  'init',
  'gradReq',
  'lrMult',
  'wdMult',
  'differentiable',
];

/** `value` if a rate can be multiplied by it. */
export const checkMultiplier = (name: string, value: number): number => {
  if (Number.isFinite(value)) return value;
  throw failure('option', `Parameter: ${name} is ${shown(value)}`, 'pass a number');
};

/** `value`, if a parameter of this name can have it; only one that is differentiable has gradients. */
export const checkGradReq = (name: string, value: GradReq, differentiable: boolean): GradReq => {
  checkChoice('Parameter', 'gradReq', value, ['write', 'add', 'null']);
  if (differentiable || value === 'null') return value;
  throw failure(
    'option',
    `${name}: gradReq '${value}' for state that has no gradient`,
    'it is not differentiable: a constant, or statistics that forward updates',
  );
};

/** Only floats have gradients. */
export const checkKinds = (name: string, dtype: DType, gradReq: GradReq): void => {
  if (gradReq === 'null' || isFloat(dtype)) return;
  throw failure(
    'dtype',
    `${name}: ${dtype} with gradReq '${gradReq}': only floats have gradients`,
    "use a float dtype, or gradReq 'null' for values that are not trained",
  );
};
