/**
 * Values in the text that are not those of the recorded run.
 *
 * Invariant: runs nothing; only what was kept is compared.
 */
import type { Lesson } from '../format/lesson.ts';
import type { Problem } from '../format/problems.ts';
import { quotedNames, spellValue } from '../run/quotes.ts';
import type { Recorded } from '../run/save.ts';

/** What the text quotes and the run did not give, or gave otherwise. */
export const valueProblems = (
  lesson: Lesson,
  file: string,
  recorded: Recorded | undefined,
): readonly Problem[] => {
  const help = `run npm run lesson -- ${lesson.id} --save`;
  if (recorded === undefined)
    return [{ file, line: 1, message: `nothing was recorded of this lesson; ${help}` }];
  return quotedNames(lesson).flatMap(({ name, text, line }) => {
    const value = recorded.values[name];
    const wanted = value === undefined ? undefined : spellValue(value);
    if (wanted === text) return [];
    const why = wanted === undefined ? 'no run recorded it' : `recorded was ${wanted}`;
    return [
      { file, line, message: `the text says that "${name}" is ${text}, but ${why}; ${help}` },
    ];
  });
};
