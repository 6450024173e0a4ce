/**
 * Reads the expressions and indices of loop kernels, where axes, buffers and values have names.
 *
 * Invariant: everything is built by the constructors of expr.ts and dim.ts, so what is read is in normal form.
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
} from '../dim.ts';
import { type DType, dtypeFromShort } from '../dtype.ts';
import { castTo } from '../rounding.ts';
import { isScalarOp, type ScalarOp, scalarOps } from '../scalar.ts';
import { infixOps } from '../text/infix.ts';
import { didYouMean, errorAt, type Place, type Source } from '../text/source.ts';
import type { BoundSyntax, ExprSyntax, Name, NumberSyntax } from '../text/syntax.ts';
import { accumulator, cast, constant, guard, indexValue, load, reduce, scalar } from './expr.ts';
import type { Expr, LoopBuffer, ReduceOp } from './loop.ts';

const REDUCE_OPS: ReadonlySet<string> = new Set<ReduceOp>([
  'add',
  'mul',
  'max',
  'min',
  'argmax',
  'argmin',
]);

/** What is visible in a nest, and what expressions of it mean. */
export class ExprReader {
  readonly axes: Map<string, Axis> = new Map();
  readonly lets: Map<string, Expr> = new Map([['acc', accumulator]]);
  readonly #source: Source;
  readonly #buffers: ReadonlyMap<string, LoopBuffer>;

  constructor(source: Source, buffers: ReadonlyMap<string, LoopBuffer>) {
    this.#source = source;
    this.#buffers = buffers;
  }

  error(place: Place, brief: string, help?: string): Error {
    return errorAt(this.#source, place, brief, help);
  }

  axis(name: Name): Axis {
    const axis = this.axes.get(name.text);
    if (axis === undefined)
      throw this.error(
        name.token,
        `${name.text} is no axis of this nest`,
        didYouMean(name.text, this.axes.keys()) ??
          `declare it: nest ... over ${name.text} < extent {`,
      );
    return axis;
  }

  buffer(name: Name): LoopBuffer {
    const buffer = this.#buffers.get(name.text);
    if (buffer === undefined)
      throw this.error(
        name.token,
        `${name.text} is no buffer of the kernel`,
        didYouMean(name.text, this.#buffers.keys()),
      );
    return buffer;
  }

  list(names: readonly Name[]): Axis[] {
    return names.map((name) => this.axis(name));
  }

  index(name: Name, buffer: LoopBuffer, index: readonly ExprSyntax[]): Idx[] {
    if (index.length !== buffer.shape.length)
      throw this.error(
        name.token,
        `${buffer.name} has ${buffer.shape.length} axes, not ${index.length}`,
      );
    return index.map((i) => this.idx(i));
  }

  expr(s: ExprSyntax): Expr {
    switch (s.kind) {
      case 'number':
        return constant(s.value, dtypeOfForm[s.form]);
      case 'name': {
        const named = this.lets.get(s.name.text);
        if (named !== undefined) return named;
        const help = this.axes.has(s.name.text)
          ? `write index(${s.name.text}) for the value of an axis`
          : didYouMean(s.name.text, this.lets.keys());
        throw this.error(s.token, `${s.name.text} is not defined`, help);
      }
      case 'element': {
        const buffer = this.buffer(s.name);
        if (s.lanes !== 1) throw this.error(s.token, 'lanes are for thread kernels');
        return load(buffer, this.index(s.name, buffer, s.index));
      }
      case 'infix': {
        const op = infixOps.get(s.op);
        if (op === undefined)
          throw this.error(
            s.token,
            `${s.op} is for indices`,
            'use floordiv(a, b) or mod(a, b) for values',
          );
        return this.#op(s.token, op, [this.expr(s.left), this.expr(s.right)]);
      }
      case 'call':
        return this.#call(s.name, s.args);
      case 'guard':
        return guard(
          s.bounds.map((b) => this.#bound(b)),
          this.expr(s.then),
          this.expr(s.otherwise),
        );
      case 'reduce': {
        if (!REDUCE_OPS.has(s.op.text))
          throw this.error(
            s.op.token,
            `${s.op.text} does not reduce`,
            `reductions are ${[...REDUCE_OPS].join(', ')}`,
          );
        const axes = s.axes.map((name) => this.axis(name));
        return reduce(s.op.text as ReduceOp, axes, this.expr(s.body));
      }
      default:
        return s satisfies never;
    }
  }

  #op(place: Place, op: ScalarOp, args: readonly Expr[]): Expr {
    const row = scalarOps[op];
    if (args.length !== row.arity || row.dtype(...args.map((a) => a.dtype)) === undefined)
      throw this.error(
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
      throw this.error(token, `${text} takes one operand`);
    if (text === 'index') return indexValue(this.idx(only!));
    if (to !== undefined)
      return only!.kind === 'number'
        ? constant(castTo(to, only!.value), to)
        : cast(this.expr(only!), to);
    if (isScalarOp(text))
      return this.#op(
        token,
        text,
        args.map((a) => this.expr(a)),
      );
    throw this.error(
      token,
      `there is no operation ${text}`,
      didYouMean(text, [...Object.keys(scalarOps), 'index']),
    );
  }

  #bound({ lo, index, hi }: BoundSyntax): Bound {
    return { idx: this.idx(index), lo, hi };
  }

  idx(s: ExprSyntax): Idx {
    switch (s.kind) {
      case 'number':
        return idxConst(this.#integer(s));
      case 'name':
        return idxAxis(this.axis(s.name));
      case 'infix':
        return this.#indexSum(s);
      case 'call': {
        const [ref, lo, hi] = s.args;
        if (s.name.text === 'value' && ref && lo && hi)
          return idxOpaque(this.expr(ref), this.#integer(lo), this.#integer(hi));
        break;
      }
      case 'element':
        throw this.error(
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
    throw this.error(s.token, 'this is no index', 'indices are sums of axes times integers');
  }

  #indexSum(s: ExprSyntax & { kind: 'infix' }): Idx {
    switch (s.op) {
      case '+':
        return idxAdd(this.idx(s.left), this.idx(s.right));
      case '-':
        return idxAdd(this.idx(s.left), idxScale(this.idx(s.right), -1));
      case '*':
        return s.left.kind === 'number'
          ? idxScale(this.idx(s.right), this.#integer(s.left))
          : idxScale(this.idx(s.left), this.#integer(s.right));
      case 'div':
        return idxDiv(this.idx(s.left), this.#positive(s.right));
      case 'mod':
        return idxMod(this.idx(s.left), this.#positive(s.right));
      default:
        throw this.error(s.token, `${s.op} is not for indices`, 'use div for floor division');
    }
  }

  #integer(s: ExprSyntax): number {
    if (s.kind !== 'number' || !Number.isInteger(s.value))
      throw this.error(s.token, 'an integer is needed here');
    return s.value;
  }

  #positive(s: ExprSyntax): number {
    const value = this.#integer(s);
    if (value <= 0) throw this.error(s.token, 'an integer > 0 is needed here');
    return value;
  }
}

const dtypeOfForm: Readonly<Record<NumberSyntax['form'], DType>> = {
  int: 'int32',
  uint: 'uint32',
  float: 'float32',
  bool: 'bool',
};
