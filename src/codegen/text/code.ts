/**
 * Expressions of a target's language as text that knows how tightly it binds, so that parentheses stand only where they
 * are needed.
 *
 * Invariant: the text of a `Code` means the same wherever a function of this file puts it, in WGSL and in C++; the order
 * of float additions is kept.
 */
import { spellDouble, spellFloat } from '../../ir/text/words.ts';

/** From what needs parentheses nowhere to what needs them everywhere but alone. */
type Level = 'atom' | 'unary' | 'product' | 'sum' | 'other';

export interface Code {
  readonly text: string;
  readonly level: Level;
  /** Nesting of operations: what is too deep is bound to a name. */
  readonly depth: number;
}

export const atom = (text: string, depth = 0): Code => ({ text, level: 'atom', depth });

const wrapped = (x: Code, allowed: readonly Level[]): string =>
  x.level === 'atom' || allowed.includes(x.level) ? x.text : `(${x.text})`;

const deeper = (...args: readonly Code[]): number =>
  1 + args.reduce((most, { depth }) => Math.max(most, depth), 0);

const ALL: readonly Level[] = ['unary', 'product', 'sum', 'other'];
const SUM: readonly Level[] = ['unary', 'product', 'sum'];
const PRODUCT: readonly Level[] = ['unary', 'product'];
const UNARY: readonly Level[] = ['unary'];

/** A function, constructor or cast, applied. */
export const call = (name: string, ...args: readonly Code[]): Code => {
  // between `<` of one argument and `>` of another, a list of template arguments could be read
  const bare = args.length === 1 ? ALL : SUM;
  return atom(`${name}(${args.map((a) => wrapped(a, bare)).join(', ')})`, deeper(...args));
};

/** `type{a, b}`, of C++. */
export const list = (type: string, ...args: readonly Code[]): Code =>
  atom(`${type}{${args.map((a) => a.text).join(', ')}}`, deeper(...args));

/** `array[index]`. */
export const element = (array: string, index: Code): Code =>
  atom(`${array}[${index.text}]`, deeper(index));

/** `vector.x`, or several of `xyzw`. */
export const swizzle = (vector: Code, lanes: string): Code =>
  atom(`${wrapped(vector, [])}.${lanes}`, deeper(vector));

export const prefix = (operator: '-' | '!' | '~', x: Code): Code => ({
  text: `${operator}${wrapped(x, [])}`,
  level: 'unary',
  depth: deeper(x),
});

/** `condition ? yes : no`, of C. */
export const conditional = (condition: Code, yes: Code, no: Code): Code => ({
  text: `${wrapped(condition, UNARY)} ? ${wrapped(yes, SUM)} : ${wrapped(no, SUM)}`,
  level: 'other',
  depth: deeper(condition, yes, no),
});

/** `(type)x`, of C. */
export const converted = (type: string, x: Code): Code => ({
  text: `(${type})${wrapped(x, [])}`,
  level: 'unary',
  depth: deeper(x),
});

export type Operator =
  | ('+' | '-' | '*' | '/' | '%' | '<<' | '>>' | '&' | '|' | '^' | '&&' | '||')
  | Comparison;
export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';

/** What may stand bare on either side of an operator, and what the whole is. */
const BINDING: Readonly<Record<Operator, readonly [readonly Level[], readonly Level[], Level]>> = {
  '+': [SUM, PRODUCT, 'sum'],
  '-': [SUM, PRODUCT, 'sum'],
  '*': [PRODUCT, UNARY, 'product'],
  '/': [PRODUCT, UNARY, 'product'],
  '%': [PRODUCT, UNARY, 'product'],
  '<<': [UNARY, UNARY, 'other'],
  '>>': [UNARY, UNARY, 'other'],
  '&': [UNARY, UNARY, 'other'],
  '|': [UNARY, UNARY, 'other'],
  '^': [UNARY, UNARY, 'other'],
  '&&': [UNARY, UNARY, 'other'],
  '||': [UNARY, UNARY, 'other'],
  '==': [SUM, SUM, 'other'],
  '!=': [SUM, SUM, 'other'],
  '<': [SUM, SUM, 'other'],
  '<=': [SUM, SUM, 'other'],
  '>': [SUM, SUM, 'other'],
  '>=': [SUM, SUM, 'other'],
};

export const binary = (operator: Operator, a: Code, b: Code): Code => {
  const [left, right, level] = BINDING[operator];
  const text = `${wrapped(a, left)} ${operator} ${wrapped(b, right)}`;
  return { text, level, depth: deeper(a, b) };
};

/** A number of type i32. */
export const int = (value: number): Code =>
  value < 0 ? { text: `${value}`, level: 'unary', depth: 0 } : atom(`${value}`);
/** A number of type u32; large ones in hexadecimal, since they are masks. */
export const uint = (value: number): Code =>
  atom(value > 0xffff ? `0x${value.toString(16)}u` : `${value}u`);

/** A finite number of type double, with a point or an exponent. */
export const double = (value: number): Code => {
  const plain = spellDouble(value);
  const text = /[.e]/.test(plain) ? plain : `${plain}.0`;
  return text.startsWith('-') ? { text, level: 'unary', depth: 0 } : atom(text);
};

/** `x + n`, with the sign of `n` in the operator. */
export const plus = (x: Code, n: number): Code => {
  if (n === 0) return x;
  return n > 0 ? binary('+', x, int(n)) : binary('-', x, int(-n));
};

/** The greatest float, which must not be rounded up on its way through decimals. */
const GREATEST = 2 ** 128 - 2 ** 104;

/** A finite float, in as few digits as tell it from its neighbours. */
export const float = (value: number): Code => {
  const short = spellFloat(Math.fround(value));
  const text = Math.abs(Number(short)) > GREATEST ? `${Math.fround(value)}` : short;
  return text.startsWith('-') ? { text, level: 'unary', depth: 0 } : atom(text);
};
