/**
 * Calls that leave things as they were when they throw: what they learn about parameters on the way is forgotten.
 *
 * Invariant: what was done inside an attempt that throws is undone, last thing first; outside of all attempts nothing is
 * noted. An attempt that succeeds inside another one is part of it.
 */
const undos: (() => void)[] = [];
let depth = 0;

/** Has `undo` called if the attempt that is going on, or one around it, throws. */
export const onFailure = (undo: () => void): void => {
  if (depth > 0) undos.push(undo);
};

/** Runs `body`; undoes what it did when it throws. */
export const attempted = <T>(body: () => T): T => {
  const before = undos.length;
  depth++;
  try {
    return body();
  } catch (error) {
    while (undos.length > before) undos.pop()!();
    throw error;
  } finally {
    depth--;
    if (depth === 0) undos.length = 0;
  }
};
