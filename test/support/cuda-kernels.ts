/**
 * Runs thread kernels as CUDA C++ on plain memory: on a card, or on the emulator where there is none.
 *
 * Invariant: kernels of one batch are one compile. Without a C++ compiler either, tests are skipped with the reason, and
 * fail where `CI` is set.
 */
import { Library } from '../../src/codegen/cuda/library.ts';
import type { MapShape } from '../../src/codegen/cuda/module.ts';
import { type RenderedKernel, renderKernel } from '../../src/codegen/cuda/render.ts';
import type { BufferPlace } from '../../src/codegen/cuda/scope.ts';
import { unitText } from '../../src/codegen/cuda/unit.ts';
import { scalarWords } from '../../src/codegen/text/program.ts';
import type { ThreadKernel } from '../../src/ir/thread/thread.ts';
import type { Address, CudaContext, Handle, NativeCuda } from '../../src/runtime/native/api.ts';
import { openCuda } from '../../src/runtime/native/open.ts';
import { provideEmulator } from '../machine/emulator.ts';

interface Machine {
  readonly cuda: NativeCuda;
  readonly context: CudaContext;
  readonly stream: Handle;
}

const open = async (): Promise<Machine | string> => {
  const found = await openCuda().catch(() => undefined);
  if (found === undefined) {
    const emulator = provideEmulator();
    if (typeof emulator === 'string') return emulator;
    Object.assign(process.env, emulator.env);
  }
  const cuda = found ?? (await openCuda());
  const context = cuda.open(0);
  return { cuda, context, stream: context.stream() };
};

let opened: Promise<Machine | string> | undefined;

/** The machine; undefined, with a printed reason, where there is none. */
const machine = async (): Promise<Machine | undefined> => {
  opened ??= open();
  const result = await opened;
  if (typeof result !== 'string') return result;
  if (process.env['CI'] === 'true') throw new Error(result);
  console.log(`skipped: ${result}`);
  return undefined;
};

/** Compute capability of the machine, 80 for 8.0; undefined where there is none. */
export const capability = async (): Promise<number | undefined> =>
  (await machine())?.cuda.devices[0]?.capability;

/** Each global buffer as a pointer of its own. */
export const ownSlots = (kernel: ThreadKernel): BufferPlace[] =>
  kernel.buffers.filter((b) => b.space === 'global').map((_, slot) => ({ kind: 'memory', slot }));

/** Bytes behind each buffer that nobody may touch. */
const GUARD = 64;
const UNTOUCHED = 0xa5;

/** Runs a kernel over copies of the bytes of its global buffers, and gives the bytes after it. */
export type Run = (contents: readonly Uint8Array[]) => Promise<Uint8Array[] | undefined>;

/** Kernels that are compiled together, when the first of them runs. */
export class CudaBatch {
  readonly #library = new Library();
  readonly #kernels: RenderedKernel[] = [];
  #module: Handle | undefined;

  add(kernel: ThreadKernel, places: readonly BufferPlace[] = ownSlots(kernel)): Run {
    const name = `kernel_${this.#kernels.length}`;
    const rendered = renderKernel(kernel, { places, names: 'own', name }, this.#library);
    this.#kernels.push(rendered);
    return async (contents) => {
      const at = await machine();
      return at === undefined ? undefined : this.#run(at, rendered, places, contents);
    };
  }

  get source(): string {
    return unitText(
      this.#library.texts,
      this.#kernels.map((k) => k.text),
    );
  }

  #compiled({ cuda, context }: Machine): Handle {
    if (this.#module === undefined) {
      const { capability } = cuda.devices[0]!;
      const options = [`--gpu-architecture=sm_${capability}${capability === 90 ? 'a' : ''}`];
      this.#module = context.loadModule(cuda.compile(this.source, 'batch.cu', options).image);
    }
    return this.#module;
  }

  #run(
    at: Machine,
    { kernel }: RenderedKernel,
    places: readonly BufferPlace[],
    contents: readonly Uint8Array[],
  ): Uint8Array[] {
    const { context, stream } = at;
    const { handle } = context.kernel(this.#compiled(at), kernel.name);
    const ofSlot = (slot: number): number[] =>
      places.flatMap((p, i) => (p.kind === 'memory' && p.slot === slot ? [i] : []));
    const scalars = places.flatMap((p, i) => (p.kind === 'scalar' ? [contents[i]!] : []));
    const pointers = kernel.parameters.filter((p) => p.kind !== 'tensorMap');
    const memories = pointers.map((p) =>
      p.kind === 'buffer'
        ? new Memory(
            at,
            ofSlot(p.slot).map((i) => contents[i]!),
          )
        : new Memory(at, [words(scalars)]),
    );
    const maps = kernel.parameters.flatMap((p) => {
      if (p.kind !== 'tensorMap') return [];
      const memory = pointers.findIndex((q) => q.kind === 'buffer' && q.slot === p.slot);
      return [describe(context, memories[memory]!.address, p.map)];
    });
    const addresses = BigUint64Array.from(memories, (m) => BigInt(m.address));
    if (kernel.sharedBytes > 48 << 10) context.allowShared(handle, kernel.sharedBytes);
    const args = Buffer.concat([...maps, new Uint8Array(addresses.buffer)]);
    context.launch(stream, handle, kernel.grid, kernel.threads, kernel.sharedBytes, args);
    context.synchronize(stream);
    const after = memories.map((m) => m.read(kernel.name));
    return contents.map((before, i) => {
      const place = places[i]!;
      if (place.kind === 'scalar') return before;
      const parameter = pointers.findIndex((p) => p.kind === 'buffer' && p.slot === place.slot);
      return after[parameter]!.slice(0, before.length);
    });
  }
}

const describe = (context: CudaContext, address: Address, map: MapShape): Uint8Array =>
  context.tensorMap({
    element: map.dtype,
    address: address + map.offset,
    sizes: map.extents,
    strides: map.strides,
    box: map.box,
    swizzle: 128,
    promotion: 256,
  });

/** Numbers of up to 4 bytes, each in a word; of 8 bytes in two. */
const words = (numbers: readonly Uint8Array[]): Uint8Array => {
  const { words: at, all } = scalarWords(numbers.map((n) => (n.length === 8 ? 'f64' : 'f32')));
  const bytes = new Uint8Array(4 * all);
  for (const [i, number] of numbers.entries()) bytes.set(number, 4 * at[i]!);
  return bytes;
};

/** Memory of the device, filled with all of `contents` in turn, with a guard behind it. */
class Memory {
  readonly address: Address;
  readonly #at: Machine;
  readonly #size: number;

  constructor(at: Machine, contents: readonly Uint8Array[]) {
    this.#at = at;
    this.#size = Math.max(...contents.map((c) => c.length));
    const bytes = new Uint8Array(this.#size + GUARD).fill(UNTOUCHED);
    for (const c of contents) bytes.set(c);
    this.address = at.context.allocate(bytes.length, at.stream);
    at.context.upload(at.stream, this.address, bytes, bytes.length);
  }

  /** What is in it now; it is freed. */
  read(user: string): Uint8Array {
    const { context, stream } = this.#at;
    const bytes = this.#size + GUARD;
    const pinned = context.pin(bytes);
    context.download(stream, pinned.pointer, this.address, bytes);
    context.synchronize(stream);
    const all = new Uint8Array(pinned.bytes).slice();
    context.unpin(pinned.pointer);
    context.free(this.address, stream);
    if (all.subarray(this.#size).some((b) => b !== UNTOUCHED))
      throw new Error(`${user} wrote behind a buffer`);
    return all.subarray(0, this.#size);
  }
}
