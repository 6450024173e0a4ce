/**
 * Everything public is documented: what it throws, dtypes and shapes where arrays go in or out, and an example. Examples
 * pass the type checker, run, and give what their comments say.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { publicEntries, root } from '../book/reference/public.ts';
import { isNDArray } from '../src/frontend/ndarray.ts';
import { assertAllClose } from '../src/frontend/testing.ts';
import { device } from '../src/index.ts';
import { compileExamples, type Example, shownMembers } from './support/examples.ts';
import { typeErrors } from './support/typed-examples.ts';
import { lacking } from './support/wording.ts';

/** Examples that cannot run here, and why. */
const NOT_RUN: Readonly<Record<string, string>> = {
  'device.webgpu': 'needs WebGPU',
  'device.cuda': 'needs a graphics card of NVIDIA, and the add-on',
  'device.chromeTrace': 'profiles a device of CUDA',
  'data.MNIST': 'reads 60,000 images, from the network where they are nowhere else',
  'data.ImageDataset': 'reads images, from the network where they are nowhere else',
  'd2l.loadMnist': 'reads 60,000 images, from the network where they are nowhere else',
  'd2l.loadFashionMnist': 'reads 60,000 images, from the network where they are nowhere else',
  'd2l.readTimeMachine': 'reads a book, from the network where it is nowhere else',
  'd2l.loadCorpusTimeMachine': 'reads a book, from the network where it is nowhere else',
  'd2l.loadTimeMachine': 'reads a book, from the network where it is nowhere else',
  'd2l.loadAirfoil': 'reads a table, from the network where it is nowhere else',
};

const entries = publicEntries();
const names = new Map(entries.map((entry) => [entry.name, entry]));
const examples = await compileExamples(entries);
const shown = shownMembers(examples);

test('everything public has a docstring', () => {
  const bare = entries.filter(({ doc }) => doc === undefined || /^@/.test(doc));
  assert.equal(
    bare.map(({ name }) => name),
    [],
  );
});

/** `@see {@link name}` names one with an example. */
const isLikeAnother = (doc: string | undefined): boolean => {
  const other = /@see \{@link (\w+)\}/.exec(doc ?? '')?.[1];
  return entries.some(
    ({ name, doc: text }) => name.split('.').at(-1) === other && text?.includes('@example'),
  );
};

test('functions and classes have an example, members of classes one that uses them', () => {
  const without = entries.filter(({ name, kind, doc }) => {
    if (kind === 'value' || doc?.includes('@example') || isLikeAnother(doc)) return false;
    return kind !== 'member' || !shown.has(name.split('.').at(-1)!);
  });
  assert.equal(
    without.map(({ name, file }) => `${name} (${relative(root, file)})`),
    [],
  );
});

test('docstrings say what is thrown, and dtypes and shapes of arrays', () => {
  const found = [...lacking(entries)].filter(([, lacks]) => lacks.length > 0);
  assert.equal(
    found.map(
      ([{ name, file }, lacks]) => `${name} (${relative(root, file)}): ${lacks.join(', ')}`,
    ),
    [],
  );
});

test('the types of examples fit', () => {
  assert.equal(typeErrors(examples), []);
});

test('exceptions are of examples that exist', () => {
  for (const name of Object.keys(NOT_RUN))
    assert.ok(names.get(name)?.doc?.includes('@example'), name);
});

let checks = 0;
const check = async (value: unknown, wanted: never): Promise<void> => {
  checks++;
  const got = await value;
  const isNumeric =
    isNDArray(got) || ArrayBuffer.isView(got) || typeof got === 'number' || Array.isArray(got);
  if (isNDArray(got)) await assertAllClose(got, wanted, { atol: 5e-5, rtol: 1e-4 });
  else if (ArrayBuffer.isView(got))
    await assertAllClose(Array.from(got as Float32Array), wanted, { atol: 5e-5, rtol: 1e-4 });
  else if (isNumeric && typeof [got].flat(9)[0] === 'number' && [wanted].flat(9).length > 0)
    await assertAllClose(got as never, wanted, { atol: 5e-5, rtol: 1e-4 });
  else assert.equal(got, wanted);
};

const folder = mkdtempSync(join(tmpdir(), 'tigon-docstrings-'));
const before = process.cwd();
const { log } = console;
const cpu = device.cpu();
device.setDefault(cpu);
const run = async ({ entry, code, run: go }: Example): Promise<void> => {
  process.chdir(folder);
  console.log = (): void => undefined;
  try {
    await go(check);
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`${entry.name}: ${message}\n${code}`, { cause: error });
  } finally {
    console.log = log;
    process.chdir(before);
    device.setDefault(cpu);
  }
};

for (const file of new Set(examples.map(({ entry }) => entry.file))) {
  const group = examples.filter(({ entry }) => entry.file === file);
  test(`the ${group.length} examples in ${relative(root, file)}`, async () => {
    for (const example of group) if (!(example.entry.name in NOT_RUN)) await run(example);
  });
}

test('most of them say what they give', () => {
  const stated = examples.filter((example) => example.checks > 0).length;
  assert.ok(stated > examples.length / 2, `${stated} of ${examples.length}`);
  assert.ok(checks > stated, `${checks} checks`);
});

test.after(() => rmSync(folder, { recursive: true }));
test.run();
