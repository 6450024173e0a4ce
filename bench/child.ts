/**
 * The process of one subject: prepares rows and times them when told, so that subjects can take turns.
 *
 * Samples come from benchmark.js; it only sees single runs, and its own statistics are not used: the runner takes the
 * median over interleaved rounds.
 */
import Benchmark from 'benchmark';
import type { Prepared, Reply, Request, Subject } from './protocol.ts';

const reply = (message: Reply): void => void process.send!(message);

/** Samples `run` for about `seconds` (at least twice), in milliseconds a run. */
const sampleRun = (run: () => unknown, seconds: number): Promise<number[]> =>
  new Promise((resolve, reject) => {
    const first = run();
    const asynchronous = first instanceof Promise;
    const bench = new Benchmark('row', {
      defer: asynchronous,
      maxTime: seconds,
      minSamples: 2,
      minTime: seconds / 8,
      fn: asynchronous
        ? (deferred: { resolve(): void }) => {
            (run() as Promise<unknown>).then(() => deferred.resolve(), reject);
          }
        : run,
      onComplete: () => {
        if (bench.error !== undefined) reject(bench.error);
        else resolve(bench.stats.sample.map((s: number) => s * 1e3));
      },
    });
    if (asynchronous) (first as Promise<unknown>).then(() => bench.run(), reject);
    else bench.run();
  });

const main = async (): Promise<void> => {
  const { subject } = (await import(process.argv[2]!)) as { subject: Subject };
  let current: Prepared | undefined;
  const handle = async (request: Request): Promise<void> => {
    switch (request.kind) {
      case 'list':
        reply({
          kind: 'rows',
          rows: Object.entries(subject).flatMap(([name, modes]) =>
            (Object.keys(modes) as (keyof typeof modes)[]).map((mode) => [name, mode] as const),
          ),
        });
        return;
      case 'prepare': {
        current = await subject[request.name]![request.mode]!();
        const { run: _, ...rest } = current;
        reply({ kind: 'prepared', prepared: rest });
        return;
      }
      case 'round':
        reply({ kind: 'samples', ms: await sampleRun(current!.run, request.seconds) });
        return;
      case 'end':
        process.exit(0);
        return;
      default:
        request satisfies never;
    }
  };
  process.on('message', (request: Request) => {
    handle(request).catch((error: unknown) =>
      reply({ kind: 'failed', message: error instanceof Error ? error.message : String(error) }),
    );
  });
  reply({ kind: 'rows', rows: [] });
};

await main();
