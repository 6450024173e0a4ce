/**
 * Thread IR → one WGSL compute shader.
 *
 * Invariant: the text depends on the kernel and the options alone. Statements keep their order; there is no early
 * return, so what is uniform in Thread IR is uniform in WGSL.
 */
import { invariant, TigonError } from '../../ir/errors.ts';
import type { Register, TExpr, ThreadKernel, TStmt } from '../../ir/thread/thread.ts';
import { type Range, rangeOf } from '../ranges.ts';
import { Alignment } from './alignment.ts';
import { folded } from './constants.ts';
import { Library } from './library.ts';
import { Memory } from './memory.ts';
import { type ModuleScope, moduleScope } from './module.ts';
import { Identifiers } from './names.ts';
import { convert, type Operands, spellings } from './scalar.ts';
import type { Dispatch3, RenderOptions, Shader } from './shader.ts';
import { atom, binary, type Code, call, constant, swizzle, typeName } from './text.ts';
import { type Uses, usesOf } from './uses.ts';

/** Most workgroups along one dimension, on any device. */
const MOST_GROUPS = 65535;
/** Expressions deeper or longer than this get names for their parts. */
const MOST_DEPTH = 10;
const MOST_TEXT = 100;

/** Renders a kernel. */
export const renderWgsl = (kernel: ThreadKernel, options: RenderOptions): Shader =>
  new Renderer(kernel, options).render();

/** Workgroups as the grid of a dispatch: folded into rows where there are too many for one. */
const dispatchOf = (grid: number): Dispatch3 => {
  if (grid === 0) return [0, 0, 0];
  const rows = Math.ceil(grid / MOST_GROUPS);
  invariant(rows <= MOST_GROUPS, 'a grid has at most 65535² workgroups');
  return [Math.ceil(grid / rows), rows, 1];
};

const LANES = ['x', 'y', 'z', 'w'] as const;

class Renderer {
  readonly #kernel: ThreadKernel;
  readonly #options: RenderOptions;
  readonly #names = new Identifiers();
  readonly #library = new Library();
  readonly #uses: Uses;
  readonly #memory: Memory;
  readonly #scope: ModuleScope;
  readonly #ranges = new Map<Register, Range>();
  /** Registers that are set again. */
  readonly #changing = new Set<Register>();
  #lines: string[] = [];
  #indent = 1;

  constructor(kernel: ThreadKernel, options: RenderOptions) {
    this.#kernel = kernel;
    this.#options = options;
    this.#uses = usesOf(kernel.body);
    const alignment = new Alignment(kernel.body);
    this.#scope = moduleScope(kernel, options, this.#uses, alignment, this.#names);
    this.#memory = new Memory(
      {
        value: (e) => this.#value(e),
        hold: (code, wanted) => this.#hold(code, wanted),
        line: (text) => this.#line(text),
        library: (name) => this.#library.use(name),
      },
      alignment,
    );
  }

  render(): Shader {
    const { name, grid, threads } = this.#kernel;
    const { declarations, bindings } = this.#scope;
    const dispatch = dispatchOf(grid);
    const parameters = this.#ids(dispatch);
    this.#body(dispatch);
    const needs = [
      ...(this.#scope.halves ? ['enable f16;'] : []),
      ...(this.#uses.exchanges ? ['enable subgroups;'] : []),
    ];
    const parts = [
      ...(needs.length > 0 ? [needs.join('\n')] : []),
      ...(this.#options.names === 'own' ? [`// ${name.replace(/\s+/g, ' ')}`] : []),
      ...declarations,
      ...(this.#library.text === '' ? [] : [this.#library.text.trimEnd()]),
      `@compute @workgroup_size(${threads})\nfn main(${parameters}) {\n${this.#lines.join('\n')}\n}\n`,
    ];
    return {
      name,
      code: parts.join('\n\n'),
      entryPoint: 'main',
      bindings,
      workgroupSize: threads,
      dispatch,
    };
  }

  // --- the entry point

  /** Lines that compute the ids, and the parameters they come from. */
  #ids([columns, rows]: Dispatch3): string {
    const { workgroup, local, grid, threads } = this.#kernel;
    const parameters: string[] = [];
    const folded = rows > 1;
    this.#ranges.set(workgroup, [0, Math.max(0, grid - 1)]);
    this.#ranges.set(local, [0, threads - 1]);
    const guarded = folded && columns * rows > grid;
    if (guarded || this.#uses.registers.has(workgroup)) {
      parameters.push('@builtin(workgroup_id) workgroup_id: vec3u');
      const id = folded ? `workgroup_id.x + workgroup_id.y * ${columns}u` : 'workgroup_id.x';
      const wanted = workgroup.name === 'workgroup' ? 'group' : workgroup.name;
      this.#line(`let ${this.#names.of(workgroup, wanted)} = i32(${id});`);
    }
    if (this.#uses.registers.has(local)) {
      parameters.push('@builtin(local_invocation_index) thread_id: u32');
      this.#line(`let ${this.#names.of(local, local.name)} = i32(thread_id);`);
    }
    return parameters.join(', ');
  }

  #body([columns, rows]: Dispatch3): void {
    const { grid, workgroup, body } = this.#kernel;
    if (columns * rows === grid) {
      this.#block(body);
      return;
    }
    this.#line(`if (${this.#names.of(workgroup, workgroup.name)} < ${grid}) {`);
    this.#nested(body);
    this.#line('}');
  }

  // --- statements

  #line(text: string): void {
    this.#lines.push('  '.repeat(this.#indent) + text);
  }

  #nested(body: readonly TStmt[]): void {
    this.#indent++;
    this.#block(body);
    this.#indent--;
  }

  #block(body: readonly TStmt[]): void {
    for (const s of body) this.#statement(s);
  }

  #name(register: Register): string {
    return this.#names.of(register, register.name);
  }

  #statement(s: TStmt): void {
    switch (s.kind) {
      case 'let': {
        const value = this.#value(s.value);
        const range = this.#range(s.value);
        if (range !== undefined) this.#ranges.set(s.register, range);
        this.#line(`let ${this.#name(s.register)} = ${value.text};`);
        return;
      }
      case 'var': {
        const value = this.#value(s.value);
        this.#line(`var ${this.#name(s.register)} = ${value.text};`);
        this.#changing.add(s.register);
        return;
      }
      case 'set': {
        const value = this.#value(s.value);
        this.#line(`${this.#name(s.register)} = ${value.text};`);
        return;
      }
      case 'store': {
        const variable = this.#scope.variables.get(s.buffer)!;
        const value = this.#value(s.value);
        this.#memory.store(variable, s.buffer, s.index, value, s.value.type.lanes);
        return;
      }
      case 'for':
        this.#loop(s);
        return;
      case 'if': {
        const condition = this.#value(s.condition);
        this.#line(`if (${condition.text}) {`);
        this.#nested(s.then);
        if (s.otherwise.length > 0) {
          this.#line('} else {');
          this.#nested(s.otherwise);
        }
        this.#line('}');
        return;
      }
      case 'exchange': {
        invariant(
          this.#options.features.subgroups,
          'kernels exchange only on devices with subgroups',
        );
        const { elem, lanes } = s.value.type;
        const type = typeName({ elem: 'u32', lanes });
        const value = this.#value(s.value);
        const sent = elem === 'bool' ? call(type, value) : value;
        const got = call('subgroupShuffleXor', sent, atom(`${s.mask}u`));
        const taken = elem === 'bool' ? call(typeName(s.value.type), got) : got;
        this.#line(`let ${this.#name(s.register)} = ${taken.text};`);
        return;
      }
      case 'barrier':
        this.#line('workgroupBarrier();');
        return;
      case 'mma':
      case 'fragments':
      case 'copy':
      case 'commit':
      case 'wait':
        throw new TigonError('verify', `WGSL cannot say ${s.kind}`);
      default:
        s satisfies never;
    }
  }

  #loop(s: Extract<TStmt, { kind: 'for' }>): void {
    const from = this.#value(s.from);
    const limit = this.#value(s.to);
    const fixed =
      s.to.kind === 'const' || (s.to.kind === 'get' && !this.#changing.has(s.to.register));
    const to = fixed ? limit : this.#bind(limit, `${s.counter.name}_end`);
    const low = this.#range(s.from);
    const high = this.#range(s.to);
    if (low !== undefined && high !== undefined)
      this.#ranges.set(s.counter, [low[0], Math.max(low[0], high[1] - 1)]);
    const counter = this.#name(s.counter);
    const step = s.step === 1 ? `${counter}++` : `${counter} += ${s.step}`;
    this.#line(`for (var ${counter} = ${from.text}; ${counter} < ${to.text}; ${step}) {`);
    this.#nested(s.body);
    this.#line('}');
  }

  // --- values

  /** A name for a value. A variable keeps its own, which holds until the end of the statement. */
  #hold(code: Code, wanted: string): Code {
    return /^\w+$/.test(code.text) ? code : this.#bind(code, wanted);
  }

  #bind(code: Code, wanted: string): Code {
    const name = this.#names.fresh(wanted);
    this.#line(`let ${name} = ${code.text};`);
    return atom(name);
  }

  #range(e: TExpr): Range | undefined {
    return e.type.elem === 'i32' ? rangeOf(e, (r) => this.#ranges.get(r)) : undefined;
  }

  /** A value, its deep and long parts bound to names. */
  #value(e: TExpr): Code {
    const code = this.#expression(folded(e));
    return code.depth > MOST_DEPTH || code.text.length > MOST_TEXT
      ? this.#hold(code, 'part')
      : code;
  }

  #expression(e: TExpr): Code {
    switch (e.kind) {
      case 'const':
        return constant(e.type, e.value, (bits) => call(this.#library.use('float_of'), bits));
      case 'get':
        return atom(this.#name(e.register));
      case 'op':
        return spellings[e.op](this.#operands(e.args));
      case 'cast':
        return convert(this.#operands([e.arg]), e.to);
      case 'fma':
        return call('fma', this.#value(e.a), this.#value(e.b), this.#value(e.c));
      case 'load': {
        const field = this.#scope.fields.get(e.buffer);
        if (field === undefined)
          return this.#memory.load(
            this.#scope.variables.get(e.buffer)!,
            e.buffer,
            e.index,
            e.type.lanes,
          );
        const value = atom(`args.${field}`);
        return e.type.elem === 'bool' ? binary('!=', value, atom('0u')) : value;
      }
      case 'splat':
        return call(typeName(e.type), this.#value(e.arg));
      case 'vec4':
        return call(typeName(e.type), ...e.args.map((a) => this.#value(a)));
      case 'lane':
        return swizzle(this.#value(e.arg), LANES[e.lane]);
      case 'shuffle':
        return this.#shuffle(e);
      case 'bits':
        throw new TigonError('verify', 'WGSL cannot say bits');
      default:
        return e satisfies never;
    }
  }

  #operands(exprs: readonly TExpr[]): Operands {
    const args = exprs.map((a) => this.#value(a));
    const { type } = exprs.at(-1)!;
    return {
      type,
      args,
      exprs,
      nonNegative: (e) => (this.#range(e)?.[0] ?? -1) >= 0,
      library: (base, elem) => {
        const suffix = { elem: elem ?? type.elem, lanes: type.lanes };
        return this.#library.use(`${base}_${typeName(suffix)}`);
      },
      held: (i) => this.#hold(args[i]!, 'part'),
    };
  }

  #shuffle(e: Extract<TExpr, { kind: 'shuffle' }>): Code {
    const letters = (lanes: readonly number[]): string => lanes.map((l) => LANES[l & 3]!).join('');
    if (e.lanes.every((l) => l < 4)) return swizzle(this.#value(e.a), letters(e.lanes));
    if (e.lanes.every((l) => l >= 4)) return swizzle(this.#value(e.b), letters(e.lanes));
    const a = this.#hold(this.#value(e.a), 'left');
    const b = this.#hold(this.#value(e.b), 'right');
    // neighbours from one operand stay together
    const parts: Code[] = [];
    for (let i = 0; i < 4; ) {
      const side = e.lanes[i]! < 4;
      let end = i + 1;
      while (end < 4 && e.lanes[end]! < 4 === side) end++;
      parts.push(swizzle(side ? a : b, letters(e.lanes.slice(i, end))));
      i = end;
    }
    return call(typeName(e.type), ...parts);
  }
}
