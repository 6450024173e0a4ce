/**
 * Thread IR → one WGSL compute shader.
 *
 * Invariant: the text depends on the kernel and the options alone.
 */
import { invariant, TigonError } from '../../ir/errors.ts';
import type { BulkStmt } from '../../ir/thread/bulk.ts';
import type { TensorStmt } from '../../ir/thread/tensor.ts';
import type { RegType, TExpr, ThreadKernel } from '../../ir/thread/thread.ts';
import { Alignment } from '../text/alignment.ts';
import { Body, type Language, type OwnStatement } from '../text/body.ts';
import { atom, binary, type Code, call, swizzle } from '../text/code.ts';
import { type Uses, usesOf } from '../text/uses.ts';
import { Library } from './library.ts';
import { Memory } from './memory.ts';
import { type ModuleScope, moduleScope } from './module.ts';
import { convert, spellings } from './scalar.ts';
import type { Dispatch3, RenderOptions, Shader } from './shader.ts';
import { constant, typeName } from './text.ts';

/** Most workgroups along one dimension, on any device. */
const MOST_GROUPS = 65535;

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

class Renderer implements Language {
  readonly #kernel: ThreadKernel;
  readonly #options: RenderOptions;
  readonly #library = new Library();
  readonly #uses: Uses;
  readonly #memory: Memory;
  readonly #scope: ModuleScope;
  readonly #body: Body;

  constructor(kernel: ThreadKernel, options: RenderOptions) {
    this.#kernel = kernel;
    this.#options = options;
    this.#uses = usesOf(kernel.body);
    this.#body = new Body(kernel, options.names.identifiers(), this);
    const alignment = new Alignment(kernel.body);
    this.#scope = moduleScope(kernel, options, this.#uses, alignment, this.#body.names);
    this.#memory = new Memory(
      {
        value: (e) => this.#body.value(e),
        hold: (code, wanted) => this.#body.hold(code, wanted),
        line: (text) => this.#body.line(text),
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
    this.#write(dispatch);
    const needs = [
      ...(this.#scope.halves ? ['enable f16;'] : []),
      ...(this.#uses.exchanges ? ['enable subgroups;'] : []),
    ];
    const parts = [
      ...(needs.length > 0 ? [needs.join('\n')] : []),
      ...(this.#options.names.own ? [`// ${name.replace(/\s+/g, ' ')}`] : []),
      ...declarations,
      ...(this.#library.text === '' ? [] : [this.#library.text.trimEnd()]),
      `@compute @workgroup_size(${threads})\nfn main(${parameters}) {\n${this.#body.text}\n}\n`,
    ];
    return {
      name,
      code: parts.join('\n\n'),
      entryPoint: 'main',
      bindings,
      workgroupSize: threads,
      dispatch,
      missing: this.#library.missing,
    };
  }

  // --- the entry point

  /** Lines that compute the ids, and the parameters they come from. */
  #ids([columns, rows]: Dispatch3): string {
    const { workgroup, local, grid } = this.#kernel;
    const { names } = this.#body;
    const parameters: string[] = [];
    const folded = rows > 1;
    const guarded = folded && columns * rows > grid;
    if (guarded || this.#uses.registers.has(workgroup)) {
      parameters.push('@builtin(workgroup_id) workgroup_id: vec3u');
      const id = folded ? `workgroup_id.x + workgroup_id.y * ${columns}u` : 'workgroup_id.x';
      const wanted = workgroup.name === 'workgroup' ? 'group' : workgroup.name;
      this.#body.line(`let ${names.of(workgroup, wanted)} = i32(${id});`);
    }
    if (this.#uses.registers.has(local)) {
      parameters.push('@builtin(local_invocation_index) thread_id: u32');
      this.#body.line(`let ${names.of(local, local.name)} = i32(thread_id);`);
    }
    return parameters.join(', ');
  }

  #write([columns, rows]: Dispatch3): void {
    const { grid, workgroup, body } = this.#kernel;
    if (columns * rows === grid) {
      this.#body.block(body);
      return;
    }
    this.#body.line(`if (${this.#body.name(workgroup)} < ${grid}) {`);
    this.#body.nested(body);
    this.#body.line('}');
  }

  // --- statements

  declare(name: string, value: Code, changes: boolean): string {
    return `${changes ? 'var' : 'let'} ${name} = ${value.text}`;
  }

  statement(s: OwnStatement): void {
    switch (s.kind) {
      case 'store': {
        const variable = this.#scope.variables.get(s.buffer)!;
        const value = this.#body.value(s.value);
        this.#memory.store(variable, s.buffer, s.index, value, s.value.type.lanes);
        return;
      }
      case 'exchange': {
        invariant(
          this.#options.features.subgroups,
          'kernels exchange only on devices with subgroups',
        );
        const { elem, lanes } = s.value.type;
        const type = typeName({ elem: 'u32', lanes });
        const value = this.#body.value(s.value);
        const sent = elem === 'bool' ? call(type, value) : value;
        const got = call('subgroupShuffleXor', sent, atom(`${s.mask}u`));
        const taken = elem === 'bool' ? call(typeName(s.value.type), got) : got;
        this.#body.line(`let ${this.#body.name(s.register)} = ${taken.text};`);
        return;
      }
      case 'barrier':
        this.#body.line('workgroupBarrier();');
        return;
      default:
        s satisfies TensorStmt | BulkStmt;
        throw new TigonError('verify', `WGSL cannot say ${s.kind}`);
    }
  }

  // --- values

  expression(e: TExpr): Code {
    switch (e.kind) {
      case 'const':
        return constant(e.type, e.value, (bits) => call(this.#library.use('float_of'), bits));
      case 'get':
        return atom(this.#body.name(e.register));
      case 'op':
        return spellings[e.op](this.#body.operands(e.args, e, this.#function));
      case 'cast':
        return convert(this.#body.operands([e.arg], e, this.#function), e.to);
      case 'fma':
        return call('fma', this.#body.value(e.a), this.#body.value(e.b), this.#body.value(e.c));
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
        return call(typeName(e.type), this.#body.value(e.arg));
      case 'vec4':
        return call(typeName(e.type), ...e.args.map((a) => this.#body.value(a)));
      case 'lane':
        return swizzle(this.#body.value(e.arg), LANES[e.lane]);
      case 'shuffle':
        return this.#shuffle(e);
      case 'bits':
        throw new TigonError('verify', 'WGSL cannot say bits');
      default:
        return e satisfies never;
    }
  }

  readonly #function = (base: string, type: RegType): string =>
    this.#library.use(`${base}_${typeName(type)}`);

  #shuffle(e: Extract<TExpr, { kind: 'shuffle' }>): Code {
    const letters = (lanes: readonly number[]): string => lanes.map((l) => LANES[l & 3]!).join('');
    if (e.lanes.every((l) => l < 4)) return swizzle(this.#body.value(e.a), letters(e.lanes));
    if (e.lanes.every((l) => l >= 4)) return swizzle(this.#body.value(e.b), letters(e.lanes));
    const a = this.#body.hold(this.#body.value(e.a), 'left');
    const b = this.#body.hold(this.#body.value(e.b), 'right');
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
