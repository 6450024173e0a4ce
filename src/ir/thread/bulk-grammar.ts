/**
 * The grammar of what warpgroups do at their own pace.
 *
 * Invariant: as in grammar.ts: what it accepts may still be wrong.
 */
import { Grammar, type Rule } from '../text/grammar.ts';
import * as T from '../text/lexer.ts';
import type { ExprSyntax, Name } from '../text/syntax.ts';
import type { StmtSyntax } from './grammar.ts';

/** `boxes name = array(buffer[offset], axis(extent, stride, box), ...)` */
export interface BoxesSyntax {
  readonly name: Name;
  readonly value: ExprSyntax;
}
export interface RoleSyntax {
  readonly groups: number;
  readonly threads: number;
  readonly group: Name;
  readonly place: Name;
  readonly registers: { readonly change: 'fewer' | 'more'; readonly count: number } | undefined;
  readonly body: readonly StmtSyntax[];
}
export type BulkSyntax =
  | { readonly kind: 'gates' | 'arrive'; readonly gate: ExprSyntax }
  | { readonly kind: 'expect'; readonly gate: ExprSyntax; readonly bytes: number }
  | { readonly kind: 'await'; readonly gate: ExprSyntax; readonly phase: ExprSyntax }
  | {
      readonly kind: 'fetch';
      readonly to: ExprSyntax;
      readonly from: ExprSyntax;
      readonly gate: ExprSyntax;
    }
  | {
      readonly kind: 'products';
      readonly names: readonly Name[];
      readonly adds: boolean;
      readonly value: ExprSyntax;
    }
  | { readonly kind: 'settle'; readonly pending: number; readonly names: readonly Name[] }
  | { readonly kind: 'roles'; readonly roles: readonly RoleSyntax[] };

/** The rules of statements of bulk.ts. */
export abstract class BulkRules extends Grammar {
  protected abstract readonly block: Rule<StmtSyntax[]>;

  protected readonly boxes: Rule<BoxesSyntax> = this.RULE('boxes', () => {
    this.CONSUME(T.K.boxes);
    const name = this.SUBRULE(this.bareName);
    this.CONSUME(T.Is);
    return { name, value: this.SUBRULE(this.expression) };
  });

  protected readonly bulk: Rule<BulkSyntax> = this.RULE('bulk', () =>
    this.OR([
      { ALT: () => this.SUBRULE(this.gates) },
      { ALT: () => this.SUBRULE(this.passing) },
      { ALT: () => this.SUBRULE(this.fetch) },
      { ALT: () => this.SUBRULE(this.products) },
      { ALT: () => this.SUBRULE(this.settle) },
      { ALT: () => this.SUBRULE(this.roles) },
    ]),
  );

  private readonly gates: Rule<BulkSyntax> = this.RULE('gates', (): BulkSyntax => {
    const kind = this.OR([
      { ALT: () => this.CONSUME(T.K.gates).image },
      { ALT: () => this.CONSUME(T.K.arrive).image },
    ]) as 'gates' | 'arrive';
    return { kind, gate: this.SUBRULE(this.expression) };
  });

  private readonly passing: Rule<BulkSyntax> = this.RULE('passing', () =>
    this.OR([
      {
        ALT: (): BulkSyntax => {
          this.CONSUME(T.K.expect);
          const gate = this.SUBRULE(this.expression);
          this.CONSUME(T.Comma);
          return { kind: 'expect', gate, bytes: this.SUBRULE(this.number) };
        },
      },
      {
        ALT: (): BulkSyntax => {
          this.CONSUME(T.K.await);
          const gate = this.SUBRULE1(this.expression);
          this.CONSUME1(T.Comma);
          return { kind: 'await', gate, phase: this.SUBRULE2(this.expression) };
        },
      },
    ]),
  );

  private readonly fetch: Rule<BulkSyntax> = this.RULE('fetch', (): BulkSyntax => {
    this.CONSUME(T.K.fetch);
    const to = this.SUBRULE(this.expression);
    this.CONSUME(T.Is);
    const from = this.SUBRULE1(this.expression);
    this.CONSUME(T.K.signals);
    return { kind: 'fetch', to, from, gate: this.SUBRULE2(this.expression) };
  });

  private readonly products: Rule<BulkSyntax> = this.RULE('products', (): BulkSyntax => {
    this.CONSUME(T.K.products);
    const names = [this.SUBRULE(this.bareName)];
    this.MANY(() => {
      this.CONSUME(T.Comma);
      names.push(this.SUBRULE1(this.bareName));
    });
    const assigned = this.OR([
      { ALT: () => this.CONSUME(T.AddTo).image },
      { ALT: () => this.CONSUME(T.Is).image },
    ]);
    const adds = assigned === '+=';
    return { kind: 'products', names, adds, value: this.SUBRULE(this.expression) };
  });

  private readonly settle: Rule<BulkSyntax> = this.RULE('settle', (): BulkSyntax => {
    const names: Name[] = [];
    this.CONSUME(T.K.settle);
    const pending = this.SUBRULE(this.number);
    this.MANY(() => {
      this.CONSUME(T.Comma);
      names.push(this.SUBRULE(this.bareName));
    });
    return { kind: 'settle', pending, names };
  });

  private readonly roles: Rule<BulkSyntax> = this.RULE('roles', (): BulkSyntax => {
    const roles: RoleSyntax[] = [];
    this.CONSUME(T.K.roles);
    this.CONSUME(T.OpenBrace);
    this.MANY(() => roles.push(this.SUBRULE(this.warpgroups)));
    this.CONSUME(T.CloseBrace);
    return { kind: 'roles', roles };
  });

  private readonly warpgroups: Rule<RoleSyntax> = this.RULE('warpgroups', () => {
    this.CONSUME(T.K.role);
    const groups = this.SUBRULE(this.number);
    this.CONSUME(T.Comma);
    const threads = this.SUBRULE1(this.number);
    this.CONSUME(T.K.as);
    const group = this.SUBRULE(this.bareName);
    this.CONSUME1(T.Comma);
    const place = this.SUBRULE1(this.bareName);
    const registers = this.OPTION(() => {
      const change = this.OR([
        { ALT: () => this.CONSUME(T.K.fewer).image },
        { ALT: () => this.CONSUME(T.K.more).image },
      ]) as 'fewer' | 'more';
      return { change, count: this.SUBRULE2(this.number) };
    });
    return { groups, threads, group, place, registers, body: this.SUBRULE(this.block) };
  });
}
