import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SOURCE } from '../support/node.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Sample {
  readonly step: number;
  readonly rss: number;
  readonly peak: number;
}

// 5,000 steps stay below the same limit: `memory-loop.ts 5000`.
test('a plain imperative LeNet loop keeps memory flat, without dispose and below 400 MB', () => {
  const output = execFileSync(
    process.execPath,
    [...SOURCE, 'test/support/memory-loop.ts', '140', '10'],
    { cwd: root, encoding: 'utf8' },
  );
  const samples = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Sample);
  assert.is(samples.length, 14);
  const last = samples.at(-1)!;
  assert.ok(last.peak < 400e6, `peak ${(last.peak / 1e6).toFixed()} MB`);
  // A step makes 9 MB of arrays: without collection, the second half would add 600 MB.
  const growth = last.peak - samples[6]!.peak;
  assert.ok(growth < 40e6, `${(growth / 1e6).toFixed()} MB more in the second half`);
});

test.run();
