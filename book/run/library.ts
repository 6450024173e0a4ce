/**
 * The lessons on disk.
 *
 * Invariant: a lesson is a folder `lessons/PP-NN-slug` with a lesson.md in it; paths are told from the repository's root.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Book, parseBook } from '../format/book.ts';
import type { Lesson } from '../format/lesson.ts';
import { parseLesson } from '../format/parse.ts';

/** With a slash at the end. */
export const root: string = fileURLToPath(new URL('../../', import.meta.url));

/** `lessons/03-01-mlp/lesson.md`. */
export const fileOf = (slug: string): string => `lessons/${slug}/lesson.md`;

/** Folders of lessons, in their order. */
export const slugs = (): readonly string[] =>
  readdirSync(`${root}lessons`)
    .filter((name) => existsSync(`${root}${fileOf(name)}`))
    .sort();

export const readText = (slug: string): string => readFileSync(`${root}${fileOf(slug)}`, 'utf8');

/** @throws {FormatError} for a file that is no lesson */
export const readLesson = (slug: string): Lesson => parseLesson(readText(slug), slug, fileOf(slug));

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
