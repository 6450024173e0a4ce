import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildProgram } from '../support/built.ts';

const GRAPH = `graph scores(%x: f32[64, 128], param %w: f32[128]) {
  %a = broadcast %w {shape=[64, 128], axes=[1]}
  %b = mul %x, %a
  %c = sum %b {axes=[1]}
  %d = sigmoid %c
  return %d
}
`;

const command = await buildProgram('src/cli/main.ts');

const tigon = (...args: string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, [command.path, ...args], { maxBuffer: 1 << 26 }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });

const test = suite<{ folder: string; file: string }>('tigon');
test.before(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'tigon-'));
  context.file = join(context.folder, 'scores.tg');
  await writeFile(context.file, GRAPH);
});
test.after(async ({ folder }) => {
  await rm(folder, { recursive: true });
  command.remove();
});

test('devices lists the CPU, the adapters of WebGPU and the cards of CUDA, or how to get one', async () => {
  const { code, out } = await tigon('devices');
  assert.is(code, 0);
  assert.match(out, /cpu\(\): WebAssembly/);
  assert.match(
    out,
    /^webgpu\((0\): .*\n {2}(yes|no ) {2}shader-f16|\): not here: .*\n {2}help: )/m,
  );
  assert.match(out, /^cuda\((0\): .*compute capability|\): not here: [\s\S]*\n {2}help: )/m);
  const json = JSON.parse((await tigon('devices', '--json')).out) as Record<string, string>[];
  assert.is(json[0]!['kind'], 'cpu');
  assert.is(json[1]!['kind'], 'webgpu');
  assert.ok('limits' in json[1]! || 'help' in json[1]!);
  const cuda = json.find(({ kind }) => kind === 'cuda')!;
  assert.ok('capability' in cuda || 'help' in cuda);
});

test('explain prints graph, kernels and memory; --json the same as data; --dot a picture', async ({
  file,
}) => {
  const { code, out } = await tigon('explain', file, '--wat');
  assert.is(code, 0);
  for (const part of ['scores: 1 kernels', 'mul_sum_sigmoid', '(func $mul_sum_sigmoid'])
    assert.ok(out.includes(part), part);
  const json = JSON.parse((await tigon('explain', file, '--json')).out) as { kernels: unknown[] };
  assert.is(json.kernels.length, 1);
  assert.match((await tigon('explain', file, '--dot')).out, /^digraph "scores"/);
});

test('explain --svg draws the graph', async ({ file, folder }) => {
  const svg = join(folder, 'graph.svg');
  assert.is((await tigon('explain', file, '--svg', svg)).code, 0);
  assert.match(await readFile(svg, 'utf8'), /<svg/);
});

test('compile prints WebAssembly text or any level, and writes a valid module', async ({
  file,
  folder,
}) => {
  assert.match((await tigon('compile', file, '--target', 'wasm')).out, /^\(module/);
  for (const [level, start] of [
    ['graph', 'graph scores'],
    ['loop', 'kernel mul_sum_sigmoid'],
    ['thread', 'thread mul_sum_sigmoid'],
    ['program', 'program scores'],
  ] as const)
    assert.ok((await tigon('compile', file, '--level', level)).out.startsWith(start), level);
  const output = join(folder, 'scores.wasm');
  assert.is((await tigon('compile', file, '--output', output)).code, 0);
  const bytes = await readFile(output);
  assert.equal([...bytes.subarray(0, 4)], [0, 0x61, 0x73, 0x6d]);
});

test('compile prints shaders with what is dispatched, for any device, or writes them', async ({
  file,
  folder,
}) => {
  const { out } = await tigon('compile', file, '--target', 'wgsl');
  for (const part of [
    '// scores: 1 shaders, 1 dispatches',
    'var<storage, read> x: array<',
    'fn main(',
    'mul_sum_sigmoid, ',
    '0 x, 1 w, 2 sigmoid0',
  ])
    assert.ok(out.includes(part), part);
  const output = join(folder, 'scores.wgsl');
  assert.is((await tigon('compile', file, '--target', 'wgsl', '--output', output)).code, 0);
  assert.is(await readFile(output, 'utf8'), out);
  const threads = (await tigon('compile', file, '--target', 'wgsl', '--level', 'thread')).out;
  assert.match(threads, /threads \d+ as/);
});

test('compile prints CUDA C++ with what is launched', async ({ file }) => {
  const { out } = await tigon('compile', file, '--target', 'cuda');
  for (const part of [
    '// scores: 1 kernels, 1 launches',
    '#ifndef TIGON_EMULATED',
    'KERNEL(',
    'const float* __restrict__ x',
    '(x, w, sigmoid0)',
  ])
    assert.ok(out.includes(part), part);
});

test('a program printed by compile can be compiled again', async ({ file, folder }) => {
  const program = join(folder, 'program.tg');
  await writeFile(program, (await tigon('compile', file, '--level', 'program')).out);
  assert.match((await tigon('compile', program)).out, /^\(module/);
  const shaders = await tigon('compile', file, '--target', 'wgsl', '--level', 'program');
  await writeFile(program, shaders.out);
  assert.is(
    (await tigon('compile', program, '--target', 'wgsl')).out,
    (await tigon('compile', file, '--target', 'wgsl')).out,
  );
});

test('mistakes: unknown commands, options, targets, files and broken text', async ({
  folder,
  file,
}) => {
  const broken = join(folder, 'broken.tg');
  await writeFile(broken, GRAPH.replace('sum %b', 'smu %b'));
  for (const [args, message] of [
    [['explian', file], /no command explian/],
    [['explain', file, '--wta'], /--wta/],
    [['explain'], /takes one file/],
    [['explain', join(folder, 'none.tg')], /cannot read .*none\.tg/],
    [['compile', file, '--target', 'ptx'], /no target ptx[\s\S]*wasm, wgsl, cuda/],
    [['explain', broken], /broken\.tg:4:\d+[\s\S]*smu/],
  ] as const) {
    const { code, err } = await tigon(...args);
    assert.is(code, 1, err);
    assert.match(err, message);
  }
});

test.run();
