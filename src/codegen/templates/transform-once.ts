/**
 * Two launches for a convolution: one transforms the weights for Winograd's algorithm, the other takes them from there.
 * Only where the first is kept from call to call: workgroups transform what they need themselves otherwise.
 *
 * Invariant: results are those of the algorithm in one launch, but for the rounding of transformed weights.
 */
import { buffersOf, loadedBy } from '../../ir/loop/access.ts';
import type { LoopKernel } from '../../ir/loop/loop.ts';
import type { Caps } from '../caps.ts';
import type { Copies } from '../copies.ts';
import { geometryOf } from './convolution-geometry.ts';
import { productCycles } from './matmul.ts';
import { shiftsOf } from './shifted-geometry.ts';
import { partsFor } from './winograd.ts';
import { type Parts, priceOf, transformedOf } from './winograd-kept.ts';

/** Share of the time that there has to be left, at most: what is kept takes memory. */
const GAIN = 0.97;

/** The launch that transforms and the convolution; `undefined` where one launch is as fast. */
export const transformOnce = (
  kernel: LoopKernel,
  caps: Caps,
  copies: Copies,
): readonly LoopKernel[] | undefined => {
  const [nest] = kernel.nests;
  if (nest?.contract === undefined || kernel.nests.length !== 1 || !caps.winograd) return undefined;
  const c = nest.contract;
  const weights = loadedBy([c.a]);
  if (!copies.keeps(weights, 0)) return undefined;
  const geometry = geometryOf(c);
  const g = geometry && shiftsOf(geometry);
  const whole = g && productCycles(nest, caps);
  if (whole === undefined) return undefined;
  let best: { readonly parts: Parts; readonly bytes: number } | undefined;
  let least = GAIN * whole;
  for (const tile of [4, 2] as const) {
    const parts = partsFor(g!, tile, caps);
    const price = parts && priceOf(c.a, g!, parts);
    if (price === undefined || !copies.keeps(weights, price.bytes)) continue;
    const transforming = price.cycles / caps.parallelism / copies.rounds(weights, price.bytes);
    const total = transforming + parts!.cycles;
    if (total >= least) continue;
    least = total;
    best = { parts: parts!, bytes: price.bytes };
  }
  if (best === undefined) return undefined;
  copies.expect(weights, best.bytes);
  const made = transformedOf(c.a, g!, best.parts, `${kernel.name}_weights`);
  const nests = [{ ...nest, contract: { ...c, a: made.expr } }];
  return [made.kernel, { ...kernel, buffers: buffersOf(nests), nests }];
};
