/**
 * What compiles attention, brought when a program first asks for it.
 *
 * Invariant: importing this does nothing.
 */
import { bring } from '../../codegen/families.ts';
import { planGpuAttention } from '../../codegen/gpu/attention/attention.ts';
import { laneAttention } from '../../codegen/templates/attention-schedules.ts';
import { writeOutAttention } from '../../passes/attention.ts';
import { bringWriting } from '../../passes/attention-family.ts';

export const bringAttention = (): void => {
  bring({ attention: planGpuAttention, laneAttention });
  bringWriting(writeOutAttention);
};
