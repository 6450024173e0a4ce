import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  decode,
  encode,
  readSafetensors,
  type TensorBytes,
  writeSafetensors,
} from '../../../src/frontend/io/safetensors.ts';
import { fails, rejects } from '../support.ts';

const folder = mkdtempSync(join(tmpdir(), 'tigon-safetensors-'));
test.after(() => rmSync(folder, { recursive: true }));

const joined = (parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.concat(parts));
/** A file with this header text and data. */
const fileOf = (header: string, data: readonly number[] = []): Uint8Array<ArrayBuffer> => {
  const text = new TextEncoder().encode(header);
  const head = new Uint8Array(8);
  new DataView(head.buffer).setBigUint64(0, BigInt(text.length), true);
  return joined([head, text, Uint8Array.from(data)]);
};
const entry = (dtype: string, shape: number[], begin: number, end: number): object => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});
const floats = (...values: number[]): TensorBytes => ({
  dtype: 'float32',
  shape: [values.length],
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});
const bytesOf = (view: ArrayBufferView<ArrayBuffer>): number[] => [...new Uint8Array(view.buffer)];

test('what is written is read back, with metadata', async () => {
  const path = join(folder, 'all.safetensors');
  const tensors: [string, TensorBytes][] = [
    ['w', floats(1, -2.5, 3)],
    ['flags', { dtype: 'bool', shape: [3], bytes: Uint8Array.of(1, 0, 1) }],
    ['bytes', { dtype: 'uint8', shape: [1, 2], bytes: Uint8Array.of(7, 255) }],
    ['half', { dtype: 'float16', shape: [1], bytes: Uint8Array.of(0, 0x3c) }],
    ['brain', { dtype: 'bfloat16', shape: [2], bytes: Uint8Array.of(0x80, 0x3f, 0xc0, 0x7f) }],
    ['ints', { dtype: 'int32', shape: [], bytes: new Uint8Array(Int32Array.of(-5).buffer) }],
    ['words', { dtype: 'uint32', shape: [1], bytes: new Uint8Array(Uint32Array.of(9).buffer) }],
    ['empty', { dtype: 'float32', shape: [0, 4], bytes: new Uint8Array(0) }],
  ];
  await writeSafetensors(path, tensors, { made: 'by a test' });
  const read = await readSafetensors(path);
  assert.equal(read.metadata, { made: 'by a test' });
  assert.is(read.tensors.size, tensors.length);
  for (const [name, tensor] of tensors) {
    const found = read.tensors.get(name)!;
    assert.is(found.dtype, tensor.dtype, name);
    assert.equal([...found.shape], [...tensor.shape], name);
    assert.equal([...found.bytes], [...tensor.bytes], name);
  }
});

test('the layout of the file is that of the format', () => {
  const file = joined(encode([['a', floats(1)]]));
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  assert.is(length % 8, 0);
  assert.equal(JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))), {
    a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
  });
  assert.equal([...file.subarray(8 + length)], [0, 0, 0x80, 0x3f]);
  const mixed = encode([
    ['b', { dtype: 'uint8', shape: [1], bytes: Uint8Array.of(1) }],
    ['a', floats(1)],
  ]);
  assert.equal(
    joined(mixed),
    joined(
      encode([
        ['a', floats(1)],
        ['b', { dtype: 'uint8', shape: [1], bytes: Uint8Array.of(1) }],
      ]),
    ),
    'the same whatever the order',
  );
});

test('elements of all sizes are read', () => {
  const data = [
    ...bytesOf(Float64Array.of(0.1)),
    ...bytesOf(BigInt64Array.of(-7n)),
    ...bytesOf(Int16Array.of(-300)),
    ...bytesOf(Uint16Array.of(65535)),
    0xff,
  ];
  const header = {
    float64: entry('F64', [1], 0, 8),
    int64: entry('I64', [1], 8, 16),
    int16: entry('I16', [1], 16, 18),
    uint16: entry('U16', [1], 18, 20),
    int8: entry('I8', [1], 20, 21),
  };
  const { tensors } = decode(fileOf(JSON.stringify(header), data));
  let at = 0;
  for (const [name, { dtype, bytes }] of tensors) {
    assert.is(dtype, name);
    assert.equal([...bytes], data.slice(at, at + bytes.length));
    at += bytes.length;
  }
});

test('damaged files are errors that name the file and what is wrong', async () => {
  const cases: [Uint8Array, string][] = [
    [new Uint8Array(3), '3 bytes are too few for the length field'],
    [new Uint8Array(8).fill(255), 'is out of reason'],
    [fileOf('{}').subarray(0, 9), 'the header says 2 bytes, the file has 1 after it'],
    [fileOf('{"a":'), 'the header is not JSON'],
    [fileOf('[1]'), 'the header is not a JSON object'],
    [fileOf('{"__metadata__":{"a":1}}'), 'must map strings to strings'],
    [fileOf('{"a":1}'), '"a" has dtype undefined'],
    [fileOf(JSON.stringify({ a: entry('F8', [1], 0, 1) }), [0]), '"a" has dtype "F8"; known: BOOL'],
    [fileOf(JSON.stringify({ a: entry('F32', [-1], 0, 4) })), '"a" has no shape of whole numbers'],
    [fileOf('{"a":{"dtype":"F32","shape":[1]}}'), '"a" has no data_offsets [begin, end]'],
    [fileOf(JSON.stringify({ a: entry('F32', [1], 0, 4) }), [0, 0]), 'cut off?'],
    [
      fileOf(JSON.stringify({ a: entry('F32', [2], 0, 4) }), [0, 0, 0, 0]),
      '"a" is F32 [2] = 8 bytes, but has 4',
    ],
    [
      fileOf(JSON.stringify({ a: entry('U8', [2], 0, 2), b: entry('U8', [2], 1, 3) }), [0, 0, 0]),
      '"b" starts at byte 1, inside the array before it (2)',
    ],
    [
      fileOf(JSON.stringify({ a: entry('U8', [1], 1, 2) }), [0, 0]),
      '"a" starts at byte 1, not at the end of the array before it (0)',
    ],
    [fileOf('{}', [1]), 'the arrays end at byte 0 of 1'],
  ];
  for (const [file, rule] of cases) {
    const path = join(folder, 'damaged.safetensors');
    writeFileSync(path, file);
    await rejects(() => readSafetensors(path), 'data', path, 'not a valid safetensors file', rule);
  }
  await rejects(() => readSafetensors(join(folder, 'none')), 'file', 'no such file');
});

test('names twice and bytes that do not fill the shape are refused before anything is written', () => {
  fails(
    () =>
      encode([
        ['a', floats(1)],
        ['a', floats(2)],
      ]),
    'value',
    'the name "a" is taken twice or reserved',
  );
  fails(() => encode([['__metadata__', floats(1)]]), 'value', 'reserved');
  fails(
    () => encode([['a', { dtype: 'float32', shape: [2], bytes: new Uint8Array(4) }]]),
    'shape',
    '"a" has 4 bytes, float32 [2] needs 8',
  );
});

test.run();
