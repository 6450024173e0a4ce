/**
 * Finds the user's line: errors and traced nodes say where in the user's program they come from.
 *
 * Invariant: frames inside Tigon itself and inside Node never count as the user's.
 */
import { TigonError } from '../ir/errors.ts';

/** No module in a bundle that is a plain script, and no place for `new URL` in one made from a Blob. */
const here: string | undefined = import.meta.url;

/**
 * The folder that holds Tigon's own modules (`src/` or `dist/`), with a trailing slash. In a bundle it may be empty or
 * the whole site: every frame may be ours then, and none is shown.
 */
const home = (here ?? '').replace(/[^/]*\/[^/]*$/, '');
const homePath = home.startsWith('file://') ? decodeURIComponent(home.slice(7)) : home;

const isOurs = (frame: string): boolean =>
  frame.includes(home) ||
  frame.includes(homePath) ||
  frame.includes('node:') ||
  frame.includes('/node_modules/');

const blocks: string[] = [];

/** Runs `body` inside the named block, so that errors can say `in Net › hidden (Dense)`. */
export const withinBlock = <T>(label: string, body: () => T): T => {
  blocks.push(label);
  try {
    return body();
  } finally {
    blocks.pop();
  }
};

/** Where in the outermost block the program is: `['features', '0']`. */
export const blockNames = (): readonly string[] =>
  blocks.slice(1).map((label) => label.replace(/ \(.*\)$/, ''));

/** `Net › hidden (Dense)`, or undefined outside all blocks. */
export const blockPath = (): string | undefined =>
  blocks.length === 0 ? undefined : blocks.join(' › ');

/** The first frame of a stack text that is the user's: `train.ts:41:18`. */
export const lineInStack = (stack: string | undefined): string | undefined => {
  for (const frame of (stack ?? '').split('\n')) {
    if (!/^\s+at /.test(frame) || isOurs(frame)) continue;
    const place = /\(?(?:file:\/\/)?([^()\s]+:\d+:\d+)\)?$/.exec(frame.trim());
    if (place !== null) return shorten(place[1]!);
  }
  return undefined;
};

const shorten = (place: string): string => {
  const folder = typeof process === 'undefined' ? undefined : process.cwd?.();
  return folder !== undefined && place.startsWith(`${folder}/`)
    ? place.slice(folder.length + 1)
    : place;
};

/** Stack depth to look through: nested blocks put many of our frames above the user's. */
const DEPTH = 100;

const deep = <T>(read: () => T): T => {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = DEPTH;
  try {
    return read();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
};

/** Call sites without mapping to source files, where the engine offers them (V8), else a text. */
const rawStack = (): unknown => {
  const { prepareStackTrace } = Error;
  Error.prepareStackTrace = (_error, sites) => sites;
  try {
    return new Error().stack;
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
  }
};

/** Position of the user's frame in the code that runs, or undefined where the engine does not tell. */
const rawPosition = (): string | undefined => {
  const sites = deep(rawStack);
  if (!Array.isArray(sites)) return undefined;
  for (const site of sites as NodeJS.CallSite[]) {
    // Code that was evaluated has no file, but may have a name: `//# sourceURL=…`.
    const file = site.getScriptNameOrSourceURL() ?? site.getFileName();
    if (file == null || isOurs(file)) continue;
    return `${file}:${site.getLineNumber()}:${site.getColumnNumber()}`;
  }
  return undefined;
};

const places = new Map<string, string | undefined>();

/** Whether stacks say other positions than those in the code that runs: those of its sources. */
const isMapped = (): boolean =>
  Error.prepareStackTrace !== undefined ||
  (typeof process !== 'undefined' && process.sourceMapsEnabled !== false);

/**
 * Where the user's program is now. The text of a stack has a line of each script on it, and finding these costs most
 * where scripts are long: it is made once per position, and only where it says more.
 */
export const userLine = (): string | undefined => {
  const position = rawPosition();
  if (position !== undefined && places.has(position)) return places.get(position);
  const line =
    position === undefined || isMapped()
      ? deep(() => lineInStack(new Error().stack))
      : shorten(position.replace(/^file:\/\//, ''));
  if (position !== undefined) places.set(position, line);
  return line;
};

/** `train.ts:41:18, in Net › hidden (Dense)`. */
export const userPlace = (): string | undefined => {
  const line = userLine();
  const path = blockPath();
  if (line === undefined) return path === undefined ? undefined : `in ${path}`;
  return path === undefined ? line : `${line}, in ${path}`;
};

/** A promise that is refused: what goes wrong in it later must not end the process. */
export const forget = (promise: Promise<unknown>): void => {
  promise.catch(() => undefined);
};

const placed = new WeakSet<TigonError>();

/** The same error with the user's call and place added; errors that have them, and foreign errors, pass through. */
export const located = (error: unknown, call: string): unknown => {
  if (!(error instanceof TigonError) || placed.has(error)) return error;
  const name = call.slice(0, call.indexOf('('));
  const brief = error.brief.startsWith(name) ? error.brief : `${call}: ${error.brief}`;
  const result = new TigonError(error.code, brief, error.help, userPlace());
  result.cause = error;
  placed.add(result);
  return result;
};

/**
 * Runs `body`, which is made of a function called `part`; errors of that one are told in the name of the caller, whom
 * the user called.
 */
export const inName = <T>(name: string, part: string, body: () => T): T => {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof TigonError) || !/^[:(]/.test(error.brief.slice(part.length)))
      throw error;
    if (!error.brief.startsWith(part)) throw error;
    throw failure(error.code, `${name}${error.brief.slice(part.length)}`, error.help);
  }
};

/** A TigonError that names the user's line. */
export const failure = (code: TigonError['code'], brief: string, help?: string): TigonError => {
  const error = new TigonError(code, brief, help, userPlace());
  placed.add(error);
  return error;
};
