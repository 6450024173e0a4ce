/**
 * Imports of a cell, found in its text.
 *
 * Invariant: an import statement begins a line, as everybody writes it.
 */
const IMPORT = /^import\b(?!\s*[.(])[^;'"]*(['"])([^'"]*)\1;?/gm;

export interface Statement {
  readonly text: string;
  /** What it imports from. */
  readonly module: string;
  /** Its first line, from 0. */
  readonly line: number;
}

/** The import statements of a cell, and the cell with blanks instead. */
export const splitImports = (
  source: string,
): { readonly imports: readonly Statement[]; readonly rest: string } => {
  const imports: Statement[] = [];
  const rest = source.replaceAll(IMPORT, (text: string, _quote, module: string, at: number) => {
    imports.push({ text, module, line: source.slice(0, at).split('\n').length - 1 });
    return text.replaceAll(/[^\n]/g, ' ');
  });
  return { imports, rest };
};
