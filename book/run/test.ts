/**
 * `npm run lessons:test`: types and form of all lessons and types of the tools, then every lesson in quick mode, two at a
 * time. With the ids of lessons: these alone.
 *
 * Invariant: each lesson has a process of its own; a run is green only if every lesson ended well in time. The last line is
 * always `N passed, N failed`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { checkForm } from '../check/check.ts';
import { typeProblems } from '../check/types.ts';
import { type Problem, showProblem } from '../format/problems.ts';
import { fileOf, root, slugs, slugsFor } from './library.ts';

const AT_ONCE = 2;
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

const runOne = (slug: string, words: readonly string[]): Promise<void> =>
  new Promise((resolve) => {
    const args = [...process.execArgv, `${root}book/run/lesson.ts`, slug, ...words];
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
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
      const name = last.startsWith(`${slug}: `) ? last : slug;
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

const words = process.argv.slice(2);
const flags = words.filter((word, i) => word.startsWith('--') || words[i - 1] === '--device');
const names = words.filter((word) => !flags.includes(word));
const isWhole = names.length === 0;
const chosen = slugsFor(names);
const isChosen = ({ file }: Problem): boolean =>
  isWhole || chosen.some((slug) => file === fileOf(slug));
const start = performance.now();
const form = checkForm(slugs());
report('form of lessons, links', form.problems.filter(isChosen).map(showProblem));
const queue = [...chosen];
const worker = async (): Promise<void> => {
  for (let slug = queue.shift(); slug !== undefined; slug = queue.shift())
    await runOne(slug, ['--quick', ...flags]);
};
// The types are checked by one of those who take from the queue, before it takes any.
const lessons = form.sources.flatMap(({ lesson }) =>
  chosen.includes(lesson.slug) ? [lesson] : [],
);
const first = told('types', typeProblems(lessons, { tools: isWhole })).then(worker);
await Promise.all([first, ...Array.from({ length: AT_ONCE - 1 }, worker)]);
const seconds = (performance.now() - start) / 1000;
console.log(`${chosen.length} lessons in ${seconds.toFixed(0)} s`);
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 ? 0 : 1);
