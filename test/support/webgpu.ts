/**
 * A WebGPU device for tests of the device itself.
 *
 * Invariant: without an adapter tests are skipped with the reason, and fail where `CI` is set.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import { TigonError } from '../../src/ir/errors.ts';
import type { WebGpuDevice } from '../../src/runtime/webgpu/device.ts';
import { type OpenOptions, openWebGpu } from '../../src/runtime/webgpu/open.ts';

let reason: string | undefined;
try {
  (await openWebGpu()).dispose();
} catch (error) {
  if (!(error instanceof TigonError) || process.env['CI'] === 'true') throw error;
  reason = error.brief;
  console.log(`skipped: ${reason}`);
}

/** `test`, with a device that is opened for it and disposed of after it. */
export const onDevice = (
  name: string,
  body: (device: WebGpuDevice) => Promise<void>,
  options: OpenOptions = {},
): void => {
  if (reason !== undefined) {
    test.skip(name);
    return;
  }
  test(name, async () => {
    const device = await openWebGpu(options);
    try {
      await body(device);
    } finally {
      device.dispose();
    }
  });
};

/** `test`, where there is an adapter. */
export const withAdapter = (name: string, body: () => Promise<void>): void => {
  if (reason === undefined) test(name, body);
  else test.skip(name);
};

/** Runs a module in a process of its own; gives what it printed, or rejects with it. */
export const runScript = (source: string, env: Record<string, string> = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ['--conditions=tigon-source', '--import', 'tsx', '--input-type=module', '-e', source],
      {
        cwd: fileURLToPath(new URL('../..', import.meta.url)),
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let out = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), 120_000);
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(out);
      else reject(new Error(`ended with ${code ?? signal}: ${out}\n${errors}`));
    });
  });

/** The error that `f` throws or rejects with. */
export const failure = async (f: () => unknown): Promise<TigonError> => {
  try {
    await f();
  } catch (error) {
    return error as TigonError;
  }
  throw new Error('no error');
};

/** What the counters of a device grew by while `body` ran. */
export const counted = async (
  device: WebGpuDevice,
  body: () => unknown,
): Promise<WebGpuDevice['counters']> => {
  const before = { ...device.counters };
  await body();
  const names = Object.keys(before) as (keyof typeof before)[];
  return Object.fromEntries(
    names.map((name) => [name, device.counters[name] - before[name]]),
  ) as unknown as WebGpuDevice['counters'];
};
