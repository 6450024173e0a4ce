/**
 * What the processes of a run cost: seconds of a processor, which say more than the clock where a machine is shared.
 *
 * Invariant: what a process cost is what ended children of this one cost more when it ended than before, with all that
 * they waited for. Two that end in the same moment are told as one.
 */
import { readFileSync } from 'node:fs';

const LISTED = 20;
const TICKS_A_SECOND = 100;

/** Seconds that all ended children took; 0 where the system does not tell. */
const spent = (): number => {
  if (process.platform !== 'linux') return 0;
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / TICKS_A_SECOND;
};

let before = spent();
const costs: { readonly name: string; readonly seconds: number }[] = [];

/** Begins to count: what ended until now is nobody's. */
export const beginCosts = (): void => {
  before = spent();
};

/** Puts down what was spent since the last call to the process that just ended. */
export const noteCost = (name: string): void => {
  const now = spent();
  costs.push({ name, seconds: now - before });
  before = now;
};

/** The sum and the largest ones, as text; nothing where nothing is known. */
export const costTable = (): string | undefined => {
  const all = costs.reduce((sum, { seconds }) => sum + seconds, 0);
  if (all === 0) return undefined;
  const largest = costs.toSorted((a, b) => b.seconds - a.seconds).slice(0, LISTED);
  return [
    `seconds of a processor: ${all.toFixed(0)}, of them`,
    ...largest.map(({ name, seconds }) => `${seconds.toFixed(1).padStart(7)} ${name}`),
  ].join('\n');
};
