/**
 * Brings a block of an operand into shared memory: row after row, four features at a time.
 *
 * Invariants: what an operand computes is computed once per staged element, at an index in bounds; rows beyond the last
 * hold the last row, whose part in any result is nothing; features beyond the last hold zeros.
 */
import type { Axis } from '../../../ir/dim.ts';
import {
  add,
  constantOf,
  i32,
  mul,
  operate,
  regType,
  splat,
  storeTo,
  vec4,
} from '../../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer } from '../../../ir/thread/thread.ts';
import type { Emitter } from '../../emit/emitter.ts';
import { LANES } from '../../emit/mode.ts';
import type { Operand } from './problem.ts';

export interface Block {
  /** The first row, and how many. */
  readonly from: TExpr;
  readonly rows: number;
  /** All rows of all blocks, the last of which may stick out. */
  readonly reach: number;
  /** The first feature, and how many: a multiple of four. */
  readonly feature: TExpr;
  readonly features: number;
  /** Where the block goes, and from one row to the next. */
  readonly base: number;
  readonly pitch: number;
}

/** Runs `emit` with `axis` bound, and gives what it gives. */
const bound = (em: Emitter, axis: Axis, at: TExpr, emit: () => TExpr): TExpr => {
  const given: TExpr[] = [];
  em.scope('same', () => {
    em.bind(axis, at);
    given.push(em.name('x', emit()));
  });
  return given[0]!;
};

/** `at` where it is below `extent`, else the last. */
const within = (em: Emitter, at: TExpr, extent: number, most: number, last = 1): TExpr =>
  most <= extent ? at : em.name('inside', operate('min', at, i32(extent - last)));

export const stage = (
  em: Emitter,
  operand: Operand,
  block: Block,
  memory: ThreadBuffer,
  local: TExpr,
  threads: number,
): void => {
  const { row, feature, expr } = operand;
  const quads = block.features / 4;
  const mostFeatures = Math.ceil(feature.extent / block.features) * block.features;
  em.loop('item', local, i32(block.rows * quads), threads, (item) => {
    const [fast, slow] = operand.along ? [quads, block.rows] : [block.rows, quads];
    const inner = em.name('inner', operate('mod', item, i32(fast)));
    const outer = slow === 1 ? i32(0) : em.name('outer', operate('floordiv', item, i32(fast)));
    const [own, quad] = operand.along ? [outer, inner] : [inner, outer];
    const at = em.name('feature', mul(quad, i32(4)));
    const column = em.name('column', add(block.feature, at));
    const value = bound(em, row, within(em, add(block.from, own), row.extent, block.reach), () =>
      operand.quads
        ? fourAt(em, operand, column, mostFeatures)
        : joined(
            LANES.map((lane) => {
              const one = add(column, i32(lane));
              const x = bound(em, feature, within(em, one, feature.extent, mostFeatures), () =>
                em.scalar(expr),
              );
              return kept(one, feature.extent, mostFeatures, x);
            }),
          ),
    );
    em.push(storeTo(memory, add(add(mul(own, i32(block.pitch)), at), i32(block.base)), value));
  });
};

const fourAt = (em: Emitter, { feature, expr }: Operand, column: TExpr, most: number): TExpr =>
  kept(
    column,
    feature.extent,
    most,
    bound(em, feature, within(em, column, feature.extent, most, 4), () => em.vector(expr, feature)),
  );

/** Zeros where there is no such feature. */
const kept = (at: TExpr, extent: number, most: number, x: TExpr): TExpr => {
  if (most <= extent) return x;
  const inside = operate('lt', at, i32(extent));
  const type = regType('f32', x.type.lanes);
  return operate('select', type.lanes === 4 ? splat(inside) : inside, x, constantOf(0, type));
};

const joined = (lanes: readonly TExpr[]): TExpr => {
  const [a, b, c, d] = lanes as readonly [TExpr, TExpr, TExpr, TExpr];
  return vec4(a, b, c, d);
};
