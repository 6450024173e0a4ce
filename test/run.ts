/**
 * The test runner: test files in processes of their own or a few in one, the type and lint checks as tests beside them.
 *
 * Invariant: a run is green only if every chosen file printed uvu's summary, ran or skipped a test aloud, failed none and
 * exited in time; the last line is always `N passed, N failed` (and `, N skipped` if any were).
 *
 * `npm test -- ir/graph data` runs the files whose path holds one of the words; the checks are named `check`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { chooseJobs, type Job, root, type TestedDevice } from './jobs.ts';
import type { Machine, Needed, Provided } from './machine/machine.ts';
import { beginCosts, costTable, noteCost } from './support/costs.ts';
import { STARTS, TOOK } from './support/marks.ts';
import { SOURCE } from './support/node.ts';

const AT_ONCE = 2;
const TIMEOUT_MS = Number(process.env['TIGON_TEST_TIMEOUT'] ?? 480) * 1000;

interface Verdict {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Why the job fails although no test of it did. */
  readonly complaint?: string;
}

const running = new Set<ChildProcess>();
const kill = (child: ChildProcess): void => {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
process.on('exit', () => {
  for (const child of running) kill(child);
});

/** Makes the machine ready, in a process beside the first jobs. It is never killed: it may be installing something. */
const prepare = (needed: Needed): Promise<Machine> =>
  new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [...SOURCE, 'test/machine/prepare.ts', JSON.stringify(needed)],
      { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
    });
    child.on('error', reject);
    child.on('exit', () => noteCost('making the machine ready'));
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(said) as Machine);
      else reject(new Error(`making the machine ready ended with ${code}`));
    });
  });

interface Ending {
  readonly output: string;
  readonly code: number | null;
  readonly late: boolean;
  readonly seconds: number;
}

const envOf = (provided: Provided): Readonly<Record<string, string>> =>
  typeof provided === 'string' ? {} : provided.env;

const execute = ({ command, device, names, quick }: Job, machine: Machine): Promise<Ending> =>
  new Promise((resolve) => {
    const start = performance.now();
    const child = spawn(command[0]!, command.slice(1), {
      cwd: root,
      // A process group of its own, so that a timeout also ends what the test started.
      detached: process.platform !== 'win32',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        ...machine.env,
        ...(device === 'cuda' ? envOf(machine.cuda) : {}),
        ...(quick ? envOf(machine.quick) : {}),
        FORCE_COLOR: '0',
        NO_COLOR: '1',
        TIGON_VERIFY: '1',
        ...(device === undefined ? {} : { TIGON_TEST_DEVICE: device }),
      },
    });
    running.add(child);
    let output = '';
    let late = false;
    const collect = (chunk: string): void => {
      output += chunk;
      // each file has its own time
      if (output.slice(-chunk.length - STARTS.length).includes(STARTS)) timer.refresh();
    };
    const timer = setTimeout(() => {
      late = true;
      kill(child);
    }, TIMEOUT_MS);
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    const finish = (code: number | null): void => {
      clearTimeout(timer);
      running.delete(child);
      const seconds = (performance.now() - start) / 1000;
      resolve({ output: stripVTControlCharacters(output), code, late, seconds });
    };
    child.on('error', (error) => {
      output += `${error.message}\n`;
      finish(1);
    });
    const others = names.length > 1 ? ` and ${names.length - 1} more` : '';
    child.on('exit', () => noteCost(`${names[0]}${others}`));
    child.on('close', finish);
  });

/** The counts of the last summary that uvu printed, if it did. */
const summary = (
  output: string,
): { total: number; passed: number; skipped: number } | undefined => {
  const found = [...output.matchAll(/Total:\s+(\d+)\s+Passed:\s+(\d+)\s+Skipped:\s+(\d+)/g)].at(-1);
  return found && { total: +found[1]!, passed: +found[2]!, skipped: +found[3]! };
};

/** How each file of a job ended. How the process ended, if not by its files, is put down to the last that began. */
const endingsOf = ({ names }: Job, ending: Ending): readonly Ending[] => {
  if (names.length === 1) return [ending];
  const [before = '', ...parts] = ending.output.split(STARTS);
  const marks = parts.map((part) => part.match(TOOK));
  const worst = Math.max(0, ...marks.map((mark) => Number(mark?.[2] ?? 0)));
  const last = Math.max(parts.length, 1) - 1;
  return names.map((_, i): Ending => {
    const mark = marks[i];
    const own = mark ? Number(mark[2]) : 1;
    const ended = i === last && (!mark || ending.code !== worst);
    return {
      output: (parts[i] ?? (i === last ? before : '')).replace(TOOK, ''),
      code: ended ? ending.code : own,
      late: i === last && ending.late,
      seconds: Number(mark?.[1] ?? 0),
    };
  });
};

const judge = (job: Job, { output, code, late }: Ending): Verdict => {
  const fail = (complaint: string, counts = { passed: 0, failed: 1, skipped: 0 }): Verdict => ({
    ...counts,
    failed: Math.max(1, counts.failed),
    complaint,
  });
  if (job.kind === 'check')
    return code === 0 && !late ? { passed: 1, failed: 0, skipped: 0 } : fail('the check fails');
  const counts = summary(output);
  if (late)
    return fail(`still running after ${TIMEOUT_MS / 1000} s (a test or an open handle hangs)`);
  if (counts === undefined)
    return fail(
      code === 0
        ? 'no test ran: is `test.run()` missing at the end of the file?'
        : 'it ended before its tests ran',
    );
  if (counts.total + counts.skipped === 0) return fail('the file registers no test');
  const { total, passed, skipped } = counts;
  // uvu counts a skipped test neither in the total nor among the passed.
  const verdict = { passed, failed: total - passed, skipped };
  return verdict.failed === 0 && code !== 0
    ? fail(`all tests passed, but the process ended with code ${code}`, verdict)
    : verdict;
};

const report = (job: Job, name: string, ending: Ending, verdict: Verdict): void => {
  const counts =
    job.kind === 'check' ? '' : ` ${verdict.passed}/${verdict.passed + verdict.failed}`;
  const skipped = verdict.skipped > 0 ? `, ${verdict.skipped} skipped` : '';
  const mark = verdict.failed > 0 ? 'FAIL' : 'ok  ';
  console.log(`${mark} ${name}${counts}${skipped} (${ending.seconds.toFixed(1)} s)`);
  if (verdict.skipped > 0)
    for (const line of ending.output.match(/^skipped: .*/gm) ?? []) console.log(`     ${line}`);
  for (const line of ending.output.match(/^size: .*/gm) ?? []) console.log(`     ${line}`);
  if (verdict.failed === 0) return;
  if (verdict.complaint !== undefined) console.log(`     ${verdict.complaint}`);
  console.log(ending.output.trimEnd().replace(/^/gm, '  | '));
};

const words = process.argv.slice(2).map((word) => word.replace(/^test\//, ''));
const jobs = chooseJobs(words);
const sum = { passed: 0, failed: 0, skipped: 0 };
const broken: string[] = [];

const about = (device: TestedDevice): number =>
  jobs.reduce((sum, job) => sum + (job.device === device ? job.names.length : 0), 0);
const needed: Needed = { cuda: about('cuda') > 0, quick: jobs.some((job) => job.quick) };
/** What is there before the machine is ready, and where no job needs one. */
const bare: Machine = { env: {}, webgpu: '', quick: '', cuda: '' };
let queue = jobs;

/** Says what the machine is, and leaves out the jobs on devices that it does not have. */
const settle = (machine: Machine): void => {
  for (const device of ['webgpu', 'cuda'] as const) {
    const provided = machine[device];
    if (typeof provided !== 'string') console.log(`${device}: ${provided.name}`);
    else if (about(device) > 0 && process.env['CI'] === 'true') {
      console.log(`FAIL ${device}: none to test with: ${provided}`);
      broken.push(device);
      sum.failed++;
    } else if (about(device) > 0) {
      console.log(`skipped: ${about(device)} files on ${device}: none here: ${provided}`);
      sum.skipped += about(device);
    }
  }
  if (needed.quick && typeof machine.webgpu !== 'string')
    console.log(
      typeof machine.quick === 'string'
        ? `webgpu: that alone, for ${machine.quick}`
        : `webgpu, short kernels: ${machine.quick.name}`,
    );
  queue = queue.filter(
    ({ device }) => device === undefined || device === 'cpu' || typeof machine[device] !== 'string',
  );
};

const tell = (job: Job, all: Ending): void => {
  for (const [i, ending] of endingsOf(job, all).entries()) {
    const verdict = judge(job, ending);
    report(job, job.names[i]!, ending, verdict);
    sum.passed += verdict.passed;
    sum.failed += verdict.failed;
    sum.skipped += verdict.skipped;
    if (verdict.failed > 0) broken.push(job.names[i]!);
  }
};

beginCosts();
let machine: Machine | undefined;
/** Jobs that need nothing of the machine run while it is made ready. */
const ready = (jobs.every((job) => job.early) ? Promise.resolve(bare) : prepare(needed)).then(
  (found) => {
    settle(found);
    machine = found;
  },
);
const worker = async (): Promise<void> => {
  for (;;) {
    const job = queue.find(({ early }) => early || machine !== undefined);
    if (job === undefined && machine !== undefined) return;
    if (job === undefined) await ready;
    else {
      queue = queue.filter((other) => other !== job);
      tell(job, await execute(job, machine ?? bare));
    }
  }
};
await Promise.all([ready, ...Array.from({ length: AT_ONCE }, worker)]);

if (jobs.every((job) => job.kind === 'check') && !words.some((word) => 'check'.includes(word))) {
  console.log(`no test file matches ${words.length > 0 ? words.join(' ') : 'test/**/*.test.ts'}`);
  sum.failed++;
}
if (broken.length > 0) console.log(`\nfailing:\n${broken.map((name) => `  ${name}`).join('\n')}`);
const table = costTable();
if (table !== undefined) console.log(`\n${table}`);
const skipped = sum.skipped > 0 ? `, ${sum.skipped} skipped` : '';
process.exitCode = sum.failed > 0 ? 1 : 0;
console.log(`\n${sum.passed} passed, ${sum.failed} failed${skipped}`);
