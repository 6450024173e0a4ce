/**
 * Cheat sheets name things that exist: functions of namespaces and subpaths, methods of arrays, nets and trainers.
 */
import { readdirSync, readFileSync } from 'node:fs';
import * as tigon from 'tigon';
import * as amp from 'tigon/amp';
import * as d2l from 'tigon/d2l';
import * as nn from 'tigon/nn';
import * as rnn from 'tigon/rnn';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const { nd, random, autograd, device, utils, HybridBlock, SymbolBlock, Trainer } = tigon;
const folder = new URL('../../lessons/cheatsheets/', import.meta.url);

const net = new nn.HybridSequential();
const array = nd.ones([2]);
/** What a name before a dot stands for. */
const known: Readonly<Record<string, object>> = {
  nd,
  random,
  autograd,
  utils,
  nn,
  rnn,
  amp,
  SymbolBlock,
  x: array,
  a: array,
  y: array,
  net,
  trainer: Trainer.prototype,
  device: { ...device },
};

for (const name of readdirSync(folder).filter((n) => n.endsWith('.md')))
  test(`${name} names what exists`, () => {
    const text = readFileSync(new URL(name, folder), 'utf8');
    const missing: string[] = [];
    let found = 0;
    for (const row of text.split('\n').filter((line) => line.startsWith('| '))) {
      const ours = row.split(' | ').slice(1).join(' | ');
      for (const code of ours.match(/`[^`]+`/g) ?? [])
        for (const [whole, of = '', member = ''] of code.matchAll(
          /(?<![\w.)])([a-z]+|SymbolBlock)\.([A-Za-z]\w*)/g,
        )) {
          const owner = known[of];
          if (owner === undefined) continue;
          found++;
          if (!(member in owner)) missing.push(whole);
        }
      for (const [, subpath = ''] of ours.matchAll(/`(tigon\/[\w/-]+)`/g))
        assert.ok(subpath !== '' && import.meta.resolve(subpath), subpath);
    }
    assert.equal(missing, []);
    assert.ok(found > 20, `${found} names`);
  });

test('what they say of blocks and helpers is there', () => {
  for (const name of ['parameters', 'collectParams', 'hybridize', 'export', 'saveParameters'])
    assert.ok(name in HybridBlock.prototype, name);
  for (const name of ['plot', 'Animator', 'train', 'programs']) assert.ok(name in d2l, name);
});

test.run();
