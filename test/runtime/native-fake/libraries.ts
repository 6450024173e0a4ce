/**
 * The add-on, and stand-ins for its libraries that misbehave when told to.
 *
 * Invariant: without a C++ compiler tests are skipped with the reason.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import type { CudaContext, NativeCuda } from '../../../src/runtime/native/api.ts';
import { openCudaFrom } from '../../../src/runtime/native/open.ts';
import type { Environment } from '../../../src/runtime/native/places.ts';
import { provideEmulator } from '../../machine/emulator.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('../../..', import.meta.url));

const provided = provideEmulator();
if (typeof provided === 'string') console.log(`skipped: ${provided}`);

/** `test`, where C++ can be compiled. */
export const withCompiler = (name: string, body: () => void | Promise<void>): void => {
  if (typeof provided === 'string') test.skip(name);
  else test(name, body);
};

/** For programs: where the built add-on lies. */
export const addon: string = join(root, 'build/Release/tigon.node');

const folder = mkdtempSync(join(tmpdir(), 'tigon-fake-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const built = new Set<string>();

/** Compiles files of this folder to a library, once for each folder that wants it. */
const library = (
  into: string,
  name: string,
  sources: readonly string[],
  ...flags: string[]
): string => {
  const made = join(folder, into, name);
  if (!built.has(made)) compile(into, made, sources, flags);
  built.add(made);
  return made;
};

const compile = (
  into: string,
  path: string,
  sources: readonly string[],
  flags: readonly string[],
): void => {
  mkdirSync(join(folder, into), { recursive: true });
  const { status, stderr } = spawnSync(
    'g++',
    [
      ...['-std=c++17', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC'],
      `-I${join(root, 'src/runtime/native/addon')}`,
      ...sources.map((source) => join(here, source)),
      ...['-o', path, ...flags],
    ],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(stderr);
};

const DRIVER = ['defaults.cc', 'device.cc', 'programs.cc'];

/** Builders of the libraries; a name is a file beneath a folder of this process. */
export const fakeDriver = (into = 'here'): string => library(into, 'libcuda.so.1', DRIVER);
export const oldDriver = (): string =>
  library('old', 'libcuda.so.1', DRIVER, `-Wl,--version-script=${join(here, 'old.map')}`);
export const fakeCompiler = (into = 'here'): string =>
  library(into, 'libnvrtc.so.12', ['compiler.cc']);
export const fakeNccl = (into = 'here'): string =>
  library(into, 'libnccl.so.2', ['collectives.cc']);
export const folderOf = (name: string): string => join(folder, name);

/** What programs under test see of this process' environment: none of its CUDA. */
const PLAIN: Environment = { PATH: process.env['PATH'], HOME: process.env['HOME'] };

/** Opens CUDA with these variables alone. */
export const openWith = (environment: Environment): ReturnType<typeof openCudaFrom> =>
  openCudaFrom([addon], { ...PLAIN, ...environment });

let opened: ReturnType<typeof openCudaFrom> | undefined;

/** CUDA on the stand-ins, with two devices. */
export const openFake = (): ReturnType<typeof openCudaFrom> => {
  misbehave('two');
  opened ??= openWith({
    TIGON_CUDA_DRIVER: fakeDriver(),
    TIGON_CUDA_COMPILER: fakeCompiler(),
    TIGON_NCCL: fakeNccl(),
  });
  return opened;
};

/** `withCompiler`, with CUDA and its first device, which is closed afterwards. */
export const onFake = (
  name: string,
  body: (context: CudaContext, cuda: NativeCuda) => void | Promise<void>,
): void =>
  withCompiler(name, async () => {
    const cuda = await openFake();
    const context = cuda.open(0);
    try {
      await body(context, cuda);
    } finally {
      misbehave('two');
      context.close();
    }
  });

/** For programs in processes of their own: the variables that make them find the stand-ins. */
export const environmentOf = (...words: readonly string[]): Record<string, string> => ({
  TIGON_CUDA_DRIVER: fakeDriver(),
  TIGON_CUDA_COMPILER: fakeCompiler(),
  TIGON_NCCL: fakeNccl(),
  FAKE_CUDA: words.join(' '),
});

/** Packs addresses (8 bytes each) and then integers (4 bytes each) as a C struct. */
export const packed = (
  addresses: readonly number[],
  integers: readonly number[] = [],
): Uint8Array => {
  const view = new DataView(new ArrayBuffer(8 * addresses.length + 4 * integers.length));
  addresses.forEach((address, i) => {
    view.setBigUint64(8 * i, BigInt(address), true);
  });
  integers.forEach((integer, i) => {
    view.setInt32(8 * addresses.length + 4 * i, integer, true);
  });
  return new Uint8Array(view.buffer);
};

/** What lies at an address, as int32. */
export const readBack = (context: CudaContext, from: number, count: number): Int32Array => {
  const { pointer, bytes } = context.pin(4 * count);
  context.download(0, pointer, from, 4 * count);
  context.synchronize(0);
  const result = new Int32Array(bytes.slice(0));
  context.unpin(pointer);
  return result;
};

/** Sets what the stand-ins misbehave in, for this process too. */
export const misbehave = (...words: readonly string[]): void => {
  process.env['FAKE_CUDA'] = words.join(' ');
};
