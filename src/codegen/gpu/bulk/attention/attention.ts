/**
 * The schedule of attention for warpgroups (compute capability 9.0a): one fetches what the others' rows meet, block by
 * block; each of the others has 64 rows, whose scores and weights exist in registers only (Shah et al. 2024,
 * "FlashAttention-3").
 *
 * Invariants: block `t` is in stage `t mod stages` of round `t / stages`; a stage is filled when all warps have given it
 * back. While a warpgroup weighs the scores of one block, its matrix units take up the values of the block before.
 * Weights are rounded to 16 bits as they become an operand, everything else is float32.
 */
import { bytesOf } from '../../../../ir/dtype.ts';
import type { LoopBuffer, Nest } from '../../../../ir/loop/loop.ts';
import {
  add,
  get,
  i32,
  mul,
  operate,
  register,
  regType,
  sharedBuffer,
} from '../../../../ir/thread/build.ts';
import { LINE, type Role, WARPGROUP } from '../../../../ir/thread/bulk.ts';
import { WARP } from '../../../../ir/thread/tensor.ts';
import type { TExpr, ThreadBuffer, TStmt } from '../../../../ir/thread/thread.ts';
import type { Caps } from '../../../caps.ts';
import { Emitter } from '../../../emit/emitter.ts';
import { bindAll, positionOf } from '../../../emit/position.ts';
import type { NestPlan, Place, Refusal } from '../../../plan.ts';
import { bytesMoved } from '../../../work.ts';
import { problemOf } from '../../attention/problem.ts';
import { rangeOf } from '../../attention/range.ts';
import { inputsOf } from '../../tensor/attention/cut.ts';
import { coordinatesOf, mapOf } from '../operand.ts';
import { bestCut } from './choose.ts';
import type { Cut, Part } from './cut.ts';
import { Multiplying } from './multiply.ts';
import { type Memory, type Range, Rings } from './rings.ts';

/** The schedule of a nest with an attention for warpgroups, or why they do not take it. */
export const planBulkAttention = (
  nest: Nest,
  caps: Caps,
  threads: number | undefined,
): NestPlan | Refusal => {
  if (caps.tensorCores !== 'sm90a') return { refused: 'no matrix units for warpgroups' };
  const problem = problemOf(nest, caps);
  if ('refused' in problem) return problem;
  const inputs = inputsOf(problem);
  if (typeof inputs !== 'string') return inputs;
  const cut = bestCut(problem, inputs, caps, threads);
  return 'refused' in cut ? cut : planOf(nest, cut);
};

/** The plan of a cut. */
export const planOf = (nest: Nest, cut: Cut): NestPlan => {
  const { problem, inputs, rings, stages, groups } = cut;
  const gates = rings.length * stages;
  const memory: Memory = {
    rows: sharedBuffer('rows', inputs, cut.leftElements),
    blocks: sharedBuffer('blocks', inputs, cut.ringElements),
    full: sharedBuffer('full', 'uint32', 2 * (1 + gates)),
    empty: sharedBuffer('empty', 'uint32', 2 * gates),
  };
  const pairs = problem.batches * problem.rows.extent * problem.summed.extent;
  const depth = problem.scores.reduce((sum, s) => sum + s.left.feature.extent, 0);
  const width = problem.value?.feature.extent ?? 0;
  return {
    grid: cut.grid,
    threads: cut.threads,
    shared: [memory.rows, memory.blocks, memory.full, memory.empty],
    cost: { flops: pairs * (depth + width + 16), bytes: bytesMoved(nest) },
    notes: [
      `attention of whole tiles (${inputs}) ${problem.batches} x ${problem.rows.extent} x ${problem.summed.extent}: blocks of ${cut.rows} x ${cut.summed}`,
      `${groups} warpgroup${groups > 1 ? 's' : ''} of 64 rows multiply what one fetches, ${stages} stages${problem.bounds.length > 0 ? ', blocks out of bounds left out' : ''}`,
    ],
    emit: (place, buffer) => emit(cut, memory, place, buffer),
  };
};

/** Registers that a thread keeps that fetches, where others ask for more. */
const FEWER = 24;

const emit = (
  cut: Cut,
  memory: Memory,
  { workgroup }: Place,
  resolve: (b: LoopBuffer) => ThreadBuffer,
): TStmt[] => {
  const em = new Emitter({ lanes: 4, compact: true, resolve });
  const { groups, stages, rings } = cut;
  const warps = groups * (WARPGROUP / WARP);
  const count = rings.length * stages;
  em.push({ kind: 'gates', buffer: memory.full, arrivals: new Array(1 + count).fill(1) });
  em.push({ kind: 'gates', buffer: memory.empty, arrivals: new Array(count).fill(warps) });
  const firstRow = firstRowOf(em, cut, workgroup);
  const { from, to } = rangeOf(em, cut, firstRow);
  const length = add(operate('sub', to, from), i32(cut.summed - 1));
  const turns = em.name('turns', operate('floordiv', length, i32(cut.summed)));
  const range: Range = { firstRow, from, turns };
  const roles = [fetching(em, cut, memory, range), multiplying(em, cut, memory, range)];
  em.push({ kind: 'roles', roles });
  return em.body.slice();
};

/** Binds the batch of the workgroup and finds its rows: those that attend to most come first. */
const firstRowOf = (em: Emitter, { problem, rowBlocks, rows }: Cut, workgroup: TExpr): TExpr => {
  const turned = em.name('turned', operate('mod', workgroup, i32(rowBlocks)));
  const block = problem.bounds.length > 0 ? operate('sub', i32(rowBlocks - 1), turned) : turned;
  if (problem.batches > 1) {
    const batch = em.name('batch', operate('floordiv', workgroup, i32(rowBlocks)));
    bindAll(em, positionOf(em, problem.batch, batch));
  }
  return em.name('firstRow', mul(block, i32(rows)));
};

const names = (): Pick<Role, 'group' | 'place'> => {
  const index = regType('i32');
  return { group: register('group', index), place: register('place', index) };
};

/** One warp asks for rows, then for blocks, as soon as there is room. */
const fetching = (em: Emitter, cut: Cut, memory: Memory, range: Range): Role => {
  const { rows, blocks, full, empty } = memory;
  const rings = new Rings(em, cut);
  const bytes = bytesOf(cut.inputs);
  const mapped = (parts: readonly Part[], name: string) =>
    parts.map((part, i) => ({ part, map: mapOf(em, part.source, part.lines, `${name}${i}`) }));
  const fetch = (
    { part, map }: ReturnType<typeof mapped>[number],
    to: ThreadBuffer,
    base: TExpr,
    line: TExpr,
    gate: TExpr,
  ): void => {
    for (let box = 0; box * part.box < part.elements; box++)
      em.push({
        kind: 'fetch',
        to,
        index: em.name('to', add(base, i32(box * part.box))),
        map,
        coordinates: coordinatesOf(em, part.source, i32(box * LINE), line),
        gates: full,
        gate,
      });
  };
  const body = em.scope('branch', () => {
    em.branch(operate('gt', range.turns, i32(0)), () => {
      em.push({ kind: 'expect', gates: full, index: i32(0), bytes: bytes * cut.leftElements });
      for (const one of mapped(cut.left, 'rows'))
        fetch(one, rows, i32(one.part.base), range.firstRow, i32(0));
      const all = mapped(cut.rings, 'blocks');
      em.loop('turn', i32(0), range.turns, 1, (turn) => {
        const stage = rings.stage(turn);
        const phase = em.name('phase', operate('xor', rings.phase(turn), i32(1)));
        const line = em.name('from', add(range.from, mul(turn, i32(cut.summed))));
        all.forEach((one, r) => {
          const gate = rings.full(r, stage);
          em.push({ kind: 'await', gates: empty, index: rings.empty(r, stage), phase });
          em.push({ kind: 'expect', gates: full, index: gate, bytes: bytes * one.part.elements });
          fetch(one, blocks, rings.at(r, stage), line, gate);
        });
      });
    });
  });
  const registers = { change: 'fewer', count: FEWER } as const;
  const hint = cut.registers === undefined ? {} : { registers };
  return { groups: 1, threads: WARP, ...names(), ...hint, body };
};

/** Whole warpgroups multiply what has come. */
const multiplying = (em: Emitter, cut: Cut, memory: Memory, range: Range): Role => {
  const own = names();
  const seat = { group: get(own.group), place: get(own.place) };
  const body = em.scope('branch', () => new Multiplying(em, cut, memory, range).emit(seat));
  const hint =
    cut.registers === undefined
      ? {}
      : { registers: { change: 'more', count: cut.registers } as const };
  return { groups: cut.groups, threads: WARPGROUP, ...own, ...hint, body };
};
