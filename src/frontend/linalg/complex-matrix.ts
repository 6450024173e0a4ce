/**
 * Complex matrices on the host, in double precision: rotations of rows and columns, products with vectors.
 *
 * Invariant: row-major, real and imaginary parts apart.
 */
export interface Complex {
  readonly re: number;
  readonly im: number;
}

export const multiply = (x: Complex, y: Complex): Complex => ({
  re: x.re * y.re - x.im * y.im,
  im: x.re * y.im + x.im * y.re,
});
export const plus = (x: Complex, y: Complex): Complex => ({ re: x.re + y.re, im: x.im + y.im });
export const minus = (x: Complex, y: Complex): Complex => ({ re: x.re - y.re, im: x.im - y.im });
export const conjugate = ({ re, im }: Complex): Complex => ({ re, im: -im });
export const sizeOf = ({ re, im }: Complex): number => Math.hypot(re, im);
export const divide = (x: Complex, y: Complex): Complex => {
  // by the greater part first: squares would overflow
  if (Math.abs(y.re) >= Math.abs(y.im)) {
    const ratio = y.im / y.re;
    const whole = y.re + y.im * ratio;
    return { re: (x.re + x.im * ratio) / whole, im: (x.im - x.re * ratio) / whole };
  }
  const ratio = y.re / y.im;
  const whole = y.re * ratio + y.im;
  return { re: (x.re * ratio + x.im) / whole, im: (x.im * ratio - x.re) / whole };
};
/** The square root whose real part is not negative. */
export const root = (x: Complex): Complex => {
  const size = sizeOf(x);
  const re = Math.sqrt((size + Math.abs(x.re)) / 2);
  if (re === 0) return { re: 0, im: 0 };
  const other = x.im / (2 * re);
  return x.re >= 0 ? { re, im: other } : { re: Math.abs(other), im: x.im < 0 ? -re : re };
};

export class ComplexMatrix {
  readonly n: number;
  readonly re: Float64Array;
  readonly im: Float64Array;

  constructor(n: number) {
    this.n = n;
    this.re = new Float64Array(n * n);
    this.im = new Float64Array(n * n);
  }

  at(i: number, j: number): Complex {
    const k = i * this.n + j;
    return { re: this.re[k]!, im: this.im[k]! };
  }
  set(i: number, j: number, { re, im }: Complex): void {
    const k = i * this.n + j;
    this.re[k] = re;
    this.im[k] = im;
  }

  /** Rows i and i + 1 become `c x + s y` and `-s̄ x + c y`, from column `from` on. */
  rotateRows(i: number, c: number, s: Complex, from: number): void {
    const back = { re: -s.re, im: s.im };
    for (let k = from; k < this.n; k++) {
      const [x, y] = [this.at(i, k), this.at(i + 1, k)];
      this.set(i, k, plus({ re: c * x.re, im: c * x.im }, multiply(s, y)));
      this.set(i + 1, k, plus(multiply(back, x), { re: c * y.re, im: c * y.im }));
    }
  }
  /** Columns i and i + 1 become `c x + s̄ y` and `-s x + c y`, down to row `to`. */
  rotateColumns(i: number, c: number, s: Complex, to: number): void {
    const [own, back] = [conjugate(s), { re: -s.re, im: -s.im }];
    for (let k = 0; k <= to; k++) {
      const [x, y] = [this.at(k, i), this.at(k, i + 1)];
      this.set(k, i, plus({ re: c * x.re, im: c * x.im }, multiply(own, y)));
      this.set(k, i + 1, plus(multiply(back, x), { re: c * y.re, im: c * y.im }));
    }
  }
}
