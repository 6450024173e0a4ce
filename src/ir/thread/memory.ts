/**
 * Memory of a thread kernel under interpretation: refuses what a device would get wrong silently.
 *
 * Invariants: each workgroup starts with shared memory full of NaN; every access is bounds-checked, and two workgroups
 * that touch the same element, one of them writing, are an error.
 */
import { TigonError } from '../errors.ts';
import type { ThreadBuffer, ThreadKernel } from './thread.ts';

/** Memory of one buffer: any typed array, or a plain array. */
export interface Cells {
  readonly length: number;
  [index: number]: number;
}

/** Who wrote and who read each element of an array, as workgroup id + 1; several readers are -1. */
interface Owners {
  readonly writer: Int32Array;
  readonly reader: Int32Array;
}

/** The buffers of one kernel, and the workgroup that uses them. */
export class KernelMemory {
  private readonly kernel: ThreadKernel;
  private readonly memory = new Map<ThreadBuffer, Cells>();
  private readonly shared: Float64Array[] = [];
  private readonly owners = new Map<Cells, Owners>();
  private workgroup = 0;

  constructor(kernel: ThreadKernel, memory: ReadonlyMap<ThreadBuffer, Cells>) {
    this.kernel = kernel;
    for (const buffer of kernel.buffers) {
      if (buffer.space === 'shared') {
        const cells = new Float64Array(buffer.elements);
        this.shared.push(cells);
        this.memory.set(buffer, cells);
        continue;
      }
      const cells = memory.get(buffer);
      if (cells === undefined || cells.length < buffer.elements)
        throw this.error(`buffer ${buffer.name} needs memory of ${buffer.elements} elements`);
      this.memory.set(buffer, cells);
      if (buffer.access !== 'read' && !this.owners.has(cells))
        this.owners.set(cells, {
          writer: new Int32Array(cells.length),
          reader: new Int32Array(cells.length),
        });
    }
  }

  /** Goes on to another workgroup. */
  enter(workgroup: number): void {
    this.workgroup = workgroup;
    for (const cells of this.shared) cells.fill(Number.NaN);
  }

  error(text: string): TigonError {
    return new TigonError(
      'verify',
      `thread kernel ${this.kernel.name}, workgroup ${this.workgroup}: ${text}`,
    );
  }

  cellsOf(buffer: ThreadBuffer): Cells {
    const cells = this.memory.get(buffer);
    if (cells === undefined)
      throw this.error(`buffer ${buffer.name} is not a buffer of the kernel`);
    return cells;
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

  /** Notes who writes an element; `undefined` where nothing can go wrong. */
  claimWrite(buffer: ThreadBuffer): ((i: number) => void) | undefined {
    const owners = this.owners.get(this.cellsOf(buffer));
    if (owners === undefined) return undefined;
    const { writer, reader } = owners;
    return (i) => {
      const me = this.workgroup + 1;
      if (writer[i] !== 0 && writer[i] !== me)
        throw this.error(`${buffer.name}[${i}] is also written by workgroup ${writer[i]! - 1}`);
      if (reader[i] !== 0 && reader[i] !== me)
        throw this.error(`${buffer.name}[${i}] is written, and another workgroup reads it`);
      writer[i] = me;
    };
  }

  claimRead(buffer: ThreadBuffer): ((i: number) => void) | undefined {
    const owners = this.owners.get(this.cellsOf(buffer));
    if (owners === undefined) return undefined;
    const { writer, reader } = owners;
    return (i) => {
      const me = this.workgroup + 1;
      if (writer[i] !== 0 && writer[i] !== me)
        throw this.error(`${buffer.name}[${i}] is read, and workgroup ${writer[i]! - 1} writes it`);
      reader[i] = reader[i] === 0 || reader[i] === me ? me : -1;
    };
  }
}
