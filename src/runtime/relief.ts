/**
 * Relief: waiting until a device has room again, for work and for arrays.
 *
 * Invariant: it takes place once at a time, however many ask for it.
 */
import * as platform from '#platform';

/** Memory that garbage collection gives back to. */
interface Collected {
  /** True when so much was handed out that a collection is worth its time. */
  readonly pressure: boolean;
  /** Called when a collection has run. */
  settle(): void;
}

/** Waits for what `catchUp` waits for, if anything, then has garbage collected if that is due. */
export const reliefOf = (
  memory: Collected,
  catchUp?: () => Promise<void> | undefined,
): (() => Promise<void>) => {
  let running: Promise<void> | undefined;
  const relieve = async (): Promise<void> => {
    await catchUp?.();
    if (!memory.pressure) return;
    await platform.collect(() => !memory.pressure);
    memory.settle();
  };
  return () => {
    running ??= relieve().finally(() => {
      running = undefined;
    });
    return running;
  };
};
