/**
 * Loops in the graphs that functions build.
 *
 * Invariant: who makes a loop brings what compiles and differentiates it.
 */
import { makeScan } from '../ir/graph/ops/scan.ts';
import { bringLoops } from '../passes/loop-family.ts';
import { loopParts } from '../passes/loop-parts.ts';
import { liftProducts } from '../passes/loop-products.ts';

export const makeLoop: typeof makeScan = (builder, spec) => {
  bringLoops(loopParts);
  return makeScan(builder, liftProducts(builder, spec));
};
