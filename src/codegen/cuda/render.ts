/**
 * Thread IR → one CUDA C++ kernel.
 *
 * Invariant: the text depends on the kernel, its name and its places alone; what it calls is in the library that it was
 * given.
 */
import { bytesOf } from '../../ir/dtype.ts';
import { invariant } from '../../ir/errors.ts';
import type { TensorMap } from '../../ir/thread/bulk.ts';
import {
  type RegType,
  registerOf,
  type TExpr,
  type ThreadBuffer,
  type ThreadKernel,
} from '../../ir/thread/thread.ts';
import { mapsIn, tilesIn } from '../../ir/thread/visit.ts';
import { Alignment } from '../text/alignment.ts';
import { Body, type Language, type OwnStatement } from '../text/body.ts';
import {
  atom,
  binary,
  type Code,
  call,
  converted,
  element,
  int,
  list,
  swizzle,
} from '../text/code.ts';
import { type Uses, usesOf } from '../text/uses.ts';
import { type BulkHost, writeBulk } from './bulk.ts';
import type { Library } from './library.ts';
import { Memory, type Variable } from './memory.ts';
import type { CudaKernel, CudaParameter } from './module.ts';
import { kernelNames } from './names.ts';
import { convert, spellings } from './scalar.ts';
import { inAll, scalarConstant, storedAs, storedAsAll, typeName } from './types.ts';

/** How a kernel reaches one of its global buffers. */
export type BufferPlace =
  /** A word in the block of scalars, in the order of the kernel's scalars. */
  | { readonly kind: 'scalar' }
  /** Buffers with one slot are the same memory and become one pointer; slots count from 0 without gaps. */
  | { readonly kind: 'memory'; readonly slot: number };

export interface RenderOptions {
  /** One for each global buffer of the kernel. */
  readonly places: readonly BufferPlace[];
  /**
   * `own`: variables are called after the kernel's buffers, for people. `plain`: by position, so that kernels that do
   * the same to other buffers have one text.
   */
  readonly names: 'own' | 'plain';
  /** A C identifier. */
  readonly name: string;
}

/** A kernel and its text. */
export interface RenderedKernel {
  readonly kernel: CudaKernel;
  readonly text: string;
}

/** Blocks along x, on any device. */
const MOST_BLOCKS = 2 ** 31 - 1;
/** Where arrays in shared memory begin: whole vectors, and what bulk copies ask for. */
const SHARED_ALIGNMENT = 128;
/** The permutation of lines in tiles repeats at these. */
const TILE_ALIGNMENT = 1024;

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
  readonly #variables = new Map<ThreadBuffer, Variable>();
  /** Scalars by their names. */
  readonly #scalars = new Map<ThreadBuffer, string>();
  readonly #parameters: CudaParameter[] = [];
  readonly #declared: string[] = [];
  /** Buffers that the body touches. */
  readonly #used = new Set<ThreadBuffer>();
  readonly #maps = new Map<TensorMap, string>();
  readonly #bulk: BulkHost;
  #sharedBytes = 0;

  constructor(kernel: ThreadKernel, options: RenderOptions, library: Library) {
    this.#kernel = kernel;
    this.#options = options;
    this.#library = library;
    this.#uses = usesOf(kernel.body);
    this.#body = new Body(kernel, kernelNames(), this);
    this.#memory = new Memory((e) => this.#body.value(e), new Alignment(kernel.body), library);
    this.#bulk = {
      body: this.#body,
      library,
      read: this.#uses.registers,
      address: (buffer, index) => this.#memory.address(this.#variable(buffer), index),
      map: (map) => this.#maps.get(map)!,
    };
  }

  render(): RenderedKernel {
    const { name } = this.#options;
    const { grid, threads, body } = this.#kernel;
    invariant(grid <= MOST_BLOCKS, 'a grid has fewer than 2³¹ blocks');
    this.#tensorMaps();
    this.#global();
    this.#shared();
    this.#numbers();
    this.#ids();
    this.#body.block(body);
    const text = [...this.#arrays(), this.#body.text].join('\n');
    const parameters = this.#declared.map((p) => `  ${p}`).join(',\n');
    const list = this.#declared.length === 0 ? '' : `\n${parameters}\n`;
    return {
      kernel: {
        name,
        parameters: this.#parameters,
        threads,
        sharedBytes: this.#sharedBytes,
        grid: [grid, 1, 1],
      },
      text: `KERNEL(${threads}, ${name})(${list}) {\n${text}\n}`,
    };
  }

  // --- parameters, shared memory, ids

  /** Descriptions of memory, first of all parameters: they are aligned to 64 bytes. */
  #tensorMaps(): void {
    const { places, names } = this.#options;
    const globals = this.#kernel.buffers.filter((b) => b.space === 'global');
    mapsIn(this.#kernel.body).forEach((map, i) => {
      const place = places[globals.indexOf(map.buffer)];
      const { dtype } = map.buffer;
      invariant(place?.kind === 'memory', 'tiles come from memory');
      invariant(dtype === 'bfloat16' || dtype === 'float16', 'tiles are of 16-bit floats');
      const name = this.#body.names.of(map, names === 'own' ? map.name : `m${i}`);
      this.#maps.set(map, name);
      this.#declared.push(`TENSOR_MAP ${name}`);
      const bytes = bytesOf(dtype);
      const { extents, box } = map;
      const strides = map.strides.slice(1).map((n) => n * bytes);
      const shape = { dtype, offset: map.offset * bytes, extents, strides, box };
      this.#parameters.push({ kind: 'tensorMap', slot: place.slot, map: shape });
    });
  }

  /** Global buffers that are one memory, and the pointer they become. */
  #global(): void {
    const { places, names } = this.#options;
    const globals = this.#kernel.buffers.filter((b) => b.space === 'global');
    invariant(places.length === globals.length, 'every global buffer has a place');
    const slots = new Map<number, ThreadBuffer[]>();
    places.forEach((place, i) => {
      if (place.kind === 'memory')
        slots.set(place.slot, [...(slots.get(place.slot) ?? []), globals[i]!]);
    });
    for (let slot = 0; slot < slots.size; slot++) {
      const own = slots.get(slot);
      invariant(own !== undefined, 'slots count without gaps');
      const access = accessOf(own);
      const stored = storedAsAll(own.map((b) => b.dtype));
      const name = this.#body.names.of(own[0]!, names === 'own' ? own[0]!.name : `b${slot}`);
      for (const b of own) this.#variables.set(b, { name, stored });
      this.#parameters.push({ kind: 'buffer', slot, access });
      this.#declared.push(`${access === 'read' ? 'const ' : ''}${stored}* __restrict__ ${name}`);
    }
    globals.forEach((b, i) => {
      if (places[i]!.kind === 'scalar')
        this.#scalars.set(b, this.#body.names.of(b, names === 'own' ? b.name : `s${i}`));
    });
    if (this.#scalars.size === 0) return;
    this.#parameters.push({ kind: 'scalars' });
    this.#declared.push('const unsigned* __restrict__ scalars');
  }

  /** Names for arrays in shared memory. */
  #shared(): void {
    for (const b of this.#kernel.buffers)
      if (b.space === 'shared')
        this.#variables.set(b, {
          name: this.#body.names.of(b, b.name),
          stored: storedAs(b.dtype),
        });
  }

  /** Those that the body uses, one behind the other in the block's memory. */
  #arrays(): string[] {
    const lines: string[] = [];
    const tiles = tilesIn(this.#kernel.body);
    for (const b of this.#kernel.buffers) {
      if (b.space !== 'shared' || !this.#used.has(b)) continue;
      const { name, stored } = this.#variables.get(b)!;
      const alignment = tiles.has(b) ? TILE_ALIGNMENT : SHARED_ALIGNMENT;
      this.#sharedBytes = Math.ceil(this.#sharedBytes / alignment) * alignment;
      const at = this.#sharedBytes === 0 ? 'memory' : `(memory + ${this.#sharedBytes})`;
      lines.push(`  ${stored}* ${name} = (${stored}*)${at};`);
      const bytes = b.elements * bytesOf(b.dtype);
      this.#sharedBytes += Math.ceil(bytes / SHARED_ALIGNMENT) * SHARED_ALIGNMENT;
    }
    return lines.length === 0 ? [] : ['  SHARED_MEMORY(memory);', ...lines];
  }

  /** Scalars, read once. */
  #numbers(): void {
    let field = 0;
    for (const [buffer, name] of this.#scalars) {
      const bits = element('scalars', int(field++));
      const elem = registerOf(buffer.dtype);
      const value = this.#number(elem, bits);
      this.#body.line(`const ${typeName({ elem, lanes: 1 })} ${name} = ${value.text};`);
    }
  }

  #number(elem: RegType['elem'], bits: Code): Code {
    switch (elem) {
      case 'f32':
        return call(this.#library.use('bits_float', { elem: 'u32', lanes: 1 }), bits);
      case 'i32':
        return converted('int', bits);
      case 'u32':
        return bits;
      case 'bool':
        return binary('!=', bits, atom('0u'));
      default:
        return elem satisfies never;
    }
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
        const at = this.#variable(s.buffer);
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
        const words = call(name, this.#memory.address(this.#variable(s.buffer), s.index));
        this.#body.line(
          `${this.declare(this.#body.name(s.register), words, false, s.register.type)};`,
        );
        return;
      }
      case 'copy': {
        const bytes = s.elements * bytesOf(s.to.dtype);
        const to = this.#memory.address(this.#variable(s.to), s.index);
        const from = this.#memory.address(this.#variable(s.from), s.at);
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

  #variable(buffer: ThreadBuffer): Variable {
    const found = this.#variables.get(buffer);
    invariant(found !== undefined, `${buffer.name} is memory of the kernel`);
    this.#used.add(buffer);
    return found;
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
        return call(this.#library.use('multiply_add', e.type), ...args);
      }
      case 'load': {
        const scalar = this.#scalars.get(e.buffer);
        if (scalar !== undefined) return atom(scalar);
        return this.#memory.load(this.#variable(e.buffer), e.buffer.dtype, e.index, e.type.lanes);
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

const accessOf = (buffers: readonly ThreadBuffer[]): 'read' | 'write' | 'readwrite' => {
  const [first] = buffers;
  return buffers.every((b) => b.access === first!.access) ? first!.access : 'readwrite';
};
