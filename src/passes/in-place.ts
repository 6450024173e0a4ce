/**
 * When a launch may write over bytes that it reads.
 *
 * Invariant: each element is read only where it is written, and by whoever writes it: threads and workgroups of a launch
 * run in any order, so what one writes no other may read.
 */
import type { Caps } from '../codegen/caps.ts';
import { type Idx, pointsOf } from '../ir/dim.ts';
import { operandsIn } from '../ir/loop/access.ts';
import { opaqueExprs } from '../ir/loop/free.ts';
import type { Expr, LoadExpr, LoopBuffer, Nest, Store } from '../ir/loop/loop.ts';
import { visitExpr } from '../ir/loop/visit.ts';

/**
 * Whether `store` may write into `state`, which its nest reads. One thread does the reads of a row before its writes, so
 * values at other levels of the nest may read the state too; threads that share a row do so in no order: only the value
 * stored may read it, and not in folds, which they do together.
 */
export const mayUpdate = (nest: Nest, store: Store, state: LoopBuffer, caps: Caps): boolean => {
  const own = readings(nest).filter((r) => r.load.buffer.id === state.id);
  if (own.length === 0) return true;
  // Sums start from zeros in place of what is there.
  if (store.mode !== 'set') return false;
  const at = placeOf(store.buffer, store.index);
  return own.every((r) => {
    // Operands of a product and positions are read by whoever needs them.
    if (r.by === undefined || !isAt(r.load, at)) return false;
    return caps.threads === 1 || (sameLevel(r.by, store) && !r.folded);
  });
};

/**
 * Pairs of a store and a buffer read, where the store may take over the bytes of the buffer: a nest without reductions
 * that reads the buffer only at the element which the store writes, in values computed there.
 */
export function* replaceable(nest: Nest, caps: Caps): Generator<readonly [Store, LoopBuffer]> {
  if (nest.stores.some((s) => s.mode !== 'set')) return;
  if (nest.stores.some((s) => reduces(s.value))) return;
  const byBuffer = new Map<number, Reading[]>();
  for (const r of readings(nest)) {
    const list = byBuffer.get(r.load.buffer.id);
    if (list === undefined) byBuffer.set(r.load.buffer.id, [r]);
    else list.push(r);
  }
  for (const store of nest.stores) {
    // Every thread of a row computes what is stored once a row.
    if (caps.threads > 1 && pointsOf(store.axes) !== pointsOf(nest.axes)) continue;
    const at = placeOf(store.buffer, store.index);
    for (const list of byBuffer.values())
      if (list.every((r) => r.by && sameLevel(r.by, store) && isAt(r.load, at))) {
        const { buffer, dtype } = list[0]!.load;
        if (caps.target !== 'wgsl' || dtype === store.buffer.dtype) yield [store, buffer];
      }
  }
}

/** A place that is read, by the value of a store or (undefined) by what a product or a position is made of. */
interface Reading {
  readonly load: LoadExpr;
  readonly by: Store | undefined;
  /** Whether a reduction takes it. */
  readonly folded: boolean;
}

const readings = (nest: Nest): Reading[] => {
  const found: Reading[] = [];
  const note = (root: Expr, by: Store | undefined, folded = false): void => {
    visitExpr(root, {
      expr: (e) => {
        if (e.kind === 'load') found.push({ load: e, by, folded });
        else if (e.kind === 'reduce' && !folded) note(e.body, by, true);
      },
    });
  };
  for (const s of nest.stores) {
    note(s.value, s);
    for (const position of opaqueExprs(s.index)) note(position, undefined);
  }
  for (const operand of operandsIn(nest)) note(operand, undefined);
  return found;
};

const placeOf = (buffer: LoopBuffer, index: readonly Idx[]): string =>
  `${buffer.strides.filter((_, i) => buffer.shape[i] !== 1).join('_')}:${index.map((i) => i.key).join()}`;

const isAt = ({ buffer, index }: LoadExpr, place: string): boolean =>
  placeOf(buffer, index) === place;

const sameLevel = (a: Store, b: Store): boolean => pointsOf(a.axes) === pointsOf(b.axes);

const reduces = (value: Expr): boolean => {
  let found = false;
  visitExpr(value, {
    expr: (e) => {
      if (e.kind === 'reduce') found = true;
    },
  });
  return found;
};
