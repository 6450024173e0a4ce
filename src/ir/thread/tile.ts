/**
 * Where elements of tiles lie: lines of 128 bytes, in which blocks of 16 bytes are permuted, so that a column of blocks
 * has one in each bank of shared memory.
 *
 * Invariant: what is fetched and what is multiplied agree: the place of an element depends on its line and its place in
 * the line alone, and repeats every 1024 bytes.
 */
import { LINE, type TensorMap, type TileOperand } from './bulk.ts';

/** Elements in a block that is moved as a whole. */
const BLOCK = 8;

/** The element of a tile that is number `x` of a line, counted from the first of the tile. */
export const placeInTile = (line: number, x: number): number =>
  line * LINE + (x ^ ((line % 8) * BLOCK));

/** The element of an operand in a row (or column) at a place of the sum, counted from `at`. */
export const placeInOperand = (
  { along, pitch }: Pick<TileOperand, 'along' | 'pitch'>,
  row: number,
  k: number,
): number =>
  along === 'depth'
    ? Math.floor(k / LINE) * pitch + placeInTile(row, k % LINE)
    : Math.floor(row / LINE) * pitch + placeInTile(k, row % LINE);

/** Elements from `at` on that an operand of `rows` rows may lie in. */
export const operandSpan = (
  { along, pitch }: Pick<TileOperand, 'along' | 'pitch'>,
  rows: number,
  summands: number,
): number => {
  const [inLine, lines] = along === 'depth' ? [summands, rows] : [rows, summands];
  return (Math.ceil(inLine / LINE) - 1) * pitch + lines * LINE;
};

/** Each element of the box at `corner`: its place in the tile, and that in the buffer, or -1 beyond the array. */
export const boxElements = (
  { box, extents, strides, offset }: TensorMap,
  corner: readonly number[],
  visit: (place: number, element: number) => void,
): void => {
  const lines = box.slice(1).reduce((a, b) => a * b, 1);
  for (let line = 0; line < lines; line++) {
    let rest = line;
    let start = offset;
    let inside = true;
    for (let d = 1; d < box.length; d++) {
      const at = corner[d]! + (rest % box[d]!);
      rest = Math.floor(rest / box[d]!);
      start += at * strides[d]!;
      inside &&= at >= 0 && at < extents[d]!;
    }
    for (let x = 0; x < box[0]!; x++) {
      const at = corner[0]! + x;
      visit(placeInTile(line, x), inside && at >= 0 && at < extents[0]! ? start + at : -1);
    }
  }
};
