/**
 * Loops that need all vector registers, and the form in which engines give them those.
 *
 * Invariant: only the shape of a loop depends on this, never what it computes.
 *
 * V8 up to 12 orders the pure instructions of a block by their uses. With the test at the end of a round, sums are also
 * used behind it, and all operands of a round are read before the first of them is needed: twelve sums and eight operands
 * do not fit sixteen registers. With the test at its head, a round uses its sums alone, and an operand is read just before
 * its products, in the order of the code. Copies of the round, which V8 makes of innermost loops, have the same effect as
 * a test at the end; a loop that has another one in it is not copied, be it one that is never reached.
 */
import type { Register, TStmt } from '../../ir/thread/thread.ts';
import { type Label, op, type Wasm } from './tree.ts';

/** Vectors that an engine can carry round a loop beside all operands of a round. */
const EASY = 8;

/** Whether a round of an innermost loop changes more vectors than leave room for all of its operands. */
export const isCrowded = (body: readonly TStmt[]): boolean => {
  if (body.length <= EASY) return false;
  const own = new Set<Register>();
  const carried = new Set<Register>();
  for (let i = 0; i < body.length; i++) {
    const s = body[i]!;
    if (s.kind === 'for' || s.kind === 'if') return false;
    if (s.kind === 'let' || s.kind === 'var') own.add(s.register);
    if (s.kind === 'set' && s.register.type.lanes > 1 && !own.has(s.register))
      carried.add(s.register);
  }
  return carried.size > EASY;
};

/** Rounds while there are `more` to go, in the form for crowded ones. */
export const testedFirst = (label: Label, more: Wasm, round: readonly Wasm[]): Wasm => {
  const out: Label = { name: `${label.name}_out` };
  const body: Wasm[] = [
    { kind: 'branch', label: out, condition: op('i32.eqz', more) },
    ...round,
    { kind: 'branch', label, condition: undefined },
    { kind: 'loop', label: { name: 'never' }, body: [] },
  ];
  return { kind: 'block', label: out, body: [{ kind: 'loop', label, body }] };
};
