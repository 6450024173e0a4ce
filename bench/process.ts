/**
 * Contenders in Node: a process each.
 *
 * Invariant: it is gone when `close` resolves.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { type Connection, type Host, offerOf } from './host.ts';
import type { Reply } from './protocol.ts';

/** Source is run by tsx; bundles of it run as they are. */
const [, EXTENSION] = /(\.\w+)$/.exec(import.meta.url)!;

/** Path of a module of this folder. */
const moduleAt = (name: string): string =>
  new URL(`./${name}${EXTENSION}`, import.meta.url).pathname;

const open = async (module: string, env: NodeJS.ProcessEnv): Promise<Connection> => {
  const child = fork(moduleAt('child'), [moduleAt(module)], {
    execArgv: EXTENSION === '.ts' ? ['--conditions=tigon-source', '--import', 'tsx'] : [],
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  const ended = exited.then(([code, signal]: unknown[]): Promise<never> => {
    throw new Error(`its process ended with ${signal ?? `code ${code}`}`);
  });
  // nobody may be waiting when it is closed
  ended.catch(() => undefined);
  const next = (): Promise<Reply> =>
    Promise.race([once(child, 'message').then(([reply]) => reply as Reply), ended]);
  return {
    offer: offerOf(await next()),
    ask: (request) => {
      const reply = next();
      child.send(request);
      return reply;
    },
    close: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
};

/** A contender whose module is `subjects/NAME` or `peers/NAME`. */
export const processHost = (
  name: string,
  module: string,
  threads: number | null,
  env: NodeJS.ProcessEnv = {},
): Host => ({ name, engine: 'node', threads, open: () => open(module, env) });
