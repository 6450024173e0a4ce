/**
 * Colours of figures.
 *
 * Invariant: series are told apart by those who see colours otherwise, too, and stand out by 3 to 1 at least on white as
 * on dark grey; dashes and shapes say the same once more.
 */

/** After Okabe and Ito, with what is too light for white paper left out or darkened. */
const SERIES = ['#0072b2', '#d55e00', '#009e73', '#c06090', '#a6761d', '#7f7f7f'] as const;
const DASHES = ['none', '7 3', '2 3', '9 3 2 3', '12 4', '4 2'] as const;
const SHAPES = ['circle', 'triangle', 'square', 'diamond', 'cross', 'star'] as const;
const LETTERS: Readonly<Record<(typeof SHAPES)[number], string>> = {
  circle: '○',
  triangle: '△',
  square: '□',
  diamond: '◇',
  cross: '✚',
  star: '☆',
};

/** How a series looks. */
export interface Look {
  readonly colour: string;
  readonly dash: string;
  readonly shape: (typeof SHAPES)[number];
  /** A letter of that shape. */
  readonly letter: string;
}

/** Of series `i`: from the first again after the last. */
export const lookOf = (i: number): Look => {
  const shape = SHAPES[i % SHAPES.length]!;
  return {
    colour: SERIES[i % SERIES.length]!,
    dash: DASHES[i % DASHES.length]!,
    shape,
    letter: LETTERS[shape],
  };
};

/** Polynomials through viridis: red, green, blue from 0 to 1. */
const VIRIDIS: readonly (readonly number[])[] = [
  [0.27773, 0.10509, -0.33086, -4.63423, 6.22827, 4.77638, -5.43546],
  [0.00541, 1.40461, 0.21485, -5.7991, 14.17993, -13.74515, 4.64585],
  [0.3341, 1.38459, 0.0951, -19.33244, 56.69055, -65.35303, 26.31244],
];

/** The colour of a part from 0 (dark blue) to 1 (yellow): red, green, blue in bytes. */
export const heatColour = (part: number): readonly [number, number, number] => {
  const t = Math.min(1, Math.max(0, part));
  const [r, g, b] = VIRIDIS.map((factors) => {
    const value = factors.reduceRight((sum, factor) => sum * t + factor, 0);
    return Math.round(255 * Math.min(1, Math.max(0, value)));
  });
  return [r!, g!, b!];
};
