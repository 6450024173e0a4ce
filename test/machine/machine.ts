/**
 * The machine that tests run on: the environment of their processes, with a WebGPU adapter, a browser and CUDA (or what
 * stands in for it) where they can be had.
 *
 * Invariant: what is missing is said with its reason, once; tests that need it are then skipped.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Adapter, isLavapipe, provideAdapter, provideSwiftShader } from './adapter.ts';
import { provideChromium } from './browser.ts';
import { type Emulator, provideEmulator } from './emulator.ts';
import { cache } from './packaged.ts';

/**
 * Writes beyond the end of a buffer hurt, as on drivers that do not drop them; drivers in software compile fast (tests run
 * each kernel a few times) and remember what they compiled.
 */
const BASE: Readonly<Record<string, string>> = {
  XDG_RUNTIME_DIR: '/tmp',
  LP_NATIVE_VECTOR_WIDTH: '128',
  GALLIVM_PERF: 'nopt',
  MESA_SHADER_CACHE_DIR: join(cache, 'shaders'),
  TIGON_WEBGPU_FLAGS: 'disable-dawn-features=vulkan_use_buffer_robust_access_2',
};

/** A device that tests can run on: what it is called, and what processes need to find it; or why there is none. */
export type Provided =
  | { readonly name: string; readonly env: Readonly<Record<string, string>> }
  | string;

export interface Machine {
  /** For the processes of all tests, on top of this one's. */
  readonly env: Readonly<Record<string, string>>;
  readonly webgpu: Provided;
  /** For files whose kernels are short, and compile sooner on it; why all files are on the other, if they are. */
  readonly quick: Provided;
  /** For the processes of its own tests. */
  readonly cuda: Provided;
}

/** Whether any test is about it. */
export interface Needed {
  readonly cuda: boolean;
  readonly quick: boolean;
}

export const prepareMachine = ({ cuda, quick }: Needed): Machine => {
  const base = Object.fromEntries(
    Object.entries(BASE).filter(([name]) => process.env[name] === undefined),
  );
  const webgpu = provideAdapter(base);
  const chromium = provideChromium();
  const env = typeof webgpu === 'string' ? base : webgpu.env;
  return {
    env: chromium === undefined ? env : { ...env, CHROMIUM: chromium },
    webgpu,
    quick: quick ? provideQuick(webgpu, base) : 'no test is about it',
    cuda: cuda ? provideCuda() : 'no test is about it',
  };
};

/** SwiftShader beside lavapipe. */
const provideQuick = (
  webgpu: Adapter | string,
  env: Readonly<Record<string, string>>,
): Provided => {
  if (typeof webgpu === 'string') return webgpu;
  return isLavapipe(webgpu) ? provideSwiftShader(env) : `${webgpu.name} compiles quickly`;
};

/** The card that is here, else the stand-in that computes on the CPU. */
const provideCuda = (): Provided =>
  existsSync('/proc/driver/nvidia/version')
    ? { name: 'the card that is here', env: {} }
    : standIn(provideEmulator());

const standIn = (emulator: Emulator | string): Provided =>
  typeof emulator === 'string' ? emulator : { name: 'computed on the CPU', env: emulator.env };
