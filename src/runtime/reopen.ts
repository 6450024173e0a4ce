/**
 * Devices that everybody shares: opened on first use, and again after they were lost.
 *
 * Invariant: of each key at most one is open or being opened; a lost one is let go before another is opened.
 */
import { remember } from '../ir/remember.ts';

interface Shared {
  readonly lost: boolean;
  dispose(): void;
}

/** The device of a key; `open` opens it. */
export const sharing = <D extends Shared>(): ((
  key: string,
  open: () => Promise<D>,
) => Promise<D>) => {
  const shared = new Map<string, Promise<D>>();
  return async (key, open) => {
    const known = shared.get(key);
    if (known !== undefined) {
      const device = await known.catch(() => undefined);
      if (device !== undefined && !device.lost) return device;
      // as long as somebody holds what is left of it, a driver may give nothing else
      device?.dispose();
      if (shared.get(key) === known) shared.delete(key);
    }
    return remember(shared, key, open);
  };
};
