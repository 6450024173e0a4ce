/**
 * What is wrong with a lesson, and where.
 *
 * Invariant: a problem names a file and a line of it; all problems of a file are told at once.
 */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** `lessons/03-01-mlp/lesson.md:12: …`, as editors and terminals make it a link. */
export const showProblem = ({ file, line, message }: Problem): string =>
  `${file}:${line}: ${message}`;

/** A file that is no lesson, or no book. */
export class FormatError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(showProblem).join('\n'));
    this.name = 'FormatError';
    this.problems = problems;
  }
}
