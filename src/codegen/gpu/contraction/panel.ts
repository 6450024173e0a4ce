/**
 * How a block of an operand lies in shared memory, and which thread brings which part of it.
 *
 * Invariants: everything is written and read in aligned groups of four; threads that follow each other bring what lies
 * next to each other in memory.
 */
import type { Direction, Operand } from './problem.ts';

export interface Panel {
  readonly operand: Operand;
  /** Rows (or columns) and elements of the sum. */
  readonly extent: number;
  readonly depth: number;
  /** Along what a group of four lies. */
  readonly layout: Direction;
  /** Groups in each direction. */
  readonly counts: Readonly<Record<Direction, number>>;
  /** From one line of groups to the next. */
  readonly pitch: number;
  readonly elements: number;
  /** Groups that a thread brings. */
  readonly rounds: number;
  /** Reads of a group: one vector, or four numbers. */
  readonly reads: 1 | 4;
}

/** Groups of a panel: all of them. */
export const groupsOf = (p: Panel): number => p.counts.free * p.counts.depth;

/**
 * Rows that are used four at a time lie across, so that one read brings four of them; but where neighbours in memory
 * follow the sum, groups down the sum are read from memory and written as they are.
 */
export const rowLayout = (rows: Operand, rowsOfThread: number): Direction =>
  rowsOfThread % 4 !== 0 || (rows.contiguous === 'depth' && rows.quads.depth) ? 'depth' : 'free';

export const panelOf = (
  operand: Operand,
  layout: Direction,
  extent: number,
  depth: number,
  threads: number,
): Panel => {
  const counts =
    layout === 'free' ? { free: extent / 4, depth } : { free: extent, depth: depth / 4 };
  const [line, lines] = layout === 'free' ? [extent, depth] : [depth, extent];
  // threads that work on lines next to each other start in different banks
  const pitch = line + (operand.contiguous === 'free' && layout === 'free' ? 0 : 4);
  const vector =
    operand.contiguous === layout && operand.quads[layout] && operand.guards[layout] === 0;
  return {
    operand,
    extent,
    depth,
    layout,
    counts,
    pitch,
    elements: pitch * lines,
    rounds: Math.ceil((counts.free * counts.depth) / threads),
    reads: vector ? 1 : 4,
  };
};

/** Instructions, roughly, to bring one group. */
export const bringing = ({ operand, layout, reads }: Panel): number => {
  const { axes, quads, guarded, cost } = operand;
  const divisions = 6 * Math.max(0, axes.depth.length - 1);
  const places = layout === 'depth' && !quads.depth ? 4 : 1;
  return 4 + places * divisions + reads * (2 + 4 * guarded) + 4 * cost;
};

/** Statements, about, to bring all groups of a thread. */
export const bringingStatements = ({ operand, layout, reads, rounds }: Panel): number => {
  const { axes, quads, guarded, cost } = operand;
  const places = layout === 'free' && !quads.free ? 4 : 1;
  const findPlaces = 2 * places * axes.free.length;
  return rounds * (3 + 2 * axes.depth.length + reads * (1 + 6 * guarded) + cost) + findPlaces;
};
