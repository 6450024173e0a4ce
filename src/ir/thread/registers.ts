/**
 * Registers under interpretation: every thread of a workgroup has its own.
 *
 * Invariant: a register holds NaN in all lanes until it is set; what is read and written is that of the thread that runs.
 */
import type { Register } from './thread.ts';

export type ScalarFn = () => number;
export type VectorFn = () => Float64Array;
export type Run = () => void;

/** The thread that runs. */
export interface Place {
  workgroup: number;
  thread: number;
}

/** The lanes of each register, thread by thread. */
export class Registers {
  readonly #threads: number;
  readonly #place: Place;
  readonly #cells = new Map<Register, readonly Float64Array[]>();

  constructor(threads: number, place: Place) {
    this.#threads = threads;
    this.#place = place;
  }

  /** Where a register lives, one array of its lanes for each thread. */
  cells(register: Register): readonly Float64Array[] {
    let cells = this.#cells.get(register);
    if (cells === undefined) {
      cells = Array.from({ length: this.#threads }, () =>
        new Float64Array(register.type.lanes).fill(Number.NaN),
      );
      this.#cells.set(register, cells);
    }
    return cells;
  }

  /** The lanes of a register, in the thread that runs. */
  vector(register: Register): VectorFn {
    const cells = this.cells(register);
    const [only] = cells;
    const place = this.#place;
    return this.#threads === 1 ? () => only! : () => cells[place.thread]!;
  }

  scalar(register: Register): ScalarFn {
    const cells = this.cells(register);
    const [only] = cells;
    const place = this.#place;
    return this.#threads === 1 ? () => only![0]! : () => cells[place.thread]![0]!;
  }

  /** Sets the register of the thread that runs. */
  setScalar(register: Register, value: ScalarFn): Run {
    const cells = this.cells(register);
    const [only] = cells;
    const place = this.#place;
    if (this.#threads === 1)
      return () => {
        only![0] = value();
      };
    return () => {
      cells[place.thread]![0] = value();
    };
  }

  setVector(register: Register, value: VectorFn): Run {
    const cell = this.vector(register);
    return () => {
      const v = value();
      const to = cell();
      to[0] = v[0]!;
      to[1] = v[1]!;
      to[2] = v[2]!;
      to[3] = v[3]!;
    };
  }
}
