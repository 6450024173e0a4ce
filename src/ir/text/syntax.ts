/**
 * What the grammars produce: plain records with their places, before names and types mean anything.
 *
 * Invariant: building them never fails, so that grammar actions are safe while chevrotain records the grammar.
 */
import type { IToken } from 'chevrotain';
import { NUMBER_WORDS } from './words.ts';

export interface Name {
  readonly text: string;
  readonly token: IToken;
}

export interface TypeSyntax {
  readonly dtype: Name;
  readonly shape: readonly number[];
  readonly strides: readonly number[] | undefined;
}

export interface NumberSyntax {
  readonly kind: 'number';
  readonly value: number;
  readonly form: 'int' | 'uint' | 'float' | 'bool';
  readonly token: IToken;
}

/** Expressions of the Loop and the Thread level: one grammar, two meanings. */
export type ExprSyntax =
  | NumberSyntax
  | { readonly kind: 'name'; readonly name: Name; readonly token: IToken }
  | {
      readonly kind: 'call';
      readonly name: Name;
      readonly args: readonly ExprSyntax[];
      readonly token: IToken;
    }
  /** `name[index]`, or `name[index : lanes]`. */
  | {
      readonly kind: 'element';
      readonly name: Name;
      readonly index: readonly ExprSyntax[];
      readonly lanes: number;
      readonly token: IToken;
    }
  | {
      readonly kind: 'infix';
      readonly op: string;
      readonly left: ExprSyntax;
      readonly right: ExprSyntax;
      readonly token: IToken;
    }
  | {
      readonly kind: 'guard';
      readonly bounds: readonly BoundSyntax[];
      readonly then: ExprSyntax;
      readonly otherwise: ExprSyntax;
      readonly token: IToken;
    }
  | {
      readonly kind: 'reduce';
      readonly op: Name;
      readonly axes: readonly Name[];
      readonly body: ExprSyntax;
      readonly token: IToken;
    };

/** `lo <= index < hi` */
export interface BoundSyntax {
  readonly lo: number;
  readonly index: ExprSyntax;
  readonly hi: number;
}

/** The name a token spells: without `%` and quotes. */
export const nameOf = (token: IToken): Name => {
  const bare = token.image.startsWith('%') ? token.image.slice(1) : token.image;
  return { text: bare.startsWith('"') ? unquote(bare) : bare, token };
};

/** The text between quotes; escapes that JSON does not know stay as they are. */
export const unquote = (image: string): string => {
  try {
    return JSON.parse(image) as string;
  } catch {
    return image.slice(1, -1);
  }
};

/** The number a numeral or a number word spells. */
export const numberOf = (token: IToken, sign = 1): NumberSyntax => {
  const { image } = token;
  const word = NUMBER_WORDS.get(image);
  if (word !== undefined) {
    const form = Number.isFinite(word) ? 'bool' : 'float';
    return { kind: 'number', value: sign * word, form, token };
  }
  const form = image.endsWith('u') ? 'uint' : /[.eE]/.test(image) ? 'float' : 'int';
  return { kind: 'number', value: sign * Number.parseFloat(image), form, token };
};
