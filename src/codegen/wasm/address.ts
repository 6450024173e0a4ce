/**
 * Index expressions as affine sums, so that addresses can be shared, hoisted out of loops and stepped along them.
 *
 * Invariant: two indices whose sums have equal keys differ by their constants alone wherever both are defined; a sum is
 * `stable` when nothing it reads can change (no variables, no loads).
 */
import { remember } from '../../ir/remember.ts';
import type { Register, TExpr } from '../../ir/thread/thread.ts';
import type { Survey } from './survey.ts';

export interface Term {
  readonly coef: number;
  readonly atom: TExpr;
  readonly key: string;
  /** What the atom reads. */
  readonly registers: readonly Register[];
}
/** Terms, sorted by key. Many indices have the same, and one object for it. */
export class Sum {
  readonly terms: readonly Term[];
  readonly stable: boolean;
  #key: string | undefined;

  constructor(terms: readonly Term[], stable: boolean) {
    this.terms = terms;
    this.stable = stable;
  }

  /** Put together when somebody asks: only those of whole indices are. */
  get key(): string {
    this.#key ??= this.terms.map((t) => `${t.coef}*${t.key}`).join('+');
    return this.#key;
  }
}
const NOTHING = new Sum([], true);

/** An index: a sum and a constant. */
export interface Linear {
  readonly sum: Sum;
  readonly constant: number;
}

/** Affine forms of a kernel's indices. `deep` sees through `let`s; the other form stops at them. */
export class Indices {
  readonly #survey: Survey;
  readonly #ids = new Map<Register, number>();
  /** Of registers: most indices are one of them and a constant. */
  readonly #deep = new Map<Register, Linear>();
  readonly #shallow = new Map<Register, Linear>();

  constructor(survey: Survey) {
    this.#survey = survey;
  }

  of(expr: TExpr, deep: boolean): Linear {
    if (expr.kind === 'get') return this.#register(expr, deep);
    if (expr.kind === 'const') return { sum: NOTHING, constant: expr.value };
    if (expr.kind === 'op') {
      // an index is read at once, where taking a list apart asks an iterator
      const a = expr.args[0];
      const b = expr.args[1];
      if (expr.op === 'add') return add(this.of(a!, deep), this.of(b!, deep), 1);
      if (expr.op === 'sub') return add(this.of(a!, deep), this.of(b!, deep), -1);
      if (expr.op === 'mul' && b!.kind === 'const') return scale(this.of(a!, deep), b!.value);
      if (expr.op === 'mul' && a!.kind === 'const') return scale(this.of(b!, deep), a!.value);
      if (expr.op === 'shl' && b!.kind === 'const' && b!.value >= 0 && b!.value < 31)
        return scale(this.of(a!, deep), 2 ** b!.value);
    }
    return this.#atom(expr);
  }

  #register(expr: Extract<TExpr, { kind: 'get' }>, deep: boolean): Linear {
    const known = deep ? this.#deep : this.#shallow;
    let form = known.get(expr.register);
    if (form === undefined) {
      form = (deep ? this.#seenThrough(expr.register) : undefined) ?? this.#atom(expr);
      known.set(expr.register, form);
    }
    return form;
  }

  /** What a register holds, if it is a sum of registers: anything else is cheaper to read than to compute again. */
  #seenThrough(register: Register): Linear | undefined {
    const value = this.#survey.values.get(register);
    const form = value === undefined ? undefined : this.of(value, true);
    return form?.sum.stable && form.sum.terms.every((t) => t.atom.kind === 'get')
      ? form
      : undefined;
  }

  #atom(expr: TExpr): Linear {
    const registers: Register[] = [];
    const text = this.#text(expr, registers);
    const term = { coef: 1, atom: expr, key: text ?? '?', registers };
    return { sum: new Sum([term], text !== undefined), constant: 0 };
  }

  /** Structural text; undefined when the value may change while the text does not. */
  #text(expr: TExpr, registers: Register[]): string | undefined {
    switch (expr.kind) {
      case 'const':
        return `${expr.value}`;
      case 'get': {
        if (this.#survey.variables.has(expr.register)) return undefined;
        registers.push(expr.register);
        return `r${remember(this.#ids, expr.register, () => this.#ids.size)}`;
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

/** `x + sign * y`: what may change while its text does not is never added up. */
const add = (x: Linear, y: Linear, sign: 1 | -1): Linear => {
  const constant = x.constant + sign * y.constant;
  const a = x.sum.terms;
  const b = y.sum.terms;
  if (b.length === 0) return { sum: x.sum, constant };
  const stable = x.sum.stable && y.sum.stable;
  const terms: Term[] = [];
  let i = 0;
  for (const t of b) {
    while (i < a.length && a[i]!.key < t.key) terms.push(a[i++]!);
    const same = a[i];
    if (same?.key !== t.key) terms.push(sign === 1 ? t : { ...t, coef: -t.coef });
    else if (stable) {
      const coef = same.coef + sign * t.coef;
      if (coef !== 0) terms.push({ ...t, coef });
      i++;
    } else {
      while (i < a.length && a[i]!.key === t.key) terms.push(a[i++]!);
      terms.push({ ...t, coef: sign * t.coef });
    }
  }
  while (i < a.length) terms.push(a[i++]!);
  return { sum: new Sum(terms, stable), constant };
};

const scale = ({ sum, constant }: Linear, by: number): Linear => {
  if (by === 0) return { sum: NOTHING, constant: 0 };
  const terms = sum.terms.map((t) => ({ ...t, coef: t.coef * by }));
  return {
    sum: terms.length === 0 ? NOTHING : new Sum(terms, sum.stable),
    constant: constant * by,
  };
};
