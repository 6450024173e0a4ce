/**
 * What pages load, held under limits: who makes a page larger says so here.
 *
 * Invariant: the figures are those of `npm run size`; each is printed, so that reports of test runs show them.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

/**
 * Kilobytes, compressed, by the page's place in the table. Pages that name all there is grow with it: all but the first.
 * The others of the table hold parts of what these hold.
 */
const LIMITS = new Map([
  [1, 121.3],
  [2, 230.9],
  [4, 313],
  [5, 274.9],
  [7, 446.5],
]);

interface Size {
  readonly name: string;
  readonly minified: number;
  readonly gzip: number;
}

const tool = fileURLToPath(new URL('../../tools/size.mjs', import.meta.url));
const measured = execFileSync(
  process.execPath,
  [tool, '--json', '--pages', [...LIMITS.keys()].join()],
  { encoding: 'utf8' },
);

const sizes = JSON.parse(measured) as Size[];
[...LIMITS].forEach(([page, limit], i) => {
  const { name, minified, gzip } = sizes[i]!;
  const [whole, packed] = [minified, gzip].map((bytes) => (bytes / 1000).toFixed(1));
  console.log(`size: a page that ${name}: ${packed} kB compressed, ${whole} kB minified`);
  test(`a page that ${name} loads ${limit} kB at most`, () =>
    assert.ok(
      gzip <= 1000 * limit,
      `${packed} kB; npm run size -- --modules ${page} shows what it is`,
    ));
});

test.run();
