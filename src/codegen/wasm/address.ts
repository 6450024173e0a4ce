/**
 * Index expressions as affine sums, so that addresses can be shared, hoisted out of loops and stepped along them.
 *
 * Invariant: two indices with equal `key` differ by their constants alone wherever both are defined; a form is `stable`
 * when nothing it reads can change (no variables, no loads).
 */
import type { Register, TExpr, TStmt } from '../../ir/thread/thread.ts';

export interface Term {
  readonly coef: number;
  readonly atom: TExpr;
  readonly key: string;
  /** What the atom reads. */
  readonly registers: readonly Register[];
}
export interface Linear {
  readonly terms: readonly Term[];
  readonly constant: number;
  readonly stable: boolean;
  readonly key: string;
}

/** What a kernel's registers are, gathered in one walk. */
export interface RegisterFacts {
  /** Values of int32 scalars written once. */
  readonly values: ReadonlyMap<Register, TExpr>;
  /** Values of float32 written once, lanes or not. */
  readonly floats: ReadonlyMap<Register, TExpr>;
  readonly variables: ReadonlySet<Register>;
}

export const registerFacts = (body: readonly TStmt[]): RegisterFacts => {
  const values = new Map<Register, TExpr>();
  const floats = new Map<Register, TExpr>();
  const variables = new Set<Register>();
  const walk = (list: readonly TStmt[]): void => {
    for (const s of list) {
      if (s.kind === 'let') {
        if (s.register.type.lanes === 1 && s.register.type.elem === 'i32')
          values.set(s.register, s.value);
        if (s.register.type.elem === 'f32') floats.set(s.register, s.value);
      } else if (s.kind === 'var' || s.kind === 'set') variables.add(s.register);
      else if (s.kind === 'for') walk(s.body);
      else if (s.kind === 'if') {
        walk(s.then);
        walk(s.otherwise);
      }
    }
  };
  walk(body);
  return { values, floats, variables };
};

/** Affine forms of a kernel's indices. `deep` sees through `let`s; the other form stops at them. */
export class Indices {
  readonly #facts: RegisterFacts;
  readonly #ids = new Map<Register, number>();
  readonly #deep = new Map<TExpr, Linear>();
  readonly #shallow = new Map<TExpr, Linear>();

  constructor(facts: RegisterFacts) {
    this.#facts = facts;
  }

  of(expr: TExpr, deep: boolean): Linear {
    const cache = deep ? this.#deep : this.#shallow;
    let form = cache.get(expr);
    if (form === undefined) {
      form = this.#analyze(expr, deep);
      cache.set(expr, form);
    }
    return form;
  }

  #analyze(expr: TExpr, deep: boolean): Linear {
    if (expr.kind === 'const') return make([], expr.value, true);
    if (expr.kind === 'op') {
      const [a, b] = expr.args;
      if (expr.op === 'add') return sum(this.of(a!, deep), this.of(b!, deep), 1);
      if (expr.op === 'sub') return sum(this.of(a!, deep), this.of(b!, deep), -1);
      if (expr.op === 'mul' && b!.kind === 'const') return scale(this.of(a!, deep), b!.value);
      if (expr.op === 'mul' && a!.kind === 'const') return scale(this.of(b!, deep), a!.value);
      if (expr.op === 'shl' && b!.kind === 'const' && b!.value >= 0 && b!.value < 31)
        return scale(this.of(a!, deep), 2 ** b!.value);
    }
    if (expr.kind === 'get' && deep) {
      const value = this.#facts.values.get(expr.register);
      const form = value === undefined ? undefined : this.of(value, true);
      // a register that holds something else than a sum of registers is cheaper to read than to compute again
      if (form?.stable && form.terms.every((t) => t.atom.kind === 'get')) return form;
    }
    return this.#atom(expr);
  }

  #atom(expr: TExpr): Linear {
    const registers: Register[] = [];
    const text = this.#text(expr, registers);
    const key = text ?? '?';
    return make([{ coef: 1, atom: expr, key, registers }], 0, text !== undefined);
  }

  /** Structural text; undefined when the value may change while the text does not. */
  #text(expr: TExpr, registers: Register[]): string | undefined {
    switch (expr.kind) {
      case 'const':
        return `${expr.value}`;
      case 'get': {
        if (this.#facts.variables.has(expr.register)) return undefined;
        registers.push(expr.register);
        let id = this.#ids.get(expr.register);
        if (id === undefined) {
          id = this.#ids.size;
          this.#ids.set(expr.register, id);
        }
        return `r${id}`;
      }
      case 'op': {
        const parts = expr.args.map((a) => this.#text(a, registers));
        return parts.includes(undefined) ? undefined : `${expr.op}(${parts.join(',')})`;
      }
      case 'cast': {
        const arg = this.#text(expr.arg, registers);
        return arg === undefined ? undefined : `${expr.to}(${arg})`;
      }
      case 'fma':
      case 'load':
      case 'splat':
      case 'vec4':
      case 'lane':
      case 'shuffle':
      case 'bits':
        return undefined;
      default:
        return expr satisfies never;
    }
  }
}

/** A form whose key is put together when somebody asks: only those of whole indices are. */
class Form implements Linear {
  readonly terms: readonly Term[];
  readonly constant: number;
  readonly stable: boolean;
  #key: string | undefined;

  constructor(terms: readonly Term[], constant: number, stable: boolean) {
    this.terms = terms;
    this.constant = constant;
    this.stable = stable;
  }

  get key(): string {
    this.#key ??= this.terms.map((t) => `${t.coef}*${t.key}`).join('+');
    return this.#key;
  }
}

const make = (terms: readonly Term[], constant: number, stable: boolean): Linear =>
  new Form(terms, constant, stable);

/** `a + sign * b`: terms stay sorted by key; what may change while its text does not is never added up. */
const sum = (a: Linear, b: Linear, sign: 1 | -1): Linear => {
  const stable = a.stable && b.stable;
  const constant = a.constant + sign * b.constant;
  if (b.terms.length === 0) return make(a.terms, constant, stable);
  const terms: Term[] = [];
  let i = 0;
  for (const t of b.terms) {
    while (i < a.terms.length && a.terms[i]!.key < t.key) terms.push(a.terms[i++]!);
    const same = a.terms[i];
    if (same?.key !== t.key) terms.push(sign === 1 ? t : { ...t, coef: -t.coef });
    else if (stable) {
      const coef = same.coef + sign * t.coef;
      if (coef !== 0) terms.push({ ...t, coef });
      i++;
    } else {
      while (i < a.terms.length && a.terms[i]!.key === t.key) terms.push(a.terms[i++]!);
      terms.push({ ...t, coef: sign * t.coef });
    }
  }
  while (i < a.terms.length) terms.push(a.terms[i++]!);
  return make(terms, constant, stable);
};

const scale = (a: Linear, by: number): Linear =>
  by === 0
    ? make([], 0, true)
    : make(
        a.terms.map((t) => ({ ...t, coef: t.coef * by })),
        a.constant * by,
        a.stable,
      );

/** A load or a store. */
export type Access = Extract<TExpr, { kind: 'load' }> | Extract<TStmt, { kind: 'store' }>;

/** Loads and stores that run whenever this list of statements does, nested loops included, branches left out. */
export class Accesses {
  readonly #lists = new Map<readonly TStmt[], readonly Access[]>();

  of(body: readonly TStmt[]): readonly Access[] {
    let list = this.#lists.get(body);
    if (list === undefined) {
      const found: Access[] = [];
      for (let i = 0; i < body.length; i++) this.#statement(body[i]!, found);
      list = found;
      this.#lists.set(body, list);
    }
    return list;
  }

  #append(list: readonly Access[], found: Access[]): void {
    for (let i = 0; i < list.length; i++) found.push(list[i]!);
  }

  #statement(s: TStmt, found: Access[]): void {
    switch (s.kind) {
      case 'let':
      case 'var':
      case 'set':
        gather(s.value, found);
        return;
      case 'store':
        gather(s.value, found);
        gather(s.index, found);
        found.push(s);
        return;
      case 'for':
        gather(s.from, found);
        gather(s.to, found);
        this.#append(this.of(s.body), found);
        return;
      case 'if':
        gather(s.condition, found);
        return;
      case 'exchange':
      case 'barrier':
      case 'mma':
      case 'fragments':
      case 'copy':
      case 'commit':
      case 'wait':
      case 'gates':
      case 'roles':
      case 'expect':
      case 'arrive':
      case 'await':
      case 'fetch':
      case 'products':
      case 'settle':
        return;
      default:
        s satisfies never;
    }
  }
}

const gather = (e: TExpr, found: Access[]): void => {
  switch (e.kind) {
    case 'const':
    case 'get':
      return;
    case 'op':
    case 'vec4':
    case 'bits':
      for (let i = 0; i < e.args.length; i++) gather(e.args[i]!, found);
      return;
    case 'cast':
    case 'splat':
    case 'lane':
      gather(e.arg, found);
      return;
    case 'fma':
      gather(e.a, found);
      gather(e.b, found);
      gather(e.c, found);
      return;
    case 'shuffle':
      gather(e.a, found);
      gather(e.b, found);
      return;
    case 'load':
      gather(e.index, found);
      found.push(e);
      return;
    default:
      e satisfies never;
  }
};
