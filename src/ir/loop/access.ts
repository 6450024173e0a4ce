/**
 * Which buffers a nest reads and writes.
 *
 * Invariant: positions that are read from memory (gathers, scattered stores) count as reads; each buffer is listed once,
 * in order of first use.
 */
import { remember } from '../remember.ts';
import { opaqueExprs } from './free.ts';
import type { Expr, LoopBuffer, Nest, Running } from './loop.ts';
import { visitExpr } from './visit.ts';

/** The buffers that evaluating `values` reads. */
export const loadedBy = (values: readonly Expr[]): LoopBuffer[] => {
  const loads = new Map<number, LoopBuffer>();
  const seen = new Set<Expr>();
  for (const value of values)
    visitExpr(value, { expr: (e) => e.kind === 'load' && loads.set(e.buffer.id, e.buffer) }, seen);
  return [...loads.values()];
};

/** What a running fold or an order is made of. */
export const runningOperands = (running: Running): readonly Expr[] =>
  running.kind === 'prefix'
    ? running.values
    : [running.key, ...(running.merge === undefined ? [] : [running.merge.elements])];

/** What the product of a nest, or what runs along one of its axes, is made of. */
export const operandsIn = ({ contract, attend, running }: Nest): Expr[] => [
  ...(contract === undefined ? [] : [contract.a, contract.b]),
  ...(attend === undefined
    ? []
    : [
        ...attend.scores.flatMap(({ a, b }) => [a, b]),
        ...[attend.weight, attend.value, ...(attend.kept === undefined ? [] : [attend.kept])],
      ]),
  ...(running === undefined ? [] : runningOperands(running)),
];

/** Everything a nest evaluates: stored values, operands of its product, positions it stores at. */
export const evaluatedBy = (nest: Nest): Expr[] => [
  ...nest.stores.map((s) => s.value),
  ...operandsIn(nest),
  ...opaqueExprs(nest.stores.flatMap((s) => s.index)),
];

const reads = new WeakMap<Nest, readonly LoopBuffer[]>();

/** The buffers a nest reads; nests never change, so that it is found once. */
export const readsOf = (nest: Nest): readonly LoopBuffer[] =>
  remember(reads, nest, () => loadedBy(evaluatedBy(nest)));

export const writesOf = (nest: Nest): LoopBuffer[] => {
  const written = new Map<number, LoopBuffer>();
  for (const s of nest.stores) written.set(s.buffer.id, s.buffer);
  return [...written.values()];
};

/** What one launch of `nests` touches: what is only read, then what is written. */
export const buffersOf = (nests: readonly Nest[]): LoopBuffer[] => {
  const written = new Map(nests.flatMap(writesOf).map((b) => [b.id, b]));
  const read = new Map<number, LoopBuffer>();
  for (const b of nests.flatMap(readsOf)) if (!written.has(b.id)) read.set(b.id, b);
  return [...read.values(), ...written.values()];
};
