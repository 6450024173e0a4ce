/**
 * Chooses schedules by measuring them, once for each kernel: what was found is kept.
 *
 * Invariants: a schedule is only replaced by one that was clearly faster; what was found counts for the same kernel, the
 * same device and the same candidates, and for nothing else.
 */
import type { Choose } from '../../codegen/schedule.ts';
import { chosenBy, type Pick } from '../../codegen/tuning.ts';
import { namelessText } from '../../ir/loop/alike.ts';
import type { Device } from '../../runtime/device.ts';
import { chosenKeeper } from '../kept/holder.ts';
import { measure } from './measure.ts';

/** Share of its time that another schedule has to save: less is noise. */
const WORTH = 0.03;
/** For one kernel. */
const BUDGET_MS = 2000;

/** What was found for a kernel. Times in ms, of all candidates, to look at. */
interface Finding {
  readonly key: string;
  readonly best: number;
  readonly ms: readonly number[];
}

const isFinding = (value: unknown, key: string): value is Finding =>
  typeof value === 'object' && value !== null && (value as Partial<Finding>).key === key;

/** Of this process; what outlives it is beside compiled programs. */
const findings = new Map<string, Finding>();

const known = (key: string): Finding | undefined => {
  const before = findings.get(key);
  if (before !== undefined) return before;
  const kept = chosenKeeper()?.store.get(key);
  return isFinding(kept, key) ? kept : undefined;
};

/** The position of the launch that is clearly faster than the first, or the first's. */
const bestOf = (ms: readonly number[]): number => {
  const best = ms.indexOf(Math.min(...ms));
  return ms[best]! < (1 - WORTH) * ms[0]! ? best : 0;
};

/** Chooses among launches for `device`. */
export const tunerFor =
  (device: Device): Pick =>
  (loop, launches) => {
    const notes = launches.map((launch) => launch.notes.join('\n')).join('\n\n');
    const key = `tuned\n${device.codeKey ?? device.name}\n${namelessText(loop)}\n${notes}`;
    const before = known(key);
    if (before !== undefined) return before.best;
    const ms = measure(device, loop, launches, BUDGET_MS);
    const finding: Finding = { key, best: bestOf(ms), ms };
    findings.set(key, finding);
    chosenKeeper()?.store.put(key, finding);
    return finding.best;
  };

/** Schedules for `device`, measured. */
export const measuring = (device: Device): Choose => chosenBy(tunerFor(device));
