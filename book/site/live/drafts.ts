/**
 * What readers have made of cells, for as long as the page is not loaded anew: who looks something up on another page
 * finds their own text again.
 *
 * Invariant: kept in memory alone, so that a reload always gives the lesson as it was written.
 */
const drafts = new Map<string, string>();

const keyOf = (lesson: string, cell: string): string => `${lesson}/${cell}`;

export const draftOf = (lesson: string, cell: string): string | undefined =>
  drafts.get(keyOf(lesson, cell));

/** Keeps the text, or forgets it where there is none. */
export const keepDraft = (lesson: string, cell: string, text: string | undefined): void => {
  if (text === undefined) drafts.delete(keyOf(lesson, cell));
  else drafts.set(keyOf(lesson, cell), text);
};
