/**
 * A memory plan as a picture: launches from left to right, bytes from top to bottom, a rectangle for each intermediate.
 *
 * Invariant: drawn to scale; buffers that share memory lie over each other only where they do not live at the same time.
 */
import type { ProgramView } from 'tigon/d2l';
import { h, type VNode } from 'vue';

type Report = ProgramView['report'];

const WIDTH = 640;
const HEIGHT = 240;

const kilobytes = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`;

export const memoryPlan = ({ memory, kernels }: Report): VNode => {
  const { rows, plannedPeakBytes: peak, lowerBoundBytes: least } = memory;
  if (rows.length === 0 || peak === 0)
    return h('p', 'No intermediate results: everything stays in registers.');
  const steps = Math.max(kernels.length, ...rows.map((r) => r.alive[1] + 1));
  const x = (step: number): number => (step / steps) * WIDTH;
  const y = (bytes: number): number => (bytes / peak) * HEIGHT;
  return h('div', [
    h(
      'p',
      `${kilobytes(peak)} for ${rows.length} intermediate results; the least possible is ${kilobytes(least)}.`,
    ),
    h(
      'svg',
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        class: 'panel-memory',
        role: 'img',
        'aria-label': 'memory plan',
      },
      rows.map((row, i) => {
        const [from, to] = row.alive;
        return h('g', { class: `memory-${i % 6}` }, [
          h(
            'title',
            `${row.name}: ${kilobytes(row.bytes)}, launches ${from} to ${to}${row.inPlaceOf ? `, in place of ${row.inPlaceOf}` : ''}`,
          ),
          h('rect', {
            x: x(from),
            y: y(row.offset),
            width: x(to + 1) - x(from),
            height: Math.max(1, y(row.bytes)),
          }),
        ]);
      }),
    ),
    h('table', [
      h(
        'thead',
        h(
          'tr',
          ['buffer', 'bytes', 'at', 'launches', 'in place of'].map((n) =>
            h('th', { scope: 'col' }, n),
          ),
        ),
      ),
      h(
        'tbody',
        rows.map((r) =>
          h(
            'tr',
            [r.name, r.bytes, r.offset, r.alive.join('–'), r.inPlaceOf ?? ''].map((v) =>
              h('td', v),
            ),
          ),
        ),
      ),
    ]),
  ]);
};
