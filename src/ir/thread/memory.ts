/**
 * Memory of a thread kernel under interpretation: refuses what a device would get wrong silently.
 *
 * Invariants: each workgroup starts with shared memory full of NaN (which integers cannot be: those are refused when they
 * are read before they are written); every access is bounds-checked; two threads that
 * touch the same element, one of them writing, are an error: of global memory at any time, of shared memory between two
 * barriers; elements that a copy is under way to are refused to all until it lands.
 */
import { isFloat } from '../dtype.ts';
import { TigonError } from '../errors.ts';
import { roundTo } from '../rounding.ts';
import { Claims, type Conflict } from './claims.ts';
import { Copies } from './copies.ts';
import type { Place } from './registers.ts';
import type { ThreadBuffer, ThreadKernel } from './thread.ts';
import { copiedTo } from './visit.ts';

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
  /** Which elements copies are under way to; of buffers that anything is copied to. */
  private readonly flying = new Map<ThreadBuffer, Uint8Array>();
  readonly copies: Copies;

  constructor(kernel: ThreadKernel, memory: ReadonlyMap<ThreadBuffer, Cells>, place: Place) {
    this.kernel = kernel;
    this.place = place;
    const { grid, threads } = kernel;
    this.copies = new Copies(threads);
    for (const to of copiedTo(kernel.body)) this.flying.set(to, new Uint8Array(to.elements));
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

  /** A workgroup ends. */
  end(): void {
    const thread = this.copies.clear();
    if (thread < 0) return;
    this.place.thread = thread;
    throw this.error('it ends before what it copies has landed');
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
    const landed = this.landed(buffer, 'reads');
    if (buffer.space === 'shared' && !isFloat(buffer.dtype))
      return (i) => {
        landed?.(i);
        claims?.read(i, me());
        const value = cells[i]!;
        if (Number.isNaN(value))
          throw this.error(`it reads ${buffer.name}[${i}], which nothing was written to`);
        return value;
      };
    if (claims === undefined) return (i) => cells[i]!;
    return (i) => {
      landed?.(i);
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
    const landed = this.landed(buffer, 'writes');
    return (i, value) => {
      landed?.(i);
      claims?.write(i, me());
      cells[i] = roundTo(dtype, value);
    };
  }

  /** Issues a copy of `elements` elements, zeros where not `when`; both indices are in bounds where they are used. */
  copy(
    to: ThreadBuffer,
    from: ThreadBuffer,
    elements: number,
  ): (index: number, at: number, when: boolean) => void {
    const source = this.read(from);
    const cells = this.cellsOf(to);
    const claims = this.claims.get(cells);
    const flying = this.flying.get(to)!;
    const landed = this.landed(to, 'copies to')!;
    const me = this.me(to);
    const { place } = this;
    return (index, at, when) => {
      if (index % elements !== 0 || (when && at % elements !== 0))
        throw this.error(
          `it copies ${elements} elements to ${to.name}[${index}] from ${from.name}[${at}]: not aligned to as many`,
        );
      const values: number[] = [];
      for (let i = 0; i < elements; i++) {
        landed(index + i);
        claims?.write(index + i, me());
        flying[index + i] = 1;
        values.push(when ? source(at + i) : 0);
      }
      this.copies.issue(place.thread, () => {
        values.forEach((value, i) => {
          flying[index + i] = 0;
          claims?.write(index + i, me());
          cells[index + i] = value;
        });
      });
    };
  }

  /** Refuses elements of which copies are under way. */
  private landed(buffer: ThreadBuffer, what: string): ((i: number) => void) | undefined {
    const flying = this.flying.get(buffer);
    return (
      flying &&
      ((i) => {
        if (flying[i] !== 0)
          throw this.error(`it ${what} ${buffer.name}[${i}], which a copy is under way to`);
      })
    );
  }

  /** What a buffer holds, for what goes on beside the threads. */
  cellsOf(buffer: ThreadBuffer): Cells {
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
