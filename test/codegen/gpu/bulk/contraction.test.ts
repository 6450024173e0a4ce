/**
 * Contractions for warpgroups compute what the nest says, whatever the tile, sizes, layouts and epilogues; what they
 * cannot take is left to warps.
 *
 * Interpreted: tiles come as late as they may, in any order; who waits for nobody finds NaN.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../../../src/codegen/caps.ts';
import { bestCut, tilesOfAll } from '../../../../src/codegen/gpu/bulk/choose.ts';
import { planBulkContraction, planOf } from '../../../../src/codegen/gpu/bulk/contraction.ts';
import { cutOf, type Tile } from '../../../../src/codegen/gpu/bulk/cut.ts';
import { problems } from '../../../../src/codegen/gpu/contraction/problem.ts';
import { isRefusal } from '../../../../src/codegen/plan.ts';
import type { LoopBuffer, Nest } from '../../../../src/ir/loop/loop.ts';
import { mapsIn } from '../../../../src/ir/thread/visit.ts';
import { conv, type Made, type MatmulOptions, matmul } from '../../templates/made.ts';
import { generator } from '../../templates/nests.ts';
import { of, device as older, passes, retyped } from '../tensor/support.ts';

/** A device of compute capability 9.0 with few processors, so that each does several tiles. */
const device: Caps = {
  ...older,
  tensorCores: 'sm90a',
  parallelism: 3,
  processors: 3,
  threads: 1024,
  sharedBytes: 226 * 1024,
};
const h200: Caps = { ...device, parallelism: 528, processors: 132 };

const EPILOGUES = [undefined, 'bias', 'relu', 'residual', 'two', 'scaled'] as const;

/** Plans a product with one tile, or `undefined` if it does not fit. */
const planner =
  (tile: Tile, orientation: number, caps: Caps) =>
  (nest: Nest): ReturnType<typeof planBulkContraction> => {
    const problem = problems(nest, nest.contract!)[orientation]!;
    const cut = cutOf(problem, tile, 'bfloat16', caps);
    return 'refused' in cut ? cut : planOf(cut);
  };

const anyOptions = (pick: (n: number) => number): MatmulOptions => {
  const epilogue = EPILOGUES[pick(EPILOGUES.length)];
  return {
    transposeA: pick(2) === 1,
    transposeB: pick(2) === 1,
    transposeOut: pick(4) === 0,
    ...(epilogue === undefined ? {} : { epilogue }),
    ...(pick(3) === 0 ? { batch: 1 + pick(3), shareA: pick(2) === 1 } : {}),
  };
};

test('24 products of random sizes, layouts, dtypes, epilogues, tiles and stages', () => {
  const pick = generator(5);
  const small: readonly Tile[] = [64, 128].flatMap((rows) =>
    [16, 32, 64, 96].flatMap((columns) => [2, 3].map((stages) => ({ rows, columns, stages }))),
  );
  for (let i = 0; i < 24; i++) {
    const [M, N, K] = [8 * (1 + pick(20)), 8 * (1 + pick(12)), 8 * (1 + pick(32))];
    const { shareA: _, ...options } = anyOptions(pick);
    const tile = small[pick(small.length)]!;
    const what = `${M} ${N} ${K} ${JSON.stringify(options)} ${JSON.stringify(tile)}`;
    const made = of('bfloat16', matmul(M, N, K, options));
    passes(made, i, what, planner(tile, pick(2), device), device);
  }
});

test('all tiles, for products that fit none', () => {
  tilesOfAll().forEach((tile, i) => {
    const made = of(
      'bfloat16',
      matmul(tile.rows + 8, tile.columns + 8, 72, { transposeB: i % 2 === 0, epilogue: 'bias' }),
    );
    passes(made, i, JSON.stringify(tile), planner(tile, 0, device), device);
  });
});

test('float16, and edges that are no multiple of four', () => {
  const made = of('float16', matmul(70, 37, 72, { transposeB: true, epilogue: 'relu' }));
  passes(made, 3, 'float16', planBulkContraction, device);
});

test('batches between rows: dimensions of maps are in the order of their strides', () => {
  const heads = (b: LoopBuffer): readonly number[] => {
    const [batch, , last] = b.shape as readonly [number, number, number];
    return /^[xw]$/.test(b.name) ? [last, batch * last, 1] : b.strides;
  };
  const options = { batch: 3, transposeB: true };
  const made = retyped(
    matmul(72, 40, 72, options),
    (b) => (/^[xw]$/.test(b.name) ? 'bfloat16' : 'float32'),
    heads,
  );
  const kernel = passes(made, 2, 'heads', planBulkContraction, device);
  for (const map of mapsIn(kernel.body)) assert.equal(map.strides, [1, 72, 216]);
});

test('a sum of one step', () => {
  passes(
    of('bfloat16', matmul(64, 32, 40, { transposeB: true })),
    1,
    'one step',
    planBulkContraction,
    device,
  );
});

const chosen = (M: number, N: number, K: number, caps = h200): string => {
  const { nest } = of('bfloat16', matmul(M, N, K, { transposeB: true }));
  const cut = bestCut(problems(nest, nest.contract!), 'bfloat16', caps, undefined);
  if ('refused' in cut) throw new Error(cut.refused);
  return `${cut.tile.rows}x${cut.tile.columns} ${cut.stages} stages, ${cut.tiles} tiles on ${cut.grid}`;
};

test('large tiles for large products, small ones where there would be too few', () => {
  assert.is(chosen(4096, 4096, 4096), '128x256 4 stages, 512 tiles on 132');
  assert.is(chosen(64, 4096, 4096), '64x32 8 stages, 128 tiles on 128');
});

const refused = (made: Made, why: RegExp, caps = device, threads?: number): void => {
  const plan = planBulkContraction(made.nest, caps, threads);
  if (!isRefusal(plan)) throw new Error('it was planned');
  assert.match(plan.refused, why);
};

test('what tensor maps cannot say is refused', () => {
  const like = of('bfloat16', matmul(64, 64, 64));
  refused(matmul(64, 64, 64), /float32/);
  refused(of('bfloat16', matmul(64, 64, 60, { transposeB: true })), /multiples of 16 bytes/);
  refused(of('bfloat16', conv(2, 8, 9, 8, 16, 3, { pad: 1 })), /computed|more than one axis/);
  refused(like, /no matrix units for warpgroups/, older);
  refused(like, /no tile of warpgroups fits 64 threads/, device, 64);
});

test.run();
