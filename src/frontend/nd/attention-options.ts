/**
 * The options of attention, checked.
 *
 * Invariant: what a mask and a scale may be is the same wherever attention is computed.
 */
import { TigonError } from '../../ir/errors.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { showType } from '../../ir/type.ts';
import { checkArray } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';

export interface AttentionOptions {
  /** True where a query may attend to a key, [..., Tq, Tk]; axes broadcast. Default: everywhere. */
  readonly mask?: NDArray | undefined;
  /** Query i attends to keys 0 to i only. Default false. */
  readonly causal?: boolean;
  /** What scores are multiplied with. Default 1 / √D. */
  readonly scale?: number;
}
export interface AttentionDropout {
  /**
   * Share of the shares of keys that are set to 0 at random, the others being scaled as `nd.dropout` does: those that it
   * would drop of `attentionWeights`. Default 0.
   */
  readonly dropout?: number;
}

export const attentionOptions = (
  name: string,
  options: AttentionOptions | undefined,
  others: readonly string[] = [],
): {
  readonly mask: NDArray | undefined;
  readonly causal: boolean;
  readonly scale: number | undefined;
} => {
  checkOptions(name, options, ['mask', 'causal', 'scale', ...others]);
  const { mask, causal = false, scale } = options ?? {};
  if (mask !== undefined) checkArray(name, mask);
  if (typeof causal !== 'boolean')
    throw failure('option', `${name}: causal is ${shown(causal)}`, 'pass true or false');
  if (scale !== undefined && !Number.isFinite(scale))
    throw failure('option', `${name}: scale is ${shown(scale)}`, 'pass a number, or leave it out');
  return { mask, causal, scale };
};

/** Throws unless a mask is of booleans. */
export const checkMask = (name: string, mask: Node): void => {
  if (mask.type.dtype === 'bool') return;
  throw new TigonError(
    'dtype',
    `${name}: mask is ${showType(mask.type)}, not bool`,
    'true where a query may attend to a key: compare, or use .astype("bool")',
  );
};
