/**
 * Checks the types of all cells of all lessons, and of the tools, with one run of the TypeScript compiler.
 *
 * Invariant: complaints name lines of lesson.md. Options are strict; what a cell does not use is no mistake.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { CellPage } from '../format/lesson.ts';
import type { Problem } from '../format/problems.ts';
import { fileOf, root } from '../run/library.ts';
import { type Program, programOf } from './program.ts';

/** Inside of the package, so that `tigon` is found by the names that it exports. */
const FOLDER = 'build/lessons';

const OPTIONS = {
  extends: '../../tsconfig.json',
  compilerOptions: {
    noUnusedLocals: false,
    noUnusedParameters: false,
    allowUnreachableCode: true,
    allowUnusedLabels: true,
    // Cells have no declarations to keep, and may use all of TypeScript.
    declaration: false,
    declarationMap: false,
    isolatedDeclarations: false,
    erasableSyntaxOnly: false,
    verbatimModuleSyntax: false,
    noImplicitOverride: false,
    // As in the projects of most readers: x.shape[0] is a number.
    noUncheckedIndexedAccess: false,
  },
};

const COMPLAINT = /^(.+?)\((\d+),\d+\): error (TS\d+: .*)$/;

const compile = async (): Promise<string> => {
  try {
    const args = [`${root}node_modules/typescript/bin/tsc`, '-p', FOLDER, '--pretty', 'false'];
    await promisify(execFile)(process.execPath, args, { cwd: root, maxBuffer: 1 << 26 });
    return '';
  } catch (error) {
    const output: unknown = Reflect.get(Object(error), 'stdout');
    if (typeof output !== 'string' || output === '') throw error;
    return output;
  }
};

/** The complaints of the compiler, each with the lines that explain it. */
const complaintsIn = (output: string, programs: ReadonlyMap<string, Program>): Problem[] => {
  const problems: Problem[] = [];
  // The framework's own files are part of the program, and are checked elsewhere.
  let isOurs = false;
  for (const text of output.split('\n')) {
    const [, path, line, message] = COMPLAINT.exec(text) ?? [];
    const last = problems.at(-1);
    if (text.startsWith('error ')) problems.push({ file: FOLDER, line: 1, message: text });
    else if (path !== undefined && line !== undefined && message !== undefined) {
      const slug = path.replace(/^.*\//, '').replace(/\.ts$/, '');
      const program = path.startsWith(`${FOLDER}/`) ? programs.get(slug) : undefined;
      isOurs = program !== undefined || path.startsWith('book/');
      if (program !== undefined)
        problems.push({ file: fileOf(slug), line: program.lineOf(Number(line)), message });
      else if (isOurs) problems.push({ file: path, line: Number(line), message });
    } else if (isOurs && last !== undefined && text.startsWith(' '))
      problems[problems.length - 1] = { ...last, message: `${last.message}\n${text}` };
  }
  return problems;
};

/** What is wrong with the types of the cells of these pages, and of the tools in book/, if `tools` says so. */
export const typeProblems = async (
  pages: readonly CellPage[],
  { tools }: { readonly tools: boolean },
): Promise<readonly Problem[]> => {
  const programs = new Map(pages.map((page) => [page.slug, programOf(page, fileOf(page.slug))]));
  const include = tools ? ['*.ts', '../../book'] : ['*.ts'];
  rmSync(`${root}${FOLDER}`, { recursive: true, force: true });
  mkdirSync(`${root}${FOLDER}`, { recursive: true });
  writeFileSync(`${root}${FOLDER}/tsconfig.json`, JSON.stringify({ ...OPTIONS, include }));
  for (const [slug, { text }] of programs) writeFileSync(`${root}${FOLDER}/${slug}.ts`, text);
  const found = complaintsIn(await compile(), programs);
  return [...[...programs.values()].flatMap(({ problems }) => problems), ...found];
};
