/**
 * `tigon/tune`: lets pages measure schedules. Node can without it.
 *
 * Invariant: loading it changes nothing for who does not ask for tuning.
 */
import { chooseTuner } from './tuning/browser.ts';
import { measuring } from './tuning/tuner.ts';

/**
 * From now on `hybridize(f, { tune: true })` works in this page. In Node it works always.
 *
 * @throws nothing
 *
 * @example
 * enableTuning();
 * const f = hybridize((x: nd.NDArray, w: nd.NDArray) => x.matmul(w), { tune: true });
 * f(nd.ones([64, 64]), nd.ones([64, 64])).shape;   // [64, 64]
 */
export const enableTuning = (): void => {
  chooseTuner(measuring);
};
