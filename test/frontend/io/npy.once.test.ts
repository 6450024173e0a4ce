import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decode, encode, readNpy, writeNpy } from '../../../src/frontend/io/npy.ts';
import {
  decode as decodeNpz,
  encode as encodeNpz,
  readNpz,
  writeNpz,
} from '../../../src/frontend/io/npz.ts';
import type { TensorBytes } from '../../../src/frontend/io/safetensors.ts';
import { fitting } from '../../../src/frontend/io/stored.ts';
import type { DType } from '../../../src/ir/dtype.ts';
import type { Device } from '../../../src/runtime/device.ts';
import { fails, rejects } from '../support.ts';

const folder = mkdtempSync(join(tmpdir(), 'tigon-npy-'));
test.after(() => rmSync(folder, { recursive: true }));

const joined = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const tensorOf = (dtype: DType, shape: number[], values: ArrayBufferView): TensorBytes => ({
  dtype,
  shape,
  bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
});
const floats = (shape: number[], ...values: number[]): TensorBytes =>
  tensorOf('float32', shape, Float32Array.from(values));
const same = (got: TensorBytes, wanted: TensorBytes, label: string): void => {
  assert.is(got.dtype, wanted.dtype, label);
  assert.equal([...got.shape], [...wanted.shape], label);
  assert.equal([...got.bytes], [...wanted.bytes], label);
};

/** One of each dtype that NumPy has, one without axes, one without elements. */
const samples: readonly (readonly [string, TensorBytes])[] = [
  ['f4', floats([2, 3], 1, -2.5, 3, Number.NaN, Number.POSITIVE_INFINITY, -0)],
  ['f2', tensorOf('float16', [2], Uint16Array.of(0x3c00, 0xc100))],
  ['i4', tensorOf('int32', [3], Int32Array.of(-1, 0, 2147483647))],
  ['u4', tensorOf('uint32', [1, 1], Uint32Array.of(4294967295))],
  ['u1', tensorOf('uint8', [4], Uint8Array.of(0, 1, 127, 255))],
  ['b1', tensorOf('bool', [2], Uint8Array.of(1, 0))],
  ['f8', tensorOf('float64', [2], Float64Array.of(0.1, -1e300))],
  ['i8', tensorOf('int64', [2], BigInt64Array.of(-7n, 2n ** 60n))],
  ['u8', tensorOf('uint64', [1], BigUint64Array.of(2n ** 64n - 1n))],
  ['i2', tensorOf('int16', [2], Int16Array.of(-3, 4))],
  ['u2', tensorOf('uint16', [1], Uint16Array.of(65535))],
  ['i1', tensorOf('int8', [1], Int8Array.of(-8))],
  ['scalar', floats([], 7)],
  ['empty', floats([0, 3])],
];

/** A file with this header and these elements. */
const fileOf = (header: string, data: ArrayBufferView, version = 1): Uint8Array => {
  const text = new TextEncoder().encode(`${header}\n`);
  const head = new Uint8Array(version === 1 ? 10 : 12);
  head.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  const view = new DataView(head.buffer);
  if (version === 1) view.setUint16(8, text.length, true);
  else view.setUint32(8, text.length, true);
  return joined([head, text, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
};
const headerOf = (descr: string, shape: string, fortran = false): string =>
  `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${shape}, }`;

test('what is written is read back', async () => {
  for (const [name, tensor] of samples) {
    const path = join(folder, `${name}.npy`);
    await writeNpy(path, tensor);
    same(await readNpy(path), tensor, name);
    same(await readNpy(joined(encode(tensor, { order: 'F' }))), tensor, `${name}, columns`);
  }
});

test('the layout of the file is that of the format', () => {
  const file = joined(encode(floats([3], 1, 2, 3)));
  const header = `${headerOf('<f4', '(3,)')}`;
  assert.is(file.length, 128 + 12);
  assert.equal([...file.subarray(0, 10)], [0x93, 78, 85, 77, 80, 89, 1, 0, 118, 0]);
  assert.is(new TextDecoder().decode(file.subarray(10, 10 + header.length)), header);
  assert.is(file[127], 10);
  const columns = joined(encode(floats([2, 2], 1, 2, 3, 4), { order: 'F' }));
  assert.equal(Array.from(new Float32Array(columns.slice(128).buffer)), [1, 3, 2, 4]);
});

test('other byte orders and versions are read; devices without 64 bits get 32', () => {
  const big = new Uint8Array(8);
  new DataView(big.buffer).setFloat64(0, -1.5, false);
  const wanted = tensorOf('float64', [1], Float64Array.of(-1.5));
  same(decode(fileOf(headerOf('>f8', '(1,)'), big)), wanted, 'big-endian');
  const second = fileOf(headerOf('<i2', '(2,)'), Int16Array.of(-3, 4), 2);
  same(decode(second), tensorOf('int16', [2], Int16Array.of(-3, 4)), 'version 2');
  const flags = fileOf(headerOf('|b1', '(2,)'), Uint8Array.of(0, 5), 3);
  same(decode(flags), tensorOf('bool', [2], Uint8Array.of(0, 1)), 'booleans are 0 or 1');

  const small = { name: 'webgpu(0)', caps: { wide: false } } as Device;
  same(fitting(small, wanted, 'x'), floats([1], -1.5), 'float32');
  const whole = tensorOf('int64', [2], BigInt64Array.of(-7n, 2n ** 31n - 1n));
  const int32 = tensorOf('int32', [2], Int32Array.of(-7, 2147483647));
  same(fitting(small, whole, 'x'), int32, 'int32');
  const high = tensorOf('int64', [2], BigInt64Array.of(1n, 2n ** 40n));
  fails(
    () => fitting(small, high, 'x.npy'),
    'value',
    'x.npy',
    'element 1',
    '1099511627776',
    'int32',
    'webgpu(0)',
  );
});

test('what cannot be read says why', () => {
  const good = joined(encode(floats([2, 2], 1, 2, 3, 4)));
  const wrong: readonly (readonly [Uint8Array, string])[] = [
    [new Uint8Array(3), 'NUMPY'],
    [good.subarray(0, 9), 'too few'],
    [good.subarray(0, 60), 'the header says 118 bytes'],
    [good.subarray(0, 140), 'float32 [2, 2] is 16 bytes, the file has 12'],
    [joined([good, new Uint8Array(1)]), 'the file has 17'],
    [good.with(6, 9), 'version 9'],
    [good.with(10, 0x5b), 'dictionary'],
    [fileOf(headerOf('|O', '(1,)'), new Uint8Array(8)), 'Python objects'],
    [fileOf(headerOf('<c8', '(1,)'), new Uint8Array(8)), 'complex numbers'],
    [fileOf(headerOf('<U3', '(1,)'), new Uint8Array(12)), 'texts'],
    [fileOf(headerOf('<f4', '(99999999999999999999,)'), new Uint8Array(4)), 'out of reason'],
    [
      fileOf(
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }",
        new Uint8Array(4),
      ),
      'records',
    ],
  ];
  for (const [bytes, part] of wrong) fails(() => decode(bytes, 'x.npy'), 'data', 'x.npy', part);
  fails(() => encode(tensorOf('bfloat16', [1], Uint16Array.of(1))), 'dtype', 'float32');
});

test('archives keep names and order, stored or deflated', async () => {
  for (const compress of [false, true]) {
    const path = join(folder, `${compress}.npz`);
    await writeNpz(path, samples, { compress });
    const read = await readNpz(path);
    assert.equal(
      [...read.keys()],
      samples.map(([name]) => name),
    );
    for (const [name, tensor] of samples) same(read.get(name)!, tensor, name);
  }
  assert.equal(encodeNpz(samples), encodeNpz(samples), 'the same bytes each time');
  fails(() => encodeNpz([['', floats([0])]]), 'value', 'name');
});

test('damaged archives are refused, and nothing is left half written', async () => {
  const good = encodeNpz([['weights', floats([64], ...new Array<number>(64).fill(1))]]);
  fails(() => decodeNpz(good.subarray(0, good.length - 30), 'x.npz'), 'data', 'x.npz', 'cut off');
  fails(() => decodeNpz(good.with(200, 99), 'x.npz'), 'data', '"weights.npy"', 'checksum');
  fails(() => decodeNpz(good.with(1, 0), 'x.npz'), 'data', 'not where the directory says');
  assert.is(decodeNpz(encodeNpz([])).size, 0);
  const deflated = encodeNpz([['w', floats([512], ...new Array<number>(512).fill(2))]], {
    compress: true,
  });
  for (let at = 40; at < deflated.length - 80; at += 7)
    fails(() => decodeNpz(deflated.with(at, deflated[at]! ^ 0x55), 'x.npz'), 'data', 'x.npz');
  await rejects(
    () =>
      writeNpz(join(folder, 'never.npz'), [
        ['a', floats([1], 1)],
        ['b', tensorOf('bfloat16', [1], Uint16Array.of(1))],
      ]),
    'dtype',
    'bfloat16',
  );
  assert.not(existsSync(join(folder, 'never.npz')));
});

const python = '/usr/bin/python3';
const numpyHere = ((): string | undefined => {
  try {
    execFileSync(python, ['-c', 'import numpy'], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return (error as Error).message.split('\n')[0];
  }
})();
if (numpyHere !== undefined) console.log(`npy: not checked with NumPy: ${numpyHere}`);

if (numpyHere === undefined)
  test('NumPy reads what is written, and writes what is read', async () => {
    const own = join(folder, 'own');
    for (const [name, tensor] of samples) {
      await writeNpy(join(own, `${name}.npy`), tensor);
      await writeNpy(join(own, `${name}-f.npy`), tensor, { order: 'F' });
    }
    await writeNpz(join(own, 'all.npz'), samples);
    await writeNpz(join(own, 'packed.npz'), samples, { compress: true });
    const script = `
import numpy as np, os, sys
own, back = sys.argv[1], sys.argv[2]
os.makedirs(back, exist_ok=True)
names = [n[:-4] for n in sorted(os.listdir(own)) if n.endswith('.npy')]
arrays = {n: np.load(os.path.join(own, n + '.npy')) for n in names}
for n, x in arrays.items():
    np.save(os.path.join(back, n + '.npy'), x)
for kind in ['all', 'packed']:
    with np.load(os.path.join(own, kind + '.npz')) as z:
        for n in z.files:
            assert z[n].dtype == arrays[n].dtype and z[n].shape == arrays[n].shape, n
            assert z[n].tobytes() == arrays[n].tobytes(), n
assert np.isfortran(arrays['f4-f']) and (arrays['f4-f'][0] == arrays['f4'][0]).all()
assert [str(arrays[k].dtype) for k in ['f4', 'f2', 'i4', 'u4', 'u1', 'b1', 'f8', 'i8', 'u8', 'i2', 'u2', 'i1']] == ['float32', 'float16', 'int32', 'uint32', 'uint8', 'bool', 'float64', 'int64', 'uint64', 'int16', 'uint16', 'int8']
assert arrays['scalar'] == 7 and arrays['empty'].shape == (0, 3)
plain = {n: x for n, x in arrays.items() if not n.endswith('-f')}
np.savez(os.path.join(back, 'all.npz'), **plain)
np.savez_compressed(os.path.join(back, 'packed.npz'), **plain)
np.save(os.path.join(back, 'wide.npy'), np.arange(6, dtype='>f8').reshape(2, 3, order='F'))
`;
    const path = join(folder, 'check.py');
    writeFileSync(path, script);
    const back = join(folder, 'back');
    execFileSync(python, [path, own, back], { stdio: 'pipe' });
    for (const name of readdirSync(own).filter((n) => n.endsWith('.npy')))
      assert.equal(
        readFileSync(join(back, name)),
        readFileSync(join(own, name)),
        `${name}: byte for byte what NumPy writes`,
      );
    for (const kind of ['all', 'packed']) {
      const read = await readNpz(join(back, `${kind}.npz`));
      for (const [name, tensor] of samples) same(read.get(name)!, tensor, `${kind}: ${name}`);
    }
    const wide = await readNpy(join(back, 'wide.npy'));
    assert.equal([...wide.shape], [2, 3]);
    assert.equal(Array.from(new Float64Array(wide.bytes.slice().buffer)), [0, 2, 4, 1, 3, 5]);
  });

test.run();
