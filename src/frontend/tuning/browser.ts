/**
 * `#tuner` in pages: there once `tigon/tune` was asked for it, so that other pages do not carry it.
 *
 * Invariant: nobody is chosen but by `chooseTuner`.
 */
import type { Choose } from '../../codegen/schedule.ts';
import type { Device } from '../../runtime/device.ts';

/** Makes what chooses among launches for a device. */
export type Tuner = (device: Device) => Choose;

let chosen: Tuner | undefined;

export const tuner = (): Tuner | undefined => chosen;

/** From now on `made` measures. */
export const chooseTuner = (made: Tuner): void => {
  chosen = made;
};
