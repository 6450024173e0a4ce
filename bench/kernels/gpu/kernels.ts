/**
 * Speed of kernels alone on a WebGPU device: `npm run bench -- kernels --device webgpu [name parts]`.
 *
 * Invariant: a share is of a ceiling measured in the same rounds by the same clock.
 */
import { device } from 'tigon';
import type { Effort } from '../../measure.ts';
import { arithmetic, memory } from './ceilings.ts';
import { subjectsOn } from './subjects.ts';
import { best, inRounds, type Measured, median, type Subject } from './timing.ts';

/** Of the array that the ceiling of memory copies. */
const COPIED = { software: 2 ** 25, hardware: 2 ** 27 } as const;

/** One line of the report. */
export interface KernelRow {
  readonly name: string;
  readonly adapter: string;
  readonly software: boolean;
  readonly clock: Measured['clock'];
  readonly unit: 'GFLOP/s' | 'GB/s';
  readonly bestRate: number;
  readonly medianRate: number;
  readonly medianMicroseconds: number;
  /** Of the ceiling's best, by the median. */
  readonly share: number;
}

const rate = ({ subject, nanoseconds }: Measured, of: (xs: readonly number[]) => number): number =>
  subject.work / of(nanoseconds);

const show = (row: KernelRow): string =>
  [
    row.name.padEnd(36),
    row.bestRate.toFixed(1).padStart(10),
    row.medianRate.toFixed(1).padStart(10),
    row.unit.padEnd(8),
    row.medianMicroseconds.toFixed(1).padStart(10),
    `${(100 * row.share).toFixed(0)}%`.padStart(6),
  ].join(' ');

/** Measures kernels whose names contain one of `parts`, or all. */
export const measureKernels = async (
  parts: readonly string[],
  { rounds }: Pick<Effort, 'rounds'>,
): Promise<readonly KernelRow[]> => {
  const gpu = await device.webgpu();
  const { description, software } = gpu.adapter;
  const ceilings = {
    flops: await arithmetic(gpu),
    bytes: memory(gpu, COPIED[software ? 'software' : 'hardware']),
  };
  const chosen = subjectsOn(gpu).filter(
    ({ name }) => parts.length === 0 || parts.some((p) => name.includes(p)),
  );
  console.log(
    `WebGPU on ${description}${software ? ' (software: read ratios, not rates)' : ''}\n` +
      `${'kernel'.padEnd(36)} ${'best'.padStart(10)} ${'median'.padStart(10)} ${''.padEnd(8)} ${'µs'.padStart(10)}  of ceiling`,
  );
  const rows: KernelRow[] = [];
  // one at a time beside both ceilings, so that only its own memory is held
  const subjects: readonly (() => Subject | undefined)[] = [
    () => undefined,
    ...chosen.map(({ make }) => make),
  ];
  for (const make of subjects) {
    const subject = make();
    const beside = subject === undefined ? Object.values(ceilings) : [ceilings[subject.bound]];
    const all = await inRounds(gpu, subject === undefined ? beside : [...beside, subject], rounds);
    for (const measured of subject === undefined ? all : all.slice(1)) {
      const ceiling = all.find((m) => m.subject === ceilings[measured.subject.bound])!;
      const row: KernelRow = {
        name: measured.subject.name,
        adapter: description,
        software,
        clock: measured.clock,
        unit: measured.subject.bound === 'flops' ? 'GFLOP/s' : 'GB/s',
        bestRate: rate(measured, best),
        medianRate: rate(measured, median),
        medianMicroseconds: median(measured.nanoseconds) / 1000,
        share: rate(measured, median) / rate(ceiling, best),
      };
      rows.push(row);
      console.log(show(row));
    }
  }
  console.log(`clock: ${rows[0]!.clock === 'gpu' ? 'timestamps of the device' : 'wall'}`);
  return rows;
};
