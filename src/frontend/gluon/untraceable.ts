/**
 * Values read while tracing, where a program can be split instead: inside blocks that are not hybrid.
 *
 * Invariant: a trace that ends with such an error is tried in parts; only if nobody can do that, users see it.
 */
import { TigonError } from '../../ir/errors.ts';
import type { Block } from './block.ts';

/** A value was read inside a plain block while tracing: the trace ends here, the program can be split. */
export class Untraceable extends TigonError {
  constructor(error: TigonError, block: Block) {
    super(
      'trace',
      error.brief,
      error.help,
      `${block.constructor.name}, a block that is not hybrid`,
    );
    this.message = error.message;
    this.cause = error;
  }
}

export const isUntraceable = (error: unknown): error is TigonError =>
  error instanceof TigonError && error.code === 'trace' && !(error instanceof Untraceable);
