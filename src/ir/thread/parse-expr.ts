/**
 * Reads the expressions of thread kernels, where registers and buffers have names.
 *
 * Invariant: names are resolved by block scope, innermost first; types of expressions follow from their operands.
 */
import { type DType, dtypeFromShort } from '../dtype.ts';
import { castTo } from '../rounding.ts';
import { isScalarOp, type ScalarOp, scalarOps } from '../scalar.ts';
import { infixOps } from '../text/infix.ts';
import { didYouMean, errorAt, type Place, type Source } from '../text/source.ts';
import type { ExprSyntax, Name, NumberSyntax } from '../text/syntax.ts';
import { showRegType } from './print.ts';
import { readWord, type TensorReader, WORDS } from './tensor-parse.ts';
import {
  ELEMS,
  type Elem,
  isWideElem,
  type Register,
  type RegType,
  registerDType,
  registerOf,
  type TExpr,
  type ThreadBuffer,
} from './thread.ts';

/** What counts: places, steps, workgroups. */
export const INDEX: RegType = { elem: 'i32', lanes: 1 };
const sameType = (a: RegType, b: RegType): boolean => a.elem === b.elem && a.lanes === b.lanes;

/** What is visible at a place of a kernel, and what expressions there mean. */
export class ExprReader {
  readonly buffers: Map<string, ThreadBuffer> = new Map();
  readonly #source: Source;
  readonly tensor: TensorReader = {
    register: (name) => this.register(name),
    define: (name, type) => this.define(name, type),
    expr: (s, type) => this.expr(s, type),
    place: (s) => this.place(s),
    error: (place, brief, help) => this.error(place, brief, help),
  };
  /** Innermost scope last. */
  readonly #scopes: Map<string, Register>[] = [];

  constructor(source: Source) {
    this.#source = source;
  }

  /** What `read` reads where names of its own are visible. */
  scoped<T>(read: () => T): T {
    this.#scopes.push(new Map());
    const result = read();
    this.#scopes.pop();
    return result;
  }

  error(place: Place, brief: string, help?: string): Error {
    return errorAt(this.#source, place, brief, help);
  }

  define(name: Name, type: RegType): Register {
    const register: Register = { name: name.text, type };
    this.#scopes[this.#scopes.length - 1]!.set(name.text, register);
    return register;
  }

  register(name: Name): Register {
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const register = this.#scopes[i]!.get(name.text);
      if (register !== undefined) return register;
    }
    const visible = this.#scopes.flatMap((scope) => [...scope.keys()]);
    const help = this.buffers.has(name.text)
      ? `${name.text} is a buffer: read one element of it, ${name.text}[0]`
      : didYouMean(name.text, visible);
    throw this.error(name.token, `no register ${name.text} is visible here`, help);
  }

  buffer(name: Name): ThreadBuffer {
    const buffer = this.buffers.get(name.text);
    if (buffer === undefined)
      throw this.error(
        name.token,
        `${name.text} is no buffer of the kernel`,
        didYouMean(name.text, this.buffers.keys()),
      );
    return buffer;
  }

  /** An element that is named, not read. */
  place(s: ExprSyntax): { buffer: ThreadBuffer; index: TExpr; elements: number } {
    const [index, ...more] = s.kind === 'element' ? s.index : [];
    if (s.kind !== 'element' || index === undefined || more.length > 0)
      throw this.error(s.token, 'an element of a buffer is needed', 'such as staged[0]');
    return {
      buffer: this.buffer(s.name),
      index: this.expr(index, INDEX),
      elements: s.lanes,
    };
  }

  lanes(place: Place, lanes: number): 1 | 4 {
    if (lanes !== 1 && lanes !== 4) throw this.error(place, `1 or 4 lanes, not ${lanes}`);
    return lanes;
  }

  registerType(name: Name): RegType {
    const type = registerTypes.get(name.text);
    if (type === undefined)
      throw this.error(
        name.token,
        `${name.text} is no register type`,
        `register types are ${[...registerTypes.keys()].join(', ')}`,
      );
    return type;
  }

  /** The expression, checked to be of `type` when one is asked for. */
  expr(syntax: ExprSyntax, type?: RegType): TExpr {
    const e = this.#read(syntax);
    if (type !== undefined && !sameType(e.type, type))
      throw this.error(
        syntax.token,
        `${showRegType(type)} is needed, this is ${showRegType(e.type)}`,
        e.type.elem === type.elem && e.type.lanes === 1 ? 'use splat(...)' : undefined,
      );
    return e;
  }

  #read(s: ExprSyntax): TExpr {
    switch (s.kind) {
      case 'number':
        return { kind: 'const', type: { elem: elemOfForm[s.form], lanes: 1 }, value: s.value };
      case 'name': {
        const register = this.register(s.name);
        return { kind: 'get', type: register.type, register };
      }
      case 'element': {
        const buffer = this.buffer(s.name);
        const [index, ...more] = s.index;
        if (index === undefined || more.length > 0)
          throw this.error(s.token, `${buffer.name} is flat: it takes one index`);
        const type = { elem: registerOf(buffer.dtype), lanes: this.lanes(s.token, s.lanes) };
        return { kind: 'load', type, buffer, index: this.expr(index, INDEX) };
      }
      case 'infix': {
        const op = infixOps.get(s.op);
        if (op === undefined)
          throw this.error(
            s.token,
            `${s.op} is for loop indices`,
            'use floordiv(a, b) or mod(a, b) here',
          );
        return this.#op(s.token, op, [this.#read(s.left), this.#read(s.right)]);
      }
      case 'call':
        return this.#call(s.name, s.args);
      case 'guard':
        throw this.error(s.token, 'guards are for loop kernels', 'use select(condition, a, b)');
      case 'reduce':
        throw this.error(s.token, 'reductions are for loop kernels', 'write a for loop');
      default:
        return s satisfies never;
    }
  }

  #op(place: Place, op: ScalarOp, args: readonly TExpr[]): TExpr {
    const row = scalarOps[op];
    const lanes = args[0]?.type.lanes ?? 1;
    const dtype =
      args.length === row.arity && args.every((a) => a.type.lanes === lanes)
        ? row.dtype(...args.map((a) => registerDType[a.type.elem]))
        : undefined;
    if (dtype === undefined)
      throw this.error(
        place,
        `${op} does not take (${args.map((a) => showRegType(a.type)).join(', ')})`,
        `it takes ${row.arity} operand${row.arity === 1 ? '' : 's'} with equal lanes`,
      );
    return { kind: 'op', type: { elem: registerOf(dtype), lanes }, op, args };
  }

  #call(name: Name, args: readonly ExprSyntax[]): TExpr {
    const { text, token } = name;
    const arity = (n: number): void => {
      if (args.length !== n)
        throw this.error(token, `${text} takes ${n} operands, not ${args.length}`);
    };
    switch (text) {
      case 'fma': {
        arity(3);
        const [a, b, c] = args.map((x) => this.#read(x)) as [TExpr, TExpr, TExpr];
        return { kind: 'fma', type: a.type, a, b, c };
      }
      case 'splat': {
        arity(1);
        const arg = this.#read(args[0]!);
        return { kind: 'splat', type: { elem: arg.type.elem, lanes: 4 }, arg };
      }
      case 'vec4': {
        arity(4);
        const parts = args.map((x) => this.#read(x)) as [TExpr, TExpr, TExpr, TExpr];
        return { kind: 'vec4', type: { elem: parts[0].type.elem, lanes: 4 }, args: parts };
      }
      case 'lane': {
        arity(2);
        const arg = this.#read(args[0]!);
        const lane = this.#laneNumber(args[1]!, 4) as 0 | 1 | 2 | 3;
        return { kind: 'lane', type: { elem: arg.type.elem, lanes: 1 }, arg, lane };
      }
      case 'shuffle': {
        arity(6);
        const [a, b] = args.slice(0, 2).map((x) => this.#read(x)) as [TExpr, TExpr];
        const lanes = args.slice(2).map((x) => this.#laneNumber(x, 8));
        return {
          kind: 'shuffle',
          type: a.type,
          a,
          b,
          lanes: lanes as [number, number, number, number],
        };
      }
    }
    const vector = text.endsWith('x4') ? registerTypes.get(text) : undefined;
    if (vector !== undefined) {
      arity(1);
      const [value] = args;
      if (value?.kind !== 'number')
        throw this.error(token, `${text} makes a constant`, 'use splat(...) for other values');
      return { kind: 'const', type: vector, value: value.value };
    }
    const to = dtypeFromShort(text);
    if (to !== undefined) {
      arity(1);
      const [arg] = args;
      const elem = registerOf(to);
      // a constant of 64 bits: as a number of 32 it would lose digits
      if (isWideElem(elem) && arg?.kind === 'number')
        return { kind: 'const', type: { elem, lanes: 1 }, value: castTo(to, arg.value) };
      return this.#cast(to, this.#read(args[0]!));
    }
    const word = readWord(text, args, this.tensor, arity);
    if (word !== undefined) return word;
    if (isScalarOp(text))
      return this.#op(
        token,
        text,
        args.map((x) => this.#read(x)),
      );
    throw this.error(token, `there is no operation ${text}`, didYouMean(text, callable));
  }

  #cast(to: DType, arg: TExpr): TExpr {
    return { kind: 'cast', type: { elem: registerOf(to), lanes: arg.type.lanes }, to, arg };
  }

  #laneNumber(s: ExprSyntax, below: number): number {
    if (s.kind !== 'number' || !Number.isInteger(s.value) || s.value < 0 || s.value >= below)
      throw this.error(s.token, `a lane is a number from 0 to ${below - 1}`);
    return s.value;
  }
}

const elemOfForm: Readonly<Record<NumberSyntax['form'], Elem>> = {
  int: 'i32',
  uint: 'u32',
  float: 'f32',
  bool: 'bool',
};
const registerTypes: ReadonlyMap<string, RegType> = new Map(
  ELEMS.flatMap((elem) =>
    (isWideElem(elem) ? [1 as const] : [1 as const, 4 as const]).map((lanes): [string, RegType] => [
      showRegType({ elem, lanes }),
      { elem, lanes },
    ]),
  ),
);
const callable: readonly string[] = [
  ...Object.keys(scalarOps),
  ...registerTypes.keys(),
  'fma',
  'splat',
  'vec4',
  'lane',
  'shuffle',
  ...WORDS,
];
