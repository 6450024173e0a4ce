/**
 * Runs cells of one lesson in order and tells what comes of them; the same in Node and in a worker.
 *
 * Invariant: one cell runs at a time; whatever it does, its output is complete and the console is back when it has ended.
 * Modules come from outside, so that a page can bundle them.
 */
import {
  CellError,
  compileCell,
  createScope,
  Interrupted,
  lineIn,
  ownFrames,
  readable,
  runCell,
  type Scope,
} from '../cells/index.ts';
import { type Cell, isApart, type Need } from '../format/lesson.ts';
import { captureConsole } from './console.ts';
import { createDisplays, isDisplayable, readableItem } from './displays.ts';
import { show } from './inspect.ts';
import type { Output } from './output.ts';
import { createPrinter, type Printer } from './printing.ts';

/** How a cell ended. `skipped`: it needs what is not there, or is not meant to run. */
export interface Ending {
  readonly outcome: 'done' | 'failed' | 'skipped';
  readonly seconds: number;
}

export type Post = (cell: string, output: Output) => void;

export interface KernelOptions {
  readonly lesson: string;
  /** Finds a module by its specifier. */
  readonly modules: (specifier: string) => Promise<object>;
  readonly post: Post;
  /** Constants of cells have the values for quick runs. */
  readonly quick?: boolean;
  /** Its first element stops the cell that runs. In shared memory, if another thread is to set it. */
  readonly stop?: Int32Array;
}

export interface Kernel {
  /** Runs a cell after those that were given before. Never rejects. */
  run(cell: Cell): Promise<Ending>;
  /** Stops the cell that runs, at the next turn of a loop of it that calls anything. */
  interrupt(): void;
  /** Forgets all names. */
  reset(): void;
  /** Tells an error that nobody awaited as that of the cell that runs; false: none does. */
  complain(error: unknown): boolean;
}

/** Prints of one cell that are passed on: a page has to show them. */
const MOST_TEXTS = 5000;

/** Lets the first texts through, and says that there are more. */
const limited = (post: (output: Output) => void): ((output: Output) => void) => {
  let texts = 0;
  return (output) => {
    if (output.kind !== 'text' || ++texts <= MOST_TEXTS) post(output);
    else if (texts === MOST_TEXTS + 1) {
      const text = `${MOST_TEXTS} lines were printed; those that follow are not shown`;
      post({ kind: 'text', stream: 'warn', text });
    }
  };
};

/** The frame of the cell may be far below those of the framework. */
const DEEPEST_STACK = 100;

const errorOutput = (error: unknown, lesson: string, cell: string): Output => {
  if (!(error instanceof Error))
    return { kind: 'error', name: 'Error', message: show(error, new Map()) };
  const { name, message } = error;
  const line = error instanceof CellError ? error.line : lineIn(error.stack, lesson, cell);
  const stack = ownFrames(error.stack?.replace(message, ''));
  return {
    kind: 'error',
    name,
    message: readable(message),
    ...(line === undefined ? {} : { line }),
    ...(stack === '' ? {} : { stack }),
  };
};

export const createKernel = (options: KernelOptions): Kernel => {
  const { lesson, quick = false, stop = new Int32Array(1) } = options;
  const displays = createDisplays();
  let shared: Scope = createScope();
  let queue: Promise<unknown> = Promise.resolve();
  let complain: ((error: unknown) => void) | undefined;

  const modules = async (specifier: string): Promise<object> => {
    const module = await options.modules(specifier);
    if (specifier === 'tigon/d2l') displays.found(module);
    return module;
  };

  const hasWebGpu = async (): Promise<boolean> => {
    const { device } = (await modules('tigon')) as typeof import('tigon');
    try {
      await device.webgpu();
      return true;
    } catch {
      return false;
    }
  };

  /** What a cell needs and does not find here. */
  const missing = async (need: Need | undefined): Promise<string | undefined> => {
    switch (need) {
      case undefined:
        return undefined;
      case 'webgpu':
        return (await hasWebGpu())
          ? undefined
          : 'WebGPU, which this machine or browser does not offer';
      case 'files':
        return 'process' in globalThis ? undefined : 'files, which a page does not have';
      default:
        return need satisfies never;
    }
  };

  const execute = async (cell: Cell, printer: Printer, post: (o: Output) => void) => {
    const compiled = compileCell(cell, {
      lesson,
      known: shared.known,
      ...(quick ? { constants: cell.quick } : {}),
    });
    const own = isApart(cell) ? createScope() : shared;
    const value = await runCell(compiled, shared, own, { modules, stop });
    if (value === undefined) return;
    if (isDisplayable(value)) {
      const item = readableItem(value);
      post({ kind: 'display', id: `${cell.id}-value`, item });
    } else printer.value(value, (text) => post({ kind: 'value', text }));
  };

  /** Whether the cell came to its end. */
  const attempt = async (cell: Cell): Promise<boolean> => {
    const printer = createPrinter();
    const post = limited((output) => options.post(cell.id, output));
    let failed = false;
    const fail = (error: unknown): void => {
      failed = true;
      printer.then(() => post(errorOutput(error, lesson, cell.id)));
    };
    const release = captureConsole(printer, (stream, text) => post({ kind: 'text', stream, text }));
    complain = fail;
    displays.begin((output) => printer.then(() => post(output)));
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = DEEPEST_STACK;
    stop[0] = 0;
    try {
      await execute(cell, printer, post);
    } catch (error) {
      fail(error);
      if (error instanceof Interrupted) stop[0] = 0;
    }
    displays.end();
    await printer.end();
    complain = undefined;
    Error.stackTraceLimit = stackTraceLimit;
    release();
    return !failed;
  };

  const runNow = async (cell: Cell): Promise<Ending> => {
    if (cell.role === 'norun') return { outcome: 'skipped', seconds: 0 };
    const absent = await missing(cell.needs);
    if (absent !== undefined) {
      const text = `This cell needs ${absent}: skipped.`;
      options.post(cell.id, { kind: 'text', stream: 'warn', text });
      return { outcome: 'skipped', seconds: 0 };
    }
    const start = performance.now();
    const isDone = await attempt(cell);
    const seconds = (performance.now() - start) / 1000;
    if (isDone && cell.throws) {
      const message = 'this cell is there to show an error, and it did not fail';
      options.post(cell.id, { kind: 'error', name: 'Error', message });
    }
    return { outcome: isDone === cell.throws ? 'failed' : 'done', seconds };
  };

  return {
    run(cell) {
      const ending = queue.then(() => runNow(cell));
      queue = ending;
      return ending;
    },
    interrupt() {
      stop[0] = 1;
    },
    reset() {
      shared = createScope();
    },
    complain(error) {
      complain?.(error);
      return complain !== undefined;
    },
  };
};
