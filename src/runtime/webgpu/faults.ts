/**
 * Errors of work that had already been accepted: kept until somebody waits for that work.
 *
 * Invariants: the first error is the one reported, once, and rather one that we know the place of than what the driver
 * says as a result of it; a lost device stays lost, and every later call says so.
 */
import { TigonError } from '../../ir/errors.ts';

export class Faults {
  readonly #device: string;
  readonly #watched = new Set<Promise<void>>();
  #first: TigonError | undefined;
  #uncaptured: TigonError | undefined;
  #lost: TigonError | undefined;

  constructor(device: string) {
    this.#device = device;
  }

  /** Why the device is gone, if it is. */
  get lost(): TigonError | undefined {
    return this.#lost;
  }

  lose(reason: string, help: string): void {
    this.#lost ??= new TigonError('device', `${this.#device} ${reason}`, help);
  }

  /** Keeps an error for the next one who waits. */
  note(error: TigonError): void {
    this.#first ??= error;
  }

  /** An error that nobody expected: a broken rule of WebGPU, i.e. a bug of ours or of the driver. */
  noteUncaptured(message: string): void {
    const memory = /out of memory/i.test(message);
    this.#uncaptured ??= new TigonError(
      memory ? 'memory' : 'device',
      `${this.#device}: ${message.trim()}`,
      memory
        ? 'use a smaller batch, or keep fewer arrays'
        : 'this is a bug in Tigon or in the driver: results since the last read may be wrong',
    );
  }

  /** Has `check` finish before the next one who waits is answered. */
  watch(check: Promise<void>): void {
    const done = check.finally(() => this.#watched.delete(done));
    this.#watched.add(done);
  }

  /** Resolves when all checks so far are done. */
  async settled(): Promise<void> {
    while (this.#watched.size > 0) await Promise.all(this.#watched);
  }

  /** Throws what there is to report. */
  raise(): void {
    const error = this.#first ?? this.#uncaptured;
    this.#first = undefined;
    this.#uncaptured = undefined;
    if (error !== undefined) throw error;
    if (this.#lost !== undefined) throw this.#lost;
  }

  /** Throws when the device is gone. */
  check(): void {
    if (this.#lost !== undefined) throw this.#lost;
  }
}
