/**
 * Gates of a workgroup under interpretation: who has arrived, what has to be fetched, which phase it is.
 *
 * Invariant: a phase is over when all have arrived and all bytes asked for have come; no more can arrive than it is for.
 */

/** One gate. */
interface Gate {
  readonly arrivals: number;
  missing: number;
  bytes: number;
  phase: number;
}

/** The gates of one buffer. */
export class Gates {
  readonly #gates: readonly Gate[];

  constructor(arrivals: readonly number[]) {
    this.#gates = arrivals.map((n) => ({ arrivals: n, missing: n, bytes: 0, phase: 0 }));
  }

  has(index: number): boolean {
    return this.#gates[index] !== undefined;
  }

  /** Whether the phase of this number modulo two is over. */
  passed(index: number, phase: number): boolean {
    return this.#gates[index]!.phase % 2 !== phase;
  }

  /** Warps arrive; false if there are more than the phase is for. */
  arrive(index: number, warps: number): boolean {
    const gate = this.#gates[index]!;
    gate.missing -= warps;
    if (gate.missing < 0) return false;
    this.#turn(gate);
    return true;
  }

  /** More bytes have to come before the phase is over. */
  expect(index: number, bytes: number): void {
    this.#gates[index]!.bytes += bytes;
  }

  /** Bytes have come: they may be early, but not more in the end than asked for. */
  come(index: number, bytes: number): void {
    const gate = this.#gates[index]!;
    gate.bytes -= bytes;
    this.#turn(gate);
  }

  #turn(gate: Gate): void {
    if (gate.missing > 0 || gate.bytes !== 0) return;
    gate.missing = gate.arrivals;
    gate.phase++;
  }
}
