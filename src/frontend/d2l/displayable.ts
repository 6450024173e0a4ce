/**
 * What can be shown: figures, tables, compiled programs.
 *
 * Invariant: plain data that survives JSON and structured clone: a worker may make what a page draws, and a file may keep
 * it. Numbers that are not finite are null: JSON has none, and a line has a gap there.
 */
import type { Report } from '../../explain/report.ts';

/** A number, or null where there is none to show. */
export type Value = number | null;

/** An axis of a chart. */
export interface Axis {
  readonly label?: string;
  /** Default linear. */
  readonly scale?: 'linear' | 'log';
  /** Default: from the smallest to the largest value. */
  readonly domain?: readonly [from: number, to: number];
}

/** A curve, some points or some bars; with a name it is in the legend. */
export interface Mark {
  readonly kind: 'line' | 'points' | 'bars';
  readonly name?: string;
  /** Words only for bars. */
  readonly x: readonly Value[] | readonly string[];
  readonly y: readonly Value[];
}

/** Marks over two axes. */
export interface Chart {
  readonly kind: 'chart';
  readonly title?: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly marks: readonly Mark[];
}

/** A matrix in colours: row 0 is at the top. */
export interface HeatMap {
  readonly kind: 'heat';
  readonly title?: string;
  readonly xLabel?: string;
  readonly yLabel?: string;
  /** Words for columns and rows. Default: their numbers. */
  readonly xNames?: readonly string[];
  readonly yNames?: readonly string[];
  readonly values: readonly (readonly Value[])[];
  /** Values that the ends of the colours stand for. Default: the smallest and the largest. */
  readonly domain?: readonly [from: number, to: number];
}

/** A picture, pixel by pixel. */
export interface Picture {
  readonly kind: 'picture';
  readonly title?: string;
  readonly height: number;
  readonly width: number;
  /** 1: grey, 3: red, green, blue. */
  readonly channels: 1 | 3;
  /** `height · width · channels` bytes in rows, as base64. */
  readonly pixels: string;
}

/** What a figure consists of. */
export type Panel = Chart | HeatMap | Picture;

/** Panels side by side. */
export interface Figure {
  readonly kind: 'figure';
  readonly title?: string;
  /** For those who do not see it. Default: made of the panels' titles and labels. */
  readonly description?: string;
  readonly panels: readonly Panel[];
  /** Panels in a row. Default: all of a few, eight of many. */
  readonly columns?: number;
}

/** Rows of words and numbers. */
export interface Table {
  readonly kind: 'table';
  readonly caption?: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | Value)[])[];
}

/** How long a launch took. */
export interface LaunchTime {
  readonly kernel: string;
  readonly nanoseconds: number;
}

/** One compiled program, as `explain` tells it. */
export interface ProgramView {
  /** `forward`, `backward`, or `program` where there is only one. */
  readonly part: string;
  /** Stages, kernels, fusion, memory plan. */
  readonly report: Report;
  /** The graph that was compiled, in the DOT language. */
  readonly dot: string;
  /** The same as a picture, where the package that draws it is there. */
  readonly svg?: string;
  /** Code of each kernel, by its name. */
  readonly code: Readonly<Record<string, string>>;
  /** Names of kernels in the order in which one run launches them. */
  readonly launches: readonly string[];
  /** Of each launch the median of some runs, where it was measured. */
  readonly timing?: readonly LaunchTime[];
}

/** What became of a hybridized function. */
export interface Programs {
  readonly kind: 'programs';
  readonly name: string;
  /** Language of `code`. */
  readonly language: 'wat' | 'wgsl' | 'cuda';
  /** Why it is not one program, if so. */
  readonly split?: string;
  readonly programs: readonly ProgramView[];
}

/** Whatever `display` takes. */
export type Displayable = Figure | Table | Programs;
