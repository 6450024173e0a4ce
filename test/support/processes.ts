/**
 * What tests of devices share: errors that are wanted, counters that grew, and processes of their own.
 *
 * Invariant: a process that a test started is over when the test is.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { TigonError } from '../../src/ir/errors.ts';
import { SOURCE } from './node.ts';

/** Runs a module in a process of its own; gives what it printed, or rejects with it. */
export const runScript = (source: string, env: Record<string, string> = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...SOURCE, '--input-type=module', '-e', source], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
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
export const counted = async <C extends { readonly [name in keyof C]: number }>(
  device: { readonly counters: C },
  body: () => unknown,
): Promise<C> => {
  const before = { ...device.counters };
  await body();
  const names = Object.keys(before) as (keyof C)[];
  return Object.fromEntries(
    names.map((name) => [name, device.counters[name] - before[name]]),
  ) as unknown as C;
};
