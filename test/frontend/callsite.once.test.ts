import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { lineInStack, userLine, withinBlock } from '../../src/frontend/callsite.ts';
import { nearest } from '../../src/frontend/options.ts';
import { hybridize, nd } from '../../src/index.ts';
import { fails } from './support.ts';

test('the line is that of the caller outside Tigon', () => {
  assert.match(userLine() ?? '', /^test\/frontend\/callsite\.once\.test\.ts:9:/);
  assert.match(userLine() ?? '', /^test\/frontend\/callsite\.once\.test\.ts:10:/);
});

test('without source maps, the line is that of the code that runs', () => {
  const { prepareStackTrace } = Error;
  const mapped = process.sourceMapsEnabled;
  process.setSourceMapsEnabled(false);
  Reflect.deleteProperty(Error, 'prepareStackTrace');
  try {
    const [found, text] = [userLine(), lineInStack(new Error().stack)];
    const lineOf = (place: string | undefined): string => (place ?? '').replace(/:\d+$/, '');
    assert.match(lineOf(found), /^test\/frontend\/callsite\.once\.test\.ts:\d+$/);
    assert.is(lineOf(found), lineOf(text));
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    process.setSourceMapsEnabled(mapped);
  }
});

test('stack texts of Node and of evaluated code are understood', () => {
  const home = new URL('../../src/frontend/ndarray.ts', import.meta.url).href;
  const stack = `Error: x
    at Module.add (${home}:10:5)
    at node:internal/main:1:1
    at Array.map (<anonymous>)
    at Net.forward (file:///home/me/train.ts:41:18)
    at file:///home/me/main.ts:1:1`;
  assert.is(lineInStack(stack), '/home/me/train.ts:41:18');
  assert.is(lineInStack('Error: x'), undefined);
  assert.is(lineInStack(undefined), undefined);
});

test('errors name the path of blocks', () => {
  const body = (): nd.NDArray =>
    withinBlock('Net', () => withinBlock('hidden (Dense)', () => nd.ones([2]).add(nd.ones([3]))));
  fails(body, 'shape', 'callsite.once.test.ts:', 'in Net › hidden (Dense)');
  fails(() => nd.ones([2]).add(nd.ones([3])), 'shape', 'help');
  fails(
    () => hybridize(() => withinBlock('Net', () => nd.ones([2]).sum().itemSync()))(),
    'trace',
    'while tracing Net',
  );
});

test('nodes of a traced program know where they come from', () => {
  const f = hybridize((x: nd.NDArray) => x.add(1));
  f(nd.ones([2]));
  const node = f.cached.plans[0]!.callable.graph.outputs[0]!;
  assert.match(node.origin ?? '', 'callsite.once.test.ts:');
});

test('near spellings are found, far ones are not', () => {
  assert.is(nearest('stride', ['padding', 'strides']), 'strides');
  assert.is(nearest('Dtype', ['dtype', 'device']), 'dtype');
  assert.is(nearest('banana', ['dtype', 'device']), undefined);
});

test.run();
