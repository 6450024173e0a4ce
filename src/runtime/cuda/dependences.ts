/**
 * Which launches of a program have to wait for which: what a CUDA graph is built of.
 *
 * Invariants: two launches that touch the same bytes, one of them writing, run in the program's order; a launch that
 * follows from others by way of a third is not named again (transitive reduction), so branches overlap and nothing waits
 * twice. Buffers bound at a call do not overlap: what runs the graph sees to that.
 */
import { type Launched, rangeOf } from '../../ir/program/sequence.ts';
import type { Program } from '../../ir/program.ts';

/** Bytes that a launch touches. */
export interface Access {
  /** 0: the arena; else one more than the index of a buffer bound at each call. */
  readonly space: number;
  readonly begin: number;
  readonly end: number;
  readonly writes: boolean;
}

/** What a launch of a program touches; constants and numbers are only ever read. */
export const accessesOf = (program: Program, launched: Launched): readonly Access[] => {
  const { kernel, bindings } = program.steps[launched.step]!;
  const globals = program.kernels[kernel]!.buffers.filter((b) => b.space === 'global');
  return bindings.flatMap((index, i): Access[] => {
    const { role, offset, bytes } = program.buffers[index]!;
    if (role === 'constant' || role === 'scalar' || bytes === 0) return [];
    const writes = globals[i]!.access !== 'read';
    const start = role === 'temp' ? (offset ?? 0) : 0;
    const [begin, end] = rangeOf(program, launched, i);
    return [
      { space: role === 'temp' ? 0 : index + 1, begin: start + begin, end: start + end, writes },
    ];
  });
};

const conflict = (a: Access, b: Access): boolean =>
  (a.writes || b.writes) && a.space === b.space && a.begin < b.end && b.begin < a.end;

const WORD = 32;

/** For each launch, the earlier ones that it waits for itself, in ascending order. */
export const dependences = (launches: readonly (readonly Access[])[]): readonly number[][] => {
  const words = Math.ceil(launches.length / WORD);
  /** For each launch a bit for every one that is done before it starts. */
  const before = new Uint32Array(words * launches.length);
  return launches.map((own, launch) => {
    const at = launch * words;
    const direct: number[] = [];
    for (let earlier = launch - 1; earlier >= 0; earlier--) {
      const word = at + Math.floor(earlier / WORD);
      const bit = 1 << (earlier % WORD);
      if ((before[word]! & bit) !== 0) continue;
      if (!launches[earlier]!.some((a) => own.some((b) => conflict(a, b)))) continue;
      direct.push(earlier);
      before[word]! |= bit;
      for (let w = 0; w < words; w++) before[at + w]! |= before[earlier * words + w]!;
    }
    return direct.reverse();
  });
};
