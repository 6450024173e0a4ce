/**
 * Checks option objects: an unknown key is an error that lists the known ones and the nearest spelling.
 *
 * Invariant: every public function that takes options calls `checkOptions` before it reads them.
 */
import { failure } from './callsite.ts';

/** One or several, as a list; `undefined` stays. */
export const listed = <T>(x: T | readonly T[] | undefined): readonly T[] | undefined =>
  x === undefined ? undefined : Array.isArray(x) ? x : [x as T];

/** Any value, short enough for a message: `"abc"`, `an array of 3`, `undefined`. */
export const shown = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function')
    return value.name === '' ? 'a function' : `the function ${value.name}`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `a JavaScript array of ${value.length}`;
  const kind = value.constructor?.name;
  return kind === undefined || kind === 'Object' ? 'an object' : `a value of type ${kind}`;
};

/** Throws a ValueError unless `value` is a list (a JavaScript array); `what` names it, `help` says what to write. */
export const checkList = (where: string, what: string, value: unknown, help: string): void => {
  if (!Array.isArray(value)) throw failure('value', `${where}: ${what} is ${shown(value)}`, help);
};

/** Throws a ValueError unless `value` is a function. */
export const checkFunction = (where: string, value: unknown, help: string): void => {
  if (typeof value !== 'function')
    throw failure('value', `${where}: ${shown(value)} is not a function`, help);
};

/** Throws an OptionError unless the option `device` is a device, or is left out. */
export const checkDevice = (where: string, device: unknown): void => {
  if (device === undefined) return;
  if (typeof device === 'object' && device !== null && 'allocate' in device) return;
  throw failure('option', `${where}: device is ${shown(device)}`, 'pass device.cpu() and the like');
};

/** Throws an OptionError unless `value` is true, false or left out. */
export const checkSwitch = (where: string, name: string, value: unknown): void => {
  if (value === undefined || typeof value === 'boolean') return;
  throw failure('option', `${where}: ${name} is ${shown(value)}`, 'pass true or false');
};

/** Throws an OptionError unless `value` is an integer, 1 at least. */
export const checkCount = (where: string, name: string, value: number): number => {
  if (Number.isInteger(value) && value >= 1) return value;
  throw failure('option', `${where}: ${name} is ${shown(value)}`, 'pass an integer ≥ 1');
};

const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(
        Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)),
      );
    row = next;
  }
  return row[b.length]!;
};

/** What other libraries call it. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  dim: 'axis',
  bias: 'useBias',
  weight_decay: 'wd',
  weightDecay: 'wd',
};

/** The known word that looks most like `word`, if any is close. */
export const nearest = (word: string, known: readonly string[]): string | undefined => {
  const initials = known.find(
    (k) => k.replace(/^(.)[^A-Z]*|([A-Z])[^A-Z]*/g, '$1$2').toLowerCase() === word,
  );
  if (initials !== undefined && word.length > 1) return initials;
  if (Object.hasOwn(ELSEWHERE, word) && known.includes(ELSEWHERE[word]!)) return ELSEWHERE[word];
  const longer = known.find((k) => k.startsWith(word) || word.startsWith(k));
  if (longer !== undefined && word !== '') return longer;
  const scored = known
    .map((k) => ({ k, d: distance(word.toLowerCase(), k.toLowerCase()) }))
    .sort((a, b) => a.d - b.d);
  const best = scored[0];
  return best !== undefined && best.d < word.length && best.d <= Math.max(2, word.length / 3)
    ? best.k
    : undefined;
};

/** Throws an OptionError when `given` has a key that is not in `known`. */
export const checkOptions = (
  where: string,
  given: object | undefined,
  known: readonly string[],
): void => {
  if (given === undefined) return;
  if (given === null || typeof given !== 'object' || Array.isArray(given))
    throw failure(
      'option',
      `${where}: options must be an object like { ${known[0] ?? ''}: … }, not ${shown(given)}`,
    );
  for (const key of Object.keys(given)) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    throw failure(
      'option',
      `${where}: unknown option "${key}"; known: ${known.join(', ')}`,
      near === undefined ? undefined : `did you mean "${near}"?`,
    );
  }
};

/** Throws an OptionError unless `value` is one of `allowed`. */
export const checkChoice = <T extends string>(
  where: string,
  name: string,
  value: T,
  allowed: readonly T[],
): T => {
  if (allowed.includes(value)) return value;
  const near = nearest(String(value), allowed);
  throw failure(
    'option',
    `${where}: ${name} is ${JSON.stringify(value)}; allowed: ${allowed.map((a) => `"${a}"`).join(', ')}`,
    near === undefined ? undefined : `did you mean "${near}"?`,
  );
};
