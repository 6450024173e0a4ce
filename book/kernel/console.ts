/**
 * `console` while a cell runs: what it prints is output of the cell.
 *
 * Invariant: afterwards the console is what it was before.
 */
import type { Output } from './output.ts';
import type { Printer } from './printing.ts';

type Stream = Extract<Output, { kind: 'text' }>['stream'];
type Write = (stream: Stream, text: string) => void;
type Method = (...values: readonly unknown[]) => void;

const tableOf = (rows: unknown): string => {
  if (typeof rows !== 'object' || rows === null) return String(rows);
  const entries = Object.entries(rows).map(([name, row]: [string, unknown]) => [
    name,
    typeof row === 'object' && row !== null ? row : { value: row },
  ]) as readonly (readonly [string, object])[];
  const columns = [...new Set(entries.flatMap(([, row]) => Object.keys(row)))];
  const cell = (row: object, column: string): string =>
    Object.hasOwn(row, column) ? String(Reflect.get(row, column)) : '';
  const lines = [
    ['', ...columns],
    ...entries.map(([name, row]) => [name, ...columns.map((c) => cell(row, c))]),
  ];
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  return lines
    .map((line) =>
      line
        .map((c, i) => c.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};

const methodsFor = (printer: Printer, write: Write): Readonly<Record<string, Method>> => {
  let margin = '';
  const to =
    (stream: Stream): Method =>
    (...values) => {
      const before = margin;
      printer.log(values, (text) => write(stream, text.replace(/^/gm, before)));
    };
  const log = to('log');
  const group: Method = (...values) => {
    if (values.length > 0) log(...values);
    margin += '  ';
  };
  return {
    log,
    info: log,
    debug: log,
    dir: (value) => log(value),
    table: (rows) => log(tableOf(rows)),
    warn: to('warn'),
    error: to('error'),
    trace: to('error'),
    assert: (condition, ...values) => {
      if (!condition) to('error')('Assertion failed', ...values);
    },
    group,
    groupCollapsed: group,
    groupEnd: () => {
      margin = margin.slice(2);
    },
  };
};

/** Has the console print through `printer`; gives a function that puts it back. */
export const captureConsole = (printer: Printer, write: Write): (() => void) => {
  const methods = methodsFor(printer, write);
  const before = new Map(
    Object.keys(methods).map((name) => [name, Reflect.get(console, name) as unknown]),
  );
  Object.assign(console, methods);
  return () => {
    for (const [name, method] of before) Reflect.set(console, name, method);
  };
};
