/** Both sides of `#platform` say all that the list of it asks for. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as browser from '../../src/runtime/platform/browser.ts';
import * as node from '../../src/runtime/platform/node.ts';
import type { Platform } from '../../src/runtime/platform/platform.ts';

const sides: readonly Platform[] = [browser, node];

test('Node and browsers answer the same questions, and no other', () => {
  const [inBrowsers, inNode] = sides.map((side) => Object.keys(side).sort());
  assert.equal(inBrowsers, inNode);
  assert.equal(
    sides.map((side) => side.kind),
    ['browser', 'node'],
  );
});

test.run();
