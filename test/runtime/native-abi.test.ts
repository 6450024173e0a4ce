/** The add-on's sources: our declarations against CUDA's headers, and all files in the build. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('../..', import.meta.url));
const sources = join(root, 'src/runtime/native/addon');
const include = [process.env['CUDA_PATH'], process.env['CUDA_HOME'], '/usr/local/cuda']
  .map((folder) => `${folder}/include`)
  .find((folder) => existsSync(`${folder}/cuda.h`));
const compiles = spawnSync('g++', ['--version']).status === 0;

/** What the compiler says of `check.cc` in this folder. */
const check = (folder: string): string =>
  spawnSync(
    'g++',
    [
      ...['-std=c++17', '-Wall', '-Wextra', '-fsyntax-only'],
      ...[`-I${include}`, join(folder, 'check.cc')],
    ],
    { encoding: 'utf8' },
  ).stderr;

const withHeaders = (name: string, body: () => void): void => {
  if (include !== undefined && compiles) {
    test(name, body);
    return;
  }
  console.log(`skipped: ${name}: ${compiles ? 'no cuda.h' : 'no C++ compiler'}`);
  test.skip(name);
};

withHeaders('our declarations are those of cuda.h', () => {
  assert.is(check(sources), '');
});

/** What is said when one of the files of declarations is changed. */
const complaint = (file: string, from: string, to: string): string => {
  const folder = mkdtempSync(join(tmpdir(), 'tigon-abi-'));
  try {
    for (const name of ['abi', 'check.cc'])
      cpSync(join(sources, name), join(folder, name), { recursive: true });
    const text = readFileSync(join(folder, 'abi', file), 'utf8');
    assert.ok(text.includes(from), from);
    writeFileSync(join(folder, 'abi', file), text.replace(from, to));
    return check(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

withHeaders('a wrong parameter, a missing suffix, a wrong number, a wrong struct are found', () => {
  const free = '"cuMemFree_v2", true, Address';
  const failed = 'static assertion failed: ';
  assert.match(complaint('driver.h', free, '"cuMemFree_v2", true, int'), `${failed}cuMemFree_v2`);
  assert.match(complaint('driver.h', free, '"cuMemFree", true, Address'), `${failed}cuMemFree`);
  assert.match(complaint('types.h', 'WARP = 10', 'WARP = 11'), `${failed}CU_DEVICE_ATTRIBUTE_WARP`);
  assert.match(complaint('types.h', '  size_t pitch;\n  unsigned', '  unsigned'), 'MEMSET_NODE');
});

test('every source is built', () => {
  const gyp = readFileSync(join(root, 'binding.gyp'), 'utf8');
  const listed = [...gyp.matchAll(/addon\/(\w+\.cc)/g)].map(([, name]) => name!);
  const there = readdirSync(sources).filter((name) => name.endsWith('.cc') && name !== 'check.cc');
  assert.equal(listed.sort(), there.sort());
});

test.run();
