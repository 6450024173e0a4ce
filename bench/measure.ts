/**
 * Rows measured in turns: in every round each contender works for a while, and only one works at a time.
 *
 * Invariant: a figure is the median over the samples of all rounds, so that a disturbance of the machine hits every
 * contender alike; a contender that fails a row starts anew, and the row says why.
 */
import type { Connection, Host } from './host.ts';
import type { Figures, Mode, Offer, Reply, Request, Row } from './protocol.ts';

export interface Effort {
  readonly rounds: number;
  /** For each contender and mode in each round. */
  readonly seconds: number;
  /** For one answer: compiling included. */
  readonly limitSeconds: number;
}

/** A host with the connection that is open. */
export class Contestant {
  readonly host: Host;
  readonly #limitSeconds: number;
  #connection: Connection;
  readonly offer: Offer;
  /** What is prepared: a row, and its modes. */
  #row: string | undefined;
  readonly #modes = new Set<Mode>();

  private constructor(host: Host, connection: Connection, limitSeconds: number) {
    this.host = host;
    this.#connection = connection;
    this.offer = connection.offer;
    this.#limitSeconds = limitSeconds;
  }

  static async open(host: Host, limitSeconds: number): Promise<Contestant> {
    return new Contestant(host, await host.open(), limitSeconds);
  }

  modes(row: string): Mode[] {
    return this.offer.rows.flatMap(([name, mode]) => (name === row ? [mode] : []));
  }

  /** Figures of the row when it was not prepared yet. */
  async prepare(name: string, mode: Mode): Promise<Figures | undefined> {
    if (this.#row !== name) this.#modes.clear();
    this.#row = name;
    if (this.#modes.has(mode)) return undefined;
    const reply = await this.#ask({ kind: 'prepare', name, mode });
    if (reply.kind !== 'prepared') throw new Error(`unexpected reply: ${reply.kind}`);
    this.#modes.add(mode);
    return reply.figures;
  }

  async round(mode: Mode, seconds: number): Promise<readonly number[]> {
    const reply = await this.#ask({ kind: 'round', mode, seconds });
    if (reply.kind !== 'samples') throw new Error(`unexpected reply: ${reply.kind}`);
    return reply.ms;
  }

  async #ask(request: Request): Promise<Reply> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const seconds = this.#limitSeconds;
      const message = `no answer to '${request.kind}' in ${seconds} s`;
      timer = setTimeout(() => reject(new Error(message)), seconds * 1000);
    });
    const reply = await Promise.race([this.#connection.ask(request), late]).finally(() =>
      clearTimeout(timer),
    );
    if (reply.kind === 'failed') throw new Error(reply.message);
    return reply;
  }

  /** After a failure: what is left of it must not disturb others. */
  async restart(): Promise<void> {
    this.#row = undefined;
    this.#modes.clear();
    await this.close();
    this.#connection = await this.host.open();
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}

interface Entry {
  readonly contestant: Contestant;
  readonly mode: Mode;
  figures: Figures;
  readonly samples: number[];
  failure: string | null;
}

const median = (xs: readonly number[]): number => {
  const sorted = [...xs].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
};

/** Largest difference of the checked numbers over the largest magnitude. */
const relativeError = (
  a: readonly number[] | undefined,
  b: readonly number[] | undefined,
): number | null => {
  if (a === undefined || b === undefined || a.length !== b.length || a.length === 0) return null;
  const scale = Math.max(...b.map(Math.abs), 1e-30);
  return Math.max(...a.map((x, i) => Math.abs(x - b[i]!))) / scale;
};

const turn = async (entry: Entry, name: string, seconds: number): Promise<void> => {
  const { contestant, mode } = entry;
  try {
    entry.figures = (await contestant.prepare(name, mode)) ?? entry.figures;
    entry.samples.push(...(await contestant.round(mode, seconds)));
  } catch (error) {
    entry.failure = (error as Error).message.split('\n')[0]!;
    await contestant.restart();
  }
};

/** All contestants on one row. */
export const measure = async (
  name: string,
  device: Row['device'],
  contestants: readonly Contestant[],
  { rounds, seconds }: Effort,
): Promise<Row[]> => {
  const entries = contestants.flatMap((contestant) =>
    contestant
      .modes(name)
      .map((mode): Entry => ({ contestant, mode, figures: {}, samples: [], failure: null })),
  );
  for (let round = 0; round < rounds; round++)
    for (const entry of entries) if (entry.failure === null) await turn(entry, name, seconds);
  const reference = entries.find((e) => e.contestant.host.name === 'tigon')?.figures.check;
  return entries.map(({ contestant: { host, offer }, mode, figures, samples, failure }) => {
    const timed = failure === null ? samples : undefined;
    return {
      name,
      subject: host.name,
      device,
      engine: host.engine,
      adapter: offer.adapter,
      mode,
      threads: host.threads,
      medianMs: timed === undefined ? null : median(timed),
      minMs: timed === undefined ? null : Math.min(...timed),
      maxMs: timed === undefined ? null : Math.max(...timed),
      rounds,
      kernels: figures.kernels ?? null,
      plannedPeakBytes: figures.plannedPeakBytes ?? null,
      lowerBoundBytes: figures.lowerBoundBytes ?? null,
      compileMs: figures.compileMs ?? null,
      relativeError: relativeError(figures.check, reference),
      counts: figures.counts ?? null,
      flops: figures.flops ?? null,
      bytes: figures.bytes ?? null,
      failure,
    };
  });
};
