/**
 * Floors for people to read: rows first, then the launches of each row, by the time they lose.
 *
 * Invariant: a share is a floor over the best time, because ceilings are the best that was seen, too, or, in turns, a floor
 * over a time of the same moment; what is lost is the difference of the best.
 */
import type { Mode } from '../protocol.ts';
import type { Ceilings } from './ceilings.ts';

/** A step of a row's program, all of its launches in one run together. */
export interface KernelLine {
  readonly kernel: string;
  readonly launches: number;
  readonly bestMicroseconds: number;
  readonly medianMicroseconds: number;
  readonly floorMicroseconds: number;
  /** Multiply-adds. */
  readonly operations: number;
  readonly bytes: number;
  readonly notes: readonly string[];
}

export interface RowLine {
  readonly name: string;
  readonly mode: Mode;
  readonly threads: number;
  readonly bestMilliseconds: number;
  readonly medianMilliseconds: number;
  /** Of its launches, one after the other. */
  readonly floorMilliseconds: number;
  /** The median, over turns, of the floor at the ceilings of that turn over the time of a call in it. */
  readonly shareInTurns: number;
  /** If nothing but operands and results went through memory. */
  readonly wholeFloorMilliseconds: number;
  readonly kernels: readonly KernelLine[];
}

const percent = (share: number): string => `${(100 * share).toFixed(0)}%`.padStart(5);

/** Of a number, in as much room as a column has. */
const cell = (value: number, room: number): string =>
  (value >= 1000 ? value.toFixed(0) : value.toPrecision(3)).padStart(room);

export const showCeilings = ({ arithmetic, memory }: Ceilings, threads: number): string => {
  const sizes = memory.map(
    ({ bytes, speed }) =>
      `${bytes < 2 ** 20 ? `${bytes / 2 ** 10} KiB` : `${bytes / 2 ** 20} MiB`} ${speed.toFixed(0)}`,
  );
  return [
    `${threads} thread${threads === 1 ? '' : 's'}: ${arithmetic.toFixed(1)} multiply-adds/ns (${(2 * arithmetic).toFixed(0)} GFLOP/s)`,
    `copy, GB/s read and written, by bytes moved: ${sizes.join(', ')}`,
  ].join('\n');
};

const ROW_HEAD = [
  'row'.padEnd(20),
  'mode'.padEnd(7),
  'median ms'.padStart(9),
  'best ms'.padStart(9),
  'floor'.padStart(9),
  'of it',
  'in turns',
  'whole'.padStart(9),
  'of it',
  'launches'.padStart(9),
  'steps'.padStart(5),
].join(' ');

const rowText = (row: RowLine): string => {
  const { name, mode, bestMilliseconds, floorMilliseconds, wholeFloorMilliseconds } = row;
  const launches = row.kernels.reduce((sum, k) => sum + k.bestMicroseconds, 0) / 1000;
  return [
    name.padEnd(20),
    mode.padEnd(7),
    cell(row.medianMilliseconds, 9),
    cell(bestMilliseconds, 9),
    cell(floorMilliseconds, 9),
    percent(floorMilliseconds / bestMilliseconds),
    percent(row.shareInTurns).padStart(8),
    cell(wholeFloorMilliseconds, 9),
    percent(wholeFloorMilliseconds / bestMilliseconds),
    cell(launches, 9),
    `${row.kernels.length}`.padStart(5),
  ].join(' ');
};

const KERNEL_HEAD = [
  'lost µs'.padStart(8),
  'best µs'.padStart(8),
  'median µs'.padStart(9),
  'floor µs'.padStart(8),
  'of it',
  'share',
  'Mops'.padStart(8),
  'MB'.padStart(8),
  ' step',
].join(' ');

const lostIn = (k: KernelLine): number => k.bestMicroseconds - k.floorMicroseconds;

const kernelText = (k: KernelLine, all: number): string =>
  [
    cell(lostIn(k), 8),
    cell(k.bestMicroseconds, 8),
    cell(k.medianMicroseconds, 9),
    cell(k.floorMicroseconds, 8),
    percent(k.floorMicroseconds / k.bestMicroseconds),
    percent(k.bestMicroseconds / all),
    cell(k.operations / 1e6, 8),
    cell(k.bytes / 1e6, 8),
    ` ${k.launches === 1 ? '' : `${k.launches} × `}${k.kernel} [${k.notes.join('; ')}]`,
  ].join(' ');

const rowWithKernels = ({ name, mode, kernels }: RowLine): string => {
  const all = kernels.reduce((sum, k) => sum + k.bestMicroseconds, 0);
  const sorted = [...kernels].sort((a, b) => lostIn(b) - lostIn(a));
  return [`${name}, ${mode}:`, KERNEL_HEAD, ...sorted.map((k) => kernelText(k, all))].join('\n');
};

/**
 * `floor`: of the launches as they are; `in turns`: its share in the median over turns; `whole`: if nothing but operands and
 * results went through memory; `launches`: the best times of all launches added up.
 */
export const show = (rows: readonly RowLine[]): string =>
  [[ROW_HEAD, ...rows.map(rowText)].join('\n'), ...rows.map(rowWithKernels)].join('\n\n');
