/**
 * Runs kernels of `kernels/*.cu` on the emulator, through the add-on that real devices are reached by.
 *
 * Invariant: a device that met a fault is lost for the rest of the process: each test that plants one takes a new device.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import { deviceFunctions, deviceText } from '../../src/codegen/cuda/ptx.ts';
import { unitText } from '../../src/codegen/cuda/unit.ts';
import type { Address, CudaContext, Handle, NativeCuda } from '../../src/runtime/native/api.ts';
import { openCuda } from '../../src/runtime/native/open.ts';
import { provideEmulator } from '../machine/emulator.ts';

const DEVICES = 64;
const MEMORY = 16 << 20;

const emulator = provideEmulator();
if (typeof emulator === 'string') {
  if (process.env['CI']) throw new Error(emulator);
  console.log(`skipped: ${emulator}`);
}

/** The emulated machine, if it can be had. */
const machine = async (): Promise<NativeCuda> => {
  if (typeof emulator === 'string') throw new Error(emulator);
  Object.assign(process.env, emulator.env);
  process.env['TIGON_EMULATED_DEVICES'] ??= String(DEVICES);
  process.env['TIGON_EMULATED_MEMORY'] ??= String(MEMORY);
  return await openCuda();
};
const opened = typeof emulator === 'string' ? undefined : await machine();

/** `test`, where the emulator is there. */
export const emulated = (name: string, body: (cuda: NativeCuda) => Promise<void> | void): void => {
  if (opened === undefined) test.skip(name);
  else test(name, () => body(opened));
};

export type KernelFile = 'plain' | 'faulty' | 'tensor';

/** The unit of a file of kernels: valid for nvcc and NVRTC as well. */
export const unitOf = (file: KernelFile): string => {
  const path = fileURLToPath(new URL(`kernels/${file}.cu`, import.meta.url));
  const text = readFileSync(path, 'utf8');
  const used = Object.entries(deviceFunctions).filter(([name]) => text.includes(name));
  return unitText({ device: used.map(([, f]) => deviceText(f)), plain: [] }, [text]);
};

let next = 0;
/** A device that nothing ran on. */
export const freshDevice = (cuda: NativeCuda): CudaContext => cuda.open(next++ % DEVICES);

export type Numbers =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint32Array
  | Uint16Array
  | Uint8Array;

/** Where an argument of a kernel is, or the number that it is. */
export type Argument = { readonly address: Address } | { readonly int: number };

/** Arguments as one packed C struct. */
export const packed = (args: readonly Argument[]): Uint8Array => {
  const bytes = new DataView(new ArrayBuffer(args.length * 8));
  let at = 0;
  for (const one of args) {
    if ('int' in one) {
      bytes.setInt32(at, one.int, true);
      at += 4;
    } else {
      at = Math.ceil(at / 8) * 8;
      bytes.setBigUint64(at, BigInt(one.address), true);
      at += 8;
    }
  }
  return new Uint8Array(bytes.buffer, 0, at);
};

/** One device with one stream, and what tests do with it. */
export class Bench {
  readonly context: CudaContext;
  readonly stream: Handle;
  readonly #cuda: NativeCuda;
  readonly #modules = new Map<KernelFile, Handle>();

  constructor(cuda: NativeCuda) {
    this.#cuda = cuda;
    this.context = freshDevice(cuda);
    this.stream = this.context.stream();
  }

  kernel(file: KernelFile, name: string): Handle {
    let module = this.#modules.get(file);
    if (module === undefined) {
      const { image } = this.#cuda.compile(unitOf(file), `${file}.cu`, [
        `--gpu-architecture=sm_${this.#cuda.devices[0]!.capability}`,
      ]);
      module = this.context.loadModule(image);
      this.#modules.set(file, module);
    }
    return this.context.kernel(module, name).handle;
  }

  /** Memory with these numbers, or so many bytes that nobody wrote. */
  memory(from: Numbers | number): Address {
    const bytes = typeof from === 'number' ? from : from.byteLength;
    const address = this.context.allocate(bytes, this.stream);
    if (typeof from !== 'number') this.context.upload(this.stream, address, from, bytes);
    return address;
  }

  launch(
    kernel: Handle,
    args: readonly (Address | Argument)[],
    { grid = 1, threads, shared = 0 }: { grid?: number; threads: number; shared?: number },
  ): void {
    const given = args.map((one) => (typeof one === 'number' ? { address: one } : one));
    this.context.launch(this.stream, kernel, [grid, 1, 1], threads, shared, packed(given));
  }

  /** Waits, and gives the bytes. */
  read(address: Address, bytes: number): ArrayBuffer {
    const pinned = this.context.pin(bytes);
    this.context.download(this.stream, pinned.pointer, address, bytes);
    this.context.synchronize(this.stream);
    const copy = pinned.bytes.slice(0);
    this.context.unpin(pinned.pointer);
    return copy;
  }

  floats(address: Address, count: number): readonly number[] {
    return [...new Float32Array(this.read(address, count * 4))];
  }
}

/** Runs `body` with another order of threads and blocks, or with every access checked. */
export const under = <T>(
  settings: { readonly order?: string; readonly check?: boolean },
  body: () => T,
): T => {
  const { order = 'forward', check = false } = settings;
  process.env['TIGON_EMULATED_ORDER'] = order;
  process.env['TIGON_EMULATED_CHECK'] = check ? '1' : '0';
  try {
    return body();
  } finally {
    delete process.env['TIGON_EMULATED_ORDER'];
    delete process.env['TIGON_EMULATED_CHECK'];
  }
};

export const ORDERS: readonly string[] = ['forward', 'reverse', 'random', 'random+2'];
