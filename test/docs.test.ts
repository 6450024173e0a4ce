import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { printGraph } from '../src/ir/graph/print.ts';
import { graphOps } from '../src/ir/graph/registry.ts';
import { verifyGraph } from '../src/ir/graph/verify.ts';
import { printLoop } from '../src/ir/loop/print.ts';
import { interpretProgram } from '../src/ir/program/interpret.ts';
import { printProgram } from '../src/ir/program/print.ts';
import { verifyProgram } from '../src/ir/program/verify.ts';
import { type AnyText, parseText } from '../src/ir/text/any.ts';
import { printThread } from '../src/ir/thread/print.ts';
import { verifyThread } from '../src/ir/thread/verify.ts';

const text = readFileSync(new URL('../docs/ir.md', import.meta.url), 'utf8');
const blocks = [...text.matchAll(/```tg\n([\s\S]*?)```/g)].map((m) => m[1]!);

const checkedText = (it: AnyText): string => {
  switch (it.level) {
    case 'graph':
      verifyGraph(it.graph);
      return printGraph(it.graph);
    case 'loop':
      return printLoop(it.kernel);
    case 'thread':
      verifyThread(it.kernel);
      return printThread(it.kernel);
    case 'program':
      verifyProgram(it.program);
      return printProgram(it.program);
    default:
      return it satisfies never;
  }
};

test('every text in docs/ir.md parses, verifies, and is printed as it stands there', () => {
  assert.is(new Set(blocks.map((b) => b.split(' ')[0])).size, 4);
  for (const block of blocks) assert.fixture(checkedText(parseText(block, 'docs/ir.md')), block);
});

test('every op of graphs is named in docs/ir.md', () => {
  const words = new Set(text.match(/\w+/g));
  const missing = [...graphOps.keys()].filter((name) => name !== 'input' && !words.has(name));
  assert.equal(missing, []);
});

test('the program in docs/ir.md runs', () => {
  const found = blocks.map((b) => parseText(b)).find((it) => it.level === 'program');
  const y = new Float64Array(64);
  if (found?.level === 'program')
    interpretProgram(found.program, [new Array(8192).fill(0.5), new Array(128).fill(0.25), y]);
  assert.ok(y.every((v) => v === 128 * 0.125 - 1));
});

test.run();
