/**
 * What goes on beside the threads of a workgroup: tiles on their way, products that are not done.
 *
 * Invariants: both happen as late as they may: a tile comes when nobody can go on without one, products read their
 * operands when they are settled; so whoever does not wait finds NaN. A tile is refused where another one is on its way
 * or products still read, products where a tile is on its way.
 */
import { roundTo } from '../rounding.ts';
import {
  type BulkStmt,
  type TensorMap,
  TILE_ROWS,
  TILE_UNIT,
  type TileOperand,
  WARPGROUP,
} from './bulk.ts';
import type { Cells, KernelMemory } from './memory.ts';
import type { Registers } from './registers.ts';
import type { Register, ThreadBuffer } from './thread.ts';
import { boxElements, operandSpan, placeInOperand } from './tile.ts';
import { floatOf } from './words.ts';

/** Elements of a shared buffer. */
interface Range {
  readonly cells: Cells;
  readonly from: number;
  readonly to: number;
}

interface Tile extends Range {
  land(): void;
}

/** Products of a warpgroup that were begun together. */
interface Group {
  readonly accumulators: readonly Register[];
  readonly ranges: readonly Range[];
  finish(): void;
}

/** Accumulators that nobody may use: what they hold, for each thread of the warpgroup. */
type Busy = Map<Register, readonly Float64Array[]>;

/** A tile, at the element given. */
type Tiled = TileOperand & { readonly first: number };

/** What `products` multiplies; the left operand perhaps as words: by step, then by thread. */
export interface Factors
  extends Pick<BulkStmt & { kind: 'products' }, 'inputs' | 'adds' | 'accumulators' | 'steps'> {
  readonly a: Tiled | readonly (readonly Float64Array[])[];
  readonly b: Tiled;
}

/** Summands of one instruction, whose sum is rounded once. */
const TOGETHER = 16;

const isTile = (a: Factors['a']): a is Tiled => 'buffer' in a;

const overlaps = (x: Range, y: Range): boolean =>
  x.cells === y.cells && x.from < y.to && y.from < x.to;

export class Flights {
  readonly #memory: KernelMemory;
  readonly #registers: Registers;
  readonly #tiles: Tile[] = [];
  /** By the first thread of the warpgroup. */
  readonly #groups = new Map<number, Group[]>();
  readonly #busy = new Map<number, Busy>();

  constructor(memory: KernelMemory, registers: Registers) {
    this.#memory = memory;
    this.#registers = registers;
  }

  /** Asks for a box, to lie from element `first` of a buffer on; calls `come` when it is there. */
  fetch(
    map: TensorMap,
    corner: readonly number[],
    to: ThreadBuffer,
    first: number,
    come: () => void,
  ): void {
    const memory = this.#memory;
    const cells = memory.cellsOf(to);
    const source = memory.cellsOf(map.buffer);
    const range = this.#range(
      to,
      first,
      map.box.reduce((a, b) => a * b, 1),
    );
    if (this.#tiles.some((t) => overlaps(t, range)))
      throw memory.error(`a tile for ${to.name}[${first}], where another one is on its way`);
    for (const groups of this.#groups.values())
      if (groups.some((g) => g.ranges.some((r) => overlaps(r, range))))
        throw memory.error(`a tile for ${to.name}[${first}], which products still read`);
    for (let i = range.from; i < range.to; i++) cells[i] = Number.NaN;
    const land = (): void => {
      boxElements(map, corner, (place, element) => {
        if (element >= map.buffer.elements)
          throw memory.error(`element ${element} of ${map.buffer.name} for a tile`);
        cells[first + place] = element < 0 ? 0 : roundTo(to.dtype, source[element]!);
      });
      come();
    };
    this.#tiles.push({ ...range, land });
  }

  /** Lets a tile come, chosen among those on their way; false if there is none. */
  land(choose: (count: number) => number): boolean {
    if (this.#tiles.length === 0) return false;
    this.#tiles.splice(choose(this.#tiles.length), 1)[0]!.land();
    return true;
  }

  /** Begins products of the warpgroup whose first thread is `team`. */
  begin(team: number, { inputs, adds, accumulators, a, b, steps }: Factors): void {
    const summands = TOGETHER * steps;
    const columns = accumulators.length * 8;
    const right = this.#range(b.buffer, b.first, operandSpan(b, columns, summands));
    const left = isTile(a)
      ? this.#range(a.buffer, a.first, operandSpan(a, TILE_ROWS, summands))
      : undefined;
    const ranges = left === undefined ? [right] : [left, right];
    const own = isTile(a) ? undefined : unpacked(inputs, a);
    if (ranges.some((r) => this.#tiles.some((t) => overlaps(t, r))))
      throw this.#memory.error('products of a tile that is on its way');
    const busy = this.#busyOf(team);
    for (const register of accumulators) if (!busy.has(register)) this.#take(team, register);
    const sums = accumulators.map((register) => busy.get(register)!);
    const finish = (): void => {
      const rows = own ?? gathered(a as Tiled, left!, TILE_ROWS, summands);
      const others = gathered(b, right, columns, summands);
      if (!adds) for (const cells of sums) for (const cell of cells) cell.fill(0);
      for (let i = 0; i < WARPGROUP; i++)
        for (let lane = 0; lane < 4; lane++) {
          const row = rowOf(i, lane) * summands;
          for (let j = 0; j < sums.length; j++) {
            const column = (8 * j + 2 * (i % 4) + (lane % 2)) * summands;
            const cell = sums[j]![i]!;
            for (let k = 0; k < summands; k += TOGETHER) {
              let sum = cell[lane]!;
              for (let s = k; s < k + TOGETHER; s++) sum += rows[row + s]! * others[column + s]!;
              cell[lane] = Math.fround(sum);
            }
          }
        }
    };
    this.#groupsOf(team).push({ accumulators, ranges, finish });
  }

  /** Finishes products of a warpgroup but the latest `pending` groups, and gives accumulators back. */
  settle(team: number, pending: number, accumulators: readonly Register[]): void {
    const groups = this.#groupsOf(team);
    while (groups.length > pending) groups.shift()!.finish();
    const busy = this.#busyOf(team);
    for (const register of accumulators) {
      if (groups.some((g) => g.accumulators.includes(register)))
        throw this.#memory.error(`${register.name} is wanted while products of it are pending`);
      const values = busy.get(register);
      if (values === undefined) continue;
      const cells = this.#registers.vectors(register);
      values.forEach((value, i) => {
        cells[team + i]!.set(value);
      });
      busy.delete(register);
    }
  }

  /** What is still going on, for people; `undefined` if nothing is. */
  underWay(): string | undefined {
    if (this.#tiles.length > 0) return `${this.#tiles.length} tile(s) are still on their way`;
    for (const [team, groups] of this.#groups)
      if (groups.length > 0) return `products of warpgroup ${team / WARPGROUP} are pending`;
    return undefined;
  }

  /** Accumulators read as NaN while products of them are pending. */
  #take(team: number, register: Register): void {
    const cells = this.#registers.vectors(register).slice(team, team + WARPGROUP);
    this.#busyOf(team).set(
      register,
      cells.map((cell) => cell.slice()),
    );
    for (const cell of cells) cell.fill(Number.NaN);
  }

  #range(buffer: ThreadBuffer, first: number, length: number): Range {
    if (first % TILE_UNIT !== 0 || first < 0 || first + length > buffer.elements)
      throw this.#memory.error(
        `a tile of ${length} elements at ${first} of ${buffer.name}, which has ${buffer.elements}`,
      );
    return { cells: this.#memory.cellsOf(buffer), from: first, to: first + length };
  }

  #groupsOf(team: number): Group[] {
    let groups = this.#groups.get(team);
    if (groups === undefined) {
      groups = [];
      this.#groups.set(team, groups);
    }
    return groups;
  }

  #busyOf(team: number): Busy {
    let busy = this.#busy.get(team);
    if (busy === undefined) {
      busy = new Map();
      this.#busy.set(team, busy);
    }
    return busy;
  }
}

/** An operand row by row (or column by column), as it is in memory now. */
const gathered = (
  operand: TileOperand,
  { cells, from }: Range,
  rows: number,
  summands: number,
): Float64Array => {
  const out = new Float64Array(rows * summands);
  for (let row = 0; row < rows; row++)
    for (let k = 0; k < summands; k++)
      out[row * summands + k] = cells[from + placeInOperand(operand, row, k)]!;
  return out;
};

/** The rows that the words of a warpgroup's threads hold: each warp has 16, as `mma` takes them. */
const unpacked = (
  inputs: Factors['inputs'],
  steps: readonly (readonly Float64Array[])[],
): Float64Array => {
  const summands = TOGETHER * steps.length;
  const out = new Float64Array(TILE_ROWS * summands);
  steps.forEach((threads, step) => {
    threads.forEach((words, i) => {
      words.forEach((word, w) => {
        const row = rowOf(i, 2 * (w & 1));
        const k = TOGETHER * step + 2 * (i % 4) + 8 * (w >> 1);
        for (const part of [0, 1] as const)
          out[row * summands + k + part] = floatOf(inputs, word, part);
      });
    });
  });
  return out;
};

/** The row of lane `lane` of an accumulator of thread `i`. */
const rowOf = (i: number, lane: number): number =>
  16 * Math.floor(i / 32) + Math.floor((i % 32) / 4) + 8 * (lane >> 1);
