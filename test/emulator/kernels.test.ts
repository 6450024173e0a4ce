/** What kernels compute on the emulator: places, barriers, exchanges, rounding; in every order of threads and blocks. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { deviceFunctions } from '../../src/codegen/cuda/ptx.ts';
import { compileCuda, hasNvcc } from '../support/nvcc.ts';
import { Bench, emulated, type KernelFile, ORDERS, under, unitOf } from './support.ts';

const numbers = (count: number, of: (i: number) => number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => of(i));

emulated('a map', (cuda) => {
  const bench = new Bench(cuda);
  const n = 1000;
  const x = bench.memory(numbers(n, (i) => i));
  const y = bench.memory(numbers(n, (i) => i * 2));
  const out = bench.memory(n * 4);
  const add = bench.kernel('plain', 'add');
  bench.launch(add, [x, y, out, { int: n }], { grid: 4, threads: 256 });
  assert.equal(bench.floats(out, n), [...numbers(n, (i) => i * 3)]);
});

emulated('barriers and exchanges give the same in every order', (cuda) => {
  const bench = new Bench(cuda);
  const x = bench.memory(numbers(2048, (i) => i % 100));
  const expected = Array.from({ length: 8 }, (_, row) => {
    let sum = 0;
    for (let i = 0; i < 256; i++) sum += (row * 256 + i) % 100;
    return sum;
  });
  for (const order of ORDERS)
    under({ order }, () => {
      const out = bench.memory(8 * 4);
      const kernel = bench.kernel('plain', 'row_sums');
      bench.launch(kernel, [x, out], { grid: 8, threads: 256, shared: 32 });
      assert.equal(bench.floats(out, 8), expected, order);
    });
});

emulated('shared memory changes hands at barriers', (cuda) => {
  const bench = new Bench(cuda);
  let values = Array.from({ length: 64 }, (_, i) => i);
  for (let turn = 0; turn < 64; turn++)
    values = values.map((_, i) => (Math.imul(values[(i + 1) % 64]!, 3) + turn) >>> 0);
  for (const order of ORDERS)
    under({ order }, () => {
      const out = bench.memory(256);
      bench.launch(bench.kernel('plain', 'turns'), [out], { threads: 64, shared: 256 });
      assert.equal([...new Uint32Array(bench.read(out, 256))], values, order);
    });
});

emulated('exchanges of all types', (cuda) => {
  const bench = new Bench(cuda);
  const wide = bench.memory(64 * 16);
  const whole = bench.memory(64 * 4);
  const odd = bench.memory(64 * 4);
  bench.launch(bench.kernel('plain', 'lanes'), [wide, whole, odd], { threads: 64 });
  const four = bench.floats(wide, 256);
  const ints = new Int32Array(bench.read(whole, 256));
  const flags = new Uint32Array(bench.read(odd, 256));
  for (let lane = 0; lane < 64; lane++) {
    assert.equal(four.slice(lane * 4, lane * 4 + 4), [
      lane ^ 1,
      lane ^ 2,
      (lane ^ 4) + 100,
      lane ^ 31,
    ]);
    assert.is(ints[lane], -(lane ^ 16));
    assert.is(flags[lane], (lane ^ 1) % 2);
  }
});

emulated('grids and blocks of three dimensions', (cuda) => {
  const bench = new Bench(cuda);
  const out = bench.memory(24 * 24 * 4);
  const args = new Uint8Array(new BigUint64Array([BigInt(out)]).buffer);
  bench.context.launch(bench.stream, bench.kernel('plain', 'places'), [2, 3, 4], 24, 0, args);
  const all = new Int32Array(bench.read(out, 24 * 24 * 4));
  for (let i = 0; i < 24 * 24; i++) assert.is(all[i], Math.floor(i / 24) * 100 + (i % 24));
});

emulated('half precision rounds to nearest even, subnormals and infinities too', (cuda) => {
  const bench = new Bench(cuda);
  const cases: readonly (readonly [number, number, number])[] = [
    [1, 0x3c00, 1],
    [-2.5, 0xc100, -2.5],
    [1 + 2 ** -11, 0x3c00, 1],
    [1 + 3 * 2 ** -11, 0x3c02, 1 + 2 ** -9],
    [65504, 0x7bff, 65504],
    [65519, 0x7bff, 65504],
    [65520, 0x7c00, Infinity],
    [-Infinity, 0xfc00, -Infinity],
    [2 ** -24, 1, 2 ** -24],
    [2 ** -25, 0, 0],
    [3 * 2 ** -25, 2, 2 ** -23],
    [2 ** -14 - 2 ** -25, 0x400, 2 ** -14],
    [-0, 0x8000, -0],
  ];
  const x = bench.memory(Float32Array.from(cases, ([value]) => value));
  const bits = bench.memory(cases.length * 2);
  const back = bench.memory(cases.length * 4);
  const halves = bench.kernel('plain', 'halves');
  bench.launch(halves, [x, bits, back, { int: cases.length }], { threads: 32 });
  const got = new Uint16Array(bench.read(bits, cases.length * 2));
  const values = bench.floats(back, cases.length);
  cases.forEach(([value, half, rounded], i) => {
    assert.is(got[i], half, `bits of ${value}`);
    assert.ok(Object.is(values[i], rounded), `${value} is ${values[i]}, not ${rounded}`);
  });
});

emulated('a product and a sum are rounded apart, unless they are one operation', (cuda) => {
  const bench = new Bench(cuda);
  // (1 + 2^-12)^2 - (1 + 2^-11) is 2^-24, which the product alone loses
  const x = bench.memory(new Float32Array([1 + 2 ** -12, 1 + 2 ** -12, -(1 + 2 ** -11)]));
  const out = bench.memory(8);
  bench.launch(bench.kernel('plain', 'rounding'), [x, out], { threads: 1 });
  assert.equal(bench.floats(out, 2), [2 ** -24, 0]);
});

emulated('what NVRTC has not does not compile', (cuda) => {
  const options = ['--gpu-architecture=sm_80'];
  const bad: readonly (readonly [string, RegExp])[] = [
    ['KERNEL(1, k)(float* x) { x[0] = INFINITY; }', /poisoned "INFINITY"/],
    ['KERNEL(1, k)(uint32_t* x) { x[0] = 0; }', /poisoned "uint32_t"/],
    ['#include <math.h>\nKERNEL(1, k)(float* x) { x[0] = 0; }', /math\.h/],
    ['KERNEL(1, k)(float* x) { x[0] = missing(1); }', /unit\.cu:1:.*missing/s],
  ];
  for (const [source, log] of bad) {
    try {
      cuda.compile(source, 'unit.cu', options);
      assert.unreachable(source);
    } catch (error) {
      assert.instance(error, Error);
      assert.match((error as Error).message, /NVRTC_ERROR_COMPILATION/);
      assert.match((error as { log: string } & Error).log, log);
    }
  }
});

test('the header has every function that units leave to the device', () => {
  const header = fileURLToPath(new URL('include/kernel.h', import.meta.url));
  const text = readFileSync(header, 'utf8');
  for (const name of Object.keys(deviceFunctions))
    assert.match(text, new RegExp(`\\b${name}\\(|\\bMMA\\(${name}\\)`));
});

test('structures and numbers are those of cuda.h', () => {
  const file = fileURLToPath(new URL('abi-check.cc', import.meta.url));
  const { status, stderr } = spawnSync(
    'g++',
    ['-std=c++17', '-fsyntax-only', '-I/usr/local/cuda/include', file],
    { encoding: 'utf8' },
  );
  if (status !== 0 && /cuda\.h: No such file/.test(stderr))
    return console.log('skipped: there is no cuda.h');
  assert.is(status, 0, stderr);
});

for (const file of ['plain', 'faulty', 'tensor'] satisfies readonly KernelFile[])
  test(`the same text is CUDA: ${file}`, () => {
    if (!hasNvcc()) return console.log('skipped: there is no nvcc');
    assert.ok(compileCuda(unitOf(file), 'sm_80').size > 0);
  });

test.run();
