/**
 * Writes the numbered steps out as statements again.
 *
 * Invariant: a value that wants a register is computed just before its first use in the block it was placed in; what
 * nobody uses is not written at all.
 */
import { TigonError } from '../../ir/errors.ts';
import { SAME, withParts } from '../../ir/thread/special.ts';
import type { Register, TExpr, TStmt } from '../../ir/thread/thread.ts';
import type { Numbered } from './numbering.ts';
import { hasEffect, type Scope, type Step } from './steps.ts';
import type { Block, Value } from './value.ts';

/** The statements of a kernel whose uses are counted. */
export const written = (kernel: Numbered): readonly TStmt[] => new Writer(kernel).run(kernel);

class Writer {
  private readonly readVars: ReadonlySet<Register>;
  private block: Block;

  constructor({ top, readVars }: Numbered) {
    this.block = top;
    this.readVars = readVars;
  }

  run({ steps, top }: Numbered): readonly TStmt[] {
    this.writeSteps(steps);
    return top.out;
  }

  private writeSteps(steps: readonly Step[]): void {
    for (let i = 0; i < steps.length; i++) this.writeStep(steps[i]!);
  }

  private writeStep(s: Step): void {
    switch (s.kind) {
      case 'compute':
        if (s.value.uses > 0) this.expression(s.value);
        break;
      case 'var':
      case 'set':
        if (this.readVars.has(s.register))
          this.emit({ kind: s.kind, register: s.register, value: this.expression(s.value) });
        break;
      case 'store': {
        const index = this.expression(s.index);
        this.emit({ kind: 'store', buffer: s.buffer, index, value: this.expression(s.value) });
        break;
      }
      case 'for': {
        const from = this.expression(s.from);
        const to = this.expression(s.to);
        const body = this.writeScope(s.body);
        if (body.length > 0)
          this.emit({ kind: 'for', counter: s.counter, from, to, step: s.step, body });
        break;
      }
      case 'if': {
        const condition = this.expression(s.condition);
        const then = this.writeScope(s.then);
        const otherwise = this.writeScope(s.otherwise);
        if (then.length + otherwise.length > 0)
          this.emit({ kind: 'if', condition, then, otherwise });
        break;
      }
      case 'roles': {
        const roles = s.roles.map(({ role, body }) => ({ ...role, body: this.writeScope(body) }));
        this.emit({ kind: 'roles', roles });
        break;
      }
      case 'special': {
        const parts = s.parts.values();
        const expression = (): TExpr => this.expression(parts.next().value!);
        if (hasEffect(s, this.readVars)) this.emit(withParts(s.statement, { ...SAME, expression }));
        break;
      }
      case 'barrier':
        this.emit(s);
        break;
      default:
        s satisfies never;
    }
  }

  private writeScope({ block, steps }: Scope): readonly TStmt[] {
    const outer = this.block;
    this.block = block;
    this.writeSteps(steps);
    this.block = outer;
    return block.out;
  }

  private emit(s: TStmt): void {
    this.block.out.push(s);
  }

  /** The expression for a value here; computes it into a register first where that is wanted. */
  private expression(value: Value): TExpr {
    if (value.written !== undefined) return value.written;
    const { place } = value;
    if (place === undefined) {
      const spelled = this.spell(value);
      if (value.args.length === 0) value.written = spelled;
      return spelled;
    }
    const register: Register = value.hint ?? { name: `t${value.id}`, type: value.type };
    place.out.push(this.definition(register, value));
    value.written = get(register);
    return value.written;
  }

  private expressions(values: readonly Value[]): TExpr[] {
    // lists that grow take room for many more
    const a = values[0]!;
    const b = values[1];
    if (b === undefined) return [this.expression(a)];
    if (values.length === 2) return [this.expression(a), this.expression(b)];
    return values.map((v) => this.expression(v));
  }

  private definition(register: Register, value: Value): TStmt {
    const { shape } = value;
    const arg = value.args[0];
    if (shape.kind === 'exchange')
      return { kind: 'exchange', register, value: this.expression(arg!), mask: shape.mask };
    if (shape.kind === 'fragments') {
      const { kind, buffer, transposed } = shape;
      return { kind, register, buffer, index: this.expression(arg!), transposed };
    }
    return { kind: 'let', register, value: this.spell(value) };
  }

  private spell({ shape, type, args }: Value): TExpr {
    switch (shape.kind) {
      case 'const':
        return { kind: 'const', type, value: shape.value };
      case 'get':
        return get(shape.register);
      case 'op':
        return { kind: 'op', type, op: shape.op, args: this.expressions(args) };
      case 'cast':
        return { kind: 'cast', type, to: shape.to, arg: this.expression(args[0]!) };
      case 'fma': {
        const a = this.expression(args[0]!);
        const b = this.expression(args[1]!);
        return { kind: 'fma', type, a, b, c: this.expression(args[2]!) };
      }
      case 'load':
        return { kind: 'load', type, buffer: shape.buffer, index: this.expression(args[0]!) };
      case 'splat':
        return { kind: 'splat', type, arg: this.expression(args[0]!) };
      case 'vec4':
        return {
          kind: 'vec4',
          type,
          args: this.expressions(args) as [TExpr, TExpr, TExpr, TExpr],
        };
      case 'lane':
        return { kind: 'lane', type, arg: this.expression(args[0]!), lane: shape.lane };
      case 'shuffle': {
        const [a, b] = this.expressions(args);
        return { kind: 'shuffle', type, a: a!, b: b!, lanes: shape.lanes };
      }
      case 'bits':
        return { kind: 'bits', type, of: shape.of, args: this.expressions(args) };
      case 'exchange':
      case 'fragments':
        throw new TigonError('verify', `${shape.kind} is a statement, no expression`);
      default:
        return shape satisfies never;
    }
  }
}

const get = (register: Register): TExpr => ({ kind: 'get', type: register.type, register });
