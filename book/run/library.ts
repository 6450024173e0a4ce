/**
 * The lessons on disk.
 *
 * Invariant: a lesson is a folder `lessons/PP-NN-slug` with a lesson.md in it; paths are told from the repository's root.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Book, parseBook } from '../format/book.ts';
import type { CellPage, Lesson } from '../format/lesson.ts';
import { parseLesson, parsePage } from '../format/parse.ts';

/** With a slash at the end. */
export const root: string = fileURLToPath(new URL('../../', import.meta.url));

/** Where pages are that have cells and are no lessons. */
const PAGES = 'book/site/pages';

/** `lessons/03-01-mlp/lesson.md`, or the page of that name. */
export const fileOf = (slug: string): string =>
  /^\d/.test(slug) ? `lessons/${slug}/lesson.md` : `${PAGES}/${slug}.md`;

/** Folders of lessons, in their order. */
export const slugs = (): readonly string[] =>
  readdirSync(`${root}lessons`)
    .filter((name) => existsSync(`${root}${fileOf(name)}`))
    .sort();

export const readText = (slug: string): string => readFileSync(`${root}${fileOf(slug)}`, 'utf8');

/** @throws {FormatError} for a file that is no lesson */
export const readLesson = (slug: string): Lesson => parseLesson(readText(slug), slug, fileOf(slug));

/** Those that have cells and are no lessons: the playground, the benchmark. */
export const readPages = (): readonly CellPage[] =>
  readdirSync(`${root}${PAGES}`)
    .filter((name) => name.endsWith('.md'))
    .map((name) => ({
      slug: name.slice(0, -3),
      text: readFileSync(`${root}${PAGES}/${name}`, 'utf8'),
    }))
    .filter(({ text }) => /^cells: /m.test(text))
    .map(({ slug, text }) => parsePage(text, slug, fileOf(slug)));

/** @throws {FormatError} for a file that is no book */
export const readBook = (): Book =>
  parseBook(readFileSync(`${root}lessons/book.yml`, 'utf8'), 'lessons/book.yml');

/** The folders that `words` mean: `04-01`, `04-01-hybridize`, `hybridize`; all folders for no word. */
export const slugsFor = (words: readonly string[]): readonly string[] => {
  const all = slugs();
  if (words.length === 0) return all;
  return words.flatMap((word) => {
    const found = all.filter((slug) => slug.startsWith(word) || slug.slice(6) === word);
    if (found.length === 0)
      throw new Error(`there is no lesson ${word}; there are ${all.join(', ')}`);
    return found;
  });
};
