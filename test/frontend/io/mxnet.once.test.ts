import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  decode,
  encode,
  type MxnetFile,
  readMxnet,
  writeMxnet,
} from '../../../src/frontend/io/mxnet.ts';
import type { TensorBytes } from '../../../src/frontend/io/safetensors.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import { device, nd } from '../../../src/index.ts';
import { fails, rejects } from '../support.ts';

const folder = mkdtempSync(join(tmpdir(), 'tigon-mxnet-'));
test.after(() => rmSync(folder, { recursive: true }));

const joined = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const hex = (text: string): Uint8Array =>
  new Uint8Array(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const floats = (shape: number[], ...values: number[]): TensorBytes => ({
  dtype: 'float32',
  shape,
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});

/** `mx.nd.save(path, {'arg:w': mx.nd.array([[1, 2]])})`, as the format says it. */
const NAMED = hex(`
  12010000 00000000   00000000 00000000   01000000 00000000
  c9fa93f9            00000000            02000000
  01000000 00000000   02000000 00000000
  01000000 00000000   00000000
  0000803f 00000040
  01000000 00000000   05000000 00000000   6172673a 77`);

test('a file with names is what MXNet writes, byte for byte', async () => {
  const file: MxnetFile = { tensors: [floats([1, 2], 1, 2)], names: ['arg:w'] };
  assert.equal(joined(encode(file)), NAMED);
  assert.equal(decode(NAMED), file);
  assert.equal(joined(encode(decode(NAMED))), NAMED);
  const path = join(folder, 'net.params');
  await writeMxnet(path, file);
  assert.equal(new Uint8Array(readFileSync(path)), NAMED);
  assert.equal(await readMxnet(path), file);
});

test('lists, all dtypes, arrays without axes or elements', () => {
  const tensors: TensorBytes[] = [
    { dtype: 'uint8', shape: [3], bytes: Uint8Array.of(1, 2, 255) },
    { dtype: 'int32', shape: [1], bytes: new Uint8Array(Int32Array.of(-5).buffer) },
    { dtype: 'uint32', shape: [1], bytes: new Uint8Array(Uint32Array.of(9).buffer) },
    { dtype: 'bool', shape: [2], bytes: Uint8Array.of(1, 0) },
    { dtype: 'float16', shape: [1], bytes: Uint8Array.of(0, 0x3c) },
    { dtype: 'bfloat16', shape: [1], bytes: Uint8Array.of(0x80, 0x3f) },
  ];
  const two = joined(encode({ tensors, names: [] }));
  assert.equal([...two.subarray(24, 28)], [0xc9, 0xfa, 0x93, 0xf9]);
  assert.equal(decode(two), { tensors, names: [] });
  const numpy = { tensors: [...tensors, floats([], 3), floats([0, 2])], names: [] };
  const three = joined(encode(numpy));
  assert.equal([...three.subarray(24, 28)], [0xca, 0xfa, 0x93, 0xf9]);
  assert.equal(decode(three), numpy);
  fails(() => encode(numpy, { version: 2 }), 'shape', 'version 2');
  fails(() => encode({ tensors, names: ['a'] }), 'value', '1 names for 6');
  assert.equal(decode(joined(encode({ tensors: [], names: [] }))), { tensors: [], names: [] });
});

const list = (array: string): Uint8Array =>
  hex(`1201000000000000 0000000000000000 0100000000000000 ${array} 0000000000000000`);

test('old versions are read', () => {
  // before magics: u32 axes and sizes
  const zero = list('02000000 01000000 02000000 01000000 00000000 00000000 0000803f 00000040');
  assert.equal(decode(zero).tensors, [floats([1, 2], 1, 2)]);
  const one = list(
    'c8fa93f9 01000000 0200000000000000 02000000 00000000 01000000 000000000000f03f 0000000000000040',
  );
  const doubles = new Uint8Array(Float64Array.of(1, 2).buffer);
  assert.equal(decode(one).tensors, [{ dtype: 'float64', shape: [2], bytes: doubles }], 'a GPU');
  const whole = list(
    'c9fa93f9 00000000 01000000 0100000000000000 01000000 00000000 06000000 f9ffffffffffffff',
  );
  assert.is(decode(whole).tensors[0]!.dtype, 'int64');
});

test('what cannot be read says why', async () => {
  const sparse = list('c9fa93f9 01000000');
  fails(() => decode(sparse, 'x.params'), 'data', 'x.params', 'row_sparse', 'tostype');
  fails(() => decode(list('c9fa93f9 00000000 00000000')), 'data', 'array 0 has no value');
  fails(() => decode(list('c7fa93f9')), 'data', 'no array');
  fails(
    () => decode(list('01000000 01000000 01000000 00000000 63000000 00000000')),
    'data',
    'unknown type 99',
  );
  for (let end = 0; end < NAMED.length; end++)
    fails(() => decode(NAMED.subarray(0, end), 'x.params'), 'data', 'x.params');
  fails(() => decode(joined([NAMED, new Uint8Array(3)])), 'data', '3 bytes are left over');
  fails(() => decode(NAMED.with(0, 0x13)), 'data', '0x112');
  await rejects(() => readMxnet(join(folder, 'none.params')), 'file', 'none.params');
});

test('nd.save and nd.load: what a file is shows in how it begins', async () => {
  const weight = nd.array([
    [1, 2],
    [3, 4],
  ]);
  const bias = nd.array([5, 6], { dtype: 'int32' });
  for (const ending of ['params', 'npz', 'safetensors', 'anything']) {
    const path = join(folder, `named.${ending}`);
    await nd.save(path, { weight: weight.T, bias });
    const read = (await nd.load(path)) as Record<string, nd.NDArray>;
    assert.equal(Object.keys(read).sort(), ['bias', 'weight'], ending);
    await assertAllClose(read['weight']!, weight.T);
    await assertAllClose(read['bias']!, bias);
  }
  for (const format of ['params', 'npz'] as const) {
    const bytes = await nd.serialize([weight, bias], format);
    const read = await nd.load(bytes, { device: device.default() });
    assert.equal(await Object.values(read)[1]!.array(), [5, 6], format);
  }
  await nd.save(join(folder, 'one.npy'), weight);
  await assertAllClose((await nd.load(join(folder, 'one.npy'))) as nd.NDArray, weight);
  await rejects(() => nd.save(join(folder, 'two.npy'), [weight, bias]), 'value', '.npz');
  await rejects(() => nd.save(join(folder, 'no.params'), [1] as never), 'value', 'item 0 is 1');
  await rejects(() => nd.serialize([weight], 'safetensors'), 'value', 'names');
  await rejects(() => nd.serialize([weight], 'zip' as never), 'option', 'format');
  assert.not(existsSync(join(folder, 'two.npy')));
  writeFileSync(join(folder, 'junk.params'), 'not arrays');
  await rejects(() => nd.load(join(folder, 'junk.params')), 'data', 'junk.params');
});

test.run();
