/**
 * What cells print, in order, though some of it has to be waited for.
 *
 * Invariant: texts come in the order of the calls; a call takes the values that arrays have at its time.
 */
import { readable } from '../cells/index.ts';
import { arrayText, isArray } from './arrays.ts';
import { type ArrayTexts, show, showLogged } from './inspect.ts';

/** Arrays inside of a value are looked for this deep. */
const DEEPEST = 3;
const MOST = 100;

const arraysIn = (value: unknown, depth: number, found: Set<object>): void => {
  if (typeof value !== 'object' || value === null || depth > DEEPEST || found.size > MOST) return;
  if (isArray(value)) {
    found.add(value);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = Array.isArray(value) || prototype === Object.prototype || prototype === null;
  const inner =
    value instanceof Map || value instanceof Set
      ? [...value.values()]
      : isPlain
        ? Object.values(value)
        : [];
  for (const item of inner.slice(0, MOST)) arraysIn(item, depth + 1, found);
};

/** The texts of all arrays in `values`: now, if all of them are at hand. */
const arrayTexts = (values: readonly unknown[]): ArrayTexts | Promise<ArrayTexts> => {
  const found = new Set<object>();
  for (const value of values) arraysIn(value, 0, found);
  const texts = [...found].filter(isArray).map((x) => [x, arrayText(x)] as const);
  const now = texts.flatMap(([x, text]) => (typeof text === 'string' ? [[x, text] as const] : []));
  if (now.length === texts.length) return new Map(now);
  return Promise.all(texts.map(async ([x, text]) => [x, await text] as const)).then(
    (all) => new Map(all),
  );
};

export interface Printer {
  /** Prints values in a line, as `console.log` does. */
  log(values: readonly unknown[], write: (text: string) => void): void;
  /** Prints one value. */
  value(value: unknown, write: (text: string) => void): void;
  /** Does something after all that was printed so far. */
  then(act: () => void): void;
  /** Everything so far is printed. */
  end(): Promise<void>;
}

/** Puts the values of `console.log('%d of %s', 1, x)` in their places. */
const filled = (values: readonly unknown[], arrays: ArrayTexts): string => {
  const [first, ...rest] = values;
  if (typeof first !== 'string' || !/%[sdifoOjc]/.test(first))
    return values.map((value) => showLogged(value, arrays)).join(' ');
  const text = first.replaceAll(/%[sdifoOjc%]/g, (mark) => {
    if (mark === '%%') return '%';
    if (rest.length === 0) return mark;
    const value = rest.shift();
    switch (mark) {
      case '%c':
        return '';
      case '%d':
      case '%f':
        return String(Number(value));
      case '%i':
        return String(Math.trunc(Number(value)));
      case '%j':
        return JSON.stringify(value) ?? 'undefined';
      default:
        return showLogged(value, arrays);
    }
  });
  return [text, ...rest.map((value) => showLogged(value, arrays))].join(' ');
};

export const createPrinter = (): Printer => {
  let last: Promise<void> | undefined;
  const after = (act: () => void | Promise<void>): void => {
    const mine = (last ?? Promise.resolve()).then(act);
    last = mine;
  };
  const print = (
    values: readonly unknown[],
    write: (text: string) => void,
    compose: (arrays: ArrayTexts) => string,
  ): void => {
    const texts = arrayTexts(values);
    const finish = (arrays: ArrayTexts): void => write(readable(compose(arrays)));
    if (last === undefined && !(texts instanceof Promise)) finish(texts);
    else after(async () => finish(await texts));
  };
  return {
    log: (values, write) => print(values, write, (arrays) => filled(values, arrays)),
    value: (value, write) => print([value], write, (arrays) => show(value, arrays)),
    then(act) {
      if (last === undefined) act();
      else after(act);
    },
    async end() {
      while (last !== undefined) {
        const current: Promise<void> = last;
        await current;
        if (last === current) last = undefined;
      }
    },
  };
};
