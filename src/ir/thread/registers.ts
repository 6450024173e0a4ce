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

/** What each register holds, thread by thread. */
export class Registers {
  readonly #threads: number;
  readonly #place: Place;
  readonly #scalars = new Map<Register, Float64Array>();
  readonly #vectors = new Map<Register, readonly Float64Array[]>();

  constructor(threads: number, place: Place) {
    this.#threads = threads;
    this.#place = place;
  }

  /** What a register of one lane holds in each thread. */
  scalars(register: Register): Float64Array {
    let cells = this.#scalars.get(register);
    if (cells === undefined) {
      cells = new Float64Array(this.#threads).fill(Number.NaN);
      this.#scalars.set(register, cells);
    }
    return cells;
  }

  /** The four lanes of a register in each thread. */
  vectors(register: Register): readonly Float64Array[] {
    let cells = this.#vectors.get(register);
    if (cells === undefined) {
      cells = Array.from({ length: this.#threads }, () => new Float64Array(4).fill(Number.NaN));
      this.#vectors.set(register, cells);
    }
    return cells;
  }

  /** What the thread that runs has in a register. */
  scalar(register: Register): ScalarFn {
    const cells = this.scalars(register);
    const place = this.#place;
    return this.#threads === 1 ? () => cells[0]! : () => cells[place.thread]!;
  }

  vector(register: Register): VectorFn {
    const cells = this.vectors(register);
    const only = cells[0]!;
    const place = this.#place;
    return this.#threads === 1 ? () => only : () => cells[place.thread]!;
  }

  /** Sets the register of the thread that runs. */
  setScalar(register: Register, value: ScalarFn): Run {
    const cells = this.scalars(register);
    const place = this.#place;
    if (this.#threads === 1)
      return () => {
        cells[0] = value();
      };
    return () => {
      cells[place.thread] = value();
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
