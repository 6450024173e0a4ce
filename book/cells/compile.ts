/**
 * One cell to code that runs in a scope which it shares with other cells.
 *
 * Invariant: line n of the code is line n of the cell. Names of the program are properties of a scope object, wherever they
 * are used, so that a function of an early cell sees what a later one declares; local names stay as they are.
 */
import * as acorn from 'acorn';
import { transform } from 'sucrase';
import { editsOf } from './edits.ts';
import { CellError, placed } from './failure.ts';
import { addressOf } from './frames.ts';
import { rewrite } from './rewrite.ts';
import { type Kind, scopesOf } from './scopes.ts';

/** What is compiled: the part of a Cell that matters here. */
export interface Piece {
  readonly id: string;
  readonly source: string;
}

export interface CompileOptions {
  /** Id of the lesson, for places in errors. */
  readonly lesson: string;
  /** Names that cells before have declared. */
  readonly known: ReadonlyMap<string, Kind>;
  /** Initializers of constants, instead of those in the source. */
  readonly constants?: Readonly<Record<string, string>>;
  /** Whether a name that nobody declares is one of the engine. Default: `name in globalThis`. */
  readonly isGlobal?: (name: string) => boolean;
}

export interface CompiledCell {
  /**
   * An expression: an async function of the scope of earlier cells, the scope for what this one declares, and the helpers
   * of `run.ts`. It returns the value to show.
   */
  readonly code: string;
  /** What it declares. */
  readonly declares: ReadonlyMap<string, Kind>;
}

const parse = (code: string): acorn.Program =>
  placed(() =>
    acorn.parse(code, {
      ecmaVersion: 'latest',
      sourceType: 'module',
      allowAwaitOutsideFunction: true,
      locations: true,
    }),
  );

/** TypeScript to JavaScript, line by line. Imports stay: a later cell may use them. */
const strip = (source: string): string =>
  placed(
    () =>
      transform(source, {
        transforms: ['typescript'],
        disableESTransforms: true,
        keepUnusedImports: true,
      }).code,
  );

const constantIn = (program: acorn.Program, name: string): acorn.Expression | undefined => {
  for (const statement of program.body)
    if (statement.type === 'VariableDeclaration' && statement.kind === 'const')
      for (const { id, init } of statement.declarations)
        if (id.type === 'Identifier' && id.name === name && init != null) return init;
  return undefined;
};

/** The code with other initializers of constants; their lines stay. */
const substitute = (code: string, constants: Readonly<Record<string, string>>): string => {
  const program = parse(code);
  const edits = editsOf(code);
  for (const [name, text] of Object.entries(constants)) {
    const init = constantIn(program, name);
    if (init === undefined)
      throw new CellError(`quick sets ${name}, but the cell declares no const ${name} = …`, 1);
    const lines = code.slice(init.start, init.end).split('\n').length;
    edits.replace(init.start, init.end, `${strip(`(${text})`)}${'\n'.repeat(lines - 1)}`);
  }
  return edits.apply();
};

/**
 * Compiles a cell.
 *
 * @throws {CellError} with the line of what cannot be parsed or has no meaning in a cell
 */
export const compileCell = (piece: Piece, options: CompileOptions): CompiledCell => {
  const { lesson, known, constants = {}, isGlobal = (name) => name in globalThis } = options;
  const stripped = strip(piece.source);
  const code = Object.keys(constants).length === 0 ? stripped : substitute(stripped, constants);
  const program = parse(code);
  const scopes = scopesOf(program);
  const { head, body, foot } = rewrite(code, program, scopes, { known, isGlobal });
  return {
    code: `(async function cell($$, $$own, $$run) {"use strict";${head}${body}\n${foot}})\n//# sourceURL=${addressOf(lesson, piece.id)}`,
    declares: scopes.shared,
  };
};
