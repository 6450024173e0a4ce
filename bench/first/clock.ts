/**
 * Time that this thread had of a processor, and that all threads of the process had.
 *
 * Invariant: on Linux the figure of the thread is exact: the kernel brings it up to date when the thread sleeps, which
 * it does for a moment here. Elsewhere it is that of the process.
 */
import { readFileSync } from 'node:fs';

/** Milliseconds. */
export interface Moment {
  readonly wall: number;
  readonly thread: number;
  readonly process: number;
}

const idle = new Int32Array(new SharedArrayBuffer(4));
const ACCOUNT = `/proc/self/task/${process.pid}/schedstat`;

const threadTime = (): number | undefined => {
  if (process.platform !== 'linux') return undefined;
  Atomics.wait(idle, 0, 0, 0.01);
  return Number(readFileSync(ACCOUNT, 'utf8').split(' ')[0]) / 1e6;
};

export const now = (): Moment => {
  const { user, system } = process.cpuUsage();
  const all = (user + system) / 1e3;
  return { wall: performance.now(), thread: threadTime() ?? all, process: all };
};

export const between = (a: Moment, b: Moment): Moment => ({
  wall: b.wall - a.wall,
  thread: b.thread - a.thread,
  process: b.process - a.process,
});
