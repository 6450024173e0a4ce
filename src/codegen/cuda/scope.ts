/**
 * What the body of a kernel finds: parameters, scalars, arrays in shared memory; and how all of it is declared.
 *
 * Invariant: parameters are tensor maps, then a pointer for each slot in order, then the block of scalars if there is
 * one; an array that the body does not touch takes no shared memory.
 */
import { bytesOf } from '../../ir/dtype.ts';
import { invariant } from '../../ir/errors.ts';
import type { TensorMap } from '../../ir/thread/bulk.ts';
import {
  type Elem,
  registerOf,
  type ThreadBuffer,
  type ThreadKernel,
} from '../../ir/thread/thread.ts';
import { mapsIn, tilesIn } from '../../ir/thread/visit.ts';
import { atom, binary, type Code, call, converted, element, int } from '../text/code.ts';
import type { Identifiers } from '../text/names.ts';
import { scalarWords } from '../text/program.ts';
import type { Library } from './library.ts';
import type { Variable } from './memory.ts';
import type { CudaParameter } from './module.ts';
import { storedAs, storedAsAll, typeName } from './types.ts';

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

/** Where arrays in shared memory begin: whole vectors, and what bulk copies ask for. */
const SHARED_ALIGNMENT = 128;
/** The permutation of lines in tiles repeats at these. */
const TILE_ALIGNMENT = 1024;

/** Names of a kernel's memory, and their declarations. */
export class Scope {
  readonly parameters: CudaParameter[] = [];
  /** The texts of the parameters. */
  readonly declared: string[] = [];
  readonly #kernel: ThreadKernel;
  readonly #options: RenderOptions;
  readonly #names: Identifiers;
  readonly #variables = new Map<ThreadBuffer, Variable>();
  /** Scalars by their names. */
  readonly #scalars = new Map<ThreadBuffer, string>();
  readonly #maps = new Map<TensorMap, string>();
  /** Buffers that the body touches. */
  readonly #used = new Set<ThreadBuffer>();

  constructor(kernel: ThreadKernel, options: RenderOptions, names: Identifiers) {
    this.#kernel = kernel;
    this.#options = options;
    this.#names = names;
    this.#tensorMaps();
    this.#global();
    this.#shared();
  }

  /** Where a buffer is, which the body touches. */
  variable(buffer: ThreadBuffer): Variable {
    const found = this.#variables.get(buffer);
    invariant(found !== undefined, `${buffer.name} is memory of the kernel`);
    this.#used.add(buffer);
    return found;
  }

  /** The name of a scalar, if the buffer is one. */
  scalar(buffer: ThreadBuffer): string | undefined {
    return this.#scalars.get(buffer);
  }

  map(map: TensorMap): string {
    const found = this.#maps.get(map);
    invariant(found !== undefined, `${map.name} is a map of the kernel`);
    return found;
  }

  /** Descriptions of memory, first of all parameters: they are aligned to 64 bytes. */
  #tensorMaps(): void {
    const { places, names } = this.#options;
    const globals = this.#kernel.buffers.filter((b) => b.space === 'global');
    mapsIn(this.#kernel.body).forEach((map, i) => {
      const place = places[globals.indexOf(map.buffer)];
      const { dtype } = map.buffer;
      invariant(place?.kind === 'memory', 'tiles come from memory');
      invariant(dtype === 'bfloat16' || dtype === 'float16', 'tiles are of 16-bit floats');
      const name = this.#names.of(map, names === 'own' ? map.name : `m${i}`);
      this.#maps.set(map, name);
      this.declared.push(`TENSOR_MAP ${name}`);
      const bytes = bytesOf(dtype);
      const { extents, box } = map;
      const strides = map.strides.slice(1).map((n) => n * bytes);
      const shape = { dtype, offset: map.offset * bytes, extents, strides, box };
      this.parameters.push({ kind: 'tensorMap', slot: place.slot, map: shape });
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
      const name = this.#names.of(own[0]!, names === 'own' ? own[0]!.name : `b${slot}`);
      for (const b of own) this.#variables.set(b, { name, stored });
      this.parameters.push({ kind: 'buffer', slot, access });
      this.declared.push(`${access === 'read' ? 'const ' : ''}${stored}* __restrict__ ${name}`);
    }
    globals.forEach((b, i) => {
      if (places[i]!.kind === 'scalar')
        this.#scalars.set(b, this.#names.of(b, names === 'own' ? b.name : `s${i}`));
    });
    if (this.#scalars.size === 0) return;
    this.parameters.push({ kind: 'scalars' });
    this.declared.push('const unsigned* __restrict__ scalars');
  }

  /** Names for arrays in shared memory. */
  #shared(): void {
    for (const b of this.#kernel.buffers)
      if (b.space === 'shared')
        this.#variables.set(b, {
          name: this.#names.of(b, b.name),
          stored: storedAs(b.dtype),
        });
  }

  /** Arrays that the body uses, one behind the other in the block's memory, and its size. */
  arrays(): { readonly lines: readonly string[]; readonly bytes: number } {
    const lines: string[] = [];
    const tiles = tilesIn(this.#kernel.body);
    let end = 0;
    for (const b of this.#kernel.buffers) {
      if (b.space !== 'shared' || !this.#used.has(b)) continue;
      const { name, stored } = this.#variables.get(b)!;
      const alignment = tiles.has(b) ? TILE_ALIGNMENT : SHARED_ALIGNMENT;
      const start = Math.ceil(end / alignment) * alignment;
      const at = start === 0 ? 'memory' : `(memory + ${start})`;
      lines.push(`  ${stored}* ${name} = (${stored}*)${at};`);
      const bytes = b.elements * bytesOf(b.dtype);
      end = start + Math.ceil(bytes / SHARED_ALIGNMENT) * SHARED_ALIGNMENT;
    }
    if (lines.length > 0) lines.unshift('  SHARED_MEMORY(memory);');
    return { lines, bytes: end };
  }

  /** Declarations of scalars, which are read once. */
  numbers(library: Library): string[] {
    const elems = [...this.#scalars.keys()].map((b) => registerOf(b.dtype));
    const { words } = scalarWords(elems);
    return [...this.#scalars.values()].map((name, i) => {
      const elem = elems[i]!;
      const value = numberOf(elem, words[i]!, library);
      return `const ${typeName({ elem, lanes: 1 })} ${name} = ${value.text};`;
    });
  }
}

/** A number from the block of scalars: at a word, or at two. */
const numberOf = (elem: Elem, word: number, library: Library): Code => {
  const bits = element('scalars', int(word));
  switch (elem) {
    case 'f32':
      return call(library.use('bits_float', { elem: 'u32', lanes: 1 }), bits);
    case 'i32':
      return converted('int', bits);
    case 'u32':
      return bits;
    case 'bool':
      return binary('!=', bits, atom('0u'));
    case 'f64':
    case 'i64':
    case 'u64':
      return atom(`*(const ${typeName({ elem, lanes: 1 })}*)(scalars + ${word})`);
    default:
      return elem satisfies never;
  }
};

const accessOf = (buffers: readonly ThreadBuffer[]): 'read' | 'write' | 'readwrite' => {
  const [first] = buffers;
  return buffers.every((b) => b.access === first!.access) ? first!.access : 'readwrite';
};
