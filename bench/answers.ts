/**
 * A contender's side of the protocol, wherever it runs.
 *
 * Invariant: the modes of one row are prepared at a time; preparing another row lets go of them.
 */
import type { Contender, Mode, Prepared, Reply, Request } from './protocol.ts';

type Sampler = (work: Prepared, seconds: number) => Promise<number[]>;

const isMode = (word: string): word is Mode =>
  word === 'imperative' || word === 'hybrid' || word === 'step';

/** Answers requests in the order they come; `sample` times prepared work. */
export const answering = (
  { subject, adapter }: Contender,
  sample: Sampler,
): ((request: Request) => Promise<Reply>) => {
  let row: string | undefined;
  const ready = new Map<Mode, Prepared>();
  const answer = async (request: Request): Promise<Reply> => {
    switch (request.kind) {
      case 'list': {
        const rows = Object.entries(subject).flatMap(([name, modes]) =>
          Object.keys(modes)
            .filter(isMode)
            .map((mode) => [name, mode] as const),
        );
        return { kind: 'offer', offer: { rows, adapter: adapter ?? null } };
      }
      case 'prepare': {
        if (row !== request.name) ready.clear();
        row = request.name;
        const { run, timed, compiled: _, ...figures } = await subject[row]![request.mode]!();
        ready.set(request.mode, timed === undefined ? { run } : { run, timed });
        return { kind: 'prepared', figures };
      }
      case 'round':
        return { kind: 'samples', ms: await sample(ready.get(request.mode)!, request.seconds) };
      default:
        return request satisfies never;
    }
  };
  return (request) =>
    answer(request).catch((error: unknown) => ({
      kind: 'failed',
      message: error instanceof Error ? error.message : String(error),
    }));
};
