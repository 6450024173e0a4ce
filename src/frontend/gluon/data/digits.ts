/**
 * Hand-written-looking digits drawn by rule, for machines that have no MNIST and no network.
 *
 * Invariant: image `i` of a seed is a function of (seed, i) alone: a digit's strokes, bent by a random affine map and a
 * smooth random displacement, inked by an anti-aliased pen.
 */
import { failure } from '../../callsite.ts';
import { shown } from '../../options.ts';
import { prng, unit } from './prng.ts';

const SIZE = 28;

type Point = readonly [x: number, y: number];
/** A curve through its points; `sharp` strokes are straight between them. */
interface Stroke {
  readonly points: readonly Point[];
  readonly sharp?: true;
}
type Glyph = readonly Stroke[];

const smooth = (...points: Point[]): Stroke => ({ points });
const sharp = (...points: Point[]): Stroke => ({ points, sharp: true });

/** The ways each digit is written, in a unit box with y pointing down. */
// biome-ignore format: a table of points reads best a stroke a line
const glyphs: readonly (readonly Glyph[])[] = [
  [ // 0
    [smooth([0.52, 0.02], [0.24, 0.14], [0.14, 0.5], [0.26, 0.88], [0.52, 0.98], [0.78, 0.86], [0.86, 0.5], [0.76, 0.13], [0.5, 0.02])],
    [smooth([0.68, 0.1], [0.36, 0.06], [0.18, 0.42], [0.24, 0.84], [0.52, 0.97], [0.78, 0.8], [0.84, 0.4], [0.66, 0.1], [0.52, 0.04])],
  ],
  [ // 1
    [sharp([0.5, 0.0], [0.5, 1.0])],
    [sharp([0.34, 0.2], [0.54, 0.02], [0.52, 1.0])],
    [sharp([0.36, 0.18], [0.54, 0.02], [0.54, 0.97]), sharp([0.32, 0.97], [0.76, 0.97])],
  ],
  [ // 2
    [smooth([0.2, 0.26], [0.34, 0.06], [0.6, 0.03], [0.78, 0.2], [0.7, 0.46], [0.44, 0.74], [0.18, 0.96]), sharp([0.18, 0.96], [0.86, 0.95])],
    [smooth([0.2, 0.24], [0.42, 0.04], [0.7, 0.1], [0.74, 0.36], [0.52, 0.68], [0.28, 0.92], [0.16, 0.86], [0.28, 0.76], [0.52, 0.9], [0.86, 0.92])],
  ],
  [ // 3
    [smooth([0.22, 0.12], [0.46, 0.02], [0.74, 0.12], [0.72, 0.36], [0.44, 0.48]), smooth([0.44, 0.48], [0.76, 0.56], [0.82, 0.8], [0.54, 0.98], [0.2, 0.88])],
    [sharp([0.2, 0.04], [0.78, 0.05], [0.46, 0.42]), smooth([0.46, 0.42], [0.78, 0.54], [0.76, 0.86], [0.48, 0.98], [0.18, 0.86])],
  ],
  [ // 4
    [sharp([0.24, 0.04], [0.18, 0.54], [0.8, 0.52]), sharp([0.68, 0.08], [0.64, 1.0])],
    [sharp([0.66, 1.0], [0.66, 0.0], [0.14, 0.64], [0.88, 0.64])],
    [smooth([0.22, 0.02], [0.2, 0.4], [0.4, 0.52], [0.7, 0.44]), sharp([0.76, 0.02], [0.7, 0.5], [0.68, 1.0])],
  ],
  [ // 5
    [sharp([0.8, 0.03], [0.3, 0.05], [0.25, 0.44]), smooth([0.25, 0.44], [0.54, 0.36], [0.8, 0.56], [0.74, 0.86], [0.46, 0.98], [0.18, 0.88])],
    [smooth([0.3, 0.06], [0.24, 0.42], [0.5, 0.4], [0.76, 0.6], [0.66, 0.9], [0.4, 0.97], [0.2, 0.86]), sharp([0.3, 0.06], [0.82, 0.02])],
  ],
  [ // 6
    [smooth([0.66, 0.02], [0.38, 0.22], [0.2, 0.58], [0.28, 0.9], [0.56, 0.98], [0.78, 0.78], [0.64, 0.54], [0.38, 0.58], [0.22, 0.76])],
    [smooth([0.5, 0.0], [0.3, 0.34], [0.24, 0.74], [0.44, 0.97], [0.72, 0.86], [0.7, 0.6], [0.46, 0.54], [0.26, 0.72])],
  ],
  [ // 7
    [sharp([0.16, 0.06], [0.82, 0.05], [0.42, 1.0])],
    [sharp([0.16, 0.08], [0.82, 0.05], [0.44, 1.0]), sharp([0.32, 0.5], [0.76, 0.48])],
    [smooth([0.16, 0.16], [0.34, 0.06], [0.58, 0.1], [0.82, 0.04], [0.66, 0.36], [0.5, 0.7], [0.46, 1.0])],
  ],
  [ // 8
    [smooth([0.72, 0.14], [0.44, 0.03], [0.26, 0.22], [0.5, 0.46], [0.78, 0.72], [0.56, 0.97], [0.26, 0.86], [0.34, 0.6], [0.62, 0.4], [0.76, 0.18], [0.62, 0.06])],
    [smooth([0.5, 0.48], [0.28, 0.3], [0.4, 0.04], [0.66, 0.06], [0.74, 0.28], [0.5, 0.48]), smooth([0.5, 0.48], [0.22, 0.68], [0.34, 0.95], [0.66, 0.96], [0.8, 0.7], [0.5, 0.48])],
  ],
  [ // 9
    [smooth([0.74, 0.22], [0.52, 0.03], [0.26, 0.18], [0.28, 0.44], [0.56, 0.48], [0.74, 0.22]), smooth([0.74, 0.22], [0.72, 0.56], [0.64, 1.0])],
    [smooth([0.74, 0.14], [0.46, 0.04], [0.24, 0.28], [0.42, 0.5], [0.68, 0.38], [0.76, 0.14], [0.74, 0.54], [0.6, 0.9], [0.32, 0.96])],
  ],
];

export interface DrawnDigits {
  /** `count` images of 28 x 28 bytes, 0 background to 255 ink. */
  readonly images: Uint8Array<ArrayBuffer>;
  readonly labels: Uint8Array<ArrayBuffer>;
}

/**
 * Draws `count` digits, numbers `first` to `first + count - 1` of the endless series of `seed`: bytes of the shapes
 * [count, 28, 28] and [count].
 *
 * @throws {ValueError} unless all are integers ≥ 0
 *
 * @example
 * const { images, labels } = drawDigits(2);
 * labels.length;   // 2
 * images.length;   // 1568
 */
export const drawDigits = (count: number, seed = 0, first = 0): DrawnDigits => {
  for (const [name, value] of Object.entries({ count, seed, first }))
    if (!Number.isSafeInteger(value) || value < 0)
      throw failure('value', `drawDigits: ${name} is ${shown(value)}`, 'pass an integer ≥ 0');
  const images = new Uint8Array(count * SIZE * SIZE);
  const labels = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const next = prng(seed, first + i);
    const digit = Math.floor(unit(next) * 10);
    labels[i] = digit;
    drawDigit(digit, next, images.subarray(i * SIZE * SIZE, (i + 1) * SIZE * SIZE));
  }
  return { images, labels };
};

const drawDigit = (digit: number, next: () => number, image: Uint8Array): void => {
  const between = (low: number, high: number): number => low + (high - low) * unit(next);
  const variants = glyphs[digit]!;
  const glyph = variants[Math.floor(unit(next) * variants.length)]!;
  const wobble = 0.025;
  const paths = glyph.map(({ points, sharp: straight }) => {
    const moved = points.map(
      ([x, y]): Point => [x + between(-wobble, wobble), y + between(-wobble, wobble)],
    );
    return subdivide(moved, straight === true);
  });

  const bend = elastic(between);
  const place = affine(between);
  const inked = paths.map((path) => path.map((p) => place(bend(p))));
  const centre = middle(inked.flat());
  const drift: Point = [
    SIZE / 2 - centre[0] + between(-1, 1),
    SIZE / 2 - centre[1] + between(-1, 1),
  ];
  const radius = between(0.75, 1.6);
  const pressure = between(-0.25, 0.25);
  const ink = between(0.85, 1);
  for (const path of inked) {
    for (let i = 0; i + 1 < path.length; i++) {
      const pen = radius * (1 + pressure * (i / path.length - 0.5));
      drawSegment(image, path[i]!, path[i + 1]!, drift, pen, ink);
    }
  }
};

/** Points close enough together that straight lines between them look curved (Catmull-Rom through the points). */
const subdivide = (points: readonly Point[], straight: boolean): Point[] => {
  const steps = 6;
  const out: Point[] = [];
  for (let i = 0; i + 1 < points.length; i++) {
    const b = points[i]!;
    const c = points[i + 1]!;
    const a = points[i - 1] ?? b;
    const d = points[i + 2] ?? c;
    for (let s = 0; s < steps; s++) {
      const t = s / steps;
      const at = (k: 0 | 1): number =>
        straight
          ? b[k] + (c[k] - b[k]) * t
          : 0.5 *
            (2 * b[k] +
              (c[k] - a[k]) * t +
              (2 * a[k] - 5 * b[k] + 4 * c[k] - d[k]) * t * t +
              (3 * b[k] - a[k] - 3 * c[k] + d[k]) * t * t * t);
      out.push([at(0), at(1)]);
    }
  }
  out.push(points[points.length - 1]!);
  return out;
};

type Between = (low: number, high: number) => number;
type Warp = (p: Point) => Point;

/** A smooth displacement of the plane: a few long waves in random directions. */
const elastic = (between: Between): Warp => {
  const waves = Array.from({ length: 3 }, () => ({
    fx: between(-5, 5),
    fy: between(-5, 5),
    phase: between(0, 2 * Math.PI),
    dx: between(-0.05, 0.05),
    dy: between(-0.05, 0.05),
  }));
  return ([x, y]) => {
    let u = x;
    let v = y;
    for (const { fx, fy, phase, dx, dy } of waves) {
      const s = Math.sin(fx * x + fy * y + phase);
      u += dx * s;
      v += dy * s;
    }
    return [u, v];
  };
};

/** Slant, rotation and size: from the unit box to pixels around the origin. */
const affine = (between: Between): Warp => {
  const angle = between(-0.22, 0.22);
  const shear = between(-0.3, 0.2);
  const height = between(16.5, 20.5);
  const width = height * between(0.72, 1.05);
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  return ([x, y]) => {
    const v = (y - 0.5) * height;
    const u = (x - 0.5) * width - shear * v;
    return [cos * u - sin * v, sin * u + cos * v];
  };
};

const middle = (points: readonly Point[]): Point => {
  let x = 0;
  let y = 0;
  for (const p of points) {
    x += p[0];
    y += p[1];
  }
  return [x / points.length, y / points.length];
};

/** Inks the pixels near a segment by how much of them the round pen covers; overlaps keep the darker value. */
const drawSegment = (
  image: Uint8Array,
  a: Point,
  b: Point,
  drift: Point,
  radius: number,
  ink: number,
): void => {
  const ax = a[0] + drift[0];
  const ay = a[1] + drift[1];
  const dx = b[0] - a[0];
  const dy = b[1] - a[1];
  const length2 = dx * dx + dy * dy || 1e-9;
  const reach = radius + 0.5;
  const left = Math.max(0, Math.floor(Math.min(ax, ax + dx) - reach));
  const right = Math.min(SIZE - 1, Math.ceil(Math.max(ax, ax + dx) + reach));
  const top = Math.max(0, Math.floor(Math.min(ay, ay + dy) - reach));
  const bottom = Math.min(SIZE - 1, Math.ceil(Math.max(ay, ay + dy) + reach));
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const px = column + 0.5 - ax;
      const py = row + 0.5 - ay;
      const t = Math.min(1, Math.max(0, (px * dx + py * dy) / length2));
      const qx = px - t * dx;
      const qy = py - t * dy;
      const distance = Math.sqrt(qx * qx + qy * qy);
      const cover = Math.min(1, Math.max(0, reach - distance));
      const value = Math.round(255 * ink * cover);
      const pixel = row * SIZE + column;
      if (value > image[pixel]!) image[pixel] = value;
    }
  }
};
