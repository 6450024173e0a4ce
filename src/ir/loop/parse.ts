/**
 * Reads loop kernels from `.tg` text.
 *
 * Invariant: everything is built by the constructors of expr.ts and dim.ts, so a parsed kernel is in normal form; an
 * axis that nests of one kernel declare alike is one axis.
 */
import { type Axis, newAxis } from '../dim.ts';
import { parseWith } from '../text/grammar.ts';
import { readType } from '../text/read-type.ts';
import { errorAt, type Place, type Source } from '../text/source.ts';
import type { Name } from '../text/syntax.ts';
import { newBuffer, rowNorm, runningValue, scoreValues } from './expr.ts';
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
  LoopBuffer,
  LoopKernel,
  Nest,
  Ordering,
  Prefix,
  PrefixOp,
  Running,
  Store,
} from './loop.ts';
import { ExprReader } from './parse-expr.ts';

let grammar: LoopGrammar | undefined;

/**
 * The loop kernel that `text` describes; see docs/ir.md for the format.
 *
 * @throws {ParseError} with line, column and the offending line
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

class NestReader {
  readonly #read: ExprReader;
  readonly #known: Map<string, Axis>;

  constructor(source: Source, buffers: ReadonlyMap<string, LoopBuffer>, known: Map<string, Axis>) {
    this.#read = new ExprReader(source, buffers);
    this.#known = known;
  }

  nest(syntax: NestSyntax): Nest {
    const axes = syntax.axes.map((a) => this.#declare(a, 'par'));
    for (const axis of syntax.over) this.#declare(axis, 'red');
    if (syntax.body.some((s) => s.kind === 'attend'))
      for (const given of [rowNorm, ...scoreValues]) this.#read.lets.set(given.name, given);
    const stores: Store[] = [];
    let contract: Contraction | undefined;
    let attend: Attention | undefined;
    let running: Running | undefined;
    for (const statement of syntax.body) {
      switch (statement.kind) {
        case 'let':
          this.#name(statement.name);
          this.#read.lets.set(statement.name.text, this.#read.expr(statement.value));
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
          this.#read.lets.set('acc', runningValue(running));
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

  /** Axes and lets share one name space. */
  #name({ text, token }: Name): void {
    if (this.#read.lets.has(text) || this.#read.axes.has(text))
      throw this.#read.error(
        token,
        `${text} is already defined in this nest`,
        'choose another name',
      );
  }

  #declare({ name, extent }: AxisSyntax, kind: Axis['kind']): Axis {
    this.#name(name);
    if (!Number.isInteger(extent) || extent < 0)
      throw this.#read.error(name.token, `an extent is an integer >= 0, not ${extent}`);
    const key = `${kind} ${extent} ${name.text}`;
    const axis = this.#known.get(key) ?? newAxis(name.text, extent, kind);
    this.#known.set(key, axis);
    this.#read.axes.set(name.text, axis);
    return axis;
  }

  #contract(syntax: ContractSyntax): Contraction {
    return {
      ...this.#frame(syntax),
      a: this.#read.expr(syntax.a),
      b: this.#read.expr(syntax.b),
      index: syntax.index.map((i) => this.#read.idx(i)),
    };
  }

  #frame({
    batch,
    m,
    n,
    k,
  }: ContractSyntax | AttendSyntax): Pick<Contraction, 'batch' | 'm' | 'n' | 'k'> {
    const [inBatch, rows, columns, summed] = [batch, m, n, k].map((names) =>
      this.#read.list(names),
    );
    return { batch: inBatch!, m: rows!, n: columns!, k: summed! };
  }

  #attend(syntax: AttendSyntax): Attention {
    const { text, token } = syntax.fold;
    if (!FOLDS.has(text))
      throw this.#read.error(
        token,
        `an attention does not fold by ${text}`,
        `it folds as ${[...FOLDS].join(' or ')}`,
      );
    return {
      ...this.#frame(syntax),
      fold: text as Attention['fold'],
      scores: syntax.scores.map(({ depth, a, b }) => ({
        depth: this.#read.list(depth),
        a: this.#read.expr(a),
        b: this.#read.expr(b),
      })),
      weight: this.#read.expr(syntax.weight),
      value: this.#read.expr(syntax.value),
      ...(syntax.kept === undefined ? {} : { kept: this.#read.expr(syntax.kept) }),
      index: syntax.index.map((i) => this.#read.idx(i)),
    };
  }

  /** One of two words. */
  #direction({ text, token }: Name, first: string, second: string): boolean {
    if (text !== first && text !== second)
      throw this.#read.error(token, `${text} is no direction`, `write ${first} or ${second}`);
    return text === second;
  }

  #along(names: readonly Name[], place: Place): Axis {
    const [axis, another] = this.#read.list(names);
    if (axis === undefined || another !== undefined)
      throw this.#read.error(place, 'this runs along one axis');
    return axis;
  }

  #prefix({ op, direction, axes, values }: PrefixSyntax): Prefix {
    const { text, token } = op;
    if (!PREFIX_OPS.has(text))
      throw this.#read.error(
        token,
        `${text} is no running fold`,
        `running folds are ${[...PREFIX_OPS].join(', ')}`,
      );
    if (values.length !== (text === 'affine' ? 2 : 1))
      throw this.#read.error(token, `${text} does not take ${values.length} values`);
    return {
      kind: 'prefix',
      op: text as PrefixOp,
      axis: this.#along(axes, token),
      backward: this.#direction(direction, 'forward', 'backward'),
      values: values.map((v) => this.#read.expr(v)),
    };
  }

  #order({ direction, axes, width, key, merge }: OrderSyntax): Ordering {
    return {
      kind: 'order',
      axis: this.#along(axes, direction.token),
      descending: this.#direction(direction, 'ascending', 'descending'),
      width,
      key: this.#read.expr(key),
      merge: merge && { width: merge.width, elements: this.#read.expr(merge.elements) },
    };
  }

  #store(syntax: StoreSyntax, nestAxes: readonly Axis[]): Store {
    const buffer = this.#read.buffer(syntax.buffer);
    const value = this.#read.expr(syntax.value);
    if (value.dtype !== buffer.dtype)
      throw this.#read.error(
        syntax.value.token,
        `${buffer.name} holds ${buffer.dtype}, this is ${value.dtype}`,
        'convert it: f32(...), i32(...)',
      );
    return {
      buffer,
      index: this.#read.index(syntax.buffer, buffer, syntax.index),
      value,
      axes: syntax.axes?.map((name) => this.#read.axis(name)) ?? nestAxes,
      mode: syntax.mode,
      over: syntax.over.map((name) => this.#read.axis(name)),
    };
  }
}
