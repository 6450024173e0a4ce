/**
 * Gradients of weights below a maximum of windows side by side: only the places that were chosen have a gradient.
 *
 * Invariant: where the product is told so, a schedule may leave out all other places (`codegen/templates/chosen.ts`);
 * what is computed in place is needed nowhere else, so that nothing is computed twice.
 */
import type { Caps } from '../codegen/caps.ts';
import type { Node } from '../ir/graph/graph.ts';
import type { ConvAttrs } from '../ir/graph/ops/conv.ts';
import type { WindowAttrs } from '../ir/graph/ops/window.ts';

/** Channels from which on transformed tiles of all places are no slower. */
const MOST_CHANNELS = 11;

/** Whether a product is the gradient of a weight, and its operand what a pool passed back for it alone. */
export const takesChosenPlaces = (
  product: Node,
  operand: Node,
  users: readonly Node[],
  caps: Caps,
): boolean => {
  const isAlone = caps.lanes === 4 && caps.threads === 1 && users.length === 1;
  if (!isAlone || product.op.name !== 'convGradWeight' || operand.op.name !== 'poolScatter')
    return false;
  const idx = operand.inputs[1]!;
  const { kernel, strides, low, high } = operand.attrs as WindowAttrs;
  const windows = idx.attrs as WindowAttrs;
  const sides = operand.type.shape.slice(2);
  const slid = product.attrs as ConvAttrs;
  return (
    idx.op.name === 'windowArgmax' &&
    `${[kernel, strides, low, high]}` ===
      `${[windows.kernel, windows.strides, windows.low, windows.high]}` &&
    kernel.length === 2 &&
    `${kernel}` === `${strides}` &&
    sides.every((size, i) => size % kernel[i]! === 0) &&
    [...low, ...high].every((n) => n === 0) &&
    [...slid.strides, ...slid.dilations, slid.groups].every((n) => n === 1) &&
    product.inputs[0]!.type.shape[1]! <= MOST_CHANNELS
  );
};
