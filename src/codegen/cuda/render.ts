/**
 * Thread IR → one CUDA C++ kernel.
 *
 * Invariant: the text depends on the kernel, its name and its places alone; what it calls is in the library that it was
 * given.
 */
import { bytesOf } from '../../ir/dtype.ts';
import { invariant } from '../../ir/errors.ts';
import type { RegType, TExpr, ThreadKernel } from '../../ir/thread/thread.ts';
import { Alignment } from '../text/alignment.ts';
import { Body, type Language, type OwnStatement } from '../text/body.ts';
import { atom, type Code, call, int, list, swizzle } from '../text/code.ts';
import { type Uses, usesOf } from '../text/uses.ts';
import { type BulkHost, writeBulk } from './bulk.ts';
import { declaredBy } from './declare.ts';
import type { Library } from './library.ts';
import { Memory } from './memory.ts';
import type { CudaKernel } from './module.ts';
import { kernelNames } from './names.ts';
import { convert, spellings } from './scalar.ts';
import { type RenderOptions, Scope } from './scope.ts';
import { inAll, scalarConstant, typeName } from './types.ts';

/** A kernel and its text. */
export interface RenderedKernel {
  readonly kernel: CudaKernel;
  readonly text: string;
}

/** Blocks along x, on any device. */
const MOST_BLOCKS = 2 ** 31 - 1;
const LANES = ['x', 'y', 'z', 'w'] as const;

/** Renders a kernel. */
export const renderKernel = (
  kernel: ThreadKernel,
  options: RenderOptions,
  library: Library,
): RenderedKernel => new Renderer(kernel, options, library).render();

class Renderer implements Language {
  readonly #kernel: ThreadKernel;
  readonly #options: RenderOptions;
  readonly #library: Library;
  readonly #uses: Uses;
  readonly #body: Body;
  readonly #memory: Memory;
  readonly #scope: Scope;
  readonly #bulk: BulkHost;

  constructor(kernel: ThreadKernel, options: RenderOptions, library: Library) {
    this.#kernel = kernel;
    this.#options = options;
    this.#library = library;
    this.#uses = usesOf(kernel.body);
    this.#body = new Body(kernel, kernelNames(), this);
    this.#scope = new Scope(kernel, options, this.#body.names);
    this.#memory = new Memory((e) => this.#body.value(e), new Alignment(kernel.body), library);
    this.#bulk = {
      body: this.#body,
      library,
      read: this.#uses.registers,
      address: (buffer, index) => this.#memory.address(this.#scope.variable(buffer), index),
      map: (map) => this.#scope.map(map),
    };
  }

  render(): RenderedKernel {
    const { name } = this.#options;
    const { grid, threads, body } = this.#kernel;
    invariant(grid <= MOST_BLOCKS, 'a grid has fewer than 2³¹ blocks');
    for (const line of this.#scope.numbers(this.#library)) this.#body.line(line);
    this.#ids();
    this.#body.block(body);
    const { declared, parameters } = this.#scope;
    const { lines, bytes } = this.#scope.arrays();
    const text = [...lines, this.#body.text].join('\n');
    const list = declared.length === 0 ? '' : `\n${declared.map((p) => `  ${p}`).join(',\n')}\n`;
    return {
      kernel: {
        name,
        parameters,
        threads,
        sharedBytes: bytes,
        grid: [grid, 1, 1],
      },
      text: `${declaredBy(body)}(${threads}, ${name})(${list}) {\n${text}\n}`,
    };
  }

  #ids(): void {
    const { workgroup, local } = this.#kernel;
    const { registers } = this.#uses;
    if (registers.has(workgroup))
      this.#body.line(`const int ${this.#body.name(workgroup)} = blockIdx.x;`);
    if (registers.has(local)) this.#body.line(`const int ${this.#body.name(local)} = threadIdx.x;`);
  }

  // --- statements

  declare(name: string, value: Code, changes: boolean, type: RegType | undefined): string {
    const spelled = type === undefined ? 'auto' : typeName(type);
    return `${changes ? '' : 'const '}${spelled} ${name} = ${value.text}`;
  }

  statement(s: OwnStatement): void {
    switch (s.kind) {
      case 'store': {
        const value = this.#body.value(s.value);
        const { lanes } = s.value.type;
        const at = this.#scope.variable(s.buffer);
        this.#body.line(this.#memory.store(at, s.buffer.dtype, s.index, value, lanes));
        return;
      }
      case 'exchange': {
        const value = this.#body.value(s.value);
        const got = call(this.#library.use('exchange', s.value.type), value, int(s.mask));
        this.#body.line(
          `${this.declare(this.#body.name(s.register), got, false, s.register.type)};`,
        );
        return;
      }
      case 'barrier':
        this.#body.line('__syncthreads();');
        return;
      case 'mma': {
        const name = this.#library.one(MMA[s.inputs]);
        const operands = [s.a, ...s.b].map((e) => this.#body.value(e));
        const accumulator = atom(this.#body.name(s.accumulator));
        this.#body.line(`${call(name, accumulator, ...operands).text};`);
        return;
      }
      case 'fragments': {
        const name = this.#library.one(s.transposed ? 'fragments_transposed' : 'fragments');
        const words = call(name, this.#memory.address(this.#scope.variable(s.buffer), s.index));
        this.#body.line(
          `${this.declare(this.#body.name(s.register), words, false, s.register.type)};`,
        );
        return;
      }
      case 'copy': {
        const bytes = s.elements * bytesOf(s.to.dtype);
        const to = this.#memory.address(this.#scope.variable(s.to), s.index);
        const from = this.#memory.address(this.#scope.variable(s.from), s.at);
        const copied = call(this.#library.one(`copy_${bytes}`), to, from, this.#body.value(s.when));
        this.#body.line(`${copied.text};`);
        return;
      }
      case 'commit':
        this.#body.line(`${this.#library.one('copy_commit')}();`);
        return;
      case 'wait':
        this.#body.line(`${this.#library.one('copy_wait')}<${s.pending}>();`);
        return;
      case 'gates':
      case 'roles':
      case 'expect':
      case 'arrive':
      case 'await':
      case 'fetch':
      case 'products':
      case 'settle':
        writeBulk(s, this.#bulk);
        return;
      default:
        s satisfies never;
    }
  }

  // --- values

  expression(e: TExpr): Code {
    switch (e.kind) {
      case 'const': {
        const special = (bits: Code): Code =>
          call(this.#library.use('bits_float', { elem: 'u32', lanes: 1 }), bits);
        return this.#inAll(e.type, scalarConstant(e.type.elem, e.value, special));
      }
      case 'get':
        return atom(this.#body.name(e.register));
      case 'op':
        return spellings[e.op](this.#body.operands(e.args, e, this.#function));
      case 'cast':
        return convert(this.#body.operands([e.arg], e, this.#function), e.to);
      case 'fma': {
        const args = [e.a, e.b, e.c].map((x) => this.#body.value(x));
        if (e.type.elem === 'f64') return call('::fma', ...args);
        return call(this.#library.use('multiply_add', e.type), ...args);
      }
      case 'load': {
        const scalar = this.#scope.scalar(e.buffer);
        if (scalar !== undefined) return atom(scalar);
        return this.#memory.load(
          this.#scope.variable(e.buffer),
          e.buffer.dtype,
          e.index,
          e.type.lanes,
        );
      }
      case 'splat':
        return this.#inAll(e.type, this.#body.value(e.arg));
      case 'vec4':
        return list(typeName(e.type), ...e.args.map((a) => this.#body.value(a)));
      case 'lane':
        return swizzle(this.#body.value(e.arg), LANES[e.lane]);
      case 'shuffle': {
        const sides = [e.a, e.b].map((x, side) =>
          e.lanes.some((l) => l >> 2 === side)
            ? this.#body.hold(this.#body.value(x), side === 0 ? 'left' : 'right', x.type)
            : undefined,
        );
        return list(
          typeName(e.type),
          ...e.lanes.map((l) => swizzle(sides[l >> 2]!, LANES[l & 3]!)),
        );
      }
      case 'bits': {
        const args = e.args.map((a) => this.#body.value(a));
        const name =
          e.of === 'float32' ? 'float_bits' : e.of === 'float16' ? 'half_pair' : 'bfloat_pair';
        return call(this.#library.use(name, { elem: 'f32', lanes: 1 }), ...args);
      }
      default:
        return e satisfies never;
    }
  }

  #inAll(type: RegType, one: Code): Code {
    return inAll(type, one, () => this.#library.use('splat', { elem: type.elem, lanes: 1 }));
  }

  readonly #function = (base: string, type: RegType): string => this.#library.use(base, type);
}

const MMA = { bfloat16: 'mma_bf16', float16: 'mma_f16', tfloat32: 'mma_tf32' } as const;
