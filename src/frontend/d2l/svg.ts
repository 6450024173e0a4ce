/**
 * `tigon/d2l/svg`: figures as SVG text, for pages and files.
 *
 * Invariant: loads nothing that computes; the text depends on the figure alone. Words and axes take the colour of the
 * text around (`currentColor`), so that a figure is readable on light paper as on dark.
 */
import { TigonError } from '../../ir/errors.ts';
import type { Figure, Panel } from './displayable.ts';
import { chartSvg } from './svg-chart.ts';
import { heatSvg, pictureSvg } from './svg-heat.ts';
import { type Drawing, element, escaped, words } from './svg-text.ts';
import { extentOf, showValue } from './text.ts';

export interface SvgOptions {
  /** Of the whole figure, in pixels. Default 640. Charts stand below each other where there is no place beside. */
  readonly width?: number | undefined;
}

const GAP = 16;
const PICTURE_GAP = 8;
const TITLE = 24;
/** The widest chart: what is wider is empty. */
const WIDEST = 640;
/** The narrowest, of those side by side: words need their place. */
const NARROWEST = 180;
/** Beside the widest, charts are as high as this part of their width. */
const SLENDER = 0.56;
const HIGHEST = 320;

const drawing = (
  panel: Panel,
  width: number,
  row: readonly Panel[],
): Promise<Drawing> | Drawing => {
  switch (panel.kind) {
    case 'chart':
      return chartSvg(panel, width, Math.min(HIGHEST, Math.max(180, width * SLENDER)));
    case 'heat':
      return heatSvg(panel, width);
    case 'picture':
      return pictureSvg(
        panel,
        width,
        row.some(({ title }) => title !== undefined),
      );
    default:
      return panel satisfies never;
  }
};

/** The title of a chart or a heat map, above it. */
const titled = ({ width, height, svg }: Drawing, panel: Panel): Drawing => {
  if (panel.title === undefined || panel.kind === 'picture') return { width, height, svg };
  const title = words(panel.title, {
    x: width / 2,
    y: 14,
    'text-anchor': 'middle',
    'font-weight': 'bold',
  });
  const moved = element('g', { transform: `translate(0, ${TITLE})` }, svg);
  return { width, height: height + TITLE, svg: title + moved };
};

/** What a panel shows, in words. */
const toldOf = (panel: Panel): string => {
  const name = panel.title === undefined ? '' : `${panel.title}: `;
  switch (panel.kind) {
    case 'chart': {
      const series = panel.marks.map((mark, i) => {
        const [low, high] = extentOf(mark.y).map(showValue);
        const end = showValue(mark.y.findLast((y) => y !== null) ?? null);
        return `${mark.name ?? `series ${i + 1}`} (${mark.kind}) between ${low} and ${high}, at last ${end}`;
      });
      const over = panel.x.label === undefined ? '' : ` over ${panel.x.label}`;
      const what = panel.y.label === undefined ? '' : `${panel.y.label}${over}: `;
      return `${name}${what}${series.join('; ')}.`;
    }
    case 'heat': {
      const [low, high] = extentOf(panel.values.flat()).map(showValue);
      const size = `${panel.values.length} by ${panel.values[0]?.length ?? 0}`;
      return `${name}a matrix of ${size} values between ${low} and ${high} in colours.`;
    }
    case 'picture':
      return panel.title === undefined ? 'A picture.' : `A picture: ${panel.title}.`;
    default:
      return panel satisfies never;
  }
};

const columnsOf = ({ columns, panels }: Figure, width: number): number => {
  const isOfPictures = panels.every(({ kind }) => kind === 'picture');
  const most = Math.min(panels.length, columns ?? (isOfPictures ? 8 : 3));
  return isOfPictures ? most : Math.min(most, Math.max(1, Math.floor(width / NARROWEST)));
};

/**
 * A figure as SVG: a plain record in, text out, no arrays. Lines are drawn by Observable Plot, in the page's document or,
 * where there is none, in that of linkedom; pictures and heat maps need neither. The text has a title and a description
 * for those who do not see it.
 *
 * @throws {OptionError} for charts, where the packages `@observablehq/plot` or `linkedom` are missing (as a rejected
 *   promise)
 * @throws {ValueError} for what is no figure
 *
 * @example
 * const chart = { kind: 'chart', x: {}, y: {}, marks: [{ kind: 'line', x: [0, 1], y: [1, 2] }] } as const;
 * const svg = await figureSvg({ kind: 'figure', panels: [chart] });
 * svg.startsWith('<svg');   // true
 */
export const figureSvg = async (figure: Figure, options: SvgOptions = {}): Promise<string> => {
  if (figure?.kind !== 'figure')
    throw new TigonError('value', 'figureSvg: takes a figure', 'pass what figure([…]) gives');
  const { width = WIDEST } = options;
  const columns = columnsOf(figure, width);
  const isOfPictures = figure.panels.every(({ kind }) => kind === 'picture');
  const gap = isOfPictures ? PICTURE_GAP : GAP;
  const own = (width - gap * (columns - 1)) / columns;
  const top = figure.title === undefined ? 0 : TITLE;
  const parts: string[] = [];
  let y = top;
  for (let at = 0; at < figure.panels.length; at += columns) {
    const row = figure.panels.slice(at, at + columns);
    const drawn = await Promise.all(
      row.map(async (panel) => titled(await drawing(panel, own, row), panel)),
    );
    for (const [i, { svg }] of drawn.entries())
      parts.push(element('g', { transform: `translate(${i * (own + gap)}, ${y})` }, svg));
    y += Math.max(...drawn.map(({ height }) => height)) + gap;
  }
  const height = Math.ceil(y - gap);
  const told = figure.description ?? figure.panels.map(toldOf).join(' ');
  const title = figure.title ?? figure.panels.find((p) => p.title !== undefined)?.title ?? 'Figure';
  const head = `<title>${escaped(title)}</title><desc>${escaped(told)}</desc>`;
  const heading =
    figure.title === undefined
      ? ''
      : words(figure.title, {
          x: width / 2,
          y: 16,
          'text-anchor': 'middle',
          'font-size': 14,
          'font-weight': 'bold',
        });
  return element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: 'img',
      'aria-label': `${title}. ${told}`,
      'font-family': 'system-ui, sans-serif',
      'font-size': 12,
      fill: 'currentColor',
      style: 'max-width: 100%; height: auto; overflow: visible',
    },
    head + heading + parts.join(''),
  );
};
