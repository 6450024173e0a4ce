/**
 * The grammar of thread kernels, and the syntax records it builds.
 *
 * Invariant: what it accepts may still be wrong; parse.ts gives names and types their meaning.
 */
import type { Rule } from '../text/grammar.ts';
import * as T from '../text/lexer.ts';
import { type ExprSyntax, type Name, nameOf, unquote } from '../text/syntax.ts';
import { type BoxesSyntax, BulkRules, type BulkSyntax } from './bulk-grammar.ts';

export interface BufferSyntax {
  readonly kind: string;
  readonly name: Name;
  readonly dtype: Name;
  readonly elements: number;
}
/** `name: type = value` */
interface AssignmentSyntax {
  readonly name: Name;
  readonly type: Name | undefined;
  readonly value: ExprSyntax;
}
export type StmtSyntax =
  | ({ readonly kind: 'let' | 'var' | 'set' } & AssignmentSyntax)
  | {
      readonly kind: 'store';
      readonly name: Name;
      readonly index: ExprSyntax;
      readonly lanes: number;
      readonly value: ExprSyntax;
    }
  | {
      readonly kind: 'for';
      readonly name: Name;
      readonly from: ExprSyntax;
      readonly to: ExprSyntax;
      readonly step: number;
      readonly body: readonly StmtSyntax[];
    }
  | {
      readonly kind: 'if';
      readonly condition: ExprSyntax;
      readonly then: readonly StmtSyntax[];
      readonly otherwise: readonly StmtSyntax[];
    }
  | ({ readonly kind: 'exchange'; readonly mask: number } & AssignmentSyntax)
  | { readonly kind: 'barrier' | 'commit' }
  | { readonly kind: 'mma'; readonly name: Name; readonly value: ExprSyntax }
  | ({ readonly kind: 'fragments'; readonly transposed: boolean } & AssignmentSyntax)
  | {
      readonly kind: 'copy';
      readonly to: ExprSyntax;
      readonly from: ExprSyntax;
      readonly when: ExprSyntax | undefined;
    }
  | { readonly kind: 'wait'; readonly pending: number }
  | BulkSyntax;

export interface ThreadSyntax {
  readonly name: Name;
  readonly buffers: readonly BufferSyntax[];
  readonly grid: number;
  readonly workgroup: Name;
  readonly threads: number;
  /** Only where the text names it: then the body may use it. */
  readonly local: Name | undefined;
  readonly flops: number;
  readonly bytes: number;
  readonly notes: readonly string[];
  readonly boxes: readonly BoxesSyntax[];
  readonly body: readonly StmtSyntax[];
}

/** The rules of thread kernels; the grammar of programs adds to them. */
export class ThreadRules extends BulkRules {
  readonly thread: Rule<ThreadSyntax> = this.RULE('thread', () => {
    const buffers: BufferSyntax[] = [];
    const notes: string[] = [];
    const boxes: BoxesSyntax[] = [];
    this.CONSUME(T.K.thread);
    const name = this.SUBRULE(this.bareName);
    this.CONSUME(T.OpenParen);
    this.MANY(() => {
      buffers.push(this.SUBRULE(this.threadBuffer));
      this.OPTION(() => this.CONSUME(T.Comma));
    });
    this.CONSUME(T.CloseParen);
    this.CONSUME(T.K.grid);
    const grid = this.SUBRULE(this.number);
    const workgroup = this.OPTION1(() => {
      this.CONSUME(T.K.as);
      return this.SUBRULE1(this.bareName);
    });
    const threads = this.OPTION2(() => this.SUBRULE(this.threadCount));
    const open = this.CONSUME(T.OpenBrace);
    const cost = this.OPTION3(() => {
      this.CONSUME(T.K.cost);
      const flops = this.SUBRULE1(this.number);
      this.CONSUME1(T.Comma);
      return { flops, bytes: this.SUBRULE2(this.number) };
    });
    this.MANY1(() => {
      this.CONSUME(T.K.note);
      notes.push(unquote(this.CONSUME(T.Text).image));
    });
    this.MANY2(() => boxes.push(this.SUBRULE(this.boxes)));
    const body = this.SUBRULE(this.statements);
    this.CONSUME(T.CloseBrace);
    return {
      name,
      buffers,
      grid,
      workgroup: workgroup ?? { text: 'workgroup', token: open },
      threads: threads?.count ?? 1,
      local: threads?.local,
      flops: cost?.flops ?? 0,
      bytes: cost?.bytes ?? 0,
      notes,
      boxes,
      body,
    };
  });

  private readonly threadCount: Rule<{ readonly count: number; readonly local: Name }> = this.RULE(
    'threadCount',
    () => {
      this.CONSUME(T.Comma);
      const word = this.CONSUME(T.K.threads);
      const count = this.SUBRULE(this.number);
      const local = this.OPTION(() => {
        this.CONSUME(T.K.as);
        return this.SUBRULE(this.bareName);
      });
      return { count, local: local ?? { text: 'local', token: word } };
    },
  );

  private readonly threadBuffer: Rule<BufferSyntax> = this.RULE('threadBuffer', () => {
    const kind = this.OR({
      DEF: [
        { ALT: () => this.CONSUME(T.K.read).image },
        { ALT: () => this.CONSUME(T.K.write).image },
        { ALT: () => this.CONSUME(T.K.readwrite).image },
        { ALT: () => this.CONSUME(T.K.shared).image },
      ],
      ERR_MSG: "'read', 'write', 'readwrite' or 'shared'",
    });
    const name = this.SUBRULE(this.bareName);
    this.CONSUME(T.Colon);
    const dtype = nameOf(this.CONSUME(T.Identifier));
    this.CONSUME(T.OpenBracket);
    const elements = this.SUBRULE(this.number);
    this.CONSUME(T.CloseBracket);
    return { kind, name, dtype, elements };
  });

  private readonly statements: Rule<StmtSyntax[]> = this.RULE('statements', () => {
    const list: StmtSyntax[] = [];
    this.MANY(() => list.push(this.SUBRULE(this.statement)));
    return list;
  });

  protected readonly block: Rule<StmtSyntax[]> = this.RULE('block', () => {
    this.CONSUME(T.OpenBrace);
    const list = this.SUBRULE(this.statements);
    this.CONSUME(T.CloseBrace);
    return list;
  });

  private readonly statement: Rule<StmtSyntax> = this.RULE('statement', () =>
    this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.definition) },
        { ALT: () => this.SUBRULE(this.loop) },
        { ALT: () => this.SUBRULE(this.branch) },
        {
          ALT: (): StmtSyntax => {
            this.CONSUME(T.K.barrier);
            return { kind: 'barrier' };
          },
        },
        { ALT: () => this.SUBRULE(this.exchange) },
        { ALT: () => this.SUBRULE(this.matrixProduct) },
        { ALT: () => this.SUBRULE(this.fragments) },
        { ALT: () => this.SUBRULE(this.copy) },
        {
          ALT: (): StmtSyntax => {
            this.CONSUME(T.K.commit);
            return { kind: 'commit' };
          },
        },
        {
          ALT: (): StmtSyntax => {
            this.CONSUME(T.K.wait);
            return { kind: 'wait', pending: this.SUBRULE(this.number) };
          },
        },
        { ALT: () => this.SUBRULE(this.bulk) },
        { ALT: () => this.SUBRULE(this.store) },
      ],
      ERR_MSG: 'a statement',
    }),
  );

  private readonly definition: Rule<StmtSyntax> = this.RULE('definition', (): StmtSyntax => {
    const kind = this.OR([
      { ALT: () => this.CONSUME(T.K.let).image },
      { ALT: () => this.CONSUME(T.K.var).image },
      { ALT: () => this.CONSUME(T.K.set).image },
    ]) as 'let' | 'var' | 'set';
    return { kind, ...this.SUBRULE(this.assignment) };
  });

  private readonly assignment: Rule<AssignmentSyntax> = this.RULE('assignment', () => {
    const name = this.SUBRULE(this.bareName);
    const type = this.OPTION(() => {
      this.CONSUME(T.Colon);
      return nameOf(this.CONSUME(T.Identifier));
    });
    this.CONSUME(T.Is);
    return { name, type, value: this.SUBRULE(this.expression) };
  });

  private readonly exchange: Rule<StmtSyntax> = this.RULE('exchange', (): StmtSyntax => {
    this.CONSUME(T.K.exchange);
    const assignment = this.SUBRULE(this.assignment);
    this.CONSUME(T.K.across);
    return { kind: 'exchange', ...assignment, mask: this.SUBRULE(this.number) };
  });

  private readonly matrixProduct: Rule<StmtSyntax> = this.RULE('matrixProduct', (): StmtSyntax => {
    this.CONSUME(T.K.mma);
    const name = this.SUBRULE(this.bareName);
    this.CONSUME(T.AddTo);
    return { kind: 'mma', name, value: this.SUBRULE(this.expression) };
  });

  private readonly fragments: Rule<StmtSyntax> = this.RULE('fragments', (): StmtSyntax => {
    this.CONSUME(T.K.fragments);
    const assignment = this.SUBRULE(this.assignment);
    const transposed = this.OPTION(() => this.CONSUME(T.K.transposed)) !== undefined;
    return { kind: 'fragments', ...assignment, transposed };
  });

  private readonly copy: Rule<StmtSyntax> = this.RULE('copy', (): StmtSyntax => {
    this.CONSUME(T.K.copy);
    const to = this.SUBRULE(this.expression);
    this.CONSUME(T.Is);
    const from = this.SUBRULE1(this.expression);
    const when = this.OPTION(() => {
      this.CONSUME(T.K.when);
      return this.SUBRULE2(this.expression);
    });
    return { kind: 'copy', to, from, when };
  });

  private readonly loop: Rule<StmtSyntax> = this.RULE('loop', (): StmtSyntax => {
    this.CONSUME(T.K.for);
    const name = this.SUBRULE(this.bareName);
    this.CONSUME(T.K.in);
    const from = this.SUBRULE(this.sum);
    this.CONSUME(T.To);
    const to = this.SUBRULE1(this.sum);
    const step = this.OPTION(() => {
      this.CONSUME(T.K.step);
      return this.SUBRULE(this.number);
    });
    return { kind: 'for', name, from, to, step: step ?? 1, body: this.SUBRULE(this.block) };
  });

  private readonly branch: Rule<StmtSyntax> = this.RULE('branch', (): StmtSyntax => {
    this.CONSUME(T.K.if);
    const condition = this.SUBRULE(this.expression);
    const then = this.SUBRULE(this.block);
    const otherwise = this.OPTION(() => {
      this.CONSUME(T.K.else);
      return this.SUBRULE1(this.block);
    });
    return { kind: 'if', condition, then, otherwise: otherwise ?? [] };
  });

  private readonly store: Rule<StmtSyntax> = this.RULE('store', (): StmtSyntax => {
    const name = this.SUBRULE(this.bareName);
    this.CONSUME(T.OpenBracket);
    const index = this.SUBRULE(this.expression);
    const lanes = this.OPTION(() => {
      this.CONSUME(T.Colon);
      return this.SUBRULE(this.number);
    });
    this.CONSUME(T.CloseBracket);
    this.CONSUME(T.Is);
    return { kind: 'store', name, index, lanes: lanes ?? 1, value: this.SUBRULE1(this.expression) };
  });
}
