/**
 * `npm run lesson -- 04-01`: runs a lesson without a page, and prints its results; several lessons, each in a process of
 * its own, so that none finds what another has compiled.
 *
 * Invariant: ends with 0 only if every cell did what the lesson says.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { readable } from '../cells/index.ts';
import { cellsOf, type Lesson } from '../format/lesson.ts';
import { FormatError, type Problem } from '../format/problems.ts';
import { createKernel } from '../kernel/kernel.ts';
import { nodeModules, useDevice } from '../kernel/node.ts';
import type { Output } from '../kernel/output.ts';
import { fileOf, readLesson, slugs, slugsFor } from './library.ts';
import { type LessonRun, playLesson } from './play.ts';
import { saveRun } from './save.ts';
import { openTerminal, summaryOf } from './terminal.ts';

const HELP = `npm run lesson -- ID... [--device cpu|webgpu|cuda] [--quick] [--save]

  ID        lessons: 04-01, or hybridize; several run one after the other, \`all\` is all of them
  --device  where arrays are made (default: cpu)
  --quick   fewer examples and epochs, as continuous integration runs it
  --save    keeps outputs in recorded.json, and the values in the text`;

const DEVICES = ['cpu', 'webgpu', 'cuda'] as const;

interface Options {
  readonly device: (typeof DEVICES)[number];
  readonly quick: boolean;
}

const runLesson = async (lesson: Lesson, { device, quick }: Options): Promise<LessonRun> => {
  const { displayText } = (await nodeModules('tigon/d2l')) as typeof import('tigon/d2l');
  const terminal = openTerminal(lesson, displayText);
  const outputs: Output[] = [];
  const kernel = createKernel({
    lesson: lesson.id,
    modules: nodeModules,
    quick,
    post(_cell, output) {
      outputs.push(output);
      terminal.output(output);
    },
  });
  let interrupts = 0;
  const interrupt = (): void => {
    // What does not look at the flag is ended with the process.
    if (++interrupts > 1) process.exit(130);
    kernel.interrupt();
  };
  const late: Problem[] = [];
  const complain = (error: unknown): void => {
    if (kernel.complain(error)) return;
    const message = `after its cell had ended: ${error instanceof Error ? error.stack : error}`;
    late.push({ file: fileOf(lesson.slug), line: 1, message: readable(message) });
  };
  process.on('SIGINT', interrupt);
  process.on('unhandledRejection', complain);
  process.on('uncaughtException', complain);
  try {
    await useDevice(nodeModules, device);
    const run = await playLesson(lesson, kernel, outputs, terminal);
    // What was refused in the last turn is told in the next.
    await new Promise((resolve) => setTimeout(resolve));
    return { ...run, problems: [...run.problems, ...late] };
  } finally {
    process.off('SIGINT', interrupt);
    process.off('unhandledRejection', complain);
    process.off('uncaughtException', complain);
  }
};

/** Each lesson in a process like this one, whose words for lessons are `given`. */
const runEach = (chosen: readonly string[], given: readonly string[]): number => {
  const [file, ...words] = process.argv.slice(1) as [string, ...string[]];
  const options = words.filter((word) => !given.includes(word));
  const failed = chosen.filter((slug) => {
    console.log(`\n== ${slug}`);
    const child = [...process.execArgv, file, slug, ...options];
    return spawnSync(process.execPath, child, { stdio: 'inherit' }).status !== 0;
  });
  console.log(
    `\n${chosen.length - failed.length} lessons did what they say${failed.length === 0 ? '' : `; not: ${failed.join(', ')}`}`,
  );
  return failed.length === 0 ? 0 : 1;
};

const main = async (): Promise<number> => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      device: { type: 'string', default: 'cpu' },
      quick: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const device = DEVICES.find((name) => name === values.device);
  const chosen = positionals.includes('all') ? slugs() : slugsFor(positionals);
  const [slug, ...others] = positionals.length === 0 ? [] : chosen;
  if (values.help || slug === undefined || device === undefined) {
    console.log(HELP);
    return values.help ? 0 : 2;
  }
  if (values.save && values.quick)
    throw new Error('what is kept are the results of whole runs: leave out --quick');
  if (others.length > 0) return runEach(chosen, positionals);
  const lesson = readLesson(slug);
  const run = await runLesson(lesson, { device, quick: values.quick });
  console.log(`\n${summaryOf(run)}`);
  const isGood = run.problems.length === 0 && cellsOf(lesson).length > 0;
  if (values.save && isGood) console.log(saveRun(run, device));
  return isGood ? 0 : 1;
};

/** What cells leave running, such as timers, may run on for so long, milliseconds. */
const PATIENCE = 2000;

try {
  // A process that ends by itself takes devices down in order; software adapters crash where it is cut short.
  process.exitCode = await main();
  setTimeout(() => process.exit(), PATIENCE).unref();
} catch (error) {
  if (!(error instanceof FormatError) && !(error instanceof Error)) throw error;
  console.error(error.message);
  process.exit(1);
}
