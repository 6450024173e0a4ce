/**
 * A cell that cannot be compiled.
 *
 * Invariant: knows the line within the cell, and says what to write instead where that is known.
 */
export class CellError extends Error {
  /** Within the cell, from 1. */
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.name = 'SyntaxError';
    this.line = line;
  }
}

/** Where parsers put the line of an error. */
interface Placed {
  readonly message: string;
  readonly loc?: { readonly line: number };
}

const isPlaced = (error: unknown): error is Placed => error instanceof Error && 'loc' in error;

/** Does `parse`, and tells its syntax errors as those of a cell. */
export const placed = <T>(parse: () => T): T => {
  try {
    return parse();
  } catch (error) {
    if (!isPlaced(error) || error.loc === undefined) throw error;
    throw new CellError(error.message.replace(/ \(\d+:\d+\)$/, ''), error.loc.line);
  }
};
