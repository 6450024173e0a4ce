/**
 * What goes wrong on a CUDA device, for people: errors of accepted work, kept until somebody waits for it, and the loss of
 * the device.
 *
 * Invariants: the first error is the one reported, once; a lost device stays lost, and every later call says so. A kernel
 * that failed is named as closely as is known: the programs that were not known to be done.
 */
import { TigonError } from '../../ir/errors.ts';
import { NativeError } from '../native/api.ts';

/** What the driver's names mean when a context is lost. */
const MEANING: Readonly<Record<string, string>> = {
  CUDA_ERROR_ILLEGAL_ADDRESS: 'a kernel reached memory that is not its own',
  CUDA_ERROR_MISALIGNED_ADDRESS: 'a kernel reached memory at a crooked address',
  CUDA_ERROR_INVALID_ADDRESS_SPACE: 'a kernel reached memory of another kind',
  CUDA_ERROR_ILLEGAL_INSTRUCTION: 'a kernel holds an instruction that the card does not have',
  CUDA_ERROR_INVALID_PC: 'a kernel jumped to a place without instructions',
  CUDA_ERROR_HARDWARE_STACK_ERROR: 'the stack of a kernel overflowed',
  CUDA_ERROR_LAUNCH_FAILED: 'a kernel failed while it ran',
  CUDA_ERROR_LAUNCH_TIMEOUT: 'a kernel ran longer than the driver allows on a card with a display',
  CUDA_ERROR_ASSERT: 'a kernel found a broken rule',
  CUDA_ERROR_ECC_UNCORRECTABLE: 'the memory of the card returned damaged bytes',
};

const HELP_LOST =
  'its arrays are gone: `await device.cuda()` opens it again, then make them anew; if it fails in the same way, start the process again';

/** Names in a message. */
const MOST_NAMED = 4;

interface Launched {
  readonly serial: number;
  readonly name: string;
}

export class Faults {
  readonly #device: string;
  #first: TigonError | undefined;
  #lost: TigonError | undefined;
  /** Programs that may not be done, the oldest first; of one that runs again and again the last. */
  readonly #open = new Map<string, Launched>();
  #serial = 0;

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

  /** Says that a program is launched. */
  launched(name: string): void {
    this.#open.delete(name);
    this.#open.set(name, { serial: ++this.#serial, name });
  }

  /** What has been launched so far: for `done`. */
  get serial(): number {
    return this.#serial;
  }

  /** Says that everything up to `serial` is done. */
  done(serial: number): void {
    for (const [name, launched] of this.#open) {
      if (launched.serial > serial) return;
      this.#open.delete(name);
    }
  }

  /** Keeps an error for the next one who waits. */
  note(error: TigonError): void {
    this.#first ??= error;
  }

  /** Throws what there is to report. */
  raise(): void {
    const error = this.#first;
    this.#first = undefined;
    if (error !== undefined) throw error;
    this.check();
  }

  /** Throws when the device is gone. */
  check(): void {
    if (this.#lost !== undefined) throw this.#lost;
  }

  /**
   * What failed while we were `doing` something; a device that is lost by it is so from now on. `kernel`: which one it
   * was, where that is known.
   */
  explain(error: unknown, doing: string, kernel?: string): TigonError {
    if (error instanceof TigonError) return error;
    if (!(error instanceof NativeError))
      return new TigonError('device', error instanceof Error ? error.message : String(error));
    if (this.#lost !== undefined) return this.#lost;
    if (error.fatal) {
      const meaning = MEANING[error.code] ?? error.message;
      this.lose(
        `was lost: ${meaning} (${error.code})${kernel === undefined ? this.#suspects() : `, in ${kernel}`}`,
        HELP_LOST,
      );
      return this.#lost!;
    }
    return error.code === 'CUDA_ERROR_OUT_OF_MEMORY'
      ? new TigonError(
          'memory',
          `${this.#device}: no memory left: ${doing} (${error.call})`,
          'use a smaller batch, keep fewer arrays, or see with nvidia-smi who else uses the card',
        )
      : new TigonError(
          'device',
          `${this.#device}: ${doing}: ${error.message}`,
          'this is a bug in Tigon or in the driver; the program runs on device.cpu()',
        );
  }

  #suspects(): string {
    const names = [...this.#open.keys()];
    if (names.length === 0) return '';
    const named = names.slice(0, MOST_NAMED).join(', ');
    const others = names.length - MOST_NAMED;
    const which = names.length === 1 ? 'in program' : 'in one of the programs not yet done:';
    return `, ${which} ${named}${others > 0 ? ` and ${others} more` : ''}; TIGON_CUDA_BLOCKING=1 names the kernel`;
  }
}
