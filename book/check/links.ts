/**
 * Links of lessons that lead nowhere.
 *
 * Invariant: nothing is fetched: only what is in the repository is looked for.
 */
import { existsSync } from 'node:fs';
import type { Lesson } from '../format/lesson.ts';
import type { Problem } from '../format/problems.ts';
import { linksOf } from '../format/structure.ts';
import { fileOf, root } from '../run/library.ts';

/** Files, with relative paths, that do not exist. */
export const linkProblems = (lesson: Lesson): readonly Problem[] =>
  linksOf(lesson).flatMap(({ target, line }) => {
    if (/^([a-z]+:|#|\/)/.test(target)) return [];
    const path = target.replace(/#.*$/, '');
    return existsSync(`${root}lessons/${lesson.slug}/${path}`)
      ? []
      : [{ file: fileOf(lesson.slug), line, message: `the link to ${target} leads nowhere` }];
  });
