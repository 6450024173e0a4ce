/**
 * The words in braces after a fence: `{#train throws quick="epochs=1, lr=[0.1, 0.2]"}`.
 *
 * Invariant: every word is understood or complained about.
 */
import type { Cell, Need, Role } from './lesson.ts';

/** What the braces say. */
export type Attributes = Pick<Cell, 'id' | 'role' | 'throws' | 'quick' | 'needs'>;

const ROLES: readonly Role[] = ['hidden', 'test', 'solution', 'norun'];
const NEEDS: readonly Need[] = ['webgpu', 'files'];
const WORD = /#(?<id>[^\s"}]*)|(?<name>[^\s="}]+)(?:="(?<quoted>[^"]*)"|=(?<bare>[^\s"}]+))?/y;
const ID = /^[a-z][a-z0-9-]*$/;
const NAME = /^[A-Za-z_$][\w$]*$/;

export interface Word {
  readonly id?: string;
  readonly name?: string;
  readonly value?: string;
}

/** The words, or undefined for what has no such form. */
export const wordsOf = (text: string): readonly Word[] | undefined => {
  const words: Word[] = [];
  WORD.lastIndex = 0;
  for (let at = 0; at < text.length; at = WORD.lastIndex) {
    if (/\s/.test(text[at]!)) {
      WORD.lastIndex = at + 1;
      continue;
    }
    WORD.lastIndex = at;
    const groups = WORD.exec(text)?.groups;
    if (groups === undefined) return undefined;
    const { id, name, quoted, bare } = groups;
    const value = quoted ?? bare;
    words.push({
      ...(id === undefined ? {} : { id }),
      ...(name === undefined ? {} : { name }),
      ...(value === undefined ? {} : { value }),
    });
  }
  return words;
};

/** `a=1, b=[2, 3]` at the commas that are in no brackets and no quotes. */
const partsOf = (text: string): readonly string[] => {
  const parts: string[] = [];
  let depth = 0;
  let quote = '';
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const letter = text[i]!;
    if (quote !== '') quote = letter === quote ? '' : quote;
    else if (letter === "'" || letter === '`') quote = letter;
    else if ('([{'.includes(letter)) depth++;
    else if (')]}'.includes(letter)) depth--;
    else if (letter === ',' && depth === 0) {
      parts.push(text.slice(from, i));
      from = i + 1;
    }
  }
  return [...parts, text.slice(from)];
};

const quickOf = (text: string, complain: (message: string) => void): Record<string, string> => {
  const quick: Record<string, string> = {};
  for (const part of partsOf(text)) {
    const at = part.indexOf('=');
    const [name, value] = [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    if (at < 0 || !NAME.test(name) || value === '')
      complain(`quick holds "${part.trim()}"; write quick="name=value, other=value"`);
    else if (Object.hasOwn(quick, name)) complain(`quick gives ${name} twice`);
    else quick[name] = value;
  }
  return quick;
};

/** What the braces of a cell say; `complain` hears of each word that makes no sense. */
export const cellAttributes = (text: string, complain: (message: string) => void): Attributes => {
  let id = '';
  let role: Role = 'code';
  let throws = false;
  let quick: Record<string, string> = {};
  let needs: Need | undefined;
  const words = wordsOf(text);
  if (words === undefined) complain(`"{${text}}" is not understood; write {#id word name="value"}`);
  for (const word of words ?? []) {
    if (word.id !== undefined) {
      if (id !== '') complain(`the cell has two ids, ${id} and ${word.id}`);
      if (!ID.test(word.id))
        complain(`"#${word.id}" is no id: letters a-z, digits and "-", a letter first`);
      id = word.id;
      continue;
    }
    const isFlag = word.value === undefined;
    const asRole = ROLES.find((r) => r === word.name);
    if (asRole !== undefined && isFlag) {
      if (role !== 'code') complain(`a cell is ${role} or ${asRole}, not both`);
      role = asRole;
    } else if (word.name === 'throws' && isFlag) throws = true;
    else if (word.name === 'quick' && !isFlag) quick = quickOf(word.value, complain);
    else if (word.name === 'needs' && NEEDS.some((n) => n === word.value))
      needs = NEEDS.find((n) => n === word.value);
    else
      complain(
        `unknown attribute "${word.name}${isFlag ? '' : `=${word.value}`}"; there are hidden, test, solution, ` +
          'norun, throws, quick="name=value", needs=webgpu and needs=files',
      );
  }
  if (id === '') complain('the cell has no id; write ```ts {#id}');
  if (throws && role === 'norun') complain('a norun cell is not run, so it cannot throw');
  return { id, role, throws, quick, ...(needs === undefined ? {} : { needs }) };
};

/** The cell that an `out` block is for. */
export const expectFor = (text: string, complain: (message: string) => void): string => {
  const [word, ...others] = wordsOf(text) ?? [];
  if (word?.name === 'for' && word.value !== undefined && others.length === 0) return word.value;
  complain('an out block says whose output it is: write ```out {for=id}');
  return '';
};
