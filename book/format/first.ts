/**
 * The first hour: a way from the first lesson to a trained net, made of sections of lessons.
 *
 * Invariant: its minutes are counted and measured, never estimated: the words of its sections, and the time that cells
 * took when they were recorded, those in between included, since a page runs whatever stands above a cell.
 */
import type { Book, Source } from './book.ts';
import { cellsOf, isApart, type Lesson } from './lesson.ts';
import type { Problem } from './problems.ts';
import { readingMinutes, type Section, sectionsOf } from './sections.ts';

/** A lesson on the way. */
export interface Stop {
  readonly lesson: Lesson;
  /** Titles of what to read of it, in the order of the page; what is above the first heading always is. */
  readonly sections: readonly string[];
  readonly minutes: number;
}

/** How long a cell took, in seconds. */
export type Seconds = (lesson: Lesson, cell: string) => number;

const isRead = (lesson: Lesson, { title }: Section): boolean =>
  title === '' || lesson.first.includes(title);

/** Seconds of all cells from the first to the last that is read. */
const machineSeconds = (lesson: Lesson, read: readonly Section[], seconds: Seconds): number => {
  const ids = new Set(
    read.flatMap(({ blocks }) => blocks.flatMap((b) => (b.kind === 'cell' ? [b.cell.id] : []))),
  );
  const cells = cellsOf(lesson).filter((cell) => !isApart(cell));
  const last = cells.findLastIndex(({ id }) => ids.has(id));
  return cells.slice(0, last + 1).reduce((sum, { id }) => sum + seconds(lesson, id), 0);
};

/** What a first reading of a lesson is made of. */
export const stopAt = (lesson: Lesson, seconds: Seconds): Stop => {
  const read = sectionsOf(lesson).filter((section) => isRead(lesson, section));
  return {
    lesson,
    sections: read.flatMap(({ title }) => (title === '' ? [] : [title])),
    minutes: readingMinutes(read) + machineSeconds(lesson, read, seconds) / 60,
  };
};

/** The stops in their order; lessons that are not there are left out. */
export const stopsOf = (
  book: Book,
  lessons: readonly Lesson[],
  seconds: Seconds,
): readonly Stop[] =>
  (book.first?.lessons ?? []).flatMap((id) => {
    const lesson = lessons.find((l) => l.id === id);
    return lesson === undefined ? [] : [stopAt(lesson, seconds)];
  });

/** Sections that do not exist, lessons that are not on the way or should be, and an hour that takes longer. */
export const firstProblems = (
  book: Book,
  sources: readonly Source[],
  seconds: Seconds,
): readonly Problem[] => {
  const way = book.first?.lessons ?? [];
  const problems = sources.flatMap(({ lesson, file, text }): readonly Problem[] => {
    const line = text.split('\n').findIndex((l) => l.startsWith('first:')) + 1;
    const at = (message: string): Problem => ({ file, line: Math.max(line, 1), message });
    if (!way.includes(lesson.id))
      return lesson.first.length === 0
        ? []
        : [at(`lesson ${lesson.id} is not on the way of "first" in lessons/book.yml`)];
    if (lesson.first.length === 0)
      return [at('it is on the way of "first" in lessons/book.yml: name its sections, first: […]')];
    const titles = sectionsOf(lesson).map(({ title }) => title);
    return lesson.first.flatMap((title) =>
      titles.includes(title) ? [] : [at(`there is no section "## ${title}"`)],
    );
  });
  if (book.first === undefined || problems.length > 0) return problems;
  const lessons = sources.map(({ lesson }) => lesson);
  const stops = stopsOf(book, lessons, seconds);
  const minutes = stops.reduce((sum, stop) => sum + stop.minutes, 0);
  if (minutes <= book.first.minutes) return [];
  const each = stops.map((stop) => `${stop.lesson.id} ${stop.minutes.toFixed(1)}`).join(', ');
  const message = `the first hour takes ${minutes.toFixed(1)} minutes, not ${book.first.minutes} (${each})`;
  return [{ file: 'lessons/book.yml', line: 1, message }];
};
