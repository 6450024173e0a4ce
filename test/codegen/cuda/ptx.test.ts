/** Functions of the device: the emulator's are called as the real ones are, and all real ones compile. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type DeviceFunction, deviceFunctions, deviceText } from '../../../src/codegen/cuda/ptx.ts';
import { unitText } from '../../../src/codegen/cuda/unit.ts';
import { compileCuda, hasGcc, hasNvcc, readEmulated } from '../../support/nvcc.ts';

/** A kernel that calls a function with its own parameters. */
const caller = ({ signature }: DeviceFunction, index: number): string => {
  const found = /^(?:template<(.*?)> )?([\w ]+) (\w+)\((.*)\)$/.exec(signature);
  assert.ok(found, signature);
  const [, template, result, name, list] = found as unknown as readonly string[];
  // of templates over types an instance of float, of those over numbers one of 1
  const instance = (type: string): string => type.replace(/\bT\b/, 'float');
  const parameters = list === '' ? [] : list!.split(', ').map((p) => instance(p.replace('&', '')));
  const own = parameters.map((p) => p.slice(p.lastIndexOf(' ') + 1)).join(', ');
  const called = `${name}${template?.startsWith('int') ? '<1>' : ''}(${own})`;
  const [extra, body] =
    result === 'void' ? [[], `${called};`] : [[`${instance(result!)}* out`], `*out = ${called};`];
  return `KERNEL(32, call_${index})(${[...parameters, ...extra].join(', ')}) { ${body} }`;
};

const functions = Object.values(deviceFunctions);
const unit = unitText(
  { device: functions.map(deviceText), plain: [] },
  functions.map((f, i) => caller(f, i)),
);

test('the emulator has a function for each, called the same', () => {
  if (hasGcc()) readEmulated(unit);
  else console.log('skipped: there is no g++');
});

for (const architecture of ['sm_80', 'sm_90a'] as const)
  test(`all compile for ${architecture}`, () => {
    if (hasNvcc()) assert.is(compileCuda(unit, architecture).size, functions.length);
    else console.log('skipped: there is no nvcc');
  });

test.run();
