/**
 * Golden texts: what a test expects, written in the test; `UPDATE=1 npm test -- NAME` writes what comes out instead.
 *
 * Invariant: only the template literal that was compared is replaced, in the test file that called.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';

/**
 * Compares a text with the one in the test. `expected` is the literal as written; `canonical` what it means, when the
 * test may be laid out more freely than the printer does it.
 */
export const goldenText = (
  actual: string,
  expected: string,
  canonical: string = expected,
): void => {
  if (actual.trim() === canonical.trim()) return;
  if (process.env['UPDATE']) replaceInTest(expected, `\n${actual.trim()}\n`);
  else assert.fixture(actual.trim(), canonical.trim());
};

const replaceInTest = (old: string, text: string): void => {
  const path = callingTest();
  const source = readFileSync(path, 'utf8');
  const parts = source.split(`\`${escaped(old)}\``);
  if (parts.length < 2) throw new Error(`UPDATE=1: cannot find the expected text in ${path}`);
  const [first, ...rest] = parts;
  writeFileSync(path, `${first}\`${escaped(text)}\`${rest.join(`\`${escaped(old)}\``)}`);
};

/** A text as it stands between backquotes. */
const escaped = (text: string): string => text.replace(/[\\`]|\$\{/g, '\\$&');

const callingTest = (): string => {
  const place = new Error().stack?.match(/(file:\/\/)?(\/[^\s()]*\.test\.ts)/);
  if (place == null) throw new Error('UPDATE=1: no test file on the stack');
  return place[1] === undefined ? place[2]! : fileURLToPath(`file://${place[2]}`);
};
