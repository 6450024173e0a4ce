/**
 * Makes Dawn wait calmly: in Node it asks in each turn of the event loop whether the device is done, which takes a whole
 * processor from a device that is software.
 *
 * Invariant: to be imported before anything of WebGPU. What asks for its next turn in its turn gets it at once a few times,
 * then after a millisecond; everything else is as ever.
 */

const AT_ONCE = 8;

const immediately = globalThis.setImmediate;
/** How many turns led to the one that runs. */
let turns = 0;

const next = (run: (...args: unknown[]) => void, ...args: unknown[]): unknown => {
  const turn = turns + 1;
  const within = (): void => {
    turns = turn;
    try {
      run(...args);
    } finally {
      turns = 0;
    }
  };
  return turn <= AT_ONCE ? immediately(within) : setTimeout(within, 1);
};

globalThis.setImmediate = Object.assign(next, immediately) as typeof setImmediate;
