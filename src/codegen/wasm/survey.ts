/**
 * What a kernel's registers hold, and which elements it reads and writes: gathered in one walk, before it is rendered.
 *
 * Invariant: accesses stand in the order in which they are rendered, those of loops among those around them; branches are
 * lists of their own.
 */
import type { Register, TExpr, TStmt } from '../../ir/thread/thread.ts';
import { isWords } from './draws.ts';

/** A load or a store. */
export type Access = Extract<TExpr, { kind: 'load' }> | Extract<TStmt, { kind: 'store' }>;
type Body = readonly TStmt[];

export class Survey {
  /** Values of int32 scalars written once. */
  readonly values: Map<Register, TExpr> = new Map();
  /** Values of float32 written once, lanes or not. */
  readonly floats: Map<Register, TExpr> = new Map();
  readonly variables: Set<Register> = new Set();
  /** Whether there are vectors of random words. */
  draws = false;
  /** The kernel's statements, and those of all branches. */
  readonly lists: Body[] = [];
  /** What runs whenever a list of statements does: accesses, and bodies of loops. */
  readonly accesses: Map<Body, readonly (Access | Body)[]> = new Map();

  constructor(body: Body) {
    this.#list(body);
  }

  #list(body: Body): void {
    this.lists.push(body);
    this.#body(body);
  }

  #body(body: Body): void {
    const found: (Access | Body)[] = [];
    this.accesses.set(body, found);
    for (let i = 0; i < body.length; i++) {
      const s = body[i]!;
      switch (s.kind) {
        case 'let': {
          this.#gather(s.value, found);
          const { elem, lanes } = s.register.type;
          if (elem === 'f32') this.floats.set(s.register, s.value);
          else if (elem === 'i32' && lanes === 1) this.values.set(s.register, s.value);
          break;
        }
        case 'var':
        case 'set':
          this.#gather(s.value, found);
          this.variables.add(s.register);
          break;
        case 'store':
          this.#gather(s.value, found);
          this.#gather(s.index, found);
          found.push(s);
          break;
        case 'for':
          this.#gather(s.from, found);
          this.#gather(s.to, found);
          found.push(s.body);
          this.#body(s.body);
          break;
        case 'if':
          this.#gather(s.condition, found);
          this.#list(s.then);
          this.#list(s.otherwise);
          break;
        default:
        // the others address nothing here: a workgroup is one thread, without matrix units
      }
    }
  }

  #gather(e: TExpr, found: (Access | Body)[]): void {
    switch (e.kind) {
      case 'get':
      case 'const':
        return;
      case 'op':
        if (isWords(e)) this.draws = true;
        for (let i = 0; i < e.args.length; i++) this.#gather(e.args[i]!, found);
        return;
      case 'load':
        this.#gather(e.index, found);
        found.push(e);
        return;
      case 'fma':
        this.#gather(e.a, found);
        this.#gather(e.b, found);
        this.#gather(e.c, found);
        return;
      case 'cast':
      case 'splat':
      case 'lane':
        this.#gather(e.arg, found);
        return;
      case 'shuffle':
        this.#gather(e.a, found);
        this.#gather(e.b, found);
        return;
      case 'vec4':
      case 'bits':
        for (const a of e.args) this.#gather(a, found);
        return;
      default:
        e satisfies never;
    }
  }
}
