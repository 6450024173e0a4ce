/**
 * Reads thread kernels from `.tg` text.
 *
 * Invariant: names are resolved by block scope, types of expressions follow from their operands; a kernel that parses
 * is well typed (verifyThread checks the other rules).
 */
import { parseWith } from '../text/grammar.ts';
import { readDType } from '../text/read-type.ts';
import type { Source } from '../text/source.ts';
import type { TensorMap } from './bulk.ts';
import type { RoleSyntax } from './bulk-grammar.ts';
import { type BulkReader, readBoxes, readBulk } from './bulk-parse.ts';
import { type StmtSyntax, ThreadRules, type ThreadSyntax } from './grammar.ts';
import { ExprReader, INDEX } from './parse-expr.ts';
import { readTensor } from './tensor-parse.ts';
import { registerOf, type ThreadBuffer, type ThreadKernel, type TStmt } from './thread.ts';

class ThreadGrammar extends ThreadRules {
  constructor() {
    super();
    this.performSelfAnalysis();
  }
}

let grammar: ThreadGrammar | undefined;

/**
 * The thread kernel that `text` describes; see docs/ir.md for the format.
 *
 * @throws {ParseError} with line, column and the offending line
 *
 * @see {@link parseText}
 */
export const parseThread = (text: string, file = 'text'): ThreadKernel => {
  grammar ??= new ThreadGrammar();
  const source = { text, file };
  return readThread(
    source,
    parseWith(grammar, source, (g) => g.thread()),
  );
};

/** The kernel a syntax record means. */
export const readThread = (source: Source, syntax: ThreadSyntax): ThreadKernel =>
  new Reader(source).kernel(syntax);

class Reader {
  readonly #source: Source;
  readonly #read: ExprReader;
  readonly #maps = new Map<string, TensorMap>();
  readonly #bulk: BulkReader = {
    maps: this.#maps,
    buffer: (name) => this.#read.buffer(name),
    register: (name) => this.#read.register(name),
    index: (s) => this.#read.expr(s, INDEX),
    words: (s) => this.#read.expr(s, { elem: 'u32', lanes: 4 }),
    place: (s) => this.#read.place(s),
    role: (s) => this.#role(s),
    error: (place, brief, help) => this.#read.error(place, brief, help),
  };

  constructor(source: Source) {
    this.#source = source;
    this.#read = new ExprReader(source);
  }

  kernel(syntax: ThreadSyntax): ThreadKernel {
    for (const { kind, name, dtype, elements } of syntax.buffers) {
      if (this.#read.buffers.has(name.text))
        throw this.#read.error(name.token, `buffer ${name.text} is listed twice`);
      this.#read.buffers.set(name.text, {
        name: name.text,
        dtype: readDType(this.#source, dtype),
        space: kind === 'shared' ? 'shared' : 'global',
        access: kind === 'shared' ? 'readwrite' : (kind as ThreadBuffer['access']),
        elements,
      });
    }
    for (const boxes of syntax.boxes) this.#maps.set(boxes.name.text, readBoxes(boxes, this.#bulk));
    const inside = this.#read.scoped(() => ({
      workgroup: this.#read.define(syntax.workgroup, INDEX),
      local: syntax.local ? this.#read.define(syntax.local, INDEX) : { name: 'local', type: INDEX },
      body: this.#block(syntax.body),
    }));
    return {
      name: syntax.name.text,
      buffers: [...this.#read.buffers.values()],
      grid: syntax.grid,
      threads: syntax.threads,
      ...inside,
      cost: { flops: syntax.flops, bytes: syntax.bytes },
      notes: syntax.notes,
    };
  }

  #block(statements: readonly StmtSyntax[]): TStmt[] {
    return this.#read.scoped(() => statements.map((s) => this.#statement(s)));
  }

  #role(s: RoleSyntax): ReturnType<BulkReader['role']> {
    return this.#read.scoped(() => ({
      group: this.#read.define(s.group, INDEX),
      place: this.#read.define(s.place, INDEX),
      body: this.#block(s.body),
    }));
  }

  #statement(s: StmtSyntax): TStmt {
    switch (s.kind) {
      case 'let':
      case 'var': {
        const type = s.type && this.#read.registerType(s.type);
        const value = this.#read.expr(s.value, type);
        return { kind: s.kind, register: this.#read.define(s.name, value.type), value };
      }
      case 'set': {
        const register = this.#read.register(s.name);
        return { kind: 'set', register, value: this.#read.expr(s.value, register.type) };
      }
      case 'store': {
        const buffer = this.#read.buffer(s.name);
        const type = {
          elem: registerOf(buffer.dtype),
          lanes: this.#read.lanes(s.name.token, s.lanes),
        };
        const index = this.#read.expr(s.index, INDEX);
        return { kind: 'store', buffer, index, value: this.#read.expr(s.value, type) };
      }
      case 'for': {
        const from = this.#read.expr(s.from, INDEX);
        const to = this.#read.expr(s.to, INDEX);
        return this.#read.scoped(() => {
          const counter = this.#read.define(s.name, INDEX);
          return { kind: 'for', counter, from, to, step: s.step, body: this.#block(s.body) };
        });
      }
      case 'if': {
        const condition = this.#read.expr(s.condition, { elem: 'bool', lanes: 1 });
        return {
          kind: 'if',
          condition,
          then: this.#block(s.then),
          otherwise: this.#block(s.otherwise),
        };
      }
      case 'exchange': {
        const type = s.type && this.#read.registerType(s.type);
        const value = this.#read.expr(s.value, type);
        const register = this.#read.define(s.name, value.type);
        return { kind: 'exchange', register, value, mask: s.mask };
      }
      case 'mma':
      case 'fragments':
      case 'copy':
        return readTensor(s, this.#read.tensor);
      case 'gates':
      case 'expect':
      case 'arrive':
      case 'await':
      case 'fetch':
      case 'products':
      case 'settle':
      case 'roles':
        return readBulk(s, this.#bulk);
      case 'barrier':
      case 'commit':
      case 'wait':
        return s;
      default:
        return s satisfies never;
    }
  }
}
