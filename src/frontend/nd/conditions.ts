/**
 * Conditions of loops and branches, as numbers of one element or plain values.
 *
 * Invariant: undefined is what the host cannot know now: in a trace, and where reading has to wait.
 */
import { showType } from '../../ir/type.ts';
import type { BodyTrace } from '../body-trace.ts';
import { failure } from '../callsite.ts';
import { mode } from '../mode.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { shown } from '../options.ts';
import { peek } from '../reading.ts';
import { ne } from './arithmetic.ts';
import { full } from './creation.ts';
import { reshape } from './shape.ts';

/** What a condition says, where the host can see it; undefined where it cannot. */
export const decided = (name: string, value: unknown): boolean | undefined => {
  if (typeof value === 'boolean' || typeof value === 'number')
    return value !== 0 && value !== false;
  if (!isNDArray(value) || value.size !== 1)
    throw failure(
      'value',
      `${name}: the condition is ${isNDArray(value) ? showType(value.type) : shown(value)}`,
      'it must be an array of one element, or true or false',
    );
  if (mode.trace !== undefined) return undefined;
  const seen = peek(value);
  return seen === undefined ? undefined : seen[0] !== 0;
};

export const asFlag = (name: string, value: unknown, trace: BodyTrace): NDArray => {
  const known = decided(name, value);
  if (known !== undefined) return full([], known ? 1 : 0, { dtype: 'bool', device: trace.device });
  const x = reshape(value as NDArray, []);
  return x.dtype === 'bool' ? x : ne(x, 0);
};
