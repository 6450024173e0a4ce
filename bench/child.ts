/**
 * The process of one contender: prepares rows and times them when told, so that contenders can take turns.
 *
 * Samples of synchronous work come from benchmark.js; it only sees single runs, and its own statistics are not used: the
 * runner takes the median over interleaved rounds.
 */
import { answering } from './answers.ts';
import type { Contender, Prepared, Request } from './protocol.ts';
import { sampleAwaited } from './sampling.ts';

/** Samples `run` for about `seconds` (at least twice), in milliseconds a run. */
const sampleAtOnce = async (run: () => unknown, seconds: number): Promise<number[]> => {
  const { default: Benchmark } = await import('benchmark');
  return new Promise((resolve, reject) => {
    const bench = new Benchmark('row', {
      maxTime: seconds,
      minSamples: 2,
      minTime: seconds / 8,
      fn: run,
      onComplete: () => {
        if (bench.error !== undefined) reject(bench.error);
        else resolve(bench.stats.sample.map((s: number) => s * 1e3));
      },
    });
    bench.run();
  });
};

const sample = async (work: Prepared, seconds: number): Promise<number[]> => {
  const first = work.run();
  if (work.timed === undefined && !(first instanceof Promise))
    return sampleAtOnce(work.run, seconds);
  await first;
  return sampleAwaited(work, seconds);
};

const { contender } = (await import(process.argv[2]!)) as { contender: Contender };
const answer = answering(contender, sample);
process.on('message', (request: Request) => {
  void answer(request).then((reply) => process.send!(reply));
});
process.on('disconnect', () => process.exit(0));
process.send!(await answer({ kind: 'list' }));
