/**
 * Values in prose that a run produces: `<!--= name -->1.95<!--/-->`.
 *
 * Invariant: only what stands between the marks is ever changed.
 */
import type { Lesson } from '../format/lesson.ts';

const QUOTE = /<!--=\s*(.*?)\s*-->([\s\S]*?)<!--\/-->/g;

export interface Quote {
  readonly name: string;
  /** What stands in the text. */
  readonly text: string;
  readonly line: number;
}

/** The names that the prose of a lesson quotes. */
export const quotedNames = (lesson: Lesson): readonly Quote[] =>
  lesson.blocks.flatMap((block) =>
    block.kind !== 'prose'
      ? []
      : [...block.markdown.matchAll(QUOTE)].map((found) => ({
          name: found[1]!,
          text: found[2]!,
          line: block.line + block.markdown.slice(0, found.index).split('\n').length - 1,
        })),
  );

/** Numbers for readers: three digits that count. */
export const spellValue = (value: number | string): string => {
  if (typeof value === 'string') return value;
  if (Number.isInteger(value)) return value.toLocaleString('en');
  const size = Math.abs(value);
  return size >= 1000
    ? Math.round(value).toLocaleString('en')
    : String(Number(value.toPrecision(3)));
};

/** The text of a lesson with the values in their places. */
export const withValues = (text: string, values: ReadonlyMap<string, number | string>): string =>
  text.replaceAll(QUOTE, (whole, name: string) => {
    const value = values.get(name);
    return value === undefined ? whole : `<!--= ${name} -->${spellValue(value)}<!--/-->`;
  });
