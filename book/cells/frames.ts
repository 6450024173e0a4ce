/**
 * Places in cells: how the engine names them in stacks, and how people read them.
 *
 * Invariant: an address has no space, or engines do not take it as a name; what people read is
 * `lesson 03-01, cell train:4`, without columns, which are those of rewritten code.
 */
const ADDRESS = /lesson:([^\s/]+)\/cell:([a-z0-9-]+):(\d+)(?::\d+)?/g;

/** What the engine calls the code of a cell. */
export const addressOf = (lesson: string, cell: string): string => `lesson:${lesson}/cell:${cell}`;

/** What engines call a name of a cell: it is a field of a scope in rewritten code. */
const SCOPE = /\$\$(?:own)?\.(?=[\p{L}_$])/gu;

/** A text with the places and names in it as people read them. */
export const readable = (text: string): string =>
  text.replaceAll(ADDRESS, 'lesson $1, cell $2:$3').replaceAll(SCOPE, '');

/** The line of the innermost frame of a stack that is in the cell. */
export const lineIn = (
  stack: string | undefined,
  lesson: string,
  cell: string,
): number | undefined => {
  for (const [, inLesson, inCell, line] of (stack ?? '').matchAll(ADDRESS))
    if (inLesson === lesson && inCell === cell) return Number(line);
  return undefined;
};

/** The frames of a stack that are in cells, without those of the framework and of the notebook. */
export const ownFrames = (stack: string | undefined): string =>
  (stack ?? '')
    .split('\n')
    .filter((line) => line.search(ADDRESS) >= 0)
    .map((line) => readable(line).replace(/\bat (?:async )?cell \((.*)\)$/, 'at $1'))
    .join('\n');
