/**
 * Counts changes of what compiled functions were traced with, other than arrays and structure: hooks and precisions of
 * blocks.
 *
 * Invariant: programs of another revision are never replayed: the number is part of their key.
 */
let number = 0;

/** What keys of compiled functions end with; empty as long as nothing was changed. */
export const revision = (): string => (number === 0 ? '' : `#${number}`);

export const newRevision = (): void => {
  number++;
};
