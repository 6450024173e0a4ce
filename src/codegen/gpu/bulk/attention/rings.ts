/**
 * What warpgroups of one workgroup share: its memory, the blocks that pass through it, and the gates between them.
 *
 * Invariant: block `t` of a ring is in stage `t mod stages`; gates are one for rows, then one for each stage of each ring.
 */
import { add, i32, mul, operate } from '../../../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer } from '../../../../ir/thread/thread.ts';
import type { Emitter } from '../../../emit/emitter.ts';
import type { Cut } from './cut.ts';

/** Memory of a workgroup. */
export interface Memory {
  readonly rows: ThreadBuffer;
  readonly blocks: ThreadBuffer;
  /** Open when rows, and when a stage of each ring, are full; and when a stage is empty again. */
  readonly full: ThreadBuffer;
  readonly empty: ThreadBuffer;
}

/** What a workgroup does: its first row, and the blocks of the sum that its rows meet. */
export interface Range {
  readonly firstRow: TExpr;
  readonly from: TExpr;
  /** How many blocks; not above 0 where there is none. */
  readonly turns: TExpr;
}

/** Where a stage of a ring is, and its gates. */
export class Rings {
  private readonly em: Emitter;
  private readonly cut: Cut;

  constructor(em: Emitter, cut: Cut) {
    this.em = em;
    this.cut = cut;
  }

  stage(turn: TExpr): TExpr {
    return this.em.name('stage', operate('mod', turn, i32(this.cut.stages)));
  }

  phase(turn: TExpr): TExpr {
    const round = operate('floordiv', turn, i32(this.cut.stages));
    return this.em.name('phase', operate('mod', round, i32(2)));
  }

  full(ring: number, stage: TExpr): TExpr {
    return this.em.name('gate', add(stage, i32(1 + ring * this.cut.stages)));
  }

  empty(ring: number, stage: TExpr): TExpr {
    return this.em.name('gate', add(stage, i32(ring * this.cut.stages)));
  }

  at(ring: number, stage: TExpr): TExpr {
    const { base, elements } = this.cut.rings[ring]!;
    return this.em.name('tile', add(mul(stage, i32(elements)), i32(base)));
  }
}
