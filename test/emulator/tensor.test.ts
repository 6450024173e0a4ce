/**
 * Tensor cores against plain products of whole numbers, which every type here holds exactly; layouts of fragments; when
 * asynchronous copies land.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Bench, emulated, under } from './support.ts';

const ROWS = 16;
const COLUMNS = 8;

/** Small whole numbers without a pattern. */
const whole = (count: number, seed: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => (((i + seed) * 7919) % 31) - 15);

const product = (a: readonly number[], b: readonly number[], depth: number): readonly number[] =>
  Array.from({ length: ROWS * COLUMNS }, (_, at) => {
    const [row, column] = [Math.floor(at / COLUMNS), at % COLUMNS];
    let sum = 0;
    for (let k = 0; k < depth; k++) sum += a[row * depth + k]! * b[k * COLUMNS + column]!;
    return sum;
  });

const bfloats = (values: readonly number[]): Uint16Array =>
  Uint16Array.from(new Uint32Array(Float32Array.from(values).buffer), (bits) => bits >>> 16);

/** Whole numbers below 2048 as halves. */
const halves = (values: readonly number[]): Uint16Array =>
  Uint16Array.from(values, (value) => {
    if (value === 0) return 0;
    const exponent = Math.floor(Math.log2(Math.abs(value)));
    const fraction = (Math.abs(value) / 2 ** exponent - 1) * 1024;
    return (value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | fraction;
  });

const a16 = whole(ROWS * 16, 1);
const b16 = whole(16 * COLUMNS, 2);

for (const [kernel, bits] of [
  ['product_bf16', bfloats],
  ['product_f16', halves],
] as const)
  emulated(`${kernel}: m16n8k16`, (cuda) => {
    const bench = new Bench(cuda);
    const c = bench.memory(ROWS * COLUMNS * 4);
    const args = [bench.memory(bits(a16)), bench.memory(bits(b16)), c];
    bench.launch(bench.kernel('tensor', kernel), args, { threads: 32 });
    assert.equal(bench.floats(c, ROWS * COLUMNS), product(a16, b16, 16));
  });

emulated('product_tf32: m16n8k8', (cuda) => {
  const bench = new Bench(cuda);
  const [a, b] = [whole(ROWS * 8, 3), whole(8 * COLUMNS, 4)];
  const c = bench.memory(ROWS * COLUMNS * 4);
  const args = [bench.memory(new Float32Array(a)), bench.memory(new Float32Array(b)), c];
  bench.launch(bench.kernel('tensor', 'product_tf32'), args, { threads: 32 });
  assert.equal(bench.floats(c, ROWS * COLUMNS), product(a, b, 8));
});

emulated(
  'TF32 has 10 bits behind the point: operands are rounded to them, ties away from zero',
  (cuda) => {
    const bench = new Bench(cuda);
    const a = new Float32Array(ROWS * 8).fill(1 + 2 ** -10 + 2 ** -11);
    const b = new Float32Array(8 * COLUMNS).fill(1);
    const c = bench.memory(ROWS * COLUMNS * 4);
    bench.launch(bench.kernel('tensor', 'product_tf32'), [bench.memory(a), bench.memory(b), c], {
      threads: 32,
    });
    assert.equal([...new Set(bench.floats(c, ROWS * COLUMNS))], [8 + 8 * 2 ** -9]);
  },
);

for (const check of [false, true])
  emulated(`by copies and fragments from shared memory${check ? ', checked' : ''}`, (cuda) =>
    under({ check }, () => {
      const bench = new Bench(cuda);
      const c = bench.memory(ROWS * COLUMNS * 4);
      const args = [bench.memory(bfloats(a16)), bench.memory(bfloats(b16)), c];
      bench.launch(bench.kernel('tensor', 'staged'), args, { threads: 32, shared: 768 });
      assert.equal(bench.floats(c, ROWS * COLUMNS), product(a16, b16, 16));
    }),
  );

emulated('fragments: lane i holds two neighbours of row i / 4, or of column i / 4', (cuda) => {
  const bench = new Bench(cuda);
  // element k of row r of matrix m is 64 m + 8 r + k
  const x = bench.memory(Uint16Array.from({ length: 256 }, (_, i) => i));
  const [plain, turned] = [bench.memory(512), bench.memory(512)];
  bench.launch(bench.kernel('tensor', 'layouts'), [x, plain, turned], {
    threads: 32,
    shared: 512,
  });
  const words = new Uint32Array(bench.read(plain, 512));
  const others = new Uint32Array(bench.read(turned, 512));
  for (let lane = 0; lane < 32; lane++)
    for (let matrix = 0; matrix < 4; matrix++) {
      const [line, two] = [Math.floor(lane / 4), (lane % 4) * 2];
      const at = (row: number, k: number): number => 64 * matrix + 8 * row + k;
      const word = (low: number, high: number): number => low | (high << 16);
      assert.is(words[lane * 4 + matrix], word(at(line, two), at(line, two + 1)));
      assert.is(others[lane * 4 + matrix], word(at(two, line), at(two + 1, line)));
    }
});

emulated('copies land when they are waited for, group by group', (cuda) => {
  const bench = new Bench(cuda);
  const x = bench.memory(Float32Array.from({ length: 96 }, (_, i) => i + 1));
  const out = bench.memory(96 * 4);
  bench.launch(bench.kernel('tensor', 'pipeline'), [x, out], { threads: 32, shared: 384 });
  const values = bench.floats(out, 96);
  values.forEach((value, i) => {
    const stage = Math.floor(i / 32);
    if (stage === 1) assert.ok(Number.isNaN(value), 'this group is under way');
    else assert.is(value, i % 32 === 5 ? 0 : i + 1);
  });
});

for (const kernel of ['early_copy', 'open_copy'])
  emulated(`a copy that was not waited for: ${kernel}`, (cuda) => {
    const bench = new Bench(cuda);
    const x = bench.memory(new Float32Array(32).fill(1));
    const out = bench.memory(128);
    bench.launch(bench.kernel('faulty', kernel), [x, out], { threads: 32, shared: 128 });
    assert.ok(bench.floats(out, 32).every(Number.isNaN));
  });

test.run();
