/**
 * Runs several test files in one process, one after the other: `together.ts FILE...`.
 *
 * Invariant: a file that cannot be loaded, or ends nothing, fails alone; files are run in the order given.
 */
import { pathToFileURL } from 'node:url';
import { STARTS, took } from './marks.ts';

type Group = [null, ...unknown[]];
const uvu = globalThis as unknown as { UVU_DEFER: boolean; UVU_QUEUE: Group[] };
// Files only line up their tests: uvu looks at this when it is loaded.
uvu.UVU_DEFER = true;
const { exec } = await import('uvu');

let worst = 0;
for (const file of process.argv.slice(2)) {
  const start = performance.now();
  uvu.UVU_QUEUE.splice(0, uvu.UVU_QUEUE.length, [null]);
  process.stdout.write(STARTS);
  process.exitCode = 0;
  try {
    await import(pathToFileURL(file).href);
    if (uvu.UVU_QUEUE[0]!.length > 1) await exec();
  } catch (error) {
    console.log(error);
    process.exitCode = 1;
  }
  const code = Number(process.exitCode);
  worst = Math.max(worst, code);
  process.stdout.write(took((performance.now() - start) / 1000, code));
}
process.exitCode = worst;
