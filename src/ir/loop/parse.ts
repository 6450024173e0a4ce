/**
 * Reads loop kernels from `.tg` text.
 *
 * Invariant: everything is built by the constructors of expr.ts and dim.ts, so a parsed kernel is in normal form; an
 * axis that nests of one kernel declare alike is one axis.
 */
import {
  type Axis,
  type Bound,
  type Idx,
  idxAdd,
  idxAxis,
  idxConst,
  idxDiv,
  idxMod,
  idxOpaque,
  idxScale,
  newAxis,
} from '../dim.ts';
import { type DType, dtypeFromShort } from '../dtype.ts';
import { castTo } from '../rounding.ts';
import { isScalarOp, type ScalarOp, scalarOps } from '../scalar.ts';
import { parseWith } from '../text/grammar.ts';
import { infixOps } from '../text/infix.ts';
import { readType } from '../text/read-type.ts';
import { didYouMean, errorAt, type Place, type Source } from '../text/source.ts';
import type { BoundSyntax, ExprSyntax, Name, NumberSyntax } from '../text/syntax.ts';
import {
  accumulator,
  cast,
  constant,
  guard,
  indexValue,
  load,
  newBuffer,
  reduce,
  rowNorm,
  runningValue,
  scalar,
  scoreValues,
} from './expr.ts';
import {
  type AttendSyntax,
  type AxisSyntax,
  type ContractSyntax,
  LoopGrammar,
  type NestSyntax,
  type OrderSyntax,
  type PrefixSyntax,
  type StoreSyntax,
} from './grammar.ts';
import type {
  Attention,
  Contraction,
  Expr,
  LoopBuffer,
  LoopKernel,
  Nest,
  Ordering,
  Prefix,
  PrefixOp,
  ReduceOp,
  Running,
  Store,
} from './loop.ts';

let grammar: LoopGrammar | undefined;

/**
 * The loop kernel that `text` describes; see docs/ir.md for the format.
 *
 * @throws ParseError with line, column and the offending line
 *
 * @see {@link parseText}
 */
export const parseLoop = (text: string, file = 'text'): LoopKernel => {
  grammar ??= new LoopGrammar();
  const source = { text, file };
  const syntax = parseWith(grammar, source, (g) => g.kernel());
  const buffers = new Map<string, LoopBuffer>();
  for (const { name, type, of } of syntax.buffers) {
    if (buffers.has(name.text))
      throw errorAt(source, name.token, `buffer ${name.text} is listed twice`);
    const buffer = newBuffer(name.text, readType(source, type), type.strides);
    const base = of && buffers.get(of.text);
    if (of !== undefined && base === undefined)
      throw errorAt(source, of.token, `${of.text} is no buffer listed before`);
    buffers.set(name.text, base === undefined ? buffer : { ...buffer, id: base.id });
  }
  const own = syntax.buffers.filter((b) => b.of === undefined);
  const axes = new Map<string, Axis>();
  return {
    name: syntax.name.text,
    buffers: own.map((b) => buffers.get(b.name.text)!),
    nests: syntax.nests.map((nest) => new NestReader(source, buffers, axes).nest(nest)),
    origin: syntax.origin,
  };
};

const FOLDS: ReadonlySet<string> = new Set<Attention['fold']>(['sum', 'softmax']);

const PREFIX_OPS: ReadonlySet<string> = new Set<PrefixOp>([
  'add',
  'mul',
  'max',
  'min',
  'logadd',
  'affine',
]);

const REDUCE_OPS: ReadonlySet<string> = new Set<ReduceOp>([
  'add',
  'mul',
  'max',
  'min',
  'argmax',
  'argmin',
]);

class NestReader {
  readonly #source: Source;
  readonly #buffers: ReadonlyMap<string, LoopBuffer>;
  readonly #known: Map<string, Axis>;
  readonly #axes = new Map<string, Axis>();
  readonly #lets = new Map<string, Expr>([['acc', accumulator]]);

  constructor(source: Source, buffers: ReadonlyMap<string, LoopBuffer>, known: Map<string, Axis>) {
    this.#source = source;
    this.#buffers = buffers;
    this.#known = known;
  }

  nest(syntax: NestSyntax): Nest {
    const axes = syntax.axes.map((a) => this.#declare(a, 'par'));
    for (const axis of syntax.over) this.#declare(axis, 'red');
    if (syntax.body.some((s) => s.kind === 'attend'))
      for (const given of [rowNorm, ...scoreValues]) this.#lets.set(given.name, given);
    const stores: Store[] = [];
    let contract: Contraction | undefined;
    let attend: Attention | undefined;
    let running: Running | undefined;
    for (const statement of syntax.body) {
      switch (statement.kind) {
        case 'let':
          this.#name(statement.name);
          this.#lets.set(statement.name.text, this.#expr(statement.value));
          break;
        case 'contract':
          contract = this.#contract(statement);
          break;
        case 'attend':
          attend = this.#attend(statement);
          break;
        case 'prefix':
        case 'order':
          running = statement.kind === 'prefix' ? this.#prefix(statement) : this.#order(statement);
          this.#lets.set('acc', runningValue(running));
          break;
        case 'store':
          stores.push(this.#store(statement, axes));
          break;
        default:
          statement satisfies never;
      }
    }
    return {
      axes,
      stores,
      contract,
      ...(attend === undefined ? {} : { attend }),
      ...(running === undefined ? {} : { running }),
    };
  }

  #error(place: Place, brief: string, help?: string): Error {
    return errorAt(this.#source, place, brief, help);
  }

  /** Axes and lets share one name space. */
  #name({ text, token }: Name): void {
    if (this.#lets.has(text) || this.#axes.has(text))
      throw this.#error(token, `${text} is already defined in this nest`, 'choose another name');
  }

  #declare({ name, extent }: AxisSyntax, kind: Axis['kind']): Axis {
    this.#name(name);
    if (!Number.isInteger(extent) || extent < 0)
      throw this.#error(name.token, `an extent is an integer >= 0, not ${extent}`);
    const key = `${kind} ${extent} ${name.text}`;
    const axis = this.#known.get(key) ?? newAxis(name.text, extent, kind);
    this.#known.set(key, axis);
    this.#axes.set(name.text, axis);
    return axis;
  }

  #axis(name: Name): Axis {
    const axis = this.#axes.get(name.text);
    if (axis === undefined)
      throw this.#error(
        name.token,
        `${name.text} is no axis of this nest`,
        didYouMean(name.text, this.#axes.keys()) ??
          `declare it: nest ... over ${name.text} < extent {`,
      );
    return axis;
  }

  #buffer(name: Name): LoopBuffer {
    const buffer = this.#buffers.get(name.text);
    if (buffer === undefined)
      throw this.#error(
        name.token,
        `${name.text} is no buffer of the kernel`,
        didYouMean(name.text, this.#buffers.keys()),
      );
    return buffer;
  }

  #list(names: readonly Name[]): Axis[] {
    return names.map((name) => this.#axis(name));
  }

  #contract(syntax: ContractSyntax): Contraction {
    return {
      ...this.#frame(syntax),
      a: this.#expr(syntax.a),
      b: this.#expr(syntax.b),
      index: syntax.index.map((i) => this.#idx(i)),
    };
  }

  #frame({
    batch,
    m,
    n,
    k,
  }: ContractSyntax | AttendSyntax): Pick<Contraction, 'batch' | 'm' | 'n' | 'k'> {
    const [inBatch, rows, columns, summed] = [batch, m, n, k].map((names) => this.#list(names));
    return { batch: inBatch!, m: rows!, n: columns!, k: summed! };
  }

  #attend(syntax: AttendSyntax): Attention {
    const { text, token } = syntax.fold;
    if (!FOLDS.has(text))
      throw this.#error(
        token,
        `an attention does not fold by ${text}`,
        `it folds as ${[...FOLDS].join(' or ')}`,
      );
    return {
      ...this.#frame(syntax),
      fold: text as Attention['fold'],
      scores: syntax.scores.map(({ depth, a, b }) => ({
        depth: this.#list(depth),
        a: this.#expr(a),
        b: this.#expr(b),
      })),
      weight: this.#expr(syntax.weight),
      value: this.#expr(syntax.value),
      index: syntax.index.map((i) => this.#idx(i)),
    };
  }

  /** One of two words. */
  #direction({ text, token }: Name, first: string, second: string): boolean {
    if (text !== first && text !== second)
      throw this.#error(token, `${text} is no direction`, `write ${first} or ${second}`);
    return text === second;
  }

  #along(names: readonly Name[], place: Place): Axis {
    const [axis, another] = this.#list(names);
    if (axis === undefined || another !== undefined)
      throw this.#error(place, 'this runs along one axis');
    return axis;
  }

  #prefix({ op, direction, axes, values }: PrefixSyntax): Prefix {
    const { text, token } = op;
    if (!PREFIX_OPS.has(text))
      throw this.#error(
        token,
        `${text} is no running fold`,
        `running folds are ${[...PREFIX_OPS].join(', ')}`,
      );
    if (values.length !== (text === 'affine' ? 2 : 1))
      throw this.#error(token, `${text} does not take ${values.length} values`);
    return {
      kind: 'prefix',
      op: text as PrefixOp,
      axis: this.#along(axes, token),
      backward: this.#direction(direction, 'forward', 'backward'),
      values: values.map((v) => this.#expr(v)),
    };
  }

  #order({ direction, axes, width, key, merge }: OrderSyntax): Ordering {
    return {
      kind: 'order',
      axis: this.#along(axes, direction.token),
      descending: this.#direction(direction, 'ascending', 'descending'),
      width,
      key: this.#expr(key),
      merge: merge && { width: merge.width, elements: this.#expr(merge.elements) },
    };
  }

  #store(syntax: StoreSyntax, nestAxes: readonly Axis[]): Store {
    const buffer = this.#buffer(syntax.buffer);
    const value = this.#expr(syntax.value);
    if (value.dtype !== buffer.dtype)
      throw this.#error(
        syntax.value.token,
        `${buffer.name} holds ${buffer.dtype}, this is ${value.dtype}`,
        'convert it: f32(...), i32(...)',
      );
    return {
      buffer,
      index: this.#index(syntax.buffer, buffer, syntax.index),
      value,
      axes: syntax.axes?.map((name) => this.#axis(name)) ?? nestAxes,
      mode: syntax.mode,
      over: syntax.over.map((name) => this.#axis(name)),
    };
  }

  #index(name: Name, buffer: LoopBuffer, index: readonly ExprSyntax[]): Idx[] {
    if (index.length !== buffer.shape.length)
      throw this.#error(
        name.token,
        `${buffer.name} has ${buffer.shape.length} axes, not ${index.length}`,
      );
    return index.map((i) => this.#idx(i));
  }

  #expr(s: ExprSyntax): Expr {
    switch (s.kind) {
      case 'number':
        return constant(s.value, dtypeOfForm[s.form]);
      case 'name': {
        const named = this.#lets.get(s.name.text);
        if (named !== undefined) return named;
        const help = this.#axes.has(s.name.text)
          ? `write index(${s.name.text}) for the value of an axis`
          : didYouMean(s.name.text, this.#lets.keys());
        throw this.#error(s.token, `${s.name.text} is not defined`, help);
      }
      case 'element': {
        const buffer = this.#buffer(s.name);
        if (s.lanes !== 1) throw this.#error(s.token, 'lanes are for thread kernels');
        return load(buffer, this.#index(s.name, buffer, s.index));
      }
      case 'infix': {
        const op = infixOps.get(s.op);
        if (op === undefined)
          throw this.#error(
            s.token,
            `${s.op} is for indices`,
            'use floordiv(a, b) or mod(a, b) for values',
          );
        return this.#op(s.token, op, [this.#expr(s.left), this.#expr(s.right)]);
      }
      case 'call':
        return this.#call(s.name, s.args);
      case 'guard':
        return guard(
          s.bounds.map((b) => this.#bound(b)),
          this.#expr(s.then),
          this.#expr(s.otherwise),
        );
      case 'reduce': {
        if (!REDUCE_OPS.has(s.op.text))
          throw this.#error(
            s.op.token,
            `${s.op.text} does not reduce`,
            `reductions are ${[...REDUCE_OPS].join(', ')}`,
          );
        const axes = s.axes.map((name) => this.#axis(name));
        return reduce(s.op.text as ReduceOp, axes, this.#expr(s.body));
      }
      default:
        return s satisfies never;
    }
  }

  #op(place: Place, op: ScalarOp, args: readonly Expr[]): Expr {
    const row = scalarOps[op];
    if (args.length !== row.arity || row.dtype(...args.map((a) => a.dtype)) === undefined)
      throw this.#error(
        place,
        `${op} does not take (${args.map((a) => a.dtype).join(', ')})`,
        `it takes ${row.arity} operand${row.arity === 1 ? '' : 's'}`,
      );
    return scalar(op, ...args);
  }

  #call({ text, token }: Name, args: readonly ExprSyntax[]): Expr {
    const [only] = args;
    const to = dtypeFromShort(text);
    if ((text === 'index' || to !== undefined) && (only === undefined || args.length > 1))
      throw this.#error(token, `${text} takes one operand`);
    if (text === 'index') return indexValue(this.#idx(only!));
    if (to !== undefined)
      return only!.kind === 'number'
        ? constant(castTo(to, only!.value), to)
        : cast(this.#expr(only!), to);
    if (isScalarOp(text))
      return this.#op(
        token,
        text,
        args.map((a) => this.#expr(a)),
      );
    throw this.#error(
      token,
      `there is no operation ${text}`,
      didYouMean(text, [...Object.keys(scalarOps), 'index']),
    );
  }

  #bound({ lo, index, hi }: BoundSyntax): Bound {
    return { idx: this.#idx(index), lo, hi };
  }

  #idx(s: ExprSyntax): Idx {
    switch (s.kind) {
      case 'number':
        return idxConst(this.#integer(s));
      case 'name':
        return idxAxis(this.#axis(s.name));
      case 'infix':
        return this.#indexSum(s);
      case 'call': {
        const [ref, lo, hi] = s.args;
        if (s.name.text === 'value' && ref && lo && hi)
          return idxOpaque(this.#expr(ref), this.#integer(lo), this.#integer(hi));
        break;
      }
      case 'element':
        throw this.#error(
          s.token,
          'a loaded index needs its range',
          `write value(${s.name.text}[...], least, greatest)`,
        );
      case 'guard':
      case 'reduce':
        break;
      default:
        s satisfies never;
    }
    throw this.#error(s.token, 'this is no index', 'indices are sums of axes times integers');
  }

  #indexSum(s: ExprSyntax & { kind: 'infix' }): Idx {
    switch (s.op) {
      case '+':
        return idxAdd(this.#idx(s.left), this.#idx(s.right));
      case '-':
        return idxAdd(this.#idx(s.left), idxScale(this.#idx(s.right), -1));
      case '*':
        return s.left.kind === 'number'
          ? idxScale(this.#idx(s.right), this.#integer(s.left))
          : idxScale(this.#idx(s.left), this.#integer(s.right));
      case 'div':
        return idxDiv(this.#idx(s.left), this.#positive(s.right));
      case 'mod':
        return idxMod(this.#idx(s.left), this.#positive(s.right));
      default:
        throw this.#error(s.token, `${s.op} is not for indices`, 'use div for floor division');
    }
  }

  #integer(s: ExprSyntax): number {
    if (s.kind !== 'number' || !Number.isInteger(s.value))
      throw this.#error(s.token, 'an integer is needed here');
    return s.value;
  }

  #positive(s: ExprSyntax): number {
    const value = this.#integer(s);
    if (value <= 0) throw this.#error(s.token, 'an integer > 0 is needed here');
    return value;
  }
}

const dtypeOfForm: Readonly<Record<NumberSyntax['form'], DType>> = {
  int: 'int32',
  uint: 'uint32',
  float: 'float32',
  bool: 'bool',
};
