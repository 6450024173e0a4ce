/**
 * Warpgroups at their own pace: tiles, gates and products mean what they mean on a device; who waits for nobody, touches
 * what is on its way, or makes others wait forever is refused.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanup } from '../../../src/codegen/cleanup.ts';
import { interpretThread } from '../../../src/ir/thread/interpret.ts';
import { parseThread } from '../../../src/ir/thread/parse.ts';
import { printThread } from '../../../src/ir/thread/print.ts';
import { placeInTile } from '../../../src/ir/thread/tile.ts';
import { verifyThread } from '../../../src/ir/thread/verify.ts';

const orders = ['forward', 'reverse', 'random'] as const;

/** Rows and columns of the result, and the sum: one tile, two columns short of a whole group, four lines of 64. */
const [M, N, K] = [64, 6, 256] as const;

interface Parts {
  readonly ready: string;
  readonly release: string;
  readonly settle: string;
  readonly last: string;
  readonly bytes: number;
}
const parts: Parts = {
  ready: 'await empty[stage], phase ^ 1',
  release: 'if turn > 0 { arrive empty[1 - stage] }',
  settle: 'settle 1',
  last: 'settle 0, sum',
  bytes: 9216,
};

/** a b, b transposed, with two stages: [64, 256] x [6, 256]. */
const product = (change: Partial<Parts> = {}): string => {
  const { ready, release, settle, last, bytes } = { ...parts, ...change };
  return `
thread product(read a: bf16[${M * K}], read b: bf16[${N * K}], write out: f32[${M * 8}],
  shared tiles: bf16[9216], shared full: u32[4], shared empty: u32[4]) grid 1, threads 256 {
  boxes rows = array(a[0], axis(${K}, 1, 64), axis(${M}, ${K}, 64))
  boxes columns = array(b[0], axis(${K}, 1, 64), axis(${N}, ${K}, 8))
  gates full[1, 1]
  gates empty[4, 4]
  roles {
    role 1, 32 as group, place fewer 24 {
      for turn in 0..4 {
        let stage = and(turn, 1)
        let phase = and(shr(turn, 1), 1)
        ${ready.replace('phase ^ 1', 'xor(phase, 1)')}
        expect full[stage], ${bytes}
        fetch tiles[stage * 4608] = rows(turn * 64, 0) signals full[stage]
        fetch tiles[stage * 4608 + 4096] = columns(turn * 64, 0) signals full[stage]
      }
    }
    role 1, 128 as group, place more 240 {
      var sum = f32x4(0.0)
      for turn in 0..4 {
        let stage = and(turn, 1)
        await full[stage], and(shr(turn, 1), 1)
        products sum += bf16(depth(tiles[stage * 4608]), depth(tiles[stage * 4608 + 4096]), 4)
        ${settle}
        ${release}
      }
      ${last}
      let row = shr(place, 5) * 16 + and(shr(place, 2), 7)
      let column = and(place, 3) * 2
      out[row * 8 + column] = lane(sum, 0)
      out[row * 8 + column + 1] = lane(sum, 1)
      out[(row + 8) * 8 + column] = lane(sum, 2)
      out[(row + 8) * 8 + column + 1] = lane(sum, 3)
    }
  }
}`;
};

const numbers = (n: number, by: number): number[] =>
  Array.from({ length: n }, (_, i) => ((i * by) % 17) - 8);
const a = numbers(M * K, 5);
const b = numbers(N * K, 7);

const expected = Array.from({ length: M * 8 }, (_, i) => {
  const [row, column] = [Math.floor(i / 8), i % 8];
  let sum = 0;
  if (column < N) for (let k = 0; k < K; k++) sum += a[row * K + k]! * b[column * K + k]!;
  return sum;
});

const run = (text: string, order: (typeof orders)[number], clean: boolean): number[] => {
  const kernel = parseThread(text);
  verifyThread(kernel);
  const cleaned = clean ? cleanup(kernel) : kernel;
  verifyThread(cleaned);
  const [x, y, out] = kernel.buffers;
  const memory = new Map([
    [x!, Float64Array.from(a)],
    [y!, Float64Array.from(b)],
    [out!, new Float64Array(M * 8)],
  ]);
  interpretThread(cleaned, memory, { order, seed: 3 });
  return [...memory.get(out!)!];
};

const refused = (text: string, why: RegExp): void => {
  for (const order of orders)
    for (const clean of [false, true]) assert.throws(() => run(text, order, clean), why);
};

test('tiles are fetched while others are multiplied; what is beyond an array is zero', () => {
  for (const order of orders)
    for (const clean of [false, true]) assert.equal(run(product(), order, clean), expected);
});

test('the text is read back', () => {
  const kernel = parseThread(product());
  const text = printThread(kernel);
  assert.is(printThread(parseThread(text)), text);
  assert.match(text, 'boxes rows = array(a[0], axis(256, 1, 64), axis(64, 256, 64))');
  assert.match(text, 'role 1, 32 as group, place fewer 24 {');
  assert.match(text, 'expect full[stage], 9216');
});

test('a tile may not go where products still read', () => {
  refused(product({ ready: '' }), /which products still read|another one is on its way|more warps/);
  refused(product({ settle: '', release: 'arrive empty[stage]' }), /which products still read/);
});

test('who waits forever is named', () => {
  refused(
    product({ release: '' }),
    /nobody can go on: warpgroup 0 for phase 0 of empty\[0\], warpgroup 1 for phase 1 of full\[0\]/,
  );
  refused(product({ bytes: 9218 }), /nobody can go on: .* full\[0\]/);
});

test('accumulators are nothing until they are settled', () => {
  const sums = run(product({ last: 'settle 0' }), 'forward', false);
  assert.ok(sums.every(Number.isNaN));
});

test('products that nobody settles are refused', () => {
  refused(product({ last: '' }), /the roles end, but products of warpgroup 1 are pending/);
});

test('more warps than a gate is for are refused', () => {
  refused(product({ release: 'arrive full[0]' }), /more warps arrive at full\[0\]/);
});

test('what is said wrong is refused before it runs', () => {
  const wrong = (from: string, to: string, why: RegExp): void => {
    const text = product();
    assert.ok(text.includes(from), from);
    assert.throws(() => verifyThread(parseThread(text.replace(from, to))), why);
  };
  wrong('role 1, 32 as', 'role 2, 32 as', /3 warpgroups have a role, of 2/);
  wrong('role 1, 32 as', 'role 1, 128 as', /one warp asks for a tile/);
  wrong('fewer 24', 'fewer 20', /20 registers/);
  wrong('gates full[1, 1]', 'gates full[1, 0]', /0 warps cannot arrive|cannot arrive/);
  wrong(
    'axis(256, 1, 64), axis(64',
    'axis(256, 2, 64), axis(64',
    /a line of a box is 64 neighbours/,
  );
  wrong('axis(64, 256, 64)', 'axis(64, 257, 64)', /multiples of 16 bytes/);
  wrong('axis(64, 256, 64)', 'axis(65, 256, 64)', /reach element/);
  wrong('tiles[stage * 4608 + 4096]', 'tiles[place]', /may differ between threads/);
  wrong('settle 1', 'barrier', /there is no barrier in a role/);
  wrong('products sum', 'products sum, sum', /different registers/);
  wrong('4608 + 4096]), 4)', '4608 + 4096]), 5)', /tiles lie 0 elements apart/);
  wrong('4608 + 4096]), 4)', '4608 + 4096]), 0)', /1 step or more/);
  assert.throws(
    () =>
      verifyThread(parseThread(product()), {
        sharedBytes: 1 << 20,
        threads: 1024,
        subgroup: 32,
        tensorCores: 'sm80',
      }),
    /no matrix units for warpgroups/,
  );
});

/** Sixteen rows of the left operand for each warp, eight columns: two steps of the sum. */
const inWords = (change: (text: string) => string = (text) => text): string =>
  change(`
thread words(read a: bf16[2048], read b: bf16[256], write out: f32[1024], shared tiles: bf16[512],
  shared full: u32[2]) grid 1, threads 256 {
  boxes columns = array(b[0], axis(32, 1, 64), axis(8, 32, 8))
  gates full[1]
  roles {
    role 1, 32 as group, place {
      expect full[0], 1024
      fetch tiles[0] = columns(0, 0) signals full[0]
    }
    role 1, 128 as group, place {
      let row = shr(place, 5) * 16 + and(shr(place, 2), 7)
      let k = row * 32 + and(place, 3) * 2
      var p = u32x4(0u)
      var q = u32x4(0u)
      set p = vec4(bits_bf16(a[k], a[k + 1]), bits_bf16(a[k + 256], a[k + 257]),
        bits_bf16(a[k + 8], a[k + 9]), bits_bf16(a[k + 264], a[k + 265]))
      set q = vec4(bits_bf16(a[k + 16], a[k + 17]), bits_bf16(a[k + 272], a[k + 273]),
        bits_bf16(a[k + 24], a[k + 25]), bits_bf16(a[k + 280], a[k + 281]))
      var first = f32x4(5.0)
      var second = f32x4(7.0)
      await full[0], 0
      products first = bf16(words(p, q), depth(tiles[0]), 2)
      products second += bf16(words(q), depth(tiles[0]), 1)
      settle 1, first
      let at = row * 8 + and(place, 3) * 2
      out[at] = lane(first, 0)
      out[at + 1] = lane(first, 1)
      out[at + 64] = lane(first, 2)
      out[at + 65] = lane(first, 3)
      settle 0, second
      out[at + 512] = lane(second, 0)
      out[at + 513] = lane(second, 1)
      out[at + 576] = lane(second, 2)
      out[at + 577] = lane(second, 3)
    }
  }
}`);

const runWords = (text: string, order: (typeof orders)[number], clean: boolean): number[] => {
  const kernel = parseThread(text);
  verifyThread(kernel);
  const cleaned = clean ? cleanup(kernel) : kernel;
  verifyThread(cleaned);
  const [x, y, out] = kernel.buffers;
  const memory = new Map([
    [x!, Float64Array.from(numbers(2048, 5))],
    [y!, Float64Array.from(numbers(256, 7))],
    [out!, new Float64Array(1024)],
  ]);
  interpretThread(cleaned, memory, { order, seed: 3 });
  return [...memory.get(out!)!];
};

test('rows in registers are multiplied; sums begin with what does not add; some are settled before others', () => {
  const [x, y] = [numbers(2048, 5), numbers(256, 7)];
  const sum = (row: number, column: number, from: number, at: number, n: number): number => {
    let all = 0;
    for (let k = 0; k < n; k++) all += x[row * 32 + from + k]! * y[column * 32 + at + k]!;
    return all;
  };
  const wanted = Array.from({ length: 512 }, (_, i) => sum(Math.floor(i / 8), i % 8, 0, 0, 32));
  const second = Array.from(
    { length: 512 },
    (_, i) => 7 + sum(Math.floor(i / 8), i % 8, 16, 0, 16),
  );
  for (const order of orders)
    for (const clean of [false, true])
      assert.equal(runWords(inWords(), order, clean), [...wanted, ...second]);
});

test('their text is read back', () => {
  const text = printThread(parseThread(inWords()));
  assert.is(printThread(parseThread(text)), text);
  assert.match(text, 'products first = bf16(words(p, q), depth(tiles[0]), 2)');
});

test('accumulators are given back only when their own products are done; words are of each step', () => {
  const both = (from: string, to: string, why: RegExp): void => {
    assert.ok(inWords().includes(from));
    const text = inWords((t) => t.replace(from, to));
    assert.throws(() => runWords(text, 'forward', false), why);
  };
  both('settle 1, first', 'settle 1, first, second', /second is wanted while products of it/);
  both('words(q), depth(tiles[0]), 1', 'words(q), depth(tiles[0]), 2', /words of 1 steps, of 2/);
  both('words(p, q)', 'words(p, k)', /u32x4 is needed/);
});

test('blocks of 16 bytes are permuted in every line, differently in eight lines', () => {
  for (let line = 0; line < 16; line++) {
    const places = Array.from({ length: 64 }, (_, x) => placeInTile(line, x));
    assert.is(new Set(places).size, 64);
    assert.ok(places.every((p) => p >= 64 * line && p < 64 * line + 64));
    assert.is(places[0], 64 * line + 8 * (line % 8));
  }
});

test.run();
