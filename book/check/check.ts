/**
 * What can be said of lessons without running them: the file, the sections, the book, links, values in the text.
 *
 * Invariant: a lesson that cannot be read does not keep the others from being checked.
 */
import { readFileSync } from 'node:fs';
import { type Book, bookProblems, type Source } from '../format/book.ts';
import { firstProblems } from '../format/first.ts';
import { FormatError, type Problem } from '../format/problems.ts';
import { structureProblems } from '../format/structure.ts';
import { fileOf, readBook, readLesson, root } from '../run/library.ts';
import { readRecorded, recordedSeconds } from '../run/save.ts';
import { linkProblems } from './links.ts';
import { valueProblems } from './values.ts';

export interface Checked {
  /** Lessons that can be read. */
  readonly sources: readonly Source[];
  readonly problems: readonly Problem[];
}

const reading = <T>(read: () => T, problems: Problem[]): T | undefined => {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
};

/** Reads lessons, and says what is wrong with their form. */
export const checkForm = (slugs: readonly string[]): Checked => {
  const problems: Problem[] = [];
  const book: Book | undefined = reading(readBook, problems);
  const sources = slugs.flatMap((slug): readonly Source[] => {
    const lesson = reading(() => readLesson(slug), problems);
    const file = fileOf(slug);
    return lesson === undefined
      ? []
      : [{ lesson, file, text: readFileSync(`${root}${file}`, 'utf8') }];
  });
  return {
    sources,
    problems: [
      ...problems,
      ...(book === undefined
        ? []
        : [...bookProblems(book, sources), ...firstProblems(book, sources, recordedSeconds())]),
      ...sources.flatMap(({ lesson, file }) => structureProblems(lesson, file)),
      ...sources.flatMap(({ lesson }) => linkProblems(lesson)),
      ...sources.flatMap(({ lesson, file }) =>
        valueProblems(lesson, file, readRecorded(lesson.slug)),
      ),
    ],
  };
};
