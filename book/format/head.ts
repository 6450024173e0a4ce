/**
 * The head of a lesson: YAML between two lines of `---`.
 *
 * Invariant: every entry has the type that the Lesson record says; the line of an entry is found for complaints.
 */
import { parse, YAMLParseError } from 'yaml';
import type { Lesson } from './lesson.ts';

export type Head = Omit<Lesson, 'slug' | 'blocks'>;
type Complain = (line: number, message: string) => void;

const KNOWN = ['id', 'title', 'concept', 'needs', 'next', 'data', 'minutes', 'first'] as const;
type Key = (typeof KNOWN)[number];

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value of a YAML text; `complain` hears where it is malformed. */
export const readYaml = (text: string, line: number, complain: Complain): unknown => {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    const at = error.linePos?.[0].line ?? 1;
    complain(line + at - 1, error.message.split('\n')[0]!.replace(/ at line \d+.*$/, ''));
    return undefined;
  }
};

/** `lines` are those between the marks; the first is line `first` of the file. */
export const parseHead = (lines: readonly string[], first: number, complain: Complain): Head => {
  const value = readYaml(lines.join('\n'), first, complain) ?? {};
  const head = isRecord(value) ? value : {};
  if (!isRecord(value)) complain(first, 'the head is no list of "name: value" lines');
  const lineOf = (key: string): number =>
    first +
    Math.max(
      0,
      lines.findIndex((line) => line.startsWith(`${key}:`)),
    );
  for (const key of Object.keys(head))
    if (!KNOWN.some((known) => known === key))
      complain(lineOf(key), `unknown entry "${key}" in the head; there are ${KNOWN.join(', ')}`);

  const text = (key: Key): string => {
    const found = head[key];
    if (typeof found === 'string' && found.trim() !== '') return found.trim();
    const why = found === undefined ? `has no "${key}"` : `has a "${key}" that is no text`;
    complain(lineOf(key), `the head ${why}`);
    return '';
  };
  const list = (key: Key): readonly string[] => {
    const found = head[key] ?? [];
    if (Array.isArray(found) && found.every((item) => typeof item === 'string')) return found;
    complain(lineOf(key), `"${key}" in the head is a list: write ${key}: [one, two]`);
    return [];
  };
  const minutes = head['minutes'];
  const isTime = typeof minutes === 'number' && minutes > 0;
  if (!isTime) complain(lineOf('minutes'), 'the head says how long it takes: write minutes: 20');
  const id = text('id');
  if (id !== '' && !/^([0-9]{2}|[A-Z])-[0-9]{2}$/.test(id))
    complain(lineOf('id'), `"${id}" is no id of a lesson; write one like 03-01`);
  return {
    id,
    title: text('title'),
    concept: text('concept'),
    needs: list('needs'),
    next: list('next'),
    data: list('data'),
    minutes: isTime ? minutes : 0,
    first: list('first'),
  };
};
