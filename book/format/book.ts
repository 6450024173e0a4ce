/**
 * book.yml: the parts, the lessons of each, and the ways through them.
 *
 * Invariant: lessons that are still to come are named, too; those that exist fit together: what they need exists and comes
 * before, what they lead to is in the book.
 */
import { readYaml } from './head.ts';
import type { Lesson } from './lesson.ts';
import { FormatError, type Problem } from './problems.ts';

/** A lesson in the contents; without a folder it is still to come. */
export interface Entry {
  readonly id: string;
  readonly title: string;
}

export interface Part {
  /** `04`, as ids of its lessons begin. */
  readonly number: string;
  readonly title: string;
  readonly lessons: readonly Entry[];
}

export interface ReadingPath {
  readonly id: string;
  readonly title: string;
  readonly motto: string;
  readonly text: string;
  readonly lessons: readonly string[];
}

/** The shortest way for newcomers: of each lesson those sections that its head names. */
export interface FirstHour {
  readonly title: string;
  readonly text: string;
  /** What it may take, all in all. */
  readonly minutes: number;
  readonly lessons: readonly string[];
}

export interface Book {
  readonly title: string;
  readonly subtitle: string;
  readonly parts: readonly Part[];
  readonly first?: FirstHour;
  readonly paths: readonly ReadingPath[];
}

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {};

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/**
 * Reads the text of book.yml; `file` is what complaints call it.
 *
 * @throws {FormatError} that holds everything that is malformed
 */
export const parseBook = (text: string, file: string): Book => {
  const problems: Problem[] = [];
  const lines = text.split('\n');
  const complain = (line: number, message: string): void => {
    problems.push({ file, line, message });
  };
  /** The line that `word` is on. */
  const about = (word: string): number =>
    Math.max(
      0,
      lines.findIndex((line) => line.includes(word)),
    ) + 1;
  const root = fieldsOf(readYaml(text, 1, complain));
  const word = (fields: Fields, key: string, of: string): string => {
    const value = fields[key];
    if (typeof value === 'string' && value !== '') return value.trim();
    complain(about(of), `${of} has no text "${key}"`);
    return '';
  };
  const title = word(root, 'title', 'the book');
  const subtitle = word(root, 'subtitle', 'the book');
  const parts = listOf(root['parts'])
    .map(fieldsOf)
    .map((part): Part => {
      const name = word(part, 'title', 'a part');
      const number = word(part, 'number', name);
      const lessons = Object.entries(fieldsOf(part['lessons'])).map(([id, lesson]): Entry => {
        if (!id.startsWith(`${number}-`))
          complain(about(`${id}:`), `${id} is not of part ${number}`);
        return { id, title: word({ lesson }, 'lesson', id) };
      });
      return { number, title: name, lessons };
    });
  const ids = new Set(parts.flatMap((part) => part.lessons.map(({ id }) => id)));
  const stopsOf = (path: Fields, name: string, line: number): readonly string[] => {
    const lessons = listOf(path['lessons']).map(String);
    for (const lesson of lessons)
      if (!ids.has(lesson)) complain(line, `${name}: there is no lesson ${lesson}`);
    return lessons;
  };
  const firstOf = (path: Fields): FirstHour => {
    const minutes = path['minutes'];
    if (typeof minutes !== 'number') complain(about('first:'), 'first has no number "minutes"');
    return {
      title: word(path, 'title', 'first'),
      text: word(path, 'text', 'first'),
      minutes: typeof minutes === 'number' ? minutes : 0,
      lessons: stopsOf(path, 'first', about('first:')),
    };
  };
  const paths = listOf(root['paths'])
    .map(fieldsOf)
    .map((path): ReadingPath => {
      const id = word(path, 'id', 'a reading path');
      return {
        id,
        title: word(path, 'title', id),
        motto: word(path, 'motto', id),
        text: word(path, 'text', id),
        lessons: stopsOf(path, `path ${id}`, about(`id: ${id}`)),
      };
    });
  const first = root['first'] === undefined ? undefined : firstOf(fieldsOf(root['first']));
  if (parts.length === 0) complain(1, 'the book has no parts');
  if (problems.length > 0) throw new FormatError(problems);
  return {
    title,
    subtitle,
    parts,
    paths,
    ...(first === undefined ? {} : { first }),
  };
};

/** A lesson, its file and its text. */
export interface Source {
  readonly lesson: Lesson;
  readonly file: string;
  readonly text: string;
}

/** What is wrong between lessons: ids, what they need, what they lead to. */
export const bookProblems = (book: Book, sources: readonly Source[]): readonly Problem[] => {
  const order = book.parts.flatMap((part) => part.lessons.map(({ id }) => id));
  const written = new Map(sources.map((source) => [source.lesson.id, source]));
  return sources.flatMap(({ lesson, file, text }) => {
    const lines = text.split('\n');
    const at = (key: string, message: string): Problem => ({
      file,
      line:
        Math.max(
          0,
          lines.findIndex((line) => line.startsWith(`${key}:`)),
        ) + 1,
      message,
    });
    const place = order.indexOf(lesson.id);
    const twin = written.get(lesson.id);
    return [
      ...(place < 0 ? [at('id', `lesson ${lesson.id} is not in lessons/book.yml`)] : []),
      ...(twin?.lesson === lesson ? [] : [at('id', `${twin?.file} has the id ${lesson.id}, too`)]),
      ...lesson.needs.flatMap((id) =>
        !written.has(id)
          ? [at('needs', `it needs lesson ${id}, which does not exist`)]
          : order.indexOf(id) >= place
            ? [at('needs', `it needs lesson ${id}, which comes after it`)]
            : [],
      ),
      ...lesson.next.flatMap((id) =>
        order.includes(id) ? [] : [at('next', `the next lesson ${id} is not in lessons/book.yml`)],
      ),
    ];
  });
};
