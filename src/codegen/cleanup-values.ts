/**
 * Value numbering for the Thread IR clean-up: equal computations become one `Value`, folded and in a canonical form.
 *
 * Invariants: a `Value` is what an expression is worth at one time (a var or a written buffer has a new version after
 * each write); its arguments have smaller ids; `home` is the outermost block in which it can be computed; int32 sums
 * are linear forms ordered from outer to inner blocks, so that their outer parts leave the loops.
 */
import { castTo, type ScalarOp, scalarOps } from '../ir/scalar.ts';
import type { Register, RegType, TExpr, ThreadBuffer, TStmt } from '../ir/thread/thread.ts';

/** A statement list being rewritten. */
export interface Block {
  readonly id: number;
  readonly depth: number;
  readonly parent: Block | undefined;
  readonly kind: 'top' | 'loop' | 'branch';
  /** For loops: the body is entered at least once whenever the loop is reached. */
  readonly sure: boolean;
  /** Contains no loop (known once its statements are numbered). */
  innermost: boolean;
  readonly out: TStmt[];
}

type Shape =
  | { readonly kind: 'const'; readonly value: number }
  | { readonly kind: 'get'; readonly register: Register }
  | { readonly kind: 'op'; readonly op: ScalarOp }
  | { readonly kind: 'cast'; readonly to: (TExpr & { kind: 'cast' })['to'] }
  | { readonly kind: 'load'; readonly buffer: ThreadBuffer }
  | { readonly kind: 'lane'; readonly lane: 0 | 1 | 2 | 3 }
  | { readonly kind: 'shuffle'; readonly lanes: readonly [number, number, number, number] }
  | { readonly kind: 'fma' | 'splat' | 'vec4' };

interface Term {
  readonly value: Value;
  readonly coef: number;
}
interface Linear {
  readonly terms: readonly Term[];
  readonly constant: number;
}

export interface Value {
  readonly id: number;
  readonly shape: Shape;
  readonly type: RegType;
  readonly args: readonly Value[];
  readonly home: Block;
  /** Depends on memory or on a var: must be computed no later than where the source does. */
  readonly pinned: boolean;
  /** Bounds of an i32 scalar. */
  readonly lo: number;
  readonly hi: number;
  readonly linear: Linear | undefined;
  uses: number;
  /** Innermost block around all uses. */
  spot: Block | undefined;
  /** Set where the source has a `let` that may not move down. */
  forced: boolean;
  /** The register of the source's `let`, whose name is kept. */
  hint: Register | undefined;
  /** Where it was put, once it has been computed into a register. */
  register: Register | undefined;
}

const MIN = -2147483648;
const MAX = 2147483647;
const I32: RegType = { elem: 'i32', lanes: 1 };

export const deeper = (a: Block, b: Block): Block => (b.depth > a.depth ? b : a);

const isIndex = (type: RegType): boolean => type.elem === 'i32' && type.lanes === 1;
const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));

/** Interns values for one kernel. */
export class Values {
  readonly all: Value[] = [];
  private readonly byKey = new Map<string, Value>();
  private readonly buffers = new Map<ThreadBuffer, number>();
  private readonly top: Block;

  constructor(top: Block) {
    this.top = top;
  }

  constant(value: number, type: RegType): Value {
    return this.intern(
      `c${type.elem}${type.lanes}:${Object.is(value, -0) ? '-0' : value}`,
      { kind: 'const', value },
      type,
      [],
      this.top,
    );
  }

  /** The value a register has in `version`, which began in block `since`. */
  read(
    register: Register,
    key: string,
    since: Block,
    pinned: boolean,
    lo: number = MIN,
    hi: number = MAX,
  ): Value {
    return this.intern(key, { kind: 'get', register }, register.type, [], since, pinned, lo, hi);
  }

  /**
   * `since`: the block in which the buffer got what it holds; `certain`: the outermost block that cannot run without
   * this load. A load that an outer block does anyway serves here too.
   */
  load(
    buffer: ThreadBuffer,
    type: RegType,
    index: Value,
    version: number,
    since: Block,
    certain: Block,
  ): Value {
    let number = this.buffers.get(buffer);
    if (number === undefined) {
      number = this.buffers.size;
      this.buffers.set(buffer, number);
    }
    const key = `l${number}/${type.lanes}v${version}[${index.id}]@`;
    const least = deeper(index.home, since);
    const home = deeper(least, certain);
    for (let b: Block | undefined = home; b !== undefined && b.depth >= least.depth; b = b.parent) {
      const seen = this.byKey.get(`${key}${b.id}`);
      if (seen !== undefined) return seen;
    }
    return this.intern(`${key}${home.id}`, { kind: 'load', buffer }, type, [index], home, true);
  }

  op(op: ScalarOp, type: RegType, args: readonly Value[]): Value {
    return this.folded(op, type, args) ?? this.raw(op, type, args);
  }

  cast(to: (TExpr & { kind: 'cast' })['to'], type: RegType, arg: Value): Value {
    if (arg.shape.kind === 'const') return this.constant(castTo(to, arg.shape.value), type);
    return this.plain(`cast${to}`, { kind: 'cast', to }, type, [arg]);
  }

  fma(type: RegType, a: Value, b: Value, c: Value): Value {
    return this.plain('fma', { kind: 'fma' }, type, [a, b, c]);
  }

  splat(type: RegType, arg: Value): Value {
    if (arg.shape.kind === 'const') return this.constant(arg.shape.value, type);
    return this.plain('splat', { kind: 'splat' }, type, [arg]);
  }

  vec4(type: RegType, args: readonly [Value, Value, Value, Value]): Value {
    if (args.every((a) => a === args[0])) return this.splat(type, args[0]);
    return this.plain('vec4', { kind: 'vec4' }, type, args);
  }

  lane(type: RegType, arg: Value, lane: 0 | 1 | 2 | 3): Value {
    if (arg.shape.kind === 'const') return this.constant(arg.shape.value, type);
    if (arg.shape.kind === 'splat') return arg.args[0]!;
    if (arg.shape.kind === 'vec4') return arg.args[lane]!;
    return this.plain(`lane${lane}`, { kind: 'lane', lane }, type, [arg]);
  }

  shuffle(
    type: RegType,
    a: Value,
    b: Value,
    lanes: readonly [number, number, number, number],
  ): Value {
    if (lanes.every((l, i) => l === i)) return a;
    if (lanes.every((l, i) => l === i + 4)) return b;
    return this.plain(`shuffle${lanes.join('.')}`, { kind: 'shuffle', lanes }, type, [a, b]);
  }

  private plain(name: string, shape: Shape, type: RegType, args: readonly Value[]): Value {
    const home = args.reduce((h, a) => deeper(h, a.home), this.top);
    const key = `${name}:${type.elem}${type.lanes}(${args.map((a) => a.id).join(',')})`;
    return this.intern(
      key,
      shape,
      type,
      args,
      home,
      args.some((a) => a.pinned),
    );
  }

  private intern(
    key: string,
    shape: Shape,
    type: RegType,
    args: readonly Value[],
    home: Block,
    pinned = false,
    lo = MIN,
    hi = MAX,
    linear?: Linear,
  ): Value {
    const seen = this.byKey.get(key);
    if (seen !== undefined) return seen;
    const isConst = shape.kind === 'const' && isIndex(type);
    const value: Value = {
      id: this.all.length,
      shape,
      type,
      args,
      home,
      pinned,
      lo: isConst ? shape.value : lo,
      hi: isConst ? shape.value : hi,
      linear,
      uses: 0,
      spot: undefined,
      forced: false,
      hint: undefined,
      register: undefined,
    };
    this.all.push(value);
    this.byKey.set(key, value);
    return value;
  }

  /** An operation as it stands, with the bounds of its result. */
  private raw(op: ScalarOp, type: RegType, args: readonly Value[], linear?: Linear): Value {
    const home = args.reduce((h, a) => deeper(h, a.home), this.top);
    const key = `${op}:${type.elem}${type.lanes}(${args.map((a) => a.id).join(',')})`;
    const [lo, hi] = isIndex(type) ? bounds(op, args) : [MIN, MAX];
    const pinned = args.some((a) => a.pinned);
    return this.intern(key, { kind: 'op', op }, type, args, home, pinned, lo, hi, linear);
  }

  private folded(op: ScalarOp, type: RegType, args: readonly Value[]): Value | undefined {
    const [a, b, c] = args as readonly [Value, Value, Value];
    const constants = args.map((v) => (v.shape.kind === 'const' ? v.shape.value : undefined));
    if (constants.every((v) => v !== undefined)) {
      const result = scalarOps[op].value(...constants);
      if (type.elem === 'f32') return this.constant(Math.fround(result), type);
      return this.constant(type.elem === 'u32' ? result >>> 0 : result | 0, type);
    }
    if (op === 'select') {
      if (constants[0] !== undefined) return constants[0] ? b : c;
      return b === c ? b : undefined;
    }
    if (type.elem === 'bool') return this.decided(op, type, args, constants);
    return isIndex(type) ? this.index(op, a, b, constants[1]) : undefined;
  }

  /** Comparisons and conjunctions that the bounds of their operands settle. */
  private decided(
    op: ScalarOp,
    type: RegType,
    [a, b]: readonly Value[],
    constants: readonly (number | undefined)[],
  ): Value | undefined {
    if (a === undefined || b === undefined) return undefined;
    if (op === 'and' || op === 'or') {
      const [x, y] = constants;
      if (x !== undefined) return (op === 'and') === (x !== 0) ? b : a;
      if (y !== undefined) return (op === 'and') === (y !== 0) ? a : b;
      return a === b ? a : undefined;
    }
    if (!isIndex(a.type)) return undefined;
    const answer = compare(op, a, b);
    return answer === undefined ? undefined : this.constant(answer ? 1 : 0, type);
  }

  private index(op: ScalarOp, a: Value, b: Value, by: number | undefined): Value | undefined {
    switch (op) {
      case 'add':
        if (by !== undefined) return this.plus(a, by);
        return this.sum(linearOf(a), linearOf(b), 1);
      case 'sub':
        if (by !== undefined) return this.plus(a, -by | 0);
        return this.sum(linearOf(a), linearOf(b), -1);
      case 'neg':
        return this.sum(ZERO, linearOf(a), -1);
      case 'mul':
        if (by !== undefined) return this.sum(ZERO, linearOf(a), by);
        if (a.shape.kind === 'const') return this.sum(ZERO, linearOf(b), a.shape.value);
        return undefined;
      case 'shl':
        return by !== undefined && by >= 0 && by < 31
          ? this.sum(ZERO, linearOf(a), 2 ** by)
          : undefined;
      case 'floordiv':
        if (by === undefined || by < 1) return undefined;
        if (Math.floor(a.lo / by) === Math.floor(a.hi / by))
          return this.constant(Math.floor(a.lo / by), I32);
        return Number.isInteger(Math.log2(by))
          ? this.raw('shr', I32, [a, this.constant(Math.log2(by), I32)])
          : undefined;
      case 'mod':
        if (by === undefined || by < 1) return undefined;
        if (a.lo >= 0 && a.hi < by) return a;
        return Number.isInteger(Math.log2(by))
          ? this.raw('and', I32, [a, this.constant(by - 1, I32)])
          : undefined;
      case 'min':
        return a.hi <= b.lo ? a : b.hi <= a.lo ? b : undefined;
      case 'max':
        return a.lo >= b.hi ? a : b.lo >= a.hi ? b : undefined;
      default:
        return undefined;
    }
  }

  private plus(a: Value, constant: number): Value {
    const { terms, constant: before } = linearOf(a);
    // the constant part of a sum is its outermost operation
    const base = a.linear !== undefined && before !== 0 ? a.args[0]! : a;
    const total = (before + constant) | 0;
    if (terms.length === 0) return this.constant(total, I32);
    return total === 0
      ? base
      : this.raw('add', I32, [base, this.constant(total, I32)], { terms, constant: total });
  }

  private sum(a: Linear, b: Linear, scale: number): Value {
    const terms = mergeTerms(a.terms, b.terms, scale);
    return this.ordered(terms, (a.constant + Math.imul(b.constant, scale)) | 0);
  }

  /** Outer terms first, the constant last: loads and stores take constants for free. */
  private ordered(terms: readonly Term[], constant: number): Value {
    let sum: Value | undefined;
    let at = 0;
    while (at < terms.length) {
      const { depth } = terms[at]!.value.home;
      let end = at + 1;
      while (end < terms.length && terms[end]!.value.home.depth === depth) end++;
      sum = this.extended(sum, terms, at, end);
      at = end;
    }
    if (sum === undefined) return this.constant(constant, I32);
    return constant === 0
      ? sum
      : this.raw('add', I32, [sum, this.constant(constant, I32)], { terms, constant });
  }

  /** `outer + terms[at..end)`, where those terms live in one block. */
  private extended(
    outer: Value | undefined,
    terms: readonly Term[],
    at: number,
    end: number,
  ): Value {
    const group = terms.slice(at, end);
    const factor = group.reduce((g, t) => gcd(t.coef, g), 0);
    if (group.length > 1 && factor > 1) {
      const inner = this.added(
        undefined,
        group.map((t) => ({ value: t.value, coef: t.coef / factor })),
        [],
      );
      const product = this.raw('mul', I32, [inner, this.constant(factor, I32)], {
        terms: group,
        constant: 0,
      });
      return outer === undefined
        ? product
        : this.raw('add', I32, [outer, product], { terms: terms.slice(0, end), constant: 0 });
    }
    return this.added(outer, group, terms.slice(0, at));
  }

  private added(outer: Value | undefined, group: readonly Term[], before: readonly Term[]): Value {
    let sum = outer;
    const done = [...before];
    for (const term of group) {
      done.push(term);
      if (sum === undefined) sum = this.scaled(term);
      else {
        const negative = term.coef < 0 && term.coef > MIN;
        const part = this.scaled(negative ? { value: term.value, coef: -term.coef } : term);
        const linear = { terms: done.slice(), constant: 0 };
        sum = this.raw(negative ? 'sub' : 'add', I32, [sum, part], linear);
      }
    }
    return sum!;
  }

  private scaled(term: Term): Value {
    return term.coef === 1
      ? term.value
      : this.raw('mul', I32, [term.value, this.constant(term.coef, I32)], {
          terms: [term],
          constant: 0,
        });
  }
}

const ZERO: Linear = { terms: [], constant: 0 };

/** `a + scale * b`, both ordered by block and then by age. */
const mergeTerms = (a: readonly Term[], b: readonly Term[], scale: number): Term[] => {
  const terms: Term[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const [x, y] = [a[i], b[j]];
    if (x !== undefined && (y === undefined || precedes(x.value, y.value))) {
      terms.push(x);
      i++;
      continue;
    }
    let coef = Math.imul(y!.coef, scale);
    j++;
    if (x !== undefined && x.value === y!.value) {
      coef = (coef + x.coef) | 0;
      i++;
    }
    if (coef !== 0) terms.push({ value: y!.value, coef });
  }
  return terms;
};
const precedes = (a: Value, b: Value): boolean =>
  a.home.depth !== b.home.depth ? a.home.depth < b.home.depth : a.id < b.id;

const linearOf = (v: Value): Linear =>
  v.linear ??
  (v.shape.kind === 'const'
    ? { terms: [], constant: v.shape.value }
    : { terms: [{ value: v, coef: 1 }], constant: 0 });

const compare = (op: ScalarOp, a: Value, b: Value): boolean | undefined => {
  switch (op) {
    case 'lt':
      return a.hi < b.lo ? true : a.lo >= b.hi ? false : undefined;
    case 'le':
      return a.hi <= b.lo ? true : a.lo > b.hi ? false : undefined;
    case 'gt':
      return compare('lt', b, a);
    case 'ge':
      return compare('le', b, a);
    case 'eq':
      return a === b ? true : a.hi < b.lo || b.hi < a.lo ? false : undefined;
    case 'ne':
      return a === b ? false : a.hi < b.lo || b.hi < a.lo ? true : undefined;
    default:
      return undefined;
  }
};

const within = (lo: number, hi: number): readonly [number, number] =>
  lo >= MIN && hi <= MAX ? [lo, hi] : [MIN, MAX];

/** Bounds of an int32 operation; those of one that may wrap say nothing. */
const bounds = (op: ScalarOp, args: readonly Value[]): readonly [number, number] => {
  const [a, b, c] = args as readonly [Value, Value, Value];
  switch (op) {
    case 'add':
      return within(a.lo + b.lo, a.hi + b.hi);
    case 'sub':
      return within(a.lo - b.hi, a.hi - b.lo);
    case 'mul': {
      const corners = [a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi];
      return within(Math.min(...corners), Math.max(...corners));
    }
    case 'min':
      return [Math.min(a.lo, b.lo), Math.min(a.hi, b.hi)];
    case 'max':
      return [Math.max(a.lo, b.lo), Math.max(a.hi, b.hi)];
    case 'select':
      return [Math.min(b.lo, c.lo), Math.max(b.hi, c.hi)];
    case 'floordiv':
      return b.lo === b.hi && b.lo > 0
        ? [Math.floor(a.lo / b.lo), Math.floor(a.hi / b.lo)]
        : [MIN, MAX];
    case 'shr':
      return b.lo === b.hi && b.lo >= 0 && b.lo < 32 ? [a.lo >> b.lo, a.hi >> b.lo] : [MIN, MAX];
    case 'mod':
      return b.lo === b.hi && b.lo > 0 ? [0, b.lo - 1] : [MIN, MAX];
    case 'and':
      return b.lo >= 0 ? [0, b.hi] : a.lo >= 0 ? [0, a.hi] : [MIN, MAX];
    default:
      return [MIN, MAX];
  }
};
