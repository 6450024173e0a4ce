/**
 * The machine that tests run on: the environment of their processes, with a WebGPU adapter and a browser where they can be had.
 *
 * Invariant: what is missing is said with its reason, once; tests that need it are then skipped.
 */
import { join } from 'node:path';
import { provideAdapter } from './adapter.ts';
import { provideChromium } from './browser.ts';
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

export interface Machine {
  /** For the processes of tests, on top of this one's. */
  readonly env: Readonly<Record<string, string>>;
  /** The adapter that WebGPU runs on, if there is one. */
  readonly adapter: string | undefined;
  /** Why there is none. */
  readonly reason: string;
}

export const prepareMachine = (): Machine => {
  const base = Object.fromEntries(
    Object.entries(BASE).filter(([name]) => process.env[name] === undefined),
  );
  const adapter = provideAdapter(base);
  const chromium = provideChromium();
  const env = chromium === undefined ? {} : { CHROMIUM: chromium };
  return typeof adapter === 'string'
    ? { env: { ...base, ...env }, adapter: undefined, reason: adapter }
    : { env: { ...adapter.env, ...env }, adapter: adapter.name, reason: '' };
};
