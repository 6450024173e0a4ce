/**
 * `npm run lessons:test`: types and form of all lessons and types of the tools, then every lesson in quick mode, two at a
 * time. With the ids of lessons: these alone.
 *
 * Invariant: each lesson has a process of its own; a run is green only if every lesson ended well in time. The last line is
 * always `N passed, N failed`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { prepareMachine } from '../../test/machine/machine.ts';
import { checkForm } from '../check/check.ts';
import { typeProblems } from '../check/types.ts';
import { type Problem, showProblem } from '../format/problems.ts';
import { fileOf, readPages, root, slugs, slugsFor } from './library.ts';

const AT_ONCE = 2;
/** A whole run has these on WebGPU, too: their cells say what does not depend on the device. */
const ON_WEBGPU = ['00-01', '01-01', '03-01', '04-02'];
/** Quick lessons take seconds. */
const LONGEST_MS = 120_000;

const counts = { passed: 0, failed: 0 };
const report = (name: string, problems: readonly string[]): void => {
  counts[problems.length === 0 ? 'passed' : 'failed']++;
  console.log(`${problems.length === 0 ? 'ok  ' : 'FAIL'} ${name}`);
  for (const problem of problems) console.log(problem.replace(/^/gm, '  | '));
};

const running = new Set<ChildProcess>();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    for (const child of running) child.kill('SIGKILL');
    process.exit(130);
  });

/** A lesson on a device. */
interface Job {
  readonly slug: string;
  readonly device: string;
}

const runOne = ({ slug, device }: Job, env: Readonly<Record<string, string>>): Promise<void> =>
  new Promise((resolve) => {
    const program = `${root}book/run/lesson.ts`;
    const args = [...process.execArgv, program, slug, '--quick', '--device', device];
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    running.add(child);
    let output = '';
    let isLate = false;
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    const timer = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
    }, LONGEST_MS);
    child.on('close', (code) => {
      clearTimeout(timer);
      running.delete(child);
      const late = isLate ? [`still running after ${LONGEST_MS / 1000} s`] : [];
      // A lesson ends with a line about itself.
      const last = output.trimEnd().split('\n').at(-1) ?? '';
      const name = `${device === 'cpu' ? '' : `on ${device}: `}${last.startsWith(`${slug}: `) ? last : slug}`;
      report(name, code === 0 ? [] : [output.trimEnd(), ...late]);
      resolve();
    });
  });

/** The problems of a check, told as one test. */
const told = async (name: string, check: Promise<readonly Problem[]>): Promise<void> => {
  const start = performance.now();
  const problems = await check;
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  report(`${name}: ${seconds} s`, problems.map(showProblem));
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { device: { type: 'string' } },
});
const isWhole = positionals.length === 0;
const chosen = slugsFor(positionals);
const { device = 'cpu' } = values;
const queue: Job[] = chosen.map((slug) => ({ slug, device }));

const start = performance.now();
// What tests run on: an adapter, where the system has none.
const machine =
  isWhole || device === 'webgpu' ? prepareMachine({ cuda: false, quick: false }) : undefined;
if (isWhole && device === 'cpu') {
  const onWebGpu = chosen.filter((slug) => ON_WEBGPU.includes(slug.slice(0, 5)));
  const adapter = machine?.webgpu;
  if (typeof adapter !== 'string')
    queue.unshift(...onWebGpu.map((slug) => ({ slug, device: 'webgpu' })));
  else if (process.env['CI'] === 'true') report('lessons on webgpu', [`none here: ${adapter}`]);
  else console.log(`skipped: ${onWebGpu.length} lessons on webgpu: none here: ${adapter}`);
}

const isChosen = ({ file }: Problem): boolean =>
  isWhole || chosen.some((slug) => file === fileOf(slug));
const form = checkForm(slugs());
report('form of lessons, links', form.problems.filter(isChosen).map(showProblem));
const worker = async (): Promise<void> => {
  for (let job = queue.shift(); job !== undefined; job = queue.shift())
    await runOne(job, machine?.env ?? {});
};
// The types are checked by one of those who take from the queue, before it takes any.
const lessons = form.sources.flatMap(({ lesson }) =>
  chosen.includes(lesson.slug) ? [lesson] : [],
);
const first = told(
  'types',
  typeProblems([...lessons, ...(isWhole ? readPages() : [])], { tools: isWhole }),
).then(worker);
await Promise.all([first, ...Array.from({ length: AT_ONCE - 1 }, worker)]);
const seconds = (performance.now() - start) / 1000;
console.log(`${chosen.length} lessons in ${seconds.toFixed(0)} s`);
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 ? 0 : 1);
