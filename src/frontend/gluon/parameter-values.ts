/**
 * Values of parameters: drawn on each device, and forgotten again when the call that made them fails.
 *
 * Invariant: values are made outside of whatever is being traced or recorded.
 */
import { replicate } from '#several';
import type { DType } from '../../ir/dtype.ts';
import type { Shape } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import { withMode } from '../mode.ts';
import type { NDArray } from '../ndarray.ts';
import { forParameter } from '../random.ts';
import { type InitializerLike, initializer } from './init/named.ts';

/** What `initialize` asked for. */
export interface Wanted {
  readonly init: InitializerLike;
  readonly devices: readonly Device[];
}

/** Runs `make` as if nothing were traced or recorded. */
export const outside = <T>(make: () => T): T => withMode(OUTSIDE, make);
const OUTSIDE = { trace: undefined, scope: undefined, recording: false, taping: false } as const;

/** The first values of a parameter: equal ones on each device. */
export const drawValues = (
  of: { readonly shape: Shape; readonly dtype: DType; readonly name: string },
  { init, devices }: Wanted,
): readonly NDArray[] => {
  const { shape, dtype, name } = of;
  return outside(() =>
    forParameter(() =>
      replicate(devices, (device) => initializer(init).draw({ shape, dtype, device, name })),
    ),
  );
};

/** Makes programs that captured the handle stale: nobody sees it any more. */
export const abandon = (x: NDArray): void => {
  x.layout = { ...x.layout };
};
