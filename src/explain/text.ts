/**
 * A report as text for a terminal: something one wants to read from top to bottom.
 *
 * Invariant: at most 100 columns apart from program text.
 */
import type { KernelReport, Report } from './report.ts';

export interface TextOptions {
  /** Every graph along the way, not only the traced and the final one. */
  readonly allStages?: boolean;
  /** Adds each kernel's Thread IR. */
  readonly thread?: boolean;
  /** Adds each kernel's Loop IR. */
  readonly loop?: boolean;
  /** Text in the target's language for each kernel, by name. */
  readonly target?: ReadonlyMap<string, string>;
}

/** `1.5 MB` */
export const showBytes = (bytes: number): string =>
  bytes < 1e3
    ? `${bytes} B`
    : bytes < 1e6
      ? `${(bytes / 1e3).toFixed(1)} kB`
      : `${(bytes / 1e6).toFixed(2)} MB`;

const showCount = (n: number): string =>
  n < 1e3
    ? `${Math.round(n)}`
    : n < 1e6
      ? `${(n / 1e3).toFixed(1)} k`
      : `${(n / 1e6).toFixed(1)} M`;

const heading = (title: string): string => `\n${title}\n${'-'.repeat(title.length)}\n`;

/**
 * A report as lines of text.
 *
 * @throws nothing
 *
 * @see {@link reportOf}
 */
export const reportText = (report: Report, options: TextOptions = {}): string => {
  const { memory, kernels } = report;
  const ratio = memory.lowerBoundBytes === 0 ? 1 : memory.plannedPeakBytes / memory.lowerBoundBytes;
  const parts = [
    `${report.name}: ${kernels.length} kernels, arena ${showBytes(memory.plannedPeakBytes)} ` +
      `(${ratio.toFixed(2)}x the least possible)\n`,
    heading('Graph'),
    graphs(report, options),
    heading('Fusion'),
    report.fusion.length === 0
      ? 'nothing was refused\n'
      : report.fusion.map((note) => `- ${note}\n`).join(''),
    heading('Kernels'),
    kernels.map((k, i) => kernelText(k, i, options)).join('\n'),
    heading('Memory'),
    memoryText(report),
  ];
  return parts.join('');
};

const graphs = (report: Report, options: TextOptions): string => {
  const lastChange = report.stages.findLastIndex((s) => s.text !== undefined);
  return report.stages
    .map((stage, i) => {
      const show = stage.text !== undefined && (options.allStages || i === 0 || i === lastChange);
      const what = stage.text === undefined ? 'no change' : `${stage.nodes} nodes`;
      const notes = stage.notes.map((note) => `  - ${note}\n`).join('');
      return `after ${stage.name}: ${what}\n${notes}${show ? `${stage.text}\n` : ''}`;
    })
    .join('');
};

const kernelText = (kernel: KernelReport, index: number, options: TextOptions): string => {
  const list = (rows: KernelReport['reads']): string =>
    rows.map((r) => `${r.name} ${showBytes(r.bytes)}`).join(', ') || 'nothing';
  const moved = [...kernel.reads, ...kernel.writes].reduce((n, r) => n + r.bytes, 0);
  const lines = [
    `${String(index).padStart(3)} ${kernel.name}${kernel.kept ? ' (when weights have changed)' : ''}`,
    ...kernel.nests.map((n) => `      ${n}`),
    `      reads ${list(kernel.reads)}`,
    `      writes ${list(kernel.writes)}`,
    `      ${showCount(kernel.flops)} multiply-adds, ${showBytes(moved)} moved, ` +
      `${(kernel.flops / Math.max(1, moved)).toFixed(2)} per byte, ${kernel.workgroups} workgroups`,
    ...kernel.schedule.map((n) => `      ${n}`),
    ...kernel.origin.map((o) => `      from ${o}`),
  ];
  const bodies = [
    options.loop ? kernel.loop : undefined,
    options.thread ? kernel.thread : undefined,
    options.target?.get(kernel.name),
  ].filter((b) => b !== undefined);
  return `${lines.join('\n')}\n${bodies.map((b) => `\n${b}\n`).join('')}`;
};

const memoryText = (report: Report): string => {
  // reports that were recorded when programs kept nothing do not say so
  const { rows, kept = [], plannedPeakBytes, lowerBoundBytes } = report.memory;
  const bytes = kept.reduce((sum, row) => sum + row.bytes, 0);
  const count = `${kept.length} arrangement${kept.length === 1 ? '' : 's'}`;
  const stays = kept.length === 0 ? '' : `kept from call to call: ${count}, ${showBytes(bytes)}\n`;
  const width = Math.max(6, ...rows.map((r) => r.name.length));
  const table = rows.map(
    (r) =>
      `${r.name.padEnd(width)} ${showBytes(r.bytes).padStart(10)}  at ${String(r.offset).padStart(9)}  ` +
      `launches ${r.alive[0]}-${r.alive[1]}${r.inPlaceOf === undefined ? '' : `  in place of ${r.inPlaceOf}`}\n`,
  );
  return `${table.join('')}planned ${showBytes(plannedPeakBytes)}, least possible ${showBytes(lowerBoundBytes)}\n${stays}`;
};
