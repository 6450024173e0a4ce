/**
 * `npm run bench -- [names] [--json FILE] [--peers] [--rounds N] [--seconds S]`: times rows in interleaved rounds.
 *
 * Each subject runs in a process of its own and only one works at a time; a figure is the median over all rounds'
 * samples, so that a disturbance of the machine hits every subject alike. Ratios matter, not milliseconds.
 */
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Mode, Prepared, Reply, Request, Row } from './protocol.ts';

const HELP = `npm run bench -- [names] [options]

  names            rows to run (default: all); a prefix is enough: matmul, lenet
  --json FILE      also write the rows as JSON
  --peers          measure jax-js and TensorFlow.js (wasm) in the same run (installs them in bench/peers)
  --rounds N       interleaved rounds (default 5)
  --seconds S      time for each subject in each round (default 0.3)
  --threads N      threads Tigon may use (default: all cores)
  --help           this text`;

const here = (path: string): string => new URL(path, import.meta.url).pathname;

class SubjectProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #loaded: Promise<Reply>;
  #waiting: { resolve: (r: Reply) => void; reject: (e: Error) => void } | undefined;

  constructor(name: string, module: string, threads: number | undefined) {
    this.name = name;
    this.#child = fork(here('./child.ts'), [module], {
      execArgv: ['--conditions=tigon-source', '--import', 'tsx'],
      env: { ...process.env, ...(threads === undefined ? {} : { TIGON_THREADS: String(threads) }) },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#loaded = this.#wait();
    this.#child.on('message', (reply: Reply) => {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if (reply.kind === 'failed') waiting?.reject(new Error(reply.message));
      else waiting?.resolve(reply);
    });
    this.#child.on('exit', (code) =>
      this.#waiting?.reject(new Error(`${name} ended with code ${code}`)),
    );
  }

  /** Resolves when the process has loaded its subject. */
  ready(): Promise<Reply> {
    return this.#loaded;
  }

  ask(request: Request): Promise<Reply> {
    const answer = this.#wait();
    this.#child.send(request);
    return answer;
  }

  end(): void {
    this.#child.kill();
  }

  #wait(): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }
}

interface Entry {
  readonly process: SubjectProcess;
  readonly mode: Mode;
  readonly prepared: Omit<Prepared, 'run'>;
  readonly samples: number[];
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

const installPeers = (): void => {
  if (existsSync(here('./peers/node_modules'))) return;
  process.stderr.write('installing the peers in bench/peers ...\n');
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: here('./peers'),
    stdio: 'inherit',
  });
};

const measure = async (
  name: string,
  subjects: readonly SubjectProcess[],
  offered: ReadonlyMap<SubjectProcess, readonly (readonly [string, Mode])[]>,
  rounds: number,
  seconds: number,
  threads: number,
): Promise<Row[]> => {
  const collected = new Map<string, Entry>();
  const failed = new Set<string>();
  for (let round = 0; round < rounds; round++)
    for (const subject of subjects)
      for (const [row, mode] of offered.get(subject)!) {
        const key = `${subject.name} ${mode}`;
        if (row !== name || failed.has(key)) continue;
        try {
          // A process holds one prepared row at a time: switching modes prepares again, outside the clock.
          const reply = await subject.ask({ kind: 'prepare', name, mode });
          if (reply.kind !== 'prepared') throw new Error('unexpected reply');
          const entry = collected.get(key) ?? {
            process: subject,
            mode,
            prepared: reply.prepared,
            samples: [],
          };
          collected.set(key, entry);
          const timed = await subject.ask({ kind: 'round', seconds });
          if (timed.kind === 'samples') entry.samples.push(...timed.ms);
        } catch (error) {
          failed.add(key);
          process.stderr.write(`  ${name}: ${key}: ${(error as Error).message}\n`);
        }
      }
  const entries = [...collected.values()];
  const reference = entries.find((e) => e.process.name === 'tigon')?.prepared.check;
  return entries.map(
    (e): Row => ({
      name,
      subject: e.process.name,
      device: 'cpu',
      mode: e.mode,
      threads: e.process.name === 'tigon' ? threads : 1,
      medianMs: median(e.samples),
      minMs: Math.min(...e.samples),
      maxMs: Math.max(...e.samples),
      rounds,
      kernels: e.prepared.kernels ?? null,
      plannedPeakBytes: e.prepared.plannedPeakBytes ?? null,
      lowerBoundBytes: e.prepared.lowerBoundBytes ?? null,
      compileMs: e.prepared.compileMs ?? null,
      relativeError: relativeError(e.prepared.check, reference),
    }),
  );
};

const show = (rows: readonly Row[]): string => {
  const best = Math.min(...rows.map((r) => r.medianMs));
  return rows
    .map((r) => {
      const cells = [
        r.name.padEnd(16),
        `${r.subject} ${r.mode}`.padEnd(20),
        r.medianMs.toPrecision(4).padStart(10),
        `${(r.medianMs / best).toFixed(2)}x`.padStart(8),
        r.kernels === null ? '' : `${r.kernels} kernels`,
        r.compileMs === null ? '' : `compiled in ${r.compileMs.toFixed(0)} ms`,
        r.relativeError === null ? '' : `err ${r.relativeError.toExponential(1)}`,
      ];
      return cells.join(' ');
    })
    .join('\n');
};

const main = async (): Promise<void> => {
  const { values: options, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'string' },
      peers: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '0.3' },
      threads: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (options.help) {
    console.log(HELP);
    return;
  }
  if (options.peers) installPeers();
  const threads = options.threads === undefined ? undefined : Number(options.threads);
  const { availableParallelism } = await import('node:os');
  const subjects = [new SubjectProcess('tigon', here('./tigon.ts'), threads)];
  if (options.peers) {
    subjects.push(new SubjectProcess('jax-js', here('./peers/jax.ts'), undefined));
    subjects.push(new SubjectProcess('tfjs-wasm', here('./peers/tfjs.ts'), undefined));
  }
  const offered = new Map<SubjectProcess, readonly (readonly [string, Mode])[]>();
  for (const subject of subjects) {
    await subject.ready();
    const reply = await subject.ask({ kind: 'list' });
    offered.set(subject, reply.kind === 'rows' ? reply.rows : []);
  }
  const known = [...new Set(offered.get(subjects[0]!)!.map(([name]) => name))];
  const names = known.filter(
    (n) => positionals.length === 0 || positionals.some((p) => n.startsWith(p)),
  );
  if (names.length === 0)
    throw new Error(`no such row: ${positionals.join(', ')}; rows: ${known.join(', ')}`);
  const rows: Row[] = [];
  console.log(
    `${'row'.padEnd(16)} ${'subject, mode'.padEnd(20)} ${'median ms'.padStart(10)} ${'to best'.padStart(8)}`,
  );
  for (const name of names) {
    const measured = await measure(
      name,
      subjects,
      offered,
      Number(options.rounds),
      Number(options.seconds),
      threads ?? availableParallelism(),
    );
    rows.push(...measured);
    console.log(show(measured));
  }
  for (const subject of subjects) subject.end();
  if (options.json !== undefined)
    writeFileSync(options.json, `${JSON.stringify(rows, undefined, 1)}\n`);
};

await main();
