/**
 * How kernels are declared: as what the assembler of a device divides its registers by.
 *
 * Invariant: the choice depends on the body alone.
 */
import type { TStmt } from '../../ir/thread/thread.ts';
import { bodiesOf } from '../../ir/thread/visit.ts';

/**
 * A kernel whose threads keep many sums is told that one block at a time is enough. Otherwise the assembler saves registers
 * for blocks that do without, as it should for kernels that wait for memory: it was seen to spill sums at 80 registers.
 */
const MANY_SUMS = 16;

/** Numbers in registers that change, which is what sums do. */
const changing = (body: readonly TStmt[]): number =>
  body.reduce((count, s) => {
    const own = s.kind === 'var' ? s.register.type.lanes : 0;
    return count + own + bodiesOf(s).reduce((sum, inner) => sum + changing(inner), 0);
  }, 0);

/** Whether registers change hands: the assembler has to know how many each thread begins with. */
const changeHands = (body: readonly TStmt[]): boolean =>
  body.some((s) => s.kind === 'roles' && s.roles.some((role) => role.registers !== undefined));

/** The macro that a kernel is declared by. */
export const declaredBy = (body: readonly TStmt[]): 'KERNEL' | 'SUMMING_KERNEL' =>
  changing(body) < MANY_SUMS && !changeHands(body) ? 'KERNEL' : 'SUMMING_KERNEL';
