/**
 * What conditions on pairs hide: keys that come after a query, or whatever an array says.
 *
 * Invariant: a condition and its opposite are the same, told apart by `hides`.
 */
import type { Node } from '../../ir/graph/graph.ts';
import { uniform } from '../rewrite.ts';
import { withoutLead } from './pairs.ts';

/** Pairs for which a condition is true, or those for which it is not, are hidden. */
export interface Hidden {
  readonly condition: Node;
  readonly hides: boolean;
}

/** Whether what a condition hides are the keys behind each query, all of them and nothing else. */
export const hidesLater = ({ condition, hides }: Hidden): boolean =>
  partsOf(condition, hides).every(isCausal);

/** The simplest conditions that all have to be met. */
const partsOf = (node: Node, hides: boolean): readonly Hidden[] => {
  const condition = withoutLead(node);
  const { name } = condition.op;
  const [x, y] = condition.inputs;
  if (name === 'not') return partsOf(x!, !hides);
  if (name === (hides ? 'or' : 'and')) return [...partsOf(x!, hides), ...partsOf(y!, hides)];
  const chosen = choice(condition);
  if (chosen !== undefined) return partsOf(chosen.condition, chosen.whenTrue === hides);
  return [{ condition: node, hides }];
};

/** What comparisons say of numbers. */
const COMPARISONS: Readonly<Record<string, (x: number, y: number) => boolean>> = {
  eq: (x, y) => x === y,
  ne: (x, y) => x !== y,
  gt: (x, y) => x > y,
  ge: (x, y) => x >= y,
  lt: (x, y) => x < y,
  le: (x, y) => x <= y,
};

/** A comparison that asks which of two numbers a condition chose. */
const choice = (
  node: Node,
): { readonly condition: Node; readonly whenTrue: boolean } | undefined => {
  const compare = COMPARISONS[node.op.name];
  const [chosen, other] = node.inputs;
  const limit = uniform(other);
  if (compare === undefined || limit === undefined) return undefined;
  const two = choosing(chosen!);
  if (two === undefined) return undefined;
  const [yes, no] = [two.yes, two.no].map((x) => compare(x, limit));
  return yes === no ? undefined : { condition: two.condition, whenTrue: yes! };
};

/** One of two numbers for each pair. */
export const choosing = (
  node: Node,
): { readonly condition: Node; readonly yes: number; readonly no: number } | undefined => {
  const open = withoutLead(node);
  const { name } = open.op;
  const [x, y, z] = open.inputs;
  if (name === 'select') {
    const [yes, no] = [uniform(y), uniform(z)];
    return yes === undefined || no === undefined ? undefined : { condition: x!, yes, no };
  }
  const by = name === 'mul' ? uniform(y) : undefined;
  const inner = by === undefined ? undefined : choosing(x!);
  return inner && { ...inner, yes: inner.yes * by!, no: inner.no * by! };
};

/** Whether what a simple condition hides are the keys behind each query. */
const isCausal = ({ condition, hides }: Hidden): boolean => {
  const node = withoutLead(condition);
  const [x, y] = node.inputs.map(placeOf);
  if (x === undefined || y === undefined || x.of === y.of) return false;
  const rest = y.more - x.more;
  // x ≥ y + rest, or what it is here
  const strict = node.op.name === 'gt' || node.op.name === 'lt' ? 1 : 0;
  const isAbove = node.op.name === 'ge' || node.op.name === 'gt';
  if (!isAbove && node.op.name !== 'le' && node.op.name !== 'lt') return false;
  // the condition as `key - query <= most`, or as `key - query >= least`
  const upper = (x.of === 'query') === isAbove;
  const edge = x.of === 'query' ? -rest : rest;
  if (upper) return !hides && edge - strict === 0;
  return hides && edge + strict === 1;
};

/** The number of a query or of a key, and some more. */
const placeOf = (
  node: Node,
): { readonly of: 'query' | 'key'; readonly more: number } | undefined => {
  const { name } = node.op;
  const [x, y] = node.inputs;
  if (name === 'iota') {
    const back = node.type.shape.length - (node.attrs['axis'] as number);
    return back > 2 ? undefined : { of: back === 2 ? 'query' : 'key', more: 0 };
  }
  const by = uniform(y);
  if (by === undefined || (name !== 'add' && name !== 'sub')) return undefined;
  const inner = placeOf(x!);
  return inner && { ...inner, more: inner.more + (name === 'add' ? by : -by) };
};
