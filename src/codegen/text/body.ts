/**
 * The body of a kernel as text: what all languages of this shape share: statements in order, names, indentation, ranges
 * of integers, and parts of long expressions.
 *
 * Invariant: statements keep their order, and there is no early return, so what is uniform in Thread IR is uniform in the
 * text.
 */
import type { Register, RegType, TExpr, ThreadKernel, TStmt } from '../../ir/thread/thread.ts';
import { type Range, rangeOf } from '../ranges.ts';
import { atom, type Code } from './code.ts';
import { folded } from './constants.ts';
import type { Identifiers } from './names.ts';
import type { Operands } from './spelling.ts';

/** Expressions deeper or longer than this get names for their parts. */
const MOST_DEPTH = 10;
const MOST_TEXT = 100;

/** Statements that every language says in its own way. */
export type OwnStatement = Exclude<TStmt, { readonly kind: 'let' | 'var' | 'set' | 'for' | 'if' }>;

/** What languages say differently. */
export interface Language {
  /** A name and its value; `changes` when it is set again. The type is missing where any will do. */
  declare(name: string, value: Code, changes: boolean, type: RegType | undefined): string;
  statement(s: OwnStatement): void;
  expression(e: TExpr): Code;
}

export class Body {
  readonly names: Identifiers;
  readonly #language: Language;
  readonly #ranges = new Map<Register, Range>();
  /** Registers that are set again. */
  readonly #changing = new Set<Register>();
  #lines: string[] = [];
  #indent = 1;

  constructor(kernel: ThreadKernel, names: Identifiers, language: Language) {
    this.names = names;
    this.#language = language;
    this.#ranges.set(kernel.workgroup, [0, Math.max(0, kernel.grid - 1)]);
    this.#ranges.set(kernel.local, [0, kernel.threads - 1]);
  }

  /** What was written. */
  get text(): string {
    return this.#lines.join('\n');
  }

  line(text: string): void {
    this.#lines.push('  '.repeat(this.#indent) + text);
  }

  /** Statements one step further in. */
  nested(body: readonly TStmt[]): void {
    this.inside(() => this.block(body));
  }

  /** What is written one step further in. */
  inside(write: () => void): void {
    this.#indent++;
    write();
    this.#indent--;
  }

  /** A register that no statement here gives its value has one from 0 to `most`. */
  given(register: Register, most: number): string {
    this.#ranges.set(register, [0, most]);
    return this.name(register);
  }

  block(body: readonly TStmt[]): void {
    for (const s of body) this.#statement(s);
  }

  name(register: Register): string {
    return this.names.of(register, register.name);
  }

  // --- statements

  #statement(s: TStmt): void {
    switch (s.kind) {
      case 'let': {
        const value = this.#whole(s.value);
        const range = this.range(s.value);
        if (range !== undefined) this.#ranges.set(s.register, range);
        this.#declare(this.name(s.register), value, false, s.register.type);
        return;
      }
      case 'var': {
        const value = this.#whole(s.value);
        this.#declare(this.name(s.register), value, true, s.register.type);
        this.#changing.add(s.register);
        return;
      }
      case 'set': {
        const value = this.#whole(s.value);
        this.line(`${this.name(s.register)} = ${value.text};`);
        return;
      }
      case 'for':
        this.#loop(s);
        return;
      case 'if': {
        const condition = this.value(s.condition);
        this.line(`if (${condition.text}) {`);
        this.nested(s.then);
        if (s.otherwise.length > 0) {
          this.line('} else {');
          this.nested(s.otherwise);
        }
        this.line('}');
        return;
      }
      default:
        this.#language.statement(s);
    }
  }

  #declare(name: string, value: Code, changes: boolean, type: RegType | undefined): void {
    this.line(`${this.#language.declare(name, value, changes, type)};`);
  }

  #loop(s: Extract<TStmt, { kind: 'for' }>): void {
    const from = this.value(s.from);
    const limit = this.value(s.to);
    const fixed =
      s.to.kind === 'const' || (s.to.kind === 'get' && !this.#changing.has(s.to.register));
    const to = fixed ? limit : this.#bind(limit, `${s.counter.name}_end`, s.to.type);
    const low = this.range(s.from);
    const high = this.range(s.to);
    if (low !== undefined && high !== undefined)
      this.#ranges.set(s.counter, [low[0], Math.max(low[0], high[1] - 1)]);
    const counter = this.name(s.counter);
    const first = this.#language.declare(counter, from, true, s.counter.type);
    const step = s.step === 1 ? `${counter}++` : `${counter} += ${s.step}`;
    this.line(`for (${first}; ${counter} < ${to.text}; ${step}) {`);
    this.nested(s.body);
    this.line('}');
  }

  // --- values

  /** A name for a value. A variable keeps its own, which holds until the end of the statement. */
  hold(code: Code, wanted: string, type?: RegType): Code {
    return /^\w+$/.test(code.text) ? code : this.#bind(code, wanted, type);
  }

  #bind(code: Code, wanted: string, type: RegType | undefined): Code {
    const name = this.names.fresh(wanted);
    this.#declare(name, code, false, type);
    return atom(name);
  }

  range(e: TExpr): Range | undefined {
    return e.type.elem === 'i32' ? rangeOf(e, (r) => this.#ranges.get(r)) : undefined;
  }

  /** A value that is given a name anyway. */
  #whole(e: TExpr): Code {
    return this.#language.expression(folded(e));
  }

  /** A value, its deep and long parts bound to names. */
  value(e: TExpr): Code {
    const code = this.#whole(e);
    return code.depth > MOST_DEPTH || code.text.length > MOST_TEXT
      ? this.hold(code, 'part', e.type)
      : code;
  }

  /** What a spelling of `e` is given; the language knows its library. */
  operands(
    exprs: readonly TExpr[],
    whole: TExpr,
    library: (base: string, type: RegType) => string,
  ): Operands {
    const args = exprs.map((a) => this.value(a));
    const { type } = exprs.at(-1)!;
    return {
      type,
      args,
      exprs,
      nonNegative: (e) => (this.range(e)?.[0] ?? -1) >= 0,
      exact: this.range(whole) !== undefined,
      library: (base, elem = type.elem, lanes = type.lanes) => library(base, { elem, lanes }),
      held: (i) => this.hold(args[i]!, 'part', exprs[i]!.type),
    };
  }
}
