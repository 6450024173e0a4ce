/**
 * Turns for other tasks: messages, frames, garbage collection.
 *
 * Invariant: not by timers, which browsers slow down to one a second, or one a minute, in pages that nobody looks at.
 */
export const turn = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
