/**
 * Calls that leave things as they were when they throw: of blocks, of initializers, of metrics.
 *
 * Invariant: what was done inside an attempt that throws is undone, last thing first; what waits for success is done when
 * the outermost attempt has succeeded. An attempt that succeeds inside another one is part of it. A promise is a success:
 * should it be rejected later, other work may have built on what was done.
 */
interface Note {
  readonly undo?: () => void;
  readonly done?: () => void;
}

const notes: Note[] = [];
let depth = 0;

/** Whether an attempt is going on. */
export const attempting = (): boolean => depth > 0;

/** Has `undo` called if the attempt that is going on, or one around it, throws. */
export const onFailure = (undo: () => void): void => {
  if (depth > 0) notes.push({ undo });
};

/** Calls `done` when all attempts that are going on have succeeded: at once if there are none. */
export const onSuccess = (done: () => void): void => {
  if (depth > 0) notes.push({ done });
  else done();
};

/** Runs `body`; undoes what it did when it throws. */
export const attempted = <T>(body: () => T): T => {
  const before = notes.length;
  depth++;
  let result: T;
  try {
    result = body();
  } catch (error) {
    while (notes.length > before) notes.pop()!.undo?.();
    throw error;
  } finally {
    depth--;
  }
  if (depth === 0) for (const { done } of notes.splice(0)) done?.();
  return result;
};
