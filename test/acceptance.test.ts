/**
 * Why: a table that says which of our tests hold what MXNet's tests demand is worth nothing if the tests are not there.
 *
 * Invariant: every id occurs once, in order; every test named exists in its file; every reason is a sentence.
 */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Row, rows } from './acceptance/rows.ts';
import { root } from './jobs.ts';

const texts = new Map<string, string>();

const textOf = (file: string): string => {
  const known = texts.get(file);
  if (known !== undefined) return known;
  const text = readFileSync(`${root}${file}`, 'utf8');
  texts.set(file, text);
  return text;
};

const isSentence = (text: string): boolean => /^\S.* .*[^.]\.$/.test(text);

/** A name stands in the source as a whole string, in any quotes. */
const holds = (file: string, name: string): boolean =>
  ["'", '"', '`'].some((quote) => textOf(file).includes(`${quote}${name}${quote}`));

const faultsOf = (row: Row): readonly string[] => {
  const say = (fault: string): string => `row ${row.id} (${row.name}): ${fault}`;
  if ('skipped' in row)
    return isSentence(row.skipped) ? [] : [say('the reason for skipping is no sentence')];
  return [
    ...(row.covered.length === 0 ? [say('names no test')] : []),
    ...(row.note === undefined || isSentence(row.note) ? [] : [say('the note is no sentence')]),
    ...row.covered
      .filter(({ file, test }) => !file.endsWith('.test.ts') || !holds(file, test))
      .map(({ file, test }) => say(`no test '${test}' in ${file}`)),
  ];
};

test('there are 129 rows, numbered in order', () => {
  assert.equal(
    rows.map(({ id }) => id),
    Array.from({ length: 129 }, (_, i) => i + 1),
  );
});

test('every test that a row names exists, and every reason is a sentence', () => {
  assert.equal(rows.flatMap(faultsOf), []);
});

test.run();
