/** Tigon on the CPU. */
import { device } from 'tigon';
import type { Contender } from '../protocol.ts';
import { rowsOn } from '../tigon/rows.ts';

export const contender: Contender = { subject: rowsOn(device.cpu()) };
