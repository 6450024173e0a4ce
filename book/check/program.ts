/**
 * A lesson as one TypeScript program that a type checker understands.
 *
 * Invariant: line n of the program is line n of lesson.md, up to its last line; imports follow below, each with the line
 * that it comes from. A cell is a block that sees the cells before it, so that a name may be declared again.
 */
import { splitImports } from '../format/imports.ts';
import { type Cell, type CellPage, cellsOf, isApart } from '../format/lesson.ts';
import type { Problem } from '../format/problems.ts';

export interface Program {
  readonly text: string;
  /** The line of lesson.md that a line of the program comes from. */
  lineOf(line: number): number;
  readonly problems: readonly Problem[];
}

interface Imported {
  /** As it stands in an import: `nd`, `type NDArray`, `* as nn`, `a as b`. */
  readonly clause: string;
  readonly name: string;
  readonly form: 'default' | 'namespace' | 'named';
}

const importedBy = (clauses: string): readonly Imported[] => {
  const named = /\{([\s\S]*)\}/.exec(clauses)?.[1] ?? '';
  const others = clauses.replace(/\{[\s\S]*\}/, '').split(',');
  const nameIn = (clause: string): string => clause.split(/\s+/).at(-1)!;
  const clean = (texts: readonly string[]): readonly string[] =>
    texts.map((text) => text.trim()).filter((text) => text !== '' && text !== 'type');
  return [
    ...clean(others).map((clause): Imported => {
      const form = clause.includes('*') ? 'namespace' : 'default';
      return { clause, name: nameIn(clause), form };
    }),
    ...clean(named.split(',')).map(
      (clause): Imported => ({ clause, name: nameIn(clause), form: 'named' }),
    ),
  ];
};

/** The imports of all cells, each name once. */
class Imports {
  readonly #from = new Map<string, string>();
  readonly lines: { readonly text: string; readonly line: number }[] = [];
  readonly problems: Problem[] = [];
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  add(statement: string, module: string, line: number): void {
    const clauses = /^import\s+([\s\S]*?)\s*\bfrom\s*['"]/.exec(statement)?.[1];
    if (clauses === undefined) {
      this.lines.push({ text: `import '${module}';`, line });
      return;
    }
    const isType = /^type\s+[^,]/.test(clauses) && !/^type\s+from\b/.test(clauses);
    for (const { clause, name, form } of importedBy(isType ? clauses.slice(5) : clauses)) {
      const source = `${module}: ${clause.replace(/^type\s+/, '')}`;
      const before = this.#from.get(name);
      if (before === source) continue;
      if (before !== undefined)
        this.problems.push({
          file: this.#file,
          line,
          message: `${name} is imported from two places (${before}; ${source}); rename one`,
        });
      this.#from.set(name, source);
      const what = form === 'named' ? `{ ${clause} }` : clause;
      this.lines.push({ text: `import ${isType ? 'type ' : ''}${what} from '${module}';`, line });
    }
  }
}

/** The cell with blanks for its imports. */
const withoutImports = (cell: Cell, all: Imports): readonly string[] => {
  const { imports, rest } = splitImports(cell.source);
  for (const { text, module, line } of imports) all.add(text, module, cell.line + line);
  return rest.split('\n');
};

/** The program of a page; `file` is what complaints call its file. */
export const programOf = (page: CellPage, file: string): Program => {
  const imports = new Imports(file);
  const lines: string[] = [];
  const put = (line: number, text: string): void => {
    while (lines.length < line) lines.push('');
    lines[line - 1] = (lines[line - 1] ?? '') + text;
  };
  let depth = 0;
  for (const cell of cellsOf(page)) {
    const code = withoutImports(cell, imports);
    put(cell.line - 1, '{');
    for (const [i, text] of code.entries()) put(cell.line + i, text);
    // What begins with a bracket would go on with the last line of the cell.
    if (isApart(cell)) put(cell.line + code.length, ';}');
    else {
      put(cell.line + code.length, ';');
      depth++;
    }
  }
  lines.push('}'.repeat(depth), 'export {};');
  const first = lines.length + 1;
  return {
    text: `${[...lines, ...imports.lines.map(({ text }) => text)].join('\n')}\n`,
    lineOf: (line) => imports.lines[line - first]?.line ?? line,
    problems: imports.problems,
  };
};
