/**
 * The grammar all levels share: names, numbers, lists, types and expressions, and errors that name what was expected.
 *
 * Invariant: rules only build syntax records; meaning (names, types, ops) is given afterwards, level by level.
 */
import {
  EmbeddedActionsParser,
  type IParserErrorMessageProvider,
  type IToken,
  type ParserMethod,
  type TokenType,
  tokenLabel,
} from 'chevrotain';
import * as T from './lexer.ts';
import { errorAt, type Source } from './source.ts';
import {
  type BoundSyntax,
  type ExprSyntax,
  type Name,
  type NumberSyntax,
  nameOf,
  numberOf,
  type TypeSyntax,
} from './syntax.ts';

const found = (token: IToken): string =>
  token.image === '' ? 'the end of the text' : `\`${token.image}\``;

const oneOf = (options: readonly TokenType[]): string => {
  const labels = [...new Set(options.map(tokenLabel))];
  return labels.length === 1
    ? labels[0]!
    : `${labels.slice(0, -1).join(', ')} or ${labels[labels.length - 1]!}`;
};

const messages: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected, actual }) =>
    `expected ${tokenLabel(expected)}, found ${found(actual)}`,
  buildNotAllInputParsedMessage: ({ firstRedundant }) =>
    `expected the end of the text, found ${found(firstRedundant)}`,
  buildNoViableAltMessage: ({ expectedPathsPerAlt, actual, customUserDescription }) =>
    `expected ${customUserDescription ?? oneOf(expectedPathsPerAlt.flatMap((alt) => alt.flatMap((path) => path.slice(0, 1))))}, found ${found(actual[0]!)}`,
  buildEarlyExitMessage: ({ expectedIterationPaths, actual, customUserDescription }) =>
    `expected ${customUserDescription ?? oneOf(expectedIterationPaths.flatMap((path) => path.slice(0, 1)))}, found ${found(actual[0]!)}`,
};

/** A rule without parameters. */
export type Rule<T> = ParserMethod<[], T>;

export class Grammar extends EmbeddedActionsParser {
  constructor() {
    super(T.tokens, { errorMessageProvider: messages, maxLookahead: 2 });
  }

  /** A name of the lower levels: bare or quoted. */
  protected readonly bareName: Rule<Name> = this.RULE('bareName', () =>
    this.OR({
      DEF: [
        { ALT: () => nameOf(this.CONSUME(T.Identifier)) },
        { ALT: () => nameOf(this.CONSUME(T.Text)) },
      ],
      ERR_MSG: 'a name',
    }),
  );

  protected readonly sign: Rule<number> = this.RULE('sign', () => {
    let sign = 1;
    this.OPTION(() => {
      this.CONSUME(T.Minus);
      sign = -1;
    });
    return sign;
  });

  protected readonly literal: Rule<NumberSyntax> = this.RULE('literal', (): NumberSyntax => {
    const sign = this.SUBRULE(this.sign);
    return this.OR({
      DEF: [
        { ALT: () => numberOf(this.CONSUME(T.Numeral), sign) },
        { ALT: () => numberOf(this.CONSUME(T.NumberWord), sign) },
      ],
      ERR_MSG: 'a number',
    });
  });

  /** An integer, or any other number, with its sign. */
  protected readonly number: Rule<number> = this.RULE(
    'number',
    () => this.SUBRULE(this.literal).value,
  );

  /** `[1, 2, 3]` */
  protected readonly numbers: Rule<number[]> = this.RULE('numbers', () => {
    const values: number[] = [];
    this.CONSUME(T.OpenBracket);
    this.MANY_SEP({ SEP: T.Comma, DEF: () => values.push(this.SUBRULE(this.number)) });
    this.CONSUME(T.CloseBracket);
    return values;
  });

  /** `[i, j]` */
  protected readonly names: Rule<Name[]> = this.RULE('names', () => {
    const list: Name[] = [];
    this.CONSUME(T.OpenBracket);
    this.MANY_SEP({ SEP: T.Comma, DEF: () => list.push(this.SUBRULE(this.bareName)) });
    this.CONSUME(T.CloseBracket);
    return list;
  });

  /** `f32[2, 3]`, with `strides [1, 2]` when it is not row-major. */
  protected readonly type: Rule<TypeSyntax> = this.RULE('type', () => {
    const dtype = nameOf(this.CONSUME(T.Identifier));
    const shape = this.SUBRULE(this.numbers);
    const strides = this.OPTION(() => {
      this.CONSUME(T.K.strides);
      return this.SUBRULE1(this.numbers);
    });
    return { dtype, shape, strides };
  });

  protected readonly expression: Rule<ExprSyntax> = this.RULE('expression', () =>
    this.OR([
      { ALT: () => this.SUBRULE(this.guard) },
      { ALT: () => this.SUBRULE(this.comparison) },
    ]),
  );

  /** `if 0 <= i < 10, 0 <= j - 1 < 4 then a else b` */
  private readonly guard: Rule<ExprSyntax> = this.RULE('guard', (): ExprSyntax => {
    const bounds: BoundSyntax[] = [];
    const token = this.CONSUME(T.K.if);
    this.AT_LEAST_ONE_SEP({
      SEP: T.Comma,
      DEF: () => {
        const lo = this.SUBRULE(this.number);
        this.CONSUME(T.AtMost);
        const index = this.SUBRULE(this.sum);
        this.CONSUME(T.Less);
        bounds.push({ lo, index, hi: this.SUBRULE1(this.number) });
      },
    });
    this.CONSUME(T.K.then);
    const then = this.SUBRULE(this.expression);
    this.CONSUME(T.K.else);
    const otherwise = this.SUBRULE1(this.expression);
    return { kind: 'guard', bounds, then, otherwise, token };
  });

  private readonly comparison: Rule<ExprSyntax> = this.RULE('comparison', () => {
    let left = this.SUBRULE(this.sum);
    this.OPTION(() => {
      const token = this.SUBRULE(this.comparator);
      left = infix(token, left, this.SUBRULE1(this.sum));
    });
    return left;
  });

  // Operators are rules of their own because a choice has no value while the grammar is recorded; a rule has.
  private readonly comparator: Rule<IToken> = this.RULE('comparator', () =>
    this.OR([
      { ALT: () => this.CONSUME(T.Less) },
      { ALT: () => this.CONSUME(T.AtMost) },
      { ALT: () => this.CONSUME(T.Greater) },
      { ALT: () => this.CONSUME(T.AtLeast) },
      { ALT: () => this.CONSUME(T.Equal) },
      { ALT: () => this.CONSUME(T.NotEqual) },
    ]),
  );

  protected readonly sum: Rule<ExprSyntax> = this.RULE('sum', () => {
    let left = this.SUBRULE(this.product);
    this.MANY(() => {
      const token = this.SUBRULE(this.adder);
      left = infix(token, left, this.SUBRULE1(this.product));
    });
    return left;
  });

  private readonly adder: Rule<IToken> = this.RULE('adder', () =>
    this.OR([{ ALT: () => this.CONSUME(T.Plus) }, { ALT: () => this.CONSUME(T.Minus) }]),
  );

  private readonly product: Rule<ExprSyntax> = this.RULE('product', () => {
    let left = this.SUBRULE(this.primary);
    this.MANY(() => {
      const token = this.SUBRULE(this.multiplier);
      left = infix(token, left, this.SUBRULE1(this.primary));
    });
    return left;
  });

  private readonly multiplier: Rule<IToken> = this.RULE('multiplier', () =>
    this.OR([
      { ALT: () => this.CONSUME(T.Times) },
      { ALT: () => this.CONSUME(T.Slash) },
      { ALT: () => this.CONSUME(T.K.div) },
      { ALT: () => this.CONSUME(T.K.mod) },
    ]),
  );

  private readonly primary: Rule<ExprSyntax> = this.RULE('primary', () =>
    this.OR({
      DEF: [
        { ALT: (): ExprSyntax => this.SUBRULE(this.literal) },
        { ALT: () => this.SUBRULE(this.reduction) },
        { ALT: () => this.SUBRULE(this.call) },
        { ALT: () => this.SUBRULE(this.element) },
        {
          ALT: () => {
            this.CONSUME(T.OpenParen);
            const inner = this.SUBRULE(this.expression);
            this.CONSUME(T.CloseParen);
            return inner;
          },
        },
      ],
      ERR_MSG: 'an expression',
    }),
  );

  /** `reduce add [k] (x[i, k])` */
  private readonly reduction: Rule<ExprSyntax> = this.RULE('reduction', (): ExprSyntax => {
    const token = this.CONSUME(T.K.reduce);
    const op = nameOf(this.CONSUME(T.Identifier));
    const axes = this.SUBRULE(this.names);
    this.CONSUME(T.OpenParen);
    const body = this.SUBRULE(this.expression);
    this.CONSUME(T.CloseParen);
    return { kind: 'reduce', op, axes, body, token };
  });

  private readonly call: Rule<ExprSyntax> = this.RULE('call', (): ExprSyntax => {
    const token = this.CONSUME(T.Word);
    const args: ExprSyntax[] = [];
    this.CONSUME(T.OpenParen);
    this.MANY_SEP({ SEP: T.Comma, DEF: () => args.push(this.SUBRULE(this.expression)) });
    this.CONSUME(T.CloseParen);
    return { kind: 'call', name: nameOf(token), args, token };
  });

  /** A name, or an element of what it names. */
  private readonly element: Rule<ExprSyntax> = this.RULE('element', (): ExprSyntax => {
    const name = this.SUBRULE(this.bareName);
    const place = this.OPTION(() => this.SUBRULE(this.subscript));
    const { token } = name;
    if (place !== undefined) return { kind: 'element', name, ...place, token };
    return { kind: 'name', name, token };
  });

  /** `[i, j]` or `[i : 4]` */
  protected readonly subscript: Rule<{ index: ExprSyntax[]; lanes: number }> = this.RULE(
    'subscript',
    () => {
      const index: ExprSyntax[] = [];
      this.CONSUME(T.OpenBracket);
      this.MANY_SEP({ SEP: T.Comma, DEF: () => index.push(this.SUBRULE(this.expression)) });
      const lanes = this.OPTION(() => {
        this.CONSUME(T.Colon);
        return numberOf(this.CONSUME(T.Numeral)).value;
      });
      this.CONSUME(T.CloseBracket);
      return { index, lanes: lanes ?? 1 };
    },
  );
}

const infix = (token: IToken, left: ExprSyntax, right: ExprSyntax): ExprSyntax => ({
  kind: 'infix',
  op: token.image,
  left,
  right,
  token,
});

/** Runs a rule over a whole text; the first syntax error is thrown. */
export const parseWith = <G extends Grammar, T>(
  grammar: G,
  source: Source,
  rule: (grammar: G) => T,
): T => {
  grammar.input = T.tokenize(source);
  const result = rule(grammar);
  const error = grammar.errors[0];
  if (error !== undefined) throw errorAt(source, error.token, error.message);
  return result;
};
