/**
 * Eigenvalues and eigenvectors of a matrix on the host, in double precision: to Hessenberg's form by reflections, to a
 * triangle by shifted QR steps, vectors by substitution (G. Golub and C. Van Loan, "Matrix Computations", chapter 7).
 *
 * Invariant: vectors have length 1, and their greatest entry is real.
 */
import {
  type Complex,
  ComplexMatrix,
  divide,
  minus,
  multiply,
  plus,
  root,
  sizeOf,
} from './complex-matrix.ts';

/** Steps for one eigenvalue: a few are enough, and where ten are not, an unusual shift gets on. */
const MOST_STEPS = 300;
const UNUSUAL = 10;

export interface Eigen {
  /** Real and imaginary parts by turns. */
  readonly values: Float64Array;
  /** Row-major, an eigenvector a column, real and imaginary parts by turns. */
  readonly vectors: Float64Array;
}

/** Eigenvalues of a real matrix `a` (row-major), and its eigenvectors; `undefined` where steps do not converge. */
export const eigenOf = (a: ArrayLike<number>, n: number): Eigen | undefined => {
  const h = new ComplexMatrix(n);
  for (let k = 0; k < n * n; k++) h.re[k] = a[k]!;
  const z = new ComplexMatrix(n);
  for (let i = 0; i < n; i++) z.re[i * n + i] = 1;
  toHessenberg(h.re, z.re, n);
  if (!h.re.every(Number.isFinite) || !toTriangle(h, z)) return undefined;
  const values = new Float64Array(2 * n);
  for (let i = 0; i < n; i++) {
    const { re, im } = h.at(i, i);
    values.set([re, im], 2 * i);
  }
  return { values, vectors: vectorsOf(h, z) };
};

/** Reflections from both sides make all zero that is further than one below the diagonal; `z` collects them. */
const toHessenberg = (h: Float64Array, z: Float64Array, n: number): void => {
  for (let k = 0; k < n - 2; k++) {
    const v = Float64Array.from({ length: n }, (_, i) => (i > k ? h[i * n + k]! : 0));
    const size = Math.hypot(...v);
    if (size === 0) continue;
    v[k + 1]! += v[k + 1]! < 0 ? -size : size;
    const square = v.reduce((sum, x) => sum + x * x, 0);
    const reflectRows = (m: Float64Array): void => {
      for (let j = 0; j < n; j++) {
        let along = 0;
        for (let i = k + 1; i < n; i++) along += v[i]! * m[i * n + j]!;
        for (let i = k + 1; i < n; i++) m[i * n + j]! -= (2 * along * v[i]!) / square;
      }
    };
    const reflectColumns = (m: Float64Array): void => {
      for (let i = 0; i < n; i++) {
        let along = 0;
        for (let j = k + 1; j < n; j++) along += v[j]! * m[i * n + j]!;
        for (let j = k + 1; j < n; j++) m[i * n + j]! -= (2 * along * v[j]!) / square;
      }
    };
    reflectRows(h);
    reflectColumns(h);
    reflectColumns(z);
    for (let i = k + 2; i < n; i++) h[i * n + k] = 0;
  }
};

/** QR steps on what is not split off yet, until all below the diagonal is nothing. */
const toTriangle = (h: ComplexMatrix, z: ComplexMatrix): boolean => {
  const { n } = h;
  let last = n - 1;
  for (let step = 0; last > 0; ) {
    let first = last;
    while (first > 0) {
      const beside = sizeOf(h.at(first - 1, first - 1)) + sizeOf(h.at(first, first));
      if (sizeOf(h.at(first, first - 1)) <= Number.EPSILON * beside) break;
      first--;
    }
    if (first > 0) h.set(first, first - 1, { re: 0, im: 0 });
    if (first === last) {
      last--;
      step = 0;
      continue;
    }
    if (++step > MOST_STEPS) return false;
    qrStep(h, z, first, last, shiftFor(h, last, step));
  }
  return true;
};

/** The eigenvalue of the last two rows and columns that is nearer to the last entry. */
const shiftFor = (h: ComplexMatrix, last: number, step: number): Complex => {
  const d = h.at(last, last);
  const below = h.at(last, last - 1);
  if (step % UNUSUAL === 0) return plus(d, { re: sizeOf(below), im: 0 });
  const half = minus(h.at(last - 1, last - 1), d);
  const p: Complex = { re: half.re / 2, im: half.im / 2 };
  const q = multiply(h.at(last - 1, last), below);
  const r = root(plus(multiply(p, p), q));
  const isSame = p.re * r.re + p.im * r.im >= 0;
  const whole = isSame ? plus(p, r) : minus(p, r);
  return sizeOf(whole) === 0 ? d : minus(d, divide(q, whole));
};

const qrStep = (
  h: ComplexMatrix,
  z: ComplexMatrix,
  first: number,
  last: number,
  shift: Complex,
): void => {
  for (let i = first; i <= last; i++) h.set(i, i, minus(h.at(i, i), shift));
  const turns: { readonly c: number; readonly s: Complex }[] = [];
  for (let i = first; i < last; i++) {
    const [x, y] = [h.at(i, i), h.at(i + 1, i)];
    const size = Math.hypot(x.re, x.im, y.re, y.im);
    const own = sizeOf(x);
    const phase: Complex = own === 0 ? { re: 1, im: 0 } : { re: x.re / own, im: x.im / own };
    const c = size === 0 ? 1 : own / size;
    const s: Complex =
      size === 0 ? { re: 0, im: 0 } : multiply(phase, { re: y.re / size, im: -y.im / size });
    turns.push({ c, s });
    h.rotateRows(i, c, s, i);
  }
  turns.forEach(({ c, s }, k) => {
    const i = first + k;
    h.rotateColumns(i, c, s, Math.min(last, i + 1));
    z.rotateColumns(i, c, s, h.n - 1);
  });
  for (let i = first; i <= last; i++) h.set(i, i, plus(h.at(i, i), shift));
};

/** Solves the triangle for each of its diagonal entries. */
const vectorsOf = (t: ComplexMatrix, z: ComplexMatrix): Float64Array => {
  const { n } = t;
  const out = new Float64Array(2 * n * n);
  const scale = Math.max(...t.re.map(Math.abs), ...t.im.map(Math.abs)) || 1;
  const least = Number.EPSILON * scale;
  for (let k = 0; k < n; k++) {
    const y: Complex[] = new Array<Complex>(n).fill({ re: 0, im: 0 });
    y[k] = { re: 1, im: 0 };
    for (let i = k - 1; i >= 0; i--) {
      let sum: Complex = { re: 0, im: 0 };
      for (let j = i + 1; j <= k; j++) sum = plus(sum, multiply(t.at(i, j), y[j]!));
      const gap = minus(t.at(k, k), t.at(i, i));
      // equal eigenvalues: as if they differed by rounding
      y[i] = divide(sum, sizeOf(gap) < least ? { re: least, im: 0 } : gap);
    }
    const v = Array.from({ length: n }, (_, i) => {
      let sum: Complex = { re: 0, im: 0 };
      for (let j = 0; j <= k; j++) sum = plus(sum, multiply(z.at(i, j), y[j]!));
      return sum;
    });
    const length = Math.hypot(...v.flatMap(({ re, im }) => [re, im]));
    const top = v.reduce((best, x) => (sizeOf(x) > sizeOf(best) ? x : best));
    const phase = { re: top.re * (length / sizeOf(top)), im: top.im * (length / sizeOf(top)) };
    v.forEach((x, i) => {
      const { re, im } = divide(x, phase);
      out.set([re, im], 2 * (i * n + k));
    });
  }
  return out;
};
