/**
 * Reads `.tg` files: which level a text is of shows in its first word.
 *
 * Invariant: what is returned has passed its level's verifier.
 */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Caps } from '../codegen/caps.ts';
import { TigonError } from '../ir/errors.ts';
import { parseGraph } from '../ir/graph/parse.ts';
import { verifyGraph } from '../ir/graph/verify.ts';
import { parseProgram } from '../ir/program/parse.ts';
import { verifyProgram } from '../ir/program/verify.ts';
import type { Program } from '../ir/program.ts';
import { bringEveryFamily } from '../passes/every-family.ts';
import { type Compiled, compileGraph } from '../passes/pipeline.ts';

/** The text of a file, or of standard input for `-`. */
const readSource = async (file: string): Promise<string> => {
  if (file === '-') return text(process.stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new TigonError(
      'file',
      `cannot read ${file}: ${(error as Error).message}`,
      'give the path of a .tg file, or - for standard input',
    );
  }
};

/** Compiles the graph in a file. */
export const compileFile = async (file: string, caps: Caps): Promise<Compiled> => {
  const source = await readSource(file);
  if (levelOf(source) !== 'graph')
    throw new TigonError(
      'option',
      `${file} holds a ${levelOf(source)}, not a graph`,
      'tigon compile takes programs too; explain needs the graph they came from',
    );
  return compiled(source, file, caps);
};

/** The program in a file, compiled from its graph if that is what it holds. */
export const programOf = async (
  file: string,
  caps: Caps,
): Promise<{ readonly program: Program; readonly compiled: Compiled | undefined }> => {
  const source = await readSource(file);
  if (levelOf(source) === 'program') {
    const program = parseProgram(source, file);
    verifyProgram(program, caps);
    return { program, compiled: undefined };
  }
  const all = compiled(source, file, caps);
  return { program: all.program, compiled: all };
};

const compiled = (source: string, file: string, caps: Caps): Compiled => {
  bringEveryFamily();
  const graph = parseGraph(source, file);
  verifyGraph(graph);
  return compileGraph(graph, caps);
};

const levelOf = (source: string): string =>
  /^(?:\s|\/\/[^\n]*\n)*(\w+)/.exec(source)?.[1] ?? 'graph';
