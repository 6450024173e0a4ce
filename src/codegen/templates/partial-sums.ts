/**
 * A contraction as partial sums: a kernel that leaves them in memory, and one that adds them up and does the stores.
 *
 * Invariant: the second kernel adds the parts in a fixed order, so results do not depend on how many threads run.
 */
import { type Axis, idxAxis, newAxis } from '../../ir/dim.ts';
import { accumulator, load, newBuffer, reduce } from '../../ir/loop/expr.ts';
import type { Contraction, LoopBuffer, LoopKernel, Nest } from '../../ir/loop/loop.ts';
import { visitExpr } from '../../ir/loop/visit.ts';
import { rewriter } from '../rewrite.ts';

/** A contraction with one more batch axis, the parts of its sum. */
export interface Split {
  readonly part: Axis;
  readonly contract: Contraction;
}

/** The kernel of the parts, and the kernel that adds them up and does the stores of `nest`. */
export const kernelsOf = (
  kernel: LoopKernel,
  nest: Nest,
  { part, contract }: Split,
): LoopKernel[] => {
  const axes = [part, ...nest.axes];
  const partial = newBuffer(`${kernel.name}_parts`, {
    dtype: 'float32',
    shape: axes.map((a) => a.extent),
  });
  const sums: Nest = {
    axes,
    stores: [
      {
        buffer: partial,
        index: axes.map(idxAxis),
        value: accumulator,
        axes,
        mode: 'set',
        over: [],
      },
    ],
    contract: { ...contract, index: axes.map(idxAxis) },
  };

  const part2 = newAxis('part', part.extent, 'red');
  const total = reduce('add', [part2], load(partial, [idxAxis(part2), ...nest.axes.map(idxAxis)]));
  const map = rewriter({ replace: (e) => (e.kind === 'acc' ? total : undefined) });
  const finish: Nest = {
    axes: nest.axes,
    stores: nest.stores.map((s) => ({
      ...s,
      value: map.expr(s.value),
    })),
    contract: undefined,
  };

  const note = `sum of ${contract.k.reduce((n, a) => n * a.extent, part.extent)} in ${part.extent} parts`;
  return [
    {
      name: `${kernel.name}_parts`,
      buffers: [...readBy([sums]), partial],
      nests: [sums],
      origin: [...kernel.origin, note],
    },
    {
      name: kernel.name,
      buffers: unique([...readBy([finish]), ...finish.stores.map((s) => s.buffer)]),
      nests: [finish],
      origin: kernel.origin,
    },
  ];
};

const unique = (buffers: readonly LoopBuffer[]): LoopBuffer[] => [...new Set(buffers)];

const readBy = (nests: readonly Nest[]): LoopBuffer[] => {
  const found = new Set<LoopBuffer>();
  const seen = new Set<Parameters<typeof visitExpr>[0]>();
  const visitor = {
    expr: (e: Parameters<typeof visitExpr>[0]): void => {
      if (e.kind === 'load') found.add(e.buffer);
    },
  };
  for (const nest of nests) {
    if (nest.contract !== undefined) {
      visitExpr(nest.contract.a, visitor, seen);
      visitExpr(nest.contract.b, visitor, seen);
    }
    for (const store of nest.stores) visitExpr(store.value, visitor, seen);
  }
  return [...found];
};
