/** Tigon on the CPU. */
import { device } from 'tigon';
import type { Contender } from '../protocol.ts';
import { netRowsOn } from '../tigon/net-rows.ts';
import { rowsOn } from '../tigon/rows.ts';

const cpu = device.cpu();

export const contender: Contender = { subject: { ...rowsOn(cpu), ...netRowsOn(cpu) } };
