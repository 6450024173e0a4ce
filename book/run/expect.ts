/**
 * Whether the output of a cell is what the lesson says.
 *
 * Invariant: lines are compared without the space around them. `…` stands for anything in a line, a line that is only `…`
 * for any lines, `≈0.85` for a number within 5 % of it, `≈0.85±0.02` for one no further off than that.
 */
import type { Output } from '../kernel/output.ts';

const NUMBER = /[-−]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/;
const ABOUT = new RegExp(`≈(${NUMBER.source})(?:±(${NUMBER.source}))?`);
const TOLERANCE = 0.05;

/** What a cell printed, line by line: texts, its value, its error. Figures and tables do not count. */
export const printedLines = (outputs: readonly Output[]): readonly string[] =>
  outputs.flatMap((output) => {
    switch (output.kind) {
      case 'text':
      case 'value':
        return output.text.split('\n');
      case 'error':
        return `${output.name}: ${output.message}`.split('\n');
      case 'display':
      case 'record':
        return [];
      default:
        return output satisfies never;
    }
  });

const numberOf = (text: string): number => Number(text.replace('−', '-'));

/** A pattern for a line, and what its numbers have to be about. */
const lineMatches = (pattern: string, line: string): boolean => {
  const bounds: (readonly [number, number])[] = [];
  let source = '';
  for (let rest = pattern; rest !== ''; ) {
    const about = ABOUT.exec(rest);
    const dots = rest.indexOf('…');
    const isAbout = about !== null && (dots < 0 || about.index < dots);
    const at = isAbout ? about.index : dots < 0 ? rest.length : dots;
    source += rest.slice(0, at).replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
    if (isAbout) {
      const value = numberOf(about[1]!);
      bounds.push([
        value,
        about[2] === undefined ? Math.abs(value) * TOLERANCE : numberOf(about[2]),
      ]);
      source += `(${NUMBER.source})`;
      rest = rest.slice(at + about[0].length);
    } else {
      if (dots >= 0) source += '.*';
      rest = rest.slice(at + 1);
    }
  }
  const found = new RegExp(`^${source}$`).exec(line);
  return (
    found !== null &&
    bounds.every(([value, most], i) => Math.abs(numberOf(found[i + 1]!) - value) <= most + 1e-12)
  );
};

const trimmed = (lines: readonly string[]): readonly string[] => {
  const cut = lines.map((line) => line.trim());
  const first = cut.findIndex((line) => line !== '');
  return first < 0 ? [] : cut.slice(first, cut.findLastIndex((line) => line !== '') + 1);
};

const matches = (patterns: readonly string[], lines: readonly string[]): boolean => {
  const [pattern, ...others] = patterns;
  if (pattern === undefined) return lines.length === 0;
  if (pattern === '…')
    return lines.some((_, i) => matches(others, lines.slice(i))) || matches(others, []);
  const [line, ...rest] = lines;
  return line !== undefined && lineMatches(pattern, line) && matches(others, rest);
};

/** What is wrong with `lines`, or undefined if they are as expected. */
export const unexpected = (
  expected: readonly string[],
  lines: readonly string[],
): string | undefined => {
  const [patterns, printed] = [trimmed(expected), trimmed(lines)];
  if (matches(patterns, printed)) return undefined;
  const shown = (text: readonly string[]): string =>
    text.length === 0 ? '    (nothing)' : text.map((line) => `    ${line}`).join('\n');
  return `expected output:\n${shown(patterns)}\n  printed:\n${shown(printed)}`;
};
