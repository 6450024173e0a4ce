import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  decompress,
  fileExists,
  readFile,
  sha256,
  writeFile,
} from '../../../src/frontend/io/files.ts';
import { rejects } from '../support.ts';

const folder = mkdtempSync(join(tmpdir(), 'tigon-files-'));
test.after(() => rmSync(folder, { recursive: true }));
const bytes = (...values: number[]): Uint8Array<ArrayBuffer> => Uint8Array.from(values);

test('writes parts one after the other, in folders that it makes, and leaves nothing else behind', async () => {
  const path = join(folder, 'a', 'b', 'file');
  await writeFile(path, [bytes(1, 2), bytes(3)]);
  assert.equal(await readFile(path), bytes(1, 2, 3));
  await writeFile(path, [bytes(9)]);
  assert.equal(await readFile(path), bytes(9));
  assert.equal(readdirSync(join(folder, 'a', 'b')), ['file']);
  assert.ok(await fileExists(path));
  assert.not.ok(await fileExists(folder));
  assert.not.ok(await fileExists(join(folder, 'none')));
});

test('a write that fails leaves what was there before', async () => {
  const path = join(folder, 'kept');
  await writeFile(path, [bytes(1)]);
  const broken = {
    get length(): number {
      throw new Error('no more bytes');
    },
  };
  await rejects(
    () => writeFile(path, [bytes(2), broken as unknown as Uint8Array]),
    'file',
    `cannot write ${path}`,
  );
  assert.equal([...readFileSync(path)], [1]);
  assert.equal(
    readdirSync(folder).filter((name) => name.includes('tmp')),
    [],
  );
});

test('errors name the path and the reason', async () => {
  const none = join(folder, 'none');
  await rejects(() => readFile(none), 'file', `cannot read ${none}: no such file or directory`);
  await rejects(() => readFile(folder), 'file', 'it is a directory');
  writeFileSync(join(folder, 'plain'), '');
  await rejects(() => writeFile(join(folder, 'plain', 'x'), []), 'file', 'a part of the path is');
});

test('decompresses, and names what is damaged', async () => {
  const plain = bytes(...Array.from({ length: 1000 }, (_, i) => i % 7));
  const gzip = new Uint8Array(gzipSync(plain));
  const brotli = new Uint8Array(brotliCompressSync(plain));
  assert.equal(await decompress(gzip, 'gzip', 'x.gz'), plain);
  assert.equal(await decompress(brotli, 'brotli', 'x.br'), plain);
  await rejects(
    () => decompress(gzip.slice(0, -9), 'gzip', 'x.gz'),
    'data',
    'x.gz: not a whole gzip stream',
    'fetch it again',
  );
  gzip[20]! ^= 255;
  await rejects(() => decompress(gzip, 'gzip', 'x.gz'), 'data', 'x.gz: not a whole gzip stream');
  await rejects(() => decompress(brotli.slice(0, 5), 'brotli', 'x.br'), 'data', 'x.br');
});

test('sha256', async () => {
  assert.is(
    await sha256(new TextEncoder().encode('abc')),
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  );
});

test.run();
