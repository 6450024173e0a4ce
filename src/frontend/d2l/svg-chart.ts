/**
 * Charts as SVG, drawn by Observable Plot.
 *
 * Invariant: axes, grid and words take the colour of the text around the figure; series differ in colour and in dash or
 * shape.
 */
import { TigonError } from '../../ir/errors.ts';
import { lookOf } from './colours.ts';
import type { Axis, Chart, Mark, Value } from './displayable.ts';
import { type Drawing, element, tick, words } from './svg-text.ts';

type Plot = typeof import('@observablehq/plot');
type PlotMark = ReturnType<Plot['line']>;

const ROW = 20;
/** Of a letter, on average. */
const LETTER = 6.5;
const KEY = 26;
const BAR = 0.8;

interface Tools {
  readonly plot: Plot;
  readonly document: Document;
}

let tools: Promise<Tools> | undefined;

const missing =
  (name: string) =>
  (cause: unknown): never => {
    throw new TigonError(
      'option',
      `figureSvg: drawing charts here needs the package ${name}`,
      `npm install ${name} (${String(cause)})`,
    );
  };

/** A document to draw in: that of the page; elsewhere one that is made of text. */
const documentHere = async (): Promise<Document> => {
  if (typeof document !== 'undefined') return document;
  const { parseHTML } = await import('linkedom').catch(missing('linkedom'));
  return parseHTML('<!doctype html><html><body></body></html>').document;
};

const open = async (): Promise<Tools> => ({
  plot: await import('@observablehq/plot').catch(missing('@observablehq/plot')),
  document: await documentHere(),
});

interface Row {
  readonly x: number | string | undefined;
  readonly y: number | undefined;
}

/** What a logarithmic axis cannot show is left out. */
const shown = (value: Value | string | undefined, { scale }: Axis): number | string | undefined =>
  value === null || (scale === 'log' && typeof value === 'number' && value <= 0)
    ? undefined
    : value;

const rowsOf = (mark: Mark, { x, y }: Chart): readonly Row[] =>
  mark.y.map((value, i) => ({
    x: shown(mark.x[i], x),
    y: shown(value, y) as number | undefined,
  }));

/** Half the distance of neighbours, for bars over numbers. */
const halfBar = (rows: readonly Row[]): number => {
  const at = rows.flatMap(({ x }) => (typeof x === 'number' ? x : [])).sort((a, b) => a - b);
  const gaps = at.slice(1).map((x, i) => x - at[i]!);
  return (BAR / 2) * (gaps.length === 0 ? 1 : Math.min(...gaps.filter((gap) => gap > 0)));
};

const markOf = (plot: Plot, mark: Mark, i: number, chart: Chart): PlotMark => {
  const { colour, dash, shape } = lookOf(i);
  const rows = rowsOf(mark, chart);
  switch (mark.kind) {
    case 'line':
      return plot.line(rows, {
        x: 'x',
        y: 'y',
        stroke: colour,
        strokeWidth: 2,
        strokeDasharray: dash,
      });
    case 'points':
      return plot.dot(
        rows.filter(({ x, y }) => x !== undefined && y !== undefined),
        { x: 'x', y: 'y', stroke: colour, symbol: shape, r: 3 },
      );
    case 'bars': {
      if (typeof rows[0]?.x === 'string') return plot.barY(rows, { x: 'x', y: 'y', fill: colour });
      const half = halfBar(rows);
      return plot.rectY(rows, {
        x1: ({ x }: Row) => (x as number) - half,
        x2: ({ x }: Row) => (x as number) + half,
        y: 'y',
        fill: colour,
      });
    }
    default:
      return mark.kind satisfies never;
  }
};

/** Bars of several series stand beside each other, word by word. */
const besideEachOther = (plot: Plot, chart: Chart): PlotMark[] =>
  chart.marks.map((mark, i) =>
    plot.barY(
      rowsOf(mark, chart).map(({ x, y }) => ({ word: x, y, series: i })),
      { fx: 'word', x: 'series', y: 'y', fill: lookOf(i).colour },
    ),
  );

/** What stands beside the name of series `i`, from 0 to 20 along, around `middle`. */
const keyOf = (kind: Mark['kind'], i: number, middle: number): string => {
  const { colour, dash, letter } = lookOf(i);
  switch (kind) {
    case 'line':
      return element('line', {
        x1: 0,
        x2: 20,
        y1: middle,
        y2: middle,
        stroke: colour,
        'stroke-width': 2,
        'stroke-dasharray': dash,
      });
    case 'points':
      return words(letter, { x: 10, y: middle + 4, fill: colour, 'text-anchor': 'middle' });
    case 'bars':
      return element('rect', { x: 5, y: middle - 5, width: 10, height: 10, fill: colour });
    default:
      return kind satisfies never;
  }
};

/** Names of the series beside their colours, in as many rows as they need. */
const legendOf = ({ marks }: Chart, width: number): Drawing => {
  const parts: string[] = [];
  let [x, y] = [0, 0];
  for (const [i, { name, kind }] of marks.entries()) {
    if (name === undefined) continue;
    const wide = KEY + LETTER * name.length + 16;
    if (x > 0 && x + wide > width) [x, y] = [0, y + ROW];
    const middle = y + ROW / 2;
    const inside = keyOf(kind, i, middle) + words(name, { x: KEY, y: middle + 4 });
    parts.push(element('g', { transform: `translate(${x}, 0)` }, inside));
    x += wide;
  }
  return { width, height: parts.length === 0 ? 0 : y + ROW, svg: parts.join('') };
};

/** Words for powers of ten alone: those between would cover each other. */
const powersOfTen = (value: number): string =>
  Number.isInteger(Math.log10(value)) ? tick(value) : '';

interface PlotAxis {
  readonly label: string | null;
  readonly type?: 'log';
  readonly tickFormat?: (value: number) => string;
  readonly domain?: readonly [number, number];
}

const axisOf = ({ label, scale, domain }: Axis): PlotAxis => ({
  label: label ?? null,
  ...(scale === 'log' ? { type: 'log' as const, tickFormat: powersOfTen } : {}),
  ...(domain === undefined ? {} : { domain }),
});

/** A chart as SVG. Throws an OptionError that says which package is missing. */
export const chartSvg = async (chart: Chart, width: number, height: number): Promise<Drawing> => {
  tools ??= open();
  tools.catch(() => {
    tools = undefined;
  });
  const { plot, document } = await tools;
  const { marks, x, y } = chart;
  const isWords = marks.some((mark) => typeof mark.x[0] === 'string');
  const isGrouped = isWords && marks.length > 1;
  const bars = marks.some(({ kind }) => kind === 'bars');
  const legend = legendOf(chart, width);
  const along = isWords
    ? { label: x.label ?? null, domain: [...new Set(marks.flatMap((mark) => mark.x.map(String)))] }
    : axisOf(x);
  const drawn = plot.plot({
    document,
    width,
    height,
    marginLeft: 56,
    className: 'tigon-chart',
    ...(isGrouped ? { fx: along, x: { axis: null } } : { x: along }),
    y: { ...axisOf(y), grid: true },
    marks: [
      ...(bars ? [plot.ruleY([0])] : []),
      ...(isGrouped
        ? besideEachOther(plot, chart)
        : marks.map((m, i) => markOf(plot, m, i, chart))),
    ],
  } as Parameters<Plot['plot']>[0]);
  // its style is for charts that stand alone
  drawn.querySelector('style')?.remove();
  drawn.setAttribute('y', String(legend.height));
  drawn.setAttribute('overflow', 'visible');
  return { width, height: legend.height + height, svg: legend.svg + drawn.outerHTML };
};
