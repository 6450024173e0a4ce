/**
 * PyTorch as a contender: a Python process that speaks the protocol in lines of JSON.
 *
 * Invariant: the process is gone when `close` resolves, and its specification file with it.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Connection, type Host, offerOf } from './host.ts';
import type { Reply, Request } from './protocol.ts';

const script = new URL('./cuda/torch/contender.py', import.meta.url).pathname;

/** Replies in the order they come; rejects once the process has ended. */
const repliesOf = (child: ChildProcess): (() => Promise<Reply>) => {
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error('its Python process ended');
    return JSON.parse(value) as Reply;
  };
};

const open = async (
  python: string,
  specification: object,
  env: NodeJS.ProcessEnv,
): Promise<Connection> => {
  const folder = mkdtempSync(join(tmpdir(), 'tigon-bench-'));
  const spec = join(folder, 'spec.json');
  writeFileSync(spec, JSON.stringify(specification));
  const child = spawn(python, [script, spec], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit').catch(() => undefined);
  const next = repliesOf(child);
  const close = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    return {
      offer: offerOf(await next()),
      ask: (request: Request) => {
        child.stdin!.write(`${JSON.stringify(request)}\n`);
        return next();
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};

/** On a graphics card. `python` is the interpreter that has PyTorch, `specification` what it reads. */
export const torchHost = (python: string, specification: object): Host => ({
  name: 'pytorch',
  engine: 'python',
  threads: null,
  open: () => open(python, specification, {}),
});

/**
 * On the CPU. Freed memory stays in the process: fetching it anew from the system costs PyTorch several times what
 * elementwise rows take.
 */
export const torchCpuHost = (python: string, threads: number, specification: object): Host => ({
  name: 'pytorch',
  engine: 'python',
  threads,
  open: () =>
    open(
      python,
      { ...specification, threads },
      {
        OMP_NUM_THREADS: String(threads),
        OPENBLAS_NUM_THREADS: String(threads),
        MALLOC_MMAP_THRESHOLD_: '1073741824',
        MALLOC_TRIM_THRESHOLD_: '1073741824',
      },
    ),
});

/** The first of these interpreters that has PyTorch. */
export const pythonWithTorch = (candidates: readonly string[]): string | undefined =>
  candidates.find((python) => {
    try {
      execFileSync(python, ['-c', 'import torch'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
