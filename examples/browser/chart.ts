/**
 * The training curves: loss over steps, a line for each run.
 *
 * Invariant: a run's line is never redrawn with other numbers; colours follow the page's light or dark scheme.
 */
import uPlot from 'uplot';

export interface Curve {
  readonly label: string;
  readonly steps: number[];
  readonly losses: number[];
}

const HEIGHT = 300;
/** Lines that can still be told apart. */
export const MOST_CURVES = 6;

const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Rows of all curves on one axis of steps, as uPlot wants them. */
const aligned = (curves: readonly Curve[]): uPlot.AlignedData => {
  if (curves.length === 0) return [[], []];
  return uPlot.join(curves.map(({ steps, losses }): uPlot.AlignedData => [steps, losses]));
};

export class Chart {
  readonly #parent: HTMLElement;
  readonly #scheme = matchMedia('(prefers-color-scheme: dark)');
  #plot: uPlot | undefined;
  #curves: readonly Curve[] = [];

  constructor(parent: HTMLElement) {
    this.#parent = parent;
    this.#scheme.addEventListener('change', () => this.#make());
    new ResizeObserver(() =>
      this.#plot?.setSize({ width: parent.clientWidth, height: HEIGHT }),
    ).observe(parent);
    this.#make();
  }

  /** Shows these curves, the last of them as the one that is running. */
  show(curves: readonly Curve[]): void {
    this.#curves = curves.slice(-MOST_CURVES);
    this.#make();
  }

  /** Draws what has been added to the curves. */
  update(): void {
    this.#plot?.setData(aligned(this.#curves));
  }

  #make(): void {
    this.#plot?.destroy();
    const lines = this.#curves.length > 0 ? this.#curves.map((c) => c.label) : ['loss'];
    const axis: uPlot.Axis = {
      stroke: colour('--muted'),
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { stroke: colour('--line'), width: 1 },
      font: '12px system-ui, sans-serif',
    };
    this.#plot = new uPlot(
      {
        width: this.#parent.clientWidth,
        height: HEIGHT,
        cursor: { drag: { x: true, y: false } },
        scales: { x: { time: false }, y: { distr: 3 } },
        axes: [
          { ...axis, label: 'step', labelSize: 18 },
          { ...axis, size: 52, values: (_, ticks) => ticks.map((t) => (t === null ? '' : `${t}`)) },
        ],
        series: [
          { label: 'step' },
          ...lines.map((label, i): uPlot.Series => {
            const running = i === lines.length - 1;
            return {
              label,
              stroke: colour(`--curve-${i % MOST_CURVES}`),
              width: running ? 2 : 1.25,
              points: { show: false },
              spanGaps: true,
              value: (_, v) => (v === null ? '' : v.toFixed(4)),
            };
          }),
        ],
      },
      aligned(this.#curves),
      this.#parent,
    );
  }
}
