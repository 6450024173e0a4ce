/**
 * The grammar of loop kernels, and the syntax records it builds.
 *
 * Invariant: what it accepts may still be wrong; parse.ts gives names and types their meaning.
 */
import { Grammar, type Rule } from '../text/grammar.ts';
import * as T from '../text/lexer.ts';
import { type ExprSyntax, type Name, type TypeSyntax, unquote } from '../text/syntax.ts';
import type { Store } from './loop.ts';

export interface AxisSyntax {
  readonly name: Name;
  readonly extent: number;
}
export interface BufferSyntax {
  readonly name: Name;
  readonly type: TypeSyntax;
  /** The buffer whose bytes it is. */
  readonly of: Name | undefined;
}
export interface LetSyntax {
  readonly kind: 'let';
  readonly name: Name;
  readonly value: ExprSyntax;
}
export interface StoreSyntax {
  readonly kind: 'store';
  readonly buffer: Name;
  readonly index: readonly ExprSyntax[];
  readonly mode: Store['mode'];
  readonly value: ExprSyntax;
  readonly axes: readonly Name[] | undefined;
  readonly over: readonly Name[];
}
export interface ContractSyntax {
  readonly kind: 'contract';
  readonly batch: readonly Name[];
  readonly m: readonly Name[];
  readonly n: readonly Name[];
  readonly k: readonly Name[];
  readonly a: ExprSyntax;
  readonly b: ExprSyntax;
  readonly index: readonly ExprSyntax[];
}
export interface ScoreSyntax {
  readonly depth: readonly Name[];
  readonly a: ExprSyntax;
  readonly b: ExprSyntax;
}
export interface AttendSyntax {
  readonly kind: 'attend';
  readonly batch: readonly Name[];
  readonly m: readonly Name[];
  readonly n: readonly Name[];
  readonly k: readonly Name[];
  readonly fold: Name;
  readonly scores: readonly ScoreSyntax[];
  readonly weight: ExprSyntax;
  readonly value: ExprSyntax;
  readonly kept: ExprSyntax | undefined;
  readonly index: readonly ExprSyntax[];
}
export interface PrefixSyntax {
  readonly kind: 'prefix';
  readonly op: Name;
  readonly direction: Name;
  readonly axes: readonly Name[];
  readonly values: readonly ExprSyntax[];
}
export interface OrderSyntax {
  readonly kind: 'order';
  readonly direction: Name;
  readonly axes: readonly Name[];
  readonly width: number;
  readonly key: ExprSyntax;
  readonly merge: { readonly width: number; readonly elements: ExprSyntax } | undefined;
}
export interface NestSyntax {
  readonly axes: readonly AxisSyntax[];
  readonly over: readonly AxisSyntax[];
  readonly body: readonly (
    | LetSyntax
    | StoreSyntax
    | ContractSyntax
    | AttendSyntax
    | PrefixSyntax
    | OrderSyntax
  )[];
}
export interface KernelSyntax {
  readonly name: Name;
  readonly buffers: readonly BufferSyntax[];
  readonly origin: readonly string[];
  readonly nests: readonly NestSyntax[];
}

export class LoopGrammar extends Grammar {
  constructor() {
    super();
    this.performSelfAnalysis();
  }

  readonly kernel: Rule<KernelSyntax> = this.RULE('kernel', () => {
    const buffers: BufferSyntax[] = [];
    const origin: string[] = [];
    const nests: NestSyntax[] = [];
    this.CONSUME(T.K.kernel);
    const name = this.SUBRULE(this.bareName);
    this.CONSUME(T.OpenParen);
    this.MANY(() => {
      buffers.push(this.SUBRULE(this.buffer));
      this.OPTION(() => this.CONSUME(T.Comma));
    });
    this.CONSUME(T.CloseParen);
    this.CONSUME(T.OpenBrace);
    this.MANY1(() => {
      this.CONSUME(T.K.origin);
      origin.push(unquote(this.CONSUME(T.Text).image));
    });
    this.MANY2(() => nests.push(this.SUBRULE(this.nest)));
    this.CONSUME(T.CloseBrace);
    return { name, buffers, origin, nests };
  });

  private readonly buffer: Rule<BufferSyntax> = this.RULE('buffer', () => {
    const name = this.SUBRULE(this.bareName);
    this.CONSUME(T.Colon);
    const type = this.SUBRULE(this.type);
    const of = this.OPTION(() => {
      this.CONSUME(T.Is);
      return this.SUBRULE1(this.bareName);
    });
    return { name, type, of };
  });

  private readonly nest: Rule<NestSyntax> = this.RULE('nest', () => {
    const body: NestSyntax['body'][number][] = [];
    this.CONSUME(T.K.nest);
    const axes = this.SUBRULE(this.axes);
    const over = this.OPTION(() => {
      this.CONSUME(T.K.over);
      return this.SUBRULE1(this.axes);
    });
    this.CONSUME(T.OpenBrace);
    this.MANY(() =>
      body.push(
        this.OR({
          DEF: [
            { ALT: () => this.SUBRULE(this.naming) },
            { ALT: () => this.SUBRULE(this.contract) },
            { ALT: () => this.SUBRULE(this.attend) },
            { ALT: () => this.SUBRULE(this.prefix) },
            { ALT: () => this.SUBRULE(this.order) },
            { ALT: () => this.SUBRULE(this.store) },
          ],
          ERR_MSG: 'a let, a contract, an attend, a prefix, an order or a store',
        }),
      ),
    );
    this.CONSUME(T.CloseBrace);
    return { axes, over: over ?? [], body };
  });

  /** `i < 3, j < 4` */
  private readonly axes: Rule<AxisSyntax[]> = this.RULE('axes', () => {
    const list: AxisSyntax[] = [];
    this.MANY_SEP({
      SEP: T.Comma,
      DEF: () => {
        const name = this.SUBRULE(this.bareName);
        this.CONSUME(T.Less);
        list.push({ name, extent: this.SUBRULE(this.number) });
      },
    });
    return list;
  });

  private readonly naming: Rule<LetSyntax> = this.RULE('naming', (): LetSyntax => {
    this.CONSUME(T.K.let);
    const name = this.SUBRULE(this.bareName);
    this.CONSUME(T.Is);
    return { kind: 'let', name, value: this.SUBRULE(this.expression) };
  });

  private readonly contract: Rule<ContractSyntax> = this.RULE('contract', (): ContractSyntax => {
    this.CONSUME(T.K.contract);
    const batch = this.SUBRULE(this.names);
    this.CONSUME(T.Comma);
    const m = this.SUBRULE1(this.names);
    this.CONSUME1(T.Comma);
    const n = this.SUBRULE2(this.names);
    this.CONSUME(T.K.over);
    const k = this.SUBRULE3(this.names);
    this.CONSUME(T.OpenBrace);
    const { a, b } = this.SUBRULE(this.operands);
    this.CONSUME(T.K.result);
    const { index } = this.SUBRULE(this.subscript);
    this.CONSUME(T.CloseBrace);
    return { kind: 'contract', batch, m, n, k, a, b, index };
  });

  private readonly operands: Rule<{ readonly a: ExprSyntax; readonly b: ExprSyntax }> = this.RULE(
    'operands',
    () => {
      this.CONSUME(T.K.left);
      this.CONSUME(T.Is);
      const a = this.SUBRULE(this.expression);
      this.CONSUME(T.K.right);
      this.CONSUME1(T.Is);
      return { a, b: this.SUBRULE1(this.expression) };
    },
  );

  private readonly attend: Rule<AttendSyntax> = this.RULE('attend', (): AttendSyntax => {
    const scores: ScoreSyntax[] = [];
    this.CONSUME(T.K.attend);
    const batch = this.SUBRULE(this.names);
    this.CONSUME(T.Comma);
    const m = this.SUBRULE1(this.names);
    this.CONSUME1(T.Comma);
    const n = this.SUBRULE2(this.names);
    this.CONSUME(T.K.over);
    const k = this.SUBRULE3(this.names);
    this.CONSUME(T.K.as);
    const fold = this.SUBRULE(this.bareName);
    this.CONSUME(T.OpenBrace);
    this.MANY(() => scores.push(this.SUBRULE(this.score)));
    const { a: weight, b: value } = this.SUBRULE(this.operands);
    const kept = this.OPTION(() => {
      this.CONSUME(T.K.kept);
      this.CONSUME(T.Is);
      return this.SUBRULE(this.expression);
    });
    this.CONSUME(T.K.result);
    const { index } = this.SUBRULE(this.subscript);
    this.CONSUME(T.CloseBrace);
    return { kind: 'attend', batch, m, n, k, fold, scores, weight, value, kept, index };
  });

  private readonly score: Rule<ScoreSyntax> = this.RULE('score', (): ScoreSyntax => {
    this.CONSUME(T.K.contract);
    this.CONSUME(T.K.over);
    const depth = this.SUBRULE(this.names);
    this.CONSUME(T.OpenBrace);
    const { a, b } = this.SUBRULE(this.operands);
    this.CONSUME(T.CloseBrace);
    return { depth, a, b };
  });

  private readonly prefix: Rule<PrefixSyntax> = this.RULE('prefix', (): PrefixSyntax => {
    const values: ExprSyntax[] = [];
    this.CONSUME(T.K.prefix);
    const op = this.SUBRULE(this.bareName);
    const direction = this.SUBRULE1(this.bareName);
    const axes = this.SUBRULE(this.names);
    this.CONSUME(T.OpenParen);
    this.MANY_SEP({ SEP: T.Comma, DEF: () => values.push(this.SUBRULE(this.expression)) });
    this.CONSUME(T.CloseParen);
    return { kind: 'prefix', op, direction, axes, values };
  });

  private readonly order: Rule<OrderSyntax> = this.RULE('order', (): OrderSyntax => {
    this.CONSUME(T.K.order);
    const direction = this.SUBRULE(this.bareName);
    const axes = this.SUBRULE(this.names);
    this.CONSUME(T.K.in);
    const width = this.SUBRULE(this.number);
    this.CONSUME(T.OpenParen);
    const key = this.SUBRULE(this.expression);
    this.CONSUME(T.CloseParen);
    const merge = this.OPTION(() => {
      this.CONSUME(T.K.from);
      const each = this.SUBRULE1(this.number);
      this.CONSUME1(T.OpenParen);
      const elements = this.SUBRULE1(this.expression);
      this.CONSUME1(T.CloseParen);
      return { width: each, elements };
    });
    return { kind: 'order', direction, axes, width, key, merge };
  });

  private readonly store: Rule<StoreSyntax> = this.RULE('store', (): StoreSyntax => {
    const buffer = this.SUBRULE(this.bareName);
    const { index } = this.SUBRULE(this.subscript);
    const mode = this.OR([
      { ALT: () => this.CONSUME(T.Is).image },
      { ALT: () => this.CONSUME(T.AddTo).image },
      { ALT: () => this.CONSUME(T.AtLeast).image },
    ]);
    const value = this.SUBRULE(this.expression);
    const axes = this.OPTION(() => {
      this.CONSUME(T.K.for);
      return this.SUBRULE(this.names);
    });
    const over = this.OPTION1(() => {
      this.CONSUME(T.K.over);
      return this.SUBRULE1(this.names);
    });
    return {
      kind: 'store',
      buffer,
      index,
      mode: mode === '=' ? 'set' : mode === '>=' ? 'max' : 'add',
      value,
      axes,
      over: over ?? [],
    };
  });
}
