/**
 * What a warp does together under interpretation: reads fragments, multiplies them.
 *
 * Invariant: all its threads give what they have before any of them takes its part.
 */
import { bytesOf } from '../dtype.ts';
import type { Evaluator } from './evaluate.ts';
import { multiply } from './fragments.ts';
import type { KernelMemory } from './memory.ts';
import type { Place, Registers, Run } from './registers.ts';
import type { Team } from './roles.ts';
import { WARP } from './tensor.ts';
import type { TStmt } from './thread.ts';
import { wordOf } from './words.ts';

/** The machine that runs them. */
export interface Warps {
  readonly place: Place;
  readonly memory: KernelMemory;
  readonly registers: Registers;
  readonly values: Evaluator;
  /** The warp that runs now. */
  readonly team: Team;
  /** What one thread does, for all threads that run now. */
  each(run: Run): Run;
}

/** A warp multiplies: all its threads give their operands. */
export const warpProduct = (
  { inputs, accumulator, a, b }: TStmt & { kind: 'mma' },
  warps: Warps,
): Run => {
  const { place, registers, values } = warps;
  const cells = registers.vectors(accumulator);
  const left = Array.from({ length: WARP }, () => new Float64Array(4));
  const right = [new Float64Array(WARP), new Float64Array(WARP)] as const;
  const words = values.vector(a);
  const [word0, word1] = [values.scalar(b[0]), values.scalar(b[1])];
  const give = warps.each(() => {
    const lane = place.thread % WARP;
    left[lane]!.set(words());
    right[0][lane] = word0();
    right[1][lane] = word1();
  });
  return () => {
    give();
    const { first } = warps.team;
    const operands = { a: left, b0: right[0], b1: right[1] };
    multiply(inputs, operands, cells.slice(first, first + WARP));
  };
};

/** A warp reads four matrices: each thread reads one row, and takes its part of four. */
export const warpFragments = (s: TStmt & { kind: 'fragments' }, warps: Warps): Run => {
  const { place, memory, registers, values } = warps;
  const { dtype } = s.buffer;
  const elements = 16 / bytesOf(dtype);
  const of = dtype === 'float16' || dtype === 'bfloat16' ? dtype : 'float32';
  const cells = registers.vectors(s.register);
  const at = values.address(s.buffer, s.index, elements);
  const read = memory.read(s.buffer);
  const rows = Array.from({ length: WARP }, () => new Float64Array(elements));
  const give = warps.each(() => {
    const index = at();
    if (index % elements !== 0)
      throw memory.error(`it reads a row at ${s.buffer.name}[${index}]: not aligned`);
    const row = rows[place.thread % WARP]!;
    for (let i = 0; i < elements; i++) row[i] = read(index + i);
  });
  const pair = elements / 4;
  return () => {
    give();
    const { first } = warps.team;
    for (let lane = 0; lane < WARP; lane++)
      for (let matrix = 0; matrix < 4; matrix++) {
        const row = lane >> 2;
        const column = (lane & 3) * pair;
        const number = (i: number): number =>
          s.transposed
            ? rows[matrix * 8 + column + i]![row]!
            : rows[matrix * 8 + row]![column + i]!;
        cells[first + lane]![matrix] = wordOf(of, number(0), number(pair - 1));
      }
  };
};
