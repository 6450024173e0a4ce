/**
 * Where a text came from, and errors that point into it.
 *
 * Invariant: every parse error shows file, line, column and the offending line with a caret below the token.
 */
import { type ErrorCode, TigonError } from '../errors.ts';

export interface Source {
  readonly text: string;
  /** What to call it in messages: a file name, or `text`. */
  readonly file: string;
}

/** A stretch of a source, as chevrotain's tokens have it; `NaN` offsets stand for the end of the text. */
export interface Place {
  readonly image: string;
  readonly startOffset: number;
}

/** The error for what stands at `place`. */
export const errorAt = (
  source: Source,
  place: Place,
  brief: string,
  help?: string,
  code: ErrorCode = 'parse',
): TigonError => {
  const { text, file } = source;
  const offset = Number.isNaN(place.startOffset) ? text.trimEnd().length : place.startOffset;
  const before = text.slice(0, offset).split('\n');
  const line = before.length;
  const column = before[line - 1]!.length + 1;
  const shown = text.split('\n')[line - 1] ?? '';
  const length = Math.max(1, Math.min(place.image.length, shown.length - column + 1));
  const gutter = String(line).padStart(5);
  const excerpt = `\n${gutter} | ${shown}\n${' '.repeat(gutter.length)} | ${' '.repeat(column - 1)}${'^'.repeat(length)}`;
  return new TigonError(code, brief, help, `${file}:${line}:${column}${excerpt}`);
};

/** Runs `make`; an error it throws on purpose is shown where the text asked for it. */
export const at = <T>(source: Source, place: Place, make: () => T): T => {
  try {
    return make();
  } catch (error) {
    if (error instanceof TigonError && error.code !== 'parse')
      throw errorAt(source, place, error.brief, error.help, error.code);
    throw error;
  }
};

/** `did you mean exp?`, when one of `known` is close to `word`. */
export const didYouMean = (word: string, known: Iterable<string>): string | undefined => {
  let best: string | undefined;
  let least = Math.max(1, Math.round(word.length * 0.4)) + 1;
  for (const candidate of known) {
    const d = distance(word.toLowerCase(), candidate.toLowerCase());
    if (d < least) {
      least = d;
      best = candidate;
    }
  }
  return best === undefined ? undefined : `did you mean ${best}?`;
};

const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(
        Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)),
      );
    row = next;
  }
  return row[b.length]!;
};
