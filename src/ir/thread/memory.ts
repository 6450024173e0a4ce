/**
 * Memory of a thread kernel under interpretation: refuses what a device would get wrong silently.
 *
 * Invariants: each workgroup starts with shared memory full of NaN (which integers cannot be: those are refused when they
 * are read before they are written); every access is bounds-checked; two threads that
 * touch the same element, one of them writing, are an error: of global memory at any time, of shared memory between two
 * barriers.
 */
import { TigonError } from '../errors.ts';
import { roundTo } from '../scalar.ts';
import { Claims, type Conflict } from './claims.ts';
import type { Place } from './registers.ts';
import { registerOf, type ThreadBuffer, type ThreadKernel } from './thread.ts';

/** Memory of one buffer: any typed array, or a plain array. */
export interface Cells {
  readonly length: number;
  [index: number]: number;
}

/** The buffers of one kernel, as the thread at `place` uses them. */
export class KernelMemory {
  private readonly kernel: ThreadKernel;
  private readonly place: Place;
  private readonly memory = new Map<ThreadBuffer, Cells>();
  private readonly shared: { readonly cells: Float64Array; readonly claims: Claims }[] = [];
  private readonly claims = new Map<Cells, Claims>();

  constructor(kernel: ThreadKernel, memory: ReadonlyMap<ThreadBuffer, Cells>, place: Place) {
    this.kernel = kernel;
    this.place = place;
    const { grid, threads } = kernel;
    for (const buffer of kernel.buffers) {
      if (buffer.space === 'shared') {
        const cells = new Float64Array(buffer.elements);
        const claims = new Claims(buffer.elements, threads, this.conflict(buffer, true));
        this.shared.push({ cells, claims });
        this.memory.set(buffer, cells);
        if (threads > 1) this.claims.set(cells, claims);
        continue;
      }
      const cells = memory.get(buffer);
      if (cells === undefined || cells.length < buffer.elements)
        throw this.error(`buffer ${buffer.name} needs memory of ${buffer.elements} elements`);
      this.memory.set(buffer, cells);
      if (buffer.access !== 'read' && grid * threads > 1 && !this.claims.has(cells))
        this.claims.set(
          cells,
          new Claims(cells.length, grid * threads, this.conflict(buffer, false)),
        );
    }
  }

  /** A workgroup begins. */
  begin(): void {
    for (const { cells } of this.shared) cells.fill(Number.NaN);
    this.meet();
  }

  /** All threads of the workgroup meet in a barrier. */
  meet(): void {
    for (const { claims } of this.shared) claims.nextPhase();
  }

  error(text: string): TigonError {
    const { workgroup, thread } = this.place;
    const where = this.kernel.threads === 1 ? '' : `, thread ${thread}`;
    return new TigonError(
      'verify',
      `thread kernel ${this.kernel.name}, workgroup ${workgroup}${where}: ${text}`,
    );
  }

  /** `index`, checked to have `lanes` elements from it on. */
  address(buffer: ThreadBuffer, index: () => number, lanes: number): () => number {
    const last = buffer.elements - lanes;
    return () => {
      const i = index();
      if (!(i >= 0 && i <= last))
        throw this.error(
          `${lanes} element(s) at index ${i} of ${buffer.name}, which has ${buffer.elements}`,
        );
      return i;
    };
  }

  /** Reads an element, whose index is in bounds. */
  read(buffer: ThreadBuffer): (i: number) => number {
    const cells = this.cellsOf(buffer);
    const claims = this.claims.get(cells);
    const me = this.me(buffer);
    if (buffer.space === 'shared' && registerOf(buffer.dtype) !== 'f32')
      return (i) => {
        claims?.read(i, me());
        const value = cells[i]!;
        if (Number.isNaN(value))
          throw this.error(`it reads ${buffer.name}[${i}], which nothing was written to`);
        return value;
      };
    if (claims === undefined) return (i) => cells[i]!;
    return (i) => {
      claims.read(i, me());
      return cells[i]!;
    };
  }

  /** Writes an element, rounded to what the buffer holds. */
  write(buffer: ThreadBuffer): (i: number, value: number) => void {
    const cells = this.cellsOf(buffer);
    const claims = this.claims.get(cells);
    const me = this.me(buffer);
    const { dtype } = buffer;
    return (i, value) => {
      claims?.write(i, me());
      cells[i] = roundTo(dtype, value);
    };
  }

  private cellsOf(buffer: ThreadBuffer): Cells {
    const cells = this.memory.get(buffer);
    if (cells === undefined)
      throw this.error(`buffer ${buffer.name} is not a buffer of the kernel`);
    return cells;
  }

  /** The number of the thread that runs among those that see the buffer. */
  private me({ space }: ThreadBuffer): () => number {
    const { place } = this;
    const { threads } = this.kernel;
    return space === 'shared' ? () => place.thread : () => place.workgroup * threads + place.thread;
  }

  private conflict(buffer: ThreadBuffer, shared: boolean): Conflict {
    return (element, now, before, other) => {
      throw this.error(
        `it ${now} ${buffer.name}[${element}], which ${this.show(other, shared)} ${before}${
          shared ? ' with no barrier in between' : ''
        }`,
      );
    };
  }

  private show(thread: number, shared: boolean): string {
    const { threads } = this.kernel;
    if (shared) return `thread ${thread}`;
    const workgroup = `workgroup ${Math.floor(thread / threads)}`;
    return threads === 1 ? workgroup : `thread ${thread % threads} of ${workgroup}`;
  }
}
