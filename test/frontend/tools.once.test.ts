/**
 * What devices, explanations and checks refuse, before anything is opened or run.
 *
 * Invariant: needs no device but the CPU.
 */
import { test } from 'uvu';
import { checkGradients, checkHybridize } from '../../src/frontend/testing.ts';
import * as viz from '../../src/frontend/viz.ts';
import { device, nd } from '../../src/index.ts';
import { fails, rejects } from './support.ts';

const js = (value: unknown): never => value as never;

test('devices refuse what they cannot be', async () => {
  fails(() => device.setDefault(js(3)), 'value', 'device.setDefault: 3 is no device');
  fails(() => device.setDefault(js(Promise.resolve())), 'value', 'type Promise', 'await');
  fails(() => device.chromeTrace(js(3)), 'value', 'device.chromeTrace', 'profile');
  for (const open of [device.webgpu, device.cuda, device.best])
    await rejects(
      () => open(js({ foo: 1 })),
      'option',
      `device.${open.name}: unknown option "foo"`,
    );
});

test('explanations and pictures are of what can be explained', async () => {
  for (const wrong of [3, () => 1, nd.ones([1])])
    fails(() => viz.explain(js(wrong)), 'value', 'explain: ', 'is not hybridized');
  await rejects(() => viz.dotToSvg('digraph {'), 'value', 'dotToSvg: syntax error');
});

test('checks take functions and lists', async () => {
  for (const check of [checkGradients, checkHybridize]) {
    await rejects(() => check(js(3), []), 'value', `${check.name}: 3 is not a function`);
    await rejects(() => check(js(nd.exp), js(3)), 'value', check.name, 'list of inputs is 3');
  }
});

test.run();
