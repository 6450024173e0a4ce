/** Compiled things on disk. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DiskCache } from '../../src/runtime/disk-cache.ts';

const KEY = { compilerVersion: [12, 4], driverVersion: 12040 };

const cacheIn = (folder: string, key: unknown = KEY, limitBytes?: number): DiskCache =>
  new DiskCache({
    folder,
    what: 'images',
    ending: '.cubin',
    key,
    ...(limitBytes === undefined ? {} : { limitBytes }),
  });

const inFolder = (name: string, body: (folder: string) => void): void => {
  test(name, () => {
    const folder = fs.mkdtempSync(join(tmpdir(), 'tigon-cache-'));
    try {
      body(join(folder, 'cuda'));
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  });
};

const image = (size: number, first = 1): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => (first + i) % 251);

inFolder('what was put in is there for the next process, and nothing else', (folder) => {
  const cache = cacheIn(folder, KEY);
  const path = cache.path('text', ['-a']);
  assert.is(cache.get(path), undefined);
  cache.put(path, image(1000));
  assert.equal(cacheIn(folder, KEY).get(path), image(1000));
  assert.equal(fs.readdirSync(folder).length, 1, 'nothing is left beside it');
  cache.put(path, image(10, 5));
  assert.equal(cache.get(path), image(10, 5));
  cache.drop(path);
  assert.is(cache.get(path), undefined);
});

inFolder('all that an image depends on is in the key', (folder) => {
  const paths = [
    cacheIn(folder, KEY).path('text', ['-a']),
    cacheIn(folder, KEY).path('text ', ['-a']),
    cacheIn(folder, KEY).path('text', ['-b']),
    cacheIn(folder, KEY).path('text', ['-a', '-b']),
    cacheIn(folder, { ...KEY, compilerVersion: [12, 5] }).path('text', ['-a']),
    cacheIn(folder, { ...KEY, driverVersion: 12050 }).path('text', ['-a']),
  ];
  assert.is(new Set(paths).size, paths.length);
  assert.is(cacheIn(folder, { ...KEY }).path('text', ['-a']), paths[0]);
});

inFolder('damaged files are ignored, and replaced', (folder) => {
  const cache = cacheIn(folder, KEY);
  const path = cache.path('text', []);
  cache.put(path, image(1000));
  const whole = fs.readFileSync(path);
  const damages: Record<string, Buffer> = {
    'cut off': whole.subarray(0, 500),
    empty: Buffer.alloc(0),
    'another bit': Buffer.from(whole.map((b, i) => (i === 700 ? b ^ 4 : b))),
    'another checksum': Buffer.from(whole.map((b, i) => (i === 20 ? b ^ 4 : b))),
    'something else': Buffer.from('#!/bin/sh\n'.repeat(100)),
  };
  for (const [name, bytes] of Object.entries(damages)) {
    fs.writeFileSync(path, bytes);
    assert.is(cache.get(path), undefined, name);
    cache.put(path, image(1000));
    assert.equal(cache.get(path), image(1000), name);
  }
});

inFolder('the folder is bounded: what was used longest ago goes first', (folder) => {
  const cache = cacheIn(folder, KEY, 10_000);
  const path = (i: number): string => cache.path(`text ${i}`, []);
  for (let i = 0; i < 9; i++) {
    cache.put(path(i), image(1000, i));
    const before = new Date(Date.now() - 60_000 + 1000 * i);
    fs.utimesSync(path(i), before, before);
  }
  assert.ok(cache.get(path(0)), 'used: now the youngest');
  for (let i = 9; i < 12; i++) cache.put(path(i), image(1000, i));
  const bytes = fs.readdirSync(folder).reduce((n, f) => n + fs.statSync(join(folder, f)).size, 0);
  assert.ok(bytes <= 10_000, `${bytes} bytes`);
  for (const kept of [0, 9, 10, 11]) assert.ok(cache.get(path(kept)), `${kept} is there`);
  assert.is(cache.get(path(1)), undefined);
  assert.is(cache.get(path(2)), undefined);
});

inFolder('a folder that cannot be written to costs nothing but time', (folder) => {
  fs.writeFileSync(folder, 'a file in its place');
  const cache = cacheIn(folder, KEY);
  const path = cache.path('text', []);
  cache.put(path, image(10));
  cache.put(path, image(10));
  assert.is(cache.get(path), undefined);
});

inFolder('what a process began and left is removed', (folder) => {
  const cache = cacheIn(folder, KEY);
  cache.put(cache.path('one', []), image(10));
  const left = join(folder, 'x.cubin.1-1.tmp');
  const fresh = join(folder, 'x.cubin.1-2.tmp');
  for (const path of [left, fresh]) fs.writeFileSync(path, 'half');
  const before = new Date(Date.now() - 7_200_000);
  fs.utimesSync(left, before, before);
  const next = cacheIn(folder, KEY);
  next.put(next.path('two', []), image(10));
  assert.not.ok(fs.existsSync(left));
  assert.ok(fs.existsSync(fresh), 'it may be written now');
});

test.run();
