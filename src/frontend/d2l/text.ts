/**
 * What is shown, as text for a terminal: small drawings of letters, aligned tables.
 *
 * Invariant: at most 100 columns, but for tables with many; nothing is shown that the record does not hold.
 */
import { reportText } from '../../explain/text.ts';
import { fromBase64 } from './base64.ts';
import type {
  Chart,
  Displayable,
  Figure,
  HeatMap,
  Mark,
  Panel,
  Picture,
  Table,
  Value,
} from './displayable.ts';

const WIDTH = 60;
const HEIGHT = 12;
/** Pictures side by side. */
const ACROSS = 96;
/** One for each mark of a chart, from the first again. */
const LETTERS = '•×+o#@';
/** From dark to light. */
const SHADES = ' .:-=+*#%@';

/** A number for people: at most five digits that count. */
export const showValue = (value: Value): string => {
  if (value === null) return '–';
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return value.toExponential(3);
  return String(Number(value.toPrecision(5)));
};

const isNumber = (value: unknown): value is number => typeof value === 'number';

/** The smallest and the largest of numbers, apart from each other. */
export const extentOf = (values: readonly Value[]): readonly [number, number] => {
  const numbers = values.filter(isNumber);
  if (numbers.length === 0) return [0, 1];
  const [low, high] = [
    numbers.reduce((a, b) => Math.min(a, b)),
    numbers.reduce((a, b) => Math.max(a, b)),
  ];
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
};

/** From 0 to 1 between the ends of an axis. */
const placeOn =
  ([from, to]: readonly [number, number], scale: 'linear' | 'log' | undefined) =>
  (value: number): number =>
    scale === 'log' ? Math.log(value / from) / Math.log(to / from) : (value - from) / (to - from);

const domainOf = (axis: Chart['x'], values: readonly Value[]): readonly [number, number] =>
  axis.domain ??
  extentOf(axis.scale === 'log' ? values.filter((v) => v !== null && v > 0) : values);

const isWord = (x: Value | string | undefined): x is string => typeof x === 'string';
const positionsOf = ({ x }: Mark): readonly Value[] => x.map((at, i) => (isWord(at) ? i : at));

/** A line for each word and each series: words are long, and letters few. */
const barsText = (words: readonly string[], { y, marks, title }: Chart): string => {
  const [low, high] = domainOf(y, [0, ...marks.flatMap((m) => m.y)]);
  const margin = Math.max(...words.map((word) => word.length));
  const names = Math.max(...marks.map(({ name = '' }) => name.length));
  const lines = words.flatMap((word, i) =>
    marks.map(({ name = '', y: values }, k) => {
      const value = values[i] ?? null;
      const length = value === null ? 0 : (WIDTH * (value - low)) / (high - low);
      const start = `${(k === 0 ? word : '').padStart(margin)} ${name.padEnd(names)}`.trimEnd();
      return `${start.padEnd(margin + names + 1)} │${'█'.repeat(Math.round(length))} ${showValue(value)}`;
    }),
  );
  const above = [title, y.label].filter((line) => line !== undefined);
  return [...above, ...lines].join('\n');
};

const chartText = (chart: Chart): string => {
  const words = chart.marks.find(({ x }) => isWord(x[0]))?.x.map(String);
  return words === undefined ? curvesText(chart) : barsText(words, chart);
};

const curvesText = ({ x, y, marks, title }: Chart): string => {
  const xDomain = domainOf(x, marks.flatMap(positionsOf));
  const isBars = marks.some(({ kind }) => kind === 'bars');
  const yDomain = domainOf(y, [...marks.flatMap((m) => m.y), ...(isBars ? [0] : [])]);
  const [across, up] = [placeOn(xDomain, x.scale), placeOn(yDomain, y.scale)];
  const rows = Array.from({ length: HEIGHT }, () => Array.from({ length: WIDTH }, () => ' '));
  const put = (px: number, py: number, letter: string): void => {
    const [column, row] = [Math.round(px * (WIDTH - 1)), Math.round((1 - py) * (HEIGHT - 1))];
    if (rows[row]?.[column] !== undefined) rows[row][column] = letter;
  };
  for (const [i, mark] of marks.entries()) {
    const letter = LETTERS[i % LETTERS.length]!;
    let before: readonly [number, number] | undefined;
    for (const [k, at] of positionsOf(mark).entries()) {
      const value = mark.y[k];
      if (at === null || value === null || value === undefined) {
        before = undefined;
        continue;
      }
      const point = [across(at), up(value)] as const;
      const from = mark.kind === 'bars' ? ([point[0], up(0)] as const) : (before ?? point);
      const steps = mark.kind === 'points' ? 1 : WIDTH;
      for (let s = 1; s <= steps; s++) {
        const part = s / steps;
        put(from[0] + part * (point[0] - from[0]), from[1] + part * (point[1] - from[1]), letter);
      }
      before = point;
    }
  }
  const ends = [showValue(yDomain[1]), showValue(yDomain[0])];
  const margin = Math.max(...ends.map((end) => end.length));
  const lines = rows.map((row, i) => {
    const end = i === 0 ? ends[0]! : i === HEIGHT - 1 ? ends[1]! : '';
    return `${end.padStart(margin)} │${row.join('')}`.trimEnd();
  });
  const [left, right] = xDomain.map(showValue);
  const names = marks.flatMap(({ name }, i) =>
    name === undefined ? [] : [`${LETTERS[i % LETTERS.length]} ${name}`],
  );
  return [
    ...(title === undefined ? [] : [title]),
    ...(y.label === undefined ? [] : [y.label]),
    ...lines,
    `${' '.repeat(margin)} └${'─'.repeat(WIDTH)}`,
    `${' '.repeat(margin + 2)}${left}${right!.padStart(WIDTH - left!.length)}`,
    ...(x.label === undefined ? [] : [x.label.padStart(margin + 2 + (WIDTH >> 1))]),
    ...(names.length === 0 ? [] : [names.join('   ')]),
  ].join('\n');
};

const shade = (part: number): string =>
  SHADES[Math.max(0, Math.min(SHADES.length - 1, Math.floor(part * SHADES.length)))]!;

const heatText = ({ title, values, domain }: HeatMap): string => {
  const [from, to] = domain ?? extentOf(values.flat());
  const lines = values.map((row) =>
    row.map((v) => (v === null ? '  ' : shade((v - from) / (to - from)).repeat(2))).join(''),
  );
  const scale = `${showValue(from)} “${SHADES}” ${showValue(to)}`;
  return [...(title === undefined ? [] : [title]), ...lines, scale].join('\n');
};

/** The lines of a picture, two letters for a pixel, as letters are higher than wide. */
const pictureLines = ({ height, width, channels, pixels, title }: Picture): readonly string[] => {
  const bytes = fromBase64(pixels);
  const step = Math.max(1, Math.ceil((2 * width) / ACROSS));
  const lines: string[] = [];
  for (let row = 0; row < height; row += step) {
    let line = '';
    for (let column = 0; column < width; column += step) {
      const at = (row * width + column) * channels;
      const sum = bytes.subarray(at, at + channels).reduce((a, b) => a + b, 0);
      line += shade(sum / (256 * channels)).repeat(2);
    }
    lines.push(line);
  }
  const wide = lines[0]?.length ?? 0;
  return title === undefined ? lines : [...lines, title.slice(0, wide).padEnd(wide)];
};

/** As many pictures as fit beside each other. */
const pictureRows = (pictures: readonly Picture[]): readonly string[] => {
  const drawn = pictures.map(pictureLines);
  const wide = Math.max(...drawn.map((lines) => lines[0]?.length ?? 0));
  const count = Math.max(1, Math.floor((ACROSS + 2) / (wide + 2)));
  const rows: string[] = [];
  for (let at = 0; at < drawn.length; at += count) {
    const group = drawn.slice(at, at + count);
    const lines = Array.from({ length: Math.max(...group.map((g) => g.length)) }, (_, i) =>
      group
        .map((g) => (g[i] ?? '').padEnd(wide))
        .join('  ')
        .trimEnd(),
    );
    rows.push(lines.join('\n'));
  }
  return rows;
};

const figureText = ({ title, panels }: Figure): string => {
  const parts: string[] = title === undefined ? [] : [title];
  let pictures: Picture[] = [];
  const flush = (): void => {
    if (pictures.length > 0) parts.push(...pictureRows(pictures));
    pictures = [];
  };
  const add = (panel: Panel): void => {
    if (panel.kind === 'picture') {
      pictures.push(panel);
      return;
    }
    flush();
    parts.push(panel.kind === 'chart' ? chartText(panel) : heatText(panel));
  };
  panels.forEach(add);
  flush();
  return parts.join('\n\n');
};

const cellText = (cell: string | Value): string =>
  typeof cell === 'string' ? cell : showValue(cell);

const tableText = ({ caption, columns, rows }: Table): string => {
  const cells = [columns, ...rows.map((row) => row.map(cellText))];
  const widths = columns.map((_, c) => Math.max(...cells.map((row) => (row[c] ?? '').length)));
  const isRight = columns.map((_, c) => rows.some((row) => typeof row[c] === 'number'));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, c) => (isRight[c] ? cell.padStart(widths[c]!) : cell.padEnd(widths[c]!)))
      .join('  ')
      .trimEnd();
  const [head, ...body] = cells.map(line);
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  return [...(caption === undefined ? [] : [caption]), head, rule, ...body].join('\n');
};

/**
 * A figure, a table or compiled programs as text: what `display` prints where nothing draws. Plain records, no arrays.
 *
 * @throws nothing
 *
 * @example
 * displayText({ kind: 'table', columns: ['n'], rows: [[1], [22]] });   // ' n\n──\n 1\n22'
 */
export const displayText = (item: Displayable): string => {
  switch (item.kind) {
    case 'figure':
      return figureText(item);
    case 'table':
      return tableText(item);
    case 'programs':
      return item.programs
        .map(({ part, report }) => `=== ${item.name}: ${part} ===\n${reportText(report)}`)
        .join('\n');
    default:
      return item satisfies never;
  }
};
