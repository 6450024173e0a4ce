/**
 * Where contenders run, as the runner sees it: something that can be opened, asked and closed.
 *
 * Invariant: a connection answers one request at a time; a new one knows nothing of what was prepared before.
 */
import type { Engine, Offer, Reply, Request } from './protocol.ts';

export interface Connection {
  readonly offer: Offer;
  ask(request: Request): Promise<Reply>;
  /** Ends it, whatever it is doing. */
  close(): Promise<void>;
}

export interface Host {
  readonly name: string;
  readonly engine: Engine;
  /** Threads that it may use, where that is known. */
  readonly threads: number | null;
  open(): Promise<Connection>;
}

/** The offer in the first reply of a contender. */
export const offerOf = (reply: Reply): Offer => {
  if (reply.kind === 'offer') return reply.offer;
  throw new Error(reply.kind === 'failed' ? reply.message : `unexpected reply: ${reply.kind}`);
};
