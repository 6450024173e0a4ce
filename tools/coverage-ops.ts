/**
 * `npm run coverage:ops [-- --json]`: ops by devices, and how each is there: forward, gradient, second order, hybridized.
 *
 * Invariant: computed from the source each time; the exit status is 1 if anything is missing.
 */
import { bringEveryFamily } from '../src/codegen/every-family.ts';
import { type Cell, coverage, DEVICES, type DeviceName, WAYS } from '../test/support/coverage.ts';

bringEveryFamily();

const rows = coverage();
const names = Object.keys(DEVICES) as DeviceName[];
const MARK: Readonly<Record<Cell['is'], string>> = { yes: '+', none: '·', missing: '!' };
const missing = new Set<string>();
const reasons = new Map<string, string[]>();

for (const { op, cells } of rows)
  for (const device of names)
    for (const way of WAYS) {
      const cell = cells[device][way];
      if (cell.is === 'missing') missing.add(`${op.name} on ${device}, ${way}: ${cell.why}`);
      if (cell.is !== 'none' || device !== 'cpu') continue;
      const key = `${way}: ${cell.why}`;
      reasons.set(key, [...(reasons.get(key) ?? []), op.name]);
    }

if (process.argv.includes('--json')) {
  const data = rows.map(({ op, cells }) => ({ op: op.name, ...cells }));
  console.log(JSON.stringify(data, undefined, 1));
} else {
  const width = Math.max(...rows.map(({ op }) => op.name.length));
  console.log(`${''.padEnd(width)}  ${names.map((n) => n.padEnd(WAYS.length + 2)).join('')}`);
  for (const { op, cells } of rows) {
    const marks = names.map((n) =>
      WAYS.map((way) => MARK[cells[n][way].is])
        .join('')
        .padEnd(6),
    );
    console.log(`${op.name.padEnd(width)}  ${marks.join('')}`);
  }
  console.log(
    `\n${rows.length} ops; in each group: ${WAYS.join(', ')}; + there, · nothing to have, ! missing`,
  );
  for (const [reason, ops] of reasons) console.log(`· ${reason}: ${ops.join(', ')}`);
  for (const line of missing) console.log(`! ${line}`);
}
process.exitCode = missing.size > 0 ? 1 : 0;
