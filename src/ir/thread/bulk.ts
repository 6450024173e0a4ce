/**
 * Statements for warpgroups that work at their own pace: tiles fetched by their description, gates to wait at, products
 * of whole tiles.
 *
 * Invariants: warpgroups are aligned runs of 128 threads; inside a role, `expect`, `arrive`, `await` and `fetch` are done by
 * aligned runs of 32 threads together, `products` and `settle` by whole warpgroups, with the same operands in all of them;
 * a tile lies in shared memory as tile.ts says, from a multiple of 1024 bytes on. Nobody touches a tile on its way before
 * a gate that it signals was passed, nor the accumulators of products before a `settle` that names them, nor the tiles
 * that are multiplied before a `settle` that leaves none of their products pending.
 */
import type { Register, TExpr, ThreadBuffer, TStmt } from './thread.ts';

/** Threads that multiply tiles together. */
export const WARPGROUP = 128;
/** Rows of the left operand of `products`. */
export const TILE_ROWS = 64;
/** Elements (of 16 bits) in a line of a tile. */
export const LINE = 64;
/** Elements at whose multiples tiles begin: 1024 bytes. */
export const TILE_UNIT = 512;

/**
 * A global buffer of 16-bit elements as an array of up to five dimensions, innermost first, of which boxes are fetched.
 * Elements of a box beyond the array are zeros.
 */
export interface TensorMap {
  readonly name: string;
  readonly buffer: ThreadBuffer;
  /** The element at all zeros. */
  readonly offset: number;
  readonly extents: readonly number[];
  /** In elements; the first is 1. */
  readonly strides: readonly number[];
  /** Elements of a box in each dimension; the first is a `LINE`. */
  readonly box: readonly number[];
}

/** An operand of `products`: a tile, or a part of one that begins at a multiple of `TILE_UNIT`. */
export interface TileOperand {
  readonly buffer: ThreadBuffer;
  readonly at: TExpr;
  /**
   * What a line holds. `depth`: 64 elements of the sum of one row (or column); `free`: 64 rows (or columns) at one place
   * of the sum. The next 64 are a tile of their own, `pitch` elements further on.
   */
  readonly along: 'depth' | 'free';
  readonly pitch: number;
}

/** The left operand of `products` in registers: for each step four words (u32x4) of every thread, as `mma` takes them. */
export interface WordOperand {
  readonly words: readonly TExpr[];
}
export const inWords = (operand: TileOperand | WordOperand): operand is WordOperand =>
  'words' in operand;

/** Warpgroups that do the same, and what. */
export interface Role {
  /** How many warpgroups. */
  readonly groups: number;
  /** Threads of each that take part: its first warp, or all. */
  readonly threads: 32 | 128;
  /** The int32 register that holds the warpgroup's place in the role. */
  readonly group: Register;
  /** The int32 register that holds the thread's place in its warpgroup. */
  readonly place: Register;
  /** Registers that its threads give back or take: a hint that changes nothing else. */
  readonly registers?: { readonly change: 'fewer' | 'more'; readonly count: number };
  readonly body: readonly TStmt[];
}

export type BulkStmt =
  /**
   * Makes gates of a shared uint32 buffer, two elements each, that open when `arrivals` warps have arrived; each then
   * closes again for its next phase. A barrier of all threads.
   */
  | {
      readonly kind: 'gates';
      readonly buffer: ThreadBuffer;
      readonly arrivals: readonly number[];
    }
  /** The warps of the workgroup part: each role runs on its own, and all have come back behind it. */
  | { readonly kind: 'roles'; readonly roles: readonly Role[] }
  /** Each warp arrives at a gate, whose phase is not over before `bytes` more were fetched. */
  | {
      readonly kind: 'expect';
      readonly gates: ThreadBuffer;
      readonly index: TExpr;
      readonly bytes: number;
    }
  /** Each warp arrives at a gate. */
  | { readonly kind: 'arrive'; readonly gates: ThreadBuffer; readonly index: TExpr }
  /** Until the phase with this number modulo two is over; the phase before the first has number 1. */
  | {
      readonly kind: 'await';
      readonly gates: ThreadBuffer;
      readonly index: TExpr;
      readonly phase: TExpr;
    }
  /** Asks for the box of a map at `coordinates`, to lie from element `index` on; its bytes count at a gate. */
  | {
      readonly kind: 'fetch';
      readonly to: ThreadBuffer;
      readonly index: TExpr;
      readonly map: TensorMap;
      readonly coordinates: readonly TExpr[];
      readonly gates: ThreadBuffer;
      readonly gate: TExpr;
    }
  /**
   * Begins accumulators += a b: 64 rows of `a`, 8 columns of `b` for each accumulator (a `var` of f32x4), summed over
   * 16 `steps` elements; they are a group. Where it does not add, accumulators held nothing before. Thread i of the warpgroup has of accumulator j the columns 8 j + 2 (i % 4) and
   * the next one, in rows 16 floor(i / 32) + floor(i % 32 / 4) and eight rows below that.
   */
  | {
      readonly kind: 'products';
      readonly inputs: 'bfloat16' | 'float16';
      readonly adds: boolean;
      readonly accumulators: readonly Register[];
      readonly a: TileOperand | WordOperand;
      readonly b: TileOperand;
      readonly steps: number;
    }
  /**
   * All groups of products of this warpgroup are done but the latest `pending`; `accumulators`, which none of these add
   * to, may be used again.
   */
  | {
      readonly kind: 'settle';
      readonly pending: number;
      readonly accumulators: readonly Register[];
    };

/** Bytes of a box. */
export const boxBytes = (map: TensorMap): number => 2 * map.box.reduce((a, b) => a * b, 1);

/** Statements that have no statements in them. */
export type PlainBulk = Exclude<BulkStmt, { kind: 'roles' }>;
