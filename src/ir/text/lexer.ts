/**
 * The one lexer of the `.tg` text format: all four levels share its tokens.
 *
 * Invariant: a keyword is a `Word` but not an `Identifier`: it may be an op or attribute name, never a bare name.
 */
import { createToken, type ITokenConfig, Lexer, type TokenType } from 'chevrotain';
import { TigonError } from '../errors.ts';
import { errorAt, type Source } from './source.ts';
import { KEYWORDS, type Keyword } from './words.ts';

/** Any bare word, keywords included. */
export const Word: TokenType = createToken({ name: 'Word', pattern: Lexer.NA, label: 'a word' });
export const Identifier: TokenType = createToken({
  name: 'Identifier',
  pattern: /[A-Za-z_][\w$]*(?:\.[\w$]+)*/,
  categories: Word,
  label: 'a name',
});
export const Text: TokenType = createToken({
  name: 'Text',
  pattern: /"(?:[^"\\\n]|\\.)*"/,
  label: 'a quoted text',
  start_chars_hint: ['"'],
});
/** `%x` or `%"any text"`: a value of a graph. */
export const Value: TokenType = createToken({
  name: 'Value',
  pattern: /%(?:[\w$]+(?:\.[\w$]+)*|"(?:[^"\\\n]|\\.)*")/,
  label: 'a value (%name)',
  start_chars_hint: ['%'],
});
/** Unsigned; a point or an exponent makes it a float, a `u` unsigned. */
export const Numeral: TokenType = createToken({
  name: 'Numeral',
  pattern: /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?u?/,
  label: 'a number',
});

/** `true`, `false`, `inf`, `nan` */
export const NumberWord: TokenType = createToken({
  name: 'NumberWord',
  pattern: /true|false|inf|nan/,
  longer_alt: Identifier,
  label: 'a number',
});

const symbol = (name: string, text: string): TokenType =>
  createToken({ name, pattern: text, label: `'${text}'` } satisfies ITokenConfig);

export const OpenBrace: TokenType = symbol('OpenBrace', '{');
export const CloseBrace: TokenType = symbol('CloseBrace', '}');
export const OpenParen: TokenType = symbol('OpenParen', '(');
export const CloseParen: TokenType = symbol('CloseParen', ')');
export const OpenBracket: TokenType = symbol('OpenBracket', '[');
export const CloseBracket: TokenType = symbol('CloseBracket', ']');
export const Comma: TokenType = symbol('Comma', ',');
export const Colon: TokenType = symbol('Colon', ':');
export const To: TokenType = symbol('To', '..');
export const Equal: TokenType = symbol('Equal', '==');
export const NotEqual: TokenType = symbol('NotEqual', '!=');
export const AtMost: TokenType = symbol('AtMost', '<=');
export const AtLeast: TokenType = symbol('AtLeast', '>=');
export const Less: TokenType = symbol('Less', '<');
export const Greater: TokenType = symbol('Greater', '>');
export const AddTo: TokenType = symbol('AddTo', '+=');
export const Is: TokenType = symbol('Is', '=');
export const Plus: TokenType = symbol('Plus', '+');
export const Minus: TokenType = symbol('Minus', '-');
export const Times: TokenType = symbol('Times', '*');
export const Slash: TokenType = symbol('Slash', '/');

/** The token of each keyword. */
export const K: Readonly<Record<Keyword, TokenType>> = Object.fromEntries(
  KEYWORDS.map((word) => [
    word,
    createToken({
      name: `Keyword_${word}`,
      pattern: word,
      longer_alt: Identifier,
      categories: Word,
      label: `'${word}'`,
    }),
  ]),
) as Record<Keyword, TokenType>;

const space = createToken({ name: 'Space', pattern: /\s+/, group: Lexer.SKIPPED });
const comment = createToken({
  name: 'Comment',
  pattern: /\/\/[^\n]*/,
  group: Lexer.SKIPPED,
});

/** In order of priority: longer symbols before their beginnings. */
export const tokens: TokenType[] = [
  space,
  comment,
  Value,
  Text,
  Numeral,
  NumberWord,
  // Longer first: `in` would otherwise begin `input`, and leave it to Identifier.
  ...KEYWORDS.toSorted((a, b) => b.length - a.length).map((word) => K[word]),
  Identifier,
  Word,
  To,
  Equal,
  NotEqual,
  AtMost,
  AtLeast,
  AddTo,
  Less,
  Greater,
  Is,
  Plus,
  Minus,
  Times,
  Slash,
  OpenBrace,
  CloseBrace,
  OpenParen,
  CloseParen,
  OpenBracket,
  CloseBracket,
  Comma,
  Colon,
];

const lexer = new Lexer(tokens, { positionTracking: 'onlyOffset', ensureOptimizations: true });

/** The tokens of a text; the first character that starts none is an error. */
export const tokenize = (source: Source): ReturnType<Lexer['tokenize']>['tokens'] => {
  if (typeof source.text !== 'string')
    throw new TigonError('parse', `${source.file}: a ${typeof source.text} is no text`);
  const result = lexer.tokenize(source.text);
  const wrong = result.errors[0];
  if (wrong !== undefined) {
    const image = source.text.slice(wrong.offset, wrong.offset + 1);
    throw errorAt(
      source,
      { image, startOffset: wrong.offset },
      `unexpected character ${JSON.stringify(image)}`,
      image === '"' ? 'a quoted text ends on the line it starts on' : undefined,
    );
  }
  return result.tokens;
};
