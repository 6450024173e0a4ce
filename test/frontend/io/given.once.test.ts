/** What is no stored array, no bytes, or no option of a format is refused before a byte is looked at or written. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as mxnet from '../../../src/frontend/io/mxnet.ts';
import * as npy from '../../../src/frontend/io/npy.ts';
import * as npz from '../../../src/frontend/io/npz.ts';
import * as safetensors from '../../../src/frontend/io/safetensors.ts';
import { nd } from '../../../src/index.ts';
import { fails } from '../support.ts';

const js = (value: unknown): never => value as never;
const tensor = { dtype: 'uint8', shape: [2], bytes: new Uint8Array([1, 2]) } as const;
const short = { ...tensor, shape: [3] };
const odd = { ...tensor, dtype: js('flaot32') };

type Row = readonly [call: () => unknown, code: string, ...parts: string[]];
const ROWS: readonly Row[] = [
  [() => mxnet.encode(js(undefined)), 'value', 'mxnet: tensors is undefined'],
  [() => mxnet.encode(js({ tensors: [tensor] })), 'value', 'mxnet: names is undefined'],
  [() => mxnet.encode({ tensors: [short], names: [] }), 'shape', 'array 0 has 2 bytes', 'needs 3'],
  [() => mxnet.encode({ tensors: [odd], names: [] }), 'dtype', 'array 0', 'use "float32"'],
  [() => mxnet.encode({ tensors: [], names: [] }, { version: js(5) }), 'option', 'version is 5'],
  [() => mxnet.decode(js('abc')), 'value', 'mxnet: "abc" is no bytes'],
  [() => mxnet.isMxnet(js(undefined)), 'value', 'undefined is no bytes'],
  [() => npy.encode(js(nd.ones([2]))), 'value', 'is no stored array', 'nd.save'],
  [() => npy.encode(short), 'shape', 'npy: the array has 2 bytes'],
  [() => npy.encode(odd), 'dtype', 'flaot32'],
  [() => npy.encode(tensor, { order: js('X') }), 'option', 'order is "X"'],
  [() => npy.encode(tensor, js({ ordre: 'F' })), 'option', 'did you mean "order"?'],
  [() => npy.isNpy(js(undefined)), 'value', 'undefined is no bytes'],
  [() => npz.encode(js({ a: tensor })), 'value', 'npz: the arrays are an object', 'pairs'],
  [() => npz.encode([['a', short]]), 'shape', 'npz: "a" has 2 bytes'],
  [() => npz.encode([['a', tensor]], js({ packed: true })), 'option', 'packed'],
  [() => npz.decode(js('abc')), 'value', 'npz: "abc" is no bytes'],
  [() => safetensors.encode(js({ a: tensor })), 'value', 'safetensors: the arrays are an object'],
  [() => safetensors.encode([['a', odd]]), 'dtype', 'safetensors: "a": dtype is "flaot32"'],
  [() => safetensors.encode([['a', tensor]], js({ epoch: 3 })), 'value', 'metadata', 'texts'],
  [() => safetensors.decode(js('abc')), 'value', 'safetensors: "abc" is no bytes'],
];
test('wrong arguments', () => {
  for (const [call, code, ...parts] of ROWS) fails(call, code, ...parts);
});

test('what is right is written as it was', () => {
  assert.equal(
    [...safetensors.decode(joined(safetensors.encode([['a', tensor]]))).tensors.keys()],
    ['a'],
  );
  assert.equal([...npy.decode(joined(npy.encode(tensor))).bytes], [1, 2]);
  assert.equal(mxnet.decode(joined(mxnet.encode({ tensors: [tensor], names: ['a'] }))).names, [
    'a',
  ]);
});
const joined = (parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

test.run();
