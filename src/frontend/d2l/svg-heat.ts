/**
 * Heat maps and pictures as SVG: pixels as they are, words around them.
 *
 * Invariant: one cell is one pixel of a picture that the page enlarges without smoothing.
 */
import { fromBase64 } from './base64.ts';
import { heatColour } from './colours.ts';
import type { HeatMap, Picture } from './displayable.ts';
import { pngAddress } from './png.ts';
import { type Drawing, element, tick, words } from './svg-text.ts';
import { extentOf } from './text.ts';

const TITLE = 18;
const LETTER = 6.5;
const LINE = 14;
/** The bar that says what the colours stand for, and the room beside it. */
const BAR = 14;
const GAP = 10;
const BAR_ROOM = BAR + GAP + 46;
const MOST_NAMES = 12;
const LARGEST_CELL = 40;

const image = (href: string, x: number, y: number, width: number, height: number): string =>
  element('image', {
    x,
    y,
    width,
    height,
    href,
    preserveAspectRatio: 'none',
    'image-rendering': 'pixelated',
    style: 'image-rendering: pixelated',
  });

/** A picture with its title above, or with room for one (`hasTitle`) where its neighbours have theirs. */
export const pictureSvg = (picture: Picture, width: number, hasTitle: boolean): Drawing => {
  const { height, width: columns, channels, pixels, title } = picture;
  const tall = (width * height) / columns;
  const top = hasTitle ? TITLE : 0;
  const href = pngAddress({ height, width: columns, channels, bytes: fromBase64(pixels) });
  const named =
    title === undefined
      ? ''
      : words(title, { x: width / 2, y: TITLE - 5, 'text-anchor': 'middle', 'font-size': 11 });
  return { width, height: top + tall, svg: named + image(href, 0, top, width, tall) };
};

/** Which of so many columns or rows have their names written: all of those that were given, else those that have room. */
const namedOnes = (count: number, isGiven: boolean, room: number): readonly number[] => {
  const most = Math.max(1, Math.min(MOST_NAMES, Math.floor(room)));
  const step = isGiven ? 1 : Math.max(1, Math.ceil(count / most));
  return Array.from({ length: Math.ceil(count / step) }, (_, i) => i * step);
};

/** The matrix as pixels; what is no number is grey. */
const pixelsOf = ({ values }: HeatMap, [from, to]: readonly [number, number]): Uint8Array =>
  Uint8Array.from(
    values.flatMap((row) =>
      row.flatMap((v) => (v === null ? [127, 127, 127] : heatColour((v - from) / (to - from)))),
    ),
  );

const barSvg = ([from, to]: readonly [number, number], x: number, height: number): string => {
  const steps = 64;
  const bytes = Uint8Array.from(
    Array.from({ length: steps }, (_, i) => heatColour(1 - i / (steps - 1))).flat(),
  );
  const href = pngAddress({ height: steps, width: 1, channels: 3, bytes });
  return [
    image(href, x, 0, BAR, height),
    words(tick(to), { x: x + BAR + 5, y: 9 }),
    words(tick(from), { x: x + BAR + 5, y: height }),
  ].join('');
};

/** A matrix in colours, with names beside rows and below columns, and what the colours stand for. */
export const heatSvg = (map: HeatMap, width: number): Drawing => {
  const { values, xNames, yNames, xLabel, yLabel } = map;
  const [rows, columns] = [values.length, values[0]?.length ?? 0];
  const domain = map.domain ?? extentOf(values.flat());
  const rowNames = yNames ?? values.map((_, i) => String(i));
  const columnNames = xNames ?? Array.from({ length: columns }, (_, i) => String(i));
  const left =
    LETTER * Math.max(1, ...rowNames.map((name) => name.length)) + 10 + (yLabel ? 18 : 0);
  const cell = Math.min(LARGEST_CELL, (width - left - BAR_ROOM) / Math.max(1, columns));
  const [wide, tall] = [cell * columns, Math.max(cell * rows, 24)];
  const longest = Math.max(1, ...columnNames.map((name) => name.length));
  const isTurned = xNames !== undefined && LETTER * longest > cell;
  const href = pngAddress({
    height: rows,
    width: columns,
    channels: 3,
    bytes: pixelsOf(map, domain),
  });
  const below = isTurned ? LETTER * longest + 10 : 18;
  const parts = [
    image(href, left, 0, wide, tall),
    barSvg(domain, left + wide + GAP, tall),
    ...namedOnes(rows, yNames !== undefined, tall / LINE).map((i) =>
      words(rowNames[i]!, {
        x: left - 6,
        y: ((i + 0.5) * tall) / rows + 4,
        'text-anchor': 'end',
      }),
    ),
    ...namedOnes(columns, xNames !== undefined, wide / (LETTER * (longest + 1))).map((i) => {
      const x = left + (i + 0.5) * cell;
      return isTurned
        ? words(columnNames[i]!, {
            transform: `translate(${x + 4}, ${tall + 6}) rotate(-90)`,
            'text-anchor': 'end',
          })
        : words(columnNames[i]!, { x, y: tall + 14, 'text-anchor': 'middle' });
    }),
    ...(xLabel === undefined
      ? []
      : [words(xLabel, { x: left + wide / 2, y: tall + below + 12, 'text-anchor': 'middle' })]),
    ...(yLabel === undefined
      ? []
      : [
          words(yLabel, {
            transform: `translate(12, ${tall / 2}) rotate(-90)`,
            'text-anchor': 'middle',
          }),
        ]),
  ];
  const height = tall + below + (xLabel === undefined ? 0 : 18);
  return { width, height, svg: parts.join('') };
};
