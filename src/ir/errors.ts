/**
 * Errors for people: every message names the operation, the operands, the broken rule and the fix.
 *
 * Invariant: `code` is stable; `message` may be extended by outer layers (user line, block path) but never replaced.
 */

export type ErrorCode =
  | 'shape'
  | 'dtype'
  | 'value'
  | 'option'
  | 'trace'
  | 'gradient'
  | 'memory'
  | 'freed'
  | 'device'
  | 'file'
  | 'parse'
  | 'verify'
  | 'data';

/**
 * Base of all errors Tigon throws on purpose. `help` says what to do.
 *
 * `code` is one of a few words; `name` is the error's kind, as docstrings have it: ShapeError, DTypeError, ValueError,
 * OptionError, TraceError, GradientError, OutOfMemoryError, UseAfterFreeError, DeviceError, FileError, ParseError,
 * VerifyError, DataError. There are no classes of these names: compare `name` or `code`.
 *
 * @throws nothing
 *
 * @example
 * try {
 *   nd.ones([2]).add(nd.ones([3]));
 * } catch (error) {
 *   if (error instanceof TigonError) console.log(error.code, error.message, error.help);
 * }
 */
export class TigonError extends Error {
  readonly code: ErrorCode;
  readonly help: string | undefined;
  /** The message without place and help, for layers that add to it. */
  readonly brief: string;
  constructor(code: ErrorCode, brief: string, help?: string, place?: string) {
    super(
      `${brief}${place === undefined ? '' : `\n  at ${place}`}${help === undefined ? '' : `\n  help: ${help}`}`,
    );
    this.name = NAMES[code];
    this.code = code;
    this.help = help;
    this.brief = brief;
  }
}

const NAMES: Readonly<Record<ErrorCode, string>> = {
  shape: 'ShapeError',
  dtype: 'DTypeError',
  value: 'ValueError',
  option: 'OptionError',
  trace: 'TraceError',
  gradient: 'GradientError',
  memory: 'OutOfMemoryError',
  freed: 'UseAfterFreeError',
  device: 'DeviceError',
  file: 'FileError',
  parse: 'ParseError',
  verify: 'VerifyError',
  data: 'DataError',
};

/** The error for a broken internal rule: a bug in Tigon, not in the user's program. */
export const invariant: (condition: unknown, rule: string) => asserts condition = (
  condition,
  rule,
) => {
  if (!condition) throw new TigonError('verify', `internal invariant broken: ${rule}`);
};
