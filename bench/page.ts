/**
 * The end of every contender's page: requests come as calls of a global function.
 *
 * Invariant: the function is there once the module has been loaded.
 */
import { answering } from './answers.ts';
import type { Contender, Reply, Request } from './protocol.ts';
import { sampleAwaited } from './sampling.ts';

/** Offers `contender` to whoever drives the page. */
export const serve = (contender: Contender): void => {
  const page = globalThis as { ask?: (request: Request) => Promise<Reply> };
  page.ask = answering(contender, sampleAwaited);
};
