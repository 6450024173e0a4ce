/**
 * Shared memory of kernels for matrix units is read and written without conflicts between banks.
 *
 * A model of banks: 32 of four bytes; what threads move at a time is 128 bytes, so of 16-byte rows eight threads share a
 * turn, of 8-byte words sixteen. Places are those that kernels compute: every statement that touches shared memory is
 * followed by a store of its index to a log.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { problems } from '../../../../src/codegen/gpu/contraction/problem.ts';
import { planOf } from '../../../../src/codegen/gpu/tensor/contraction.ts';
import { periodOf, swizzled, swizzleOf } from '../../../../src/codegen/gpu/tensor/swizzle.ts';
import { cutOf, type Tile } from '../../../../src/codegen/gpu/tensor/tile.ts';
import { bytesOf, type DType } from '../../../../src/ir/dtype.ts';
import * as b from '../../../../src/ir/thread/build.ts';
import { interpretThread } from '../../../../src/ir/thread/interpret.ts';
import type { MmaInputs } from '../../../../src/ir/thread/tensor.ts';
import type { TExpr, ThreadBuffer, ThreadKernel, TStmt } from '../../../../src/ir/thread/thread.ts';
import { convGradWeight, type Made, matmul } from '../../templates/made.ts';
import { kernelOf, randomMemory } from '../../templates/nests.ts';
import { device, of } from './support.ts';

/** A touch of shared memory that is logged: how, and the bytes of each thread. */
interface Touch {
  readonly kind: 'fragments' | 'copy' | 'store';
  readonly buffer: ThreadBuffer;
  readonly bytes: number;
}

/** The kernel with a log of the places of its last rounds, one line of all threads for each statement. */
const logged = (
  kernel: ThreadKernel,
): { kernel: ThreadKernel; touches: Touch[]; log: ThreadBuffer } => {
  const touches: Touch[] = [];
  const log: ThreadBuffer = {
    name: 'log',
    dtype: 'float32',
    space: 'global',
    access: 'write',
    elements: 512 * kernel.threads,
  };
  const note = (touch: Touch, index: TExpr): TStmt => {
    touches.push(touch);
    const at = b.add(b.get(kernel.local), b.i32((touches.length - 1) * kernel.threads));
    return b.storeTo(log, at, b.convert('float32', index));
  };
  const walk = (body: readonly TStmt[]): TStmt[] =>
    body.flatMap((s): TStmt[] => {
      switch (s.kind) {
        case 'for':
          return [{ ...s, body: walk(s.body) }];
        case 'if':
          return [{ ...s, then: walk(s.then), otherwise: walk(s.otherwise) }];
        case 'fragments':
          return [s, note({ kind: 'fragments', buffer: s.buffer, bytes: 16 }, s.index)];
        case 'copy':
          return [
            s,
            note({ kind: 'copy', buffer: s.to, bytes: s.elements * bytesOf(s.to.dtype) }, s.index),
          ];
        case 'store': {
          if (s.buffer.space !== 'shared' || s.buffer.name === 'results') return [s];
          const bytes = s.value.type.lanes * bytesOf(s.buffer.dtype);
          return [s, note({ kind: 'store', buffer: s.buffer, bytes }, s.index)];
        }
        default:
          return [s];
      }
    });
  const body = walk(kernel.body);
  const globals = kernel.buffers.filter((x) => x.space === 'global');
  const shared = kernel.buffers.filter((x) => x.space === 'shared');
  return {
    kernel: { ...kernel, grid: 1, buffers: [...globals, log, ...shared], body },
    touches,
    log,
  };
};

/** Turns beyond those that the bytes take: threads of a turn at other rows of a bank they share. */
const conflicts = (places: readonly number[], { buffer, bytes }: Touch): number => {
  const together = 128 / bytes;
  let extra = 0;
  for (let first = 0; first < places.length; first += together) {
    const rows = new Map<number, Set<number>>();
    for (const place of places.slice(first, first + together)) {
      const address = place * bytesOf(buffer.dtype);
      const bank = Math.floor(address / bytes) % together;
      rows.set(bank, (rows.get(bank) ?? new Set()).add(address));
    }
    extra += Math.max(...[...rows.values()].map((r) => r.size)) - 1;
  }
  return extra;
};

const conflictsOf = (made: Made, dtype: DType, tile: Tile): Map<Touch, number> => {
  const given = of(dtype, made);
  const inputs: MmaInputs = dtype === 'float32' ? 'tfloat32' : 'bfloat16';
  const cut = cutOf(problems(given.nest, given.nest.contract!)[0]!, tile, inputs, device);
  assert.ok(cut, 'a cut');
  const plan = planOf(cut!);
  const raw = kernelOf(plan, given.buffers, new Set(given.nest.stores.map((s) => s.buffer)));
  const { kernel, touches, log } = logged(raw);
  const memory = randomMemory(given.buffers, 1);
  const cells = new Map<ThreadBuffer, Float64Array>(
    given.buffers.map((x, i) => [raw.buffers[i]!, memory.get(x)!]),
  );
  const lines = new Float64Array(log.elements).fill(-1);
  cells.set(log, lines);
  interpretThread(kernel, cells);
  const found = new Map<Touch, number>();
  touches.forEach((touch, i) => {
    const all = [...lines.slice(i * kernel.threads, (i + 1) * kernel.threads)];
    let most = 0;
    for (let warp = 0; warp < all.length; warp += 32) {
      const places = all.slice(warp, warp + 32).filter((p) => p >= 0);
      if (places.length > 0) most = Math.max(most, conflicts(places, touch));
    }
    found.set(touch, most);
  });
  return found;
};

const tiles: readonly Tile[] = [
  { rows: 64, columns: 64, depth: 64, warpRows: 32, warpColumns: 32, stages: 2 },
  { rows: 64, columns: 32, depth: 32, warpRows: 32, warpColumns: 16, stages: 3 },
  { rows: 32, columns: 128, depth: 16, warpRows: 16, warpColumns: 64, stages: 2 },
  { rows: 16, columns: 16, depth: 32, warpRows: 16, warpColumns: 16, stages: 2 },
];

test('fragments and copies of every layout, line and transpose meet in no bank', () => {
  for (const tile of tiles)
    for (const transposeA of [false, true])
      for (const transposeB of [false, true]) {
        const made = matmul(128, 128, 128, { transposeA, transposeB });
        for (const [touch, extra] of conflictsOf(made, 'bfloat16', tile))
          assert.is(
            extra,
            0,
            `${touch.kind} of ${touch.buffer.name}, ${JSON.stringify(tile)} ${transposeA} ${transposeB}`,
          );
      }
});

test('TF32: fragments and copies meet in no bank', () => {
  for (const tile of tiles)
    for (const transposeB of [false, true]) {
      const made = matmul(128, 128, 128, { transposeB });
      for (const [touch, extra] of conflictsOf(made, 'float32', { ...tile, depth: tile.depth / 2 }))
        assert.is(extra, 0, `${touch.kind} of ${touch.buffer.name}, ${JSON.stringify(tile)}`);
    }
});

test('what comes through registers is written without conflicts in lines along rows', () => {
  const tile: Tile = { ...tiles[0]!, depth: 32 };
  const stores = [...conflictsOf(convGradWeight(4, 8, 12, 12, 64, 3), 'bfloat16', tile)].filter(
    ([touch]) => touch.kind === 'store',
  );
  assert.ok(stores.length > 0);
  for (const [touch, extra] of stores) assert.ok(extra <= 1, `${touch.buffer.name}: ${extra}`);
});

test('single numbers of TF32 lie apart: eight neighbours of each of four lines', () => {
  for (const line of [32, 64, 128]) {
    const s = swizzleOf(line, 4, true);
    for (let first = 0; first < line; first += 8) {
      const banks = new Set<number>();
      for (let lane = 0; lane < 32; lane++)
        banks.add(swizzled(s, (lane % 4) * line + first + Math.floor(lane / 4)) % 32);
      assert.is(banks.size, 32, `line ${line}, from ${first}`);
    }
  }
});

test('as they lie in memory, rows would meet', () => {
  const buffer = b.sharedBuffer('plain', 'bfloat16', 64 * 32);
  const rows = Array.from({ length: 32 }, (_, i) => i * 64);
  assert.is(conflicts(rows, { kind: 'fragments', buffer, bytes: 16 }), 4 * 7);
});

test('the permutation keeps lines and pieces, and repeats', () => {
  for (const bytes of [2, 4])
    for (const line of [8, 16, 32, 64, 128, 256].filter((n) => n * bytes >= 32))
      for (const single of bytes === 4 ? [false, true] : [false]) {
        const s = swizzleOf(line, bytes, single);
        const seen = new Set<number>();
        for (let at = 0; at < 16 * line; at++) {
          const to = swizzled(s, at);
          seen.add(to);
          assert.is(Math.floor(to / line), Math.floor(at / line), 'its line');
          assert.is(to % s.piece, at % s.piece, 'its place in a piece');
          assert.is(swizzled(s, at + periodOf(s)), to + periodOf(s), 'the period');
        }
        assert.is(seen.size, 16 * line);
      }
});

test.run();
