/**
 * The operands of attention and its gradients: what they are called, how long their axes are, and the checks.
 *
 * Invariant: queries are [..., Tq, D], keys [..., Tk, D], values [..., Tk, Dv]; after what an op always takes come a bias
 * [..., Tq, Tk], what shares are dropped by, and a mask [..., Tq, Tk].
 */
import { summedIn } from '../../dtype.ts';
import { ABSENT } from '../../loop/loop.ts';
import { sameShape, type TensorType } from '../../type.ts';
import type { Node } from '../graph.ts';
import { checkFloat, type Rule, ruleFor } from './define.ts';

/** Scores are `scale · q kᵀ`, `+ bias` if `biased`. */
export type AttentionAttrs = {
  readonly scale: number;
  /** Query i attends to keys 0 to i. */
  readonly causal: boolean;
  /** The score of what a mask hides. {@link ABSENT}: it takes no part, whatever the other scores are. */
  readonly fill: number;
  readonly biased: boolean;
  /** Shares are dropped, as `dropOut` does, after they were made. */
  readonly dropout: boolean;
};

export const attentionSchema = {
  scale: { kind: 'number' },
  causal: { kind: 'bool', default: false },
  fill: { kind: 'number', default: ABSENT as number },
  biased: { kind: 'bool', default: false },
  dropout: { kind: 'bool', default: false },
} as const;

/** With what most attentions are without. */
export const attentionAttrs = (
  given: Pick<AttentionAttrs, 'scale'> & Partial<AttentionAttrs>,
): AttentionAttrs => ({ causal: false, fill: ABSENT, biased: false, dropout: false, ...given });

/** Operands by what they are; those an op does not take are missing. */
export interface Parts<T> {
  readonly q: T;
  readonly k: T;
  readonly v?: T;
  readonly dy?: T;
  readonly norm?: T;
  readonly delta?: T;
  readonly bias?: T;
  /** The key, the number of the draw, and the share of shares that are dropped. */
  readonly low?: T;
  readonly high?: T;
  readonly draw?: T;
  readonly rate?: T;
  readonly mask?: T;
}
export type PartName = keyof Parts<unknown>;
type Given = Pick<AttentionAttrs, 'biased' | 'dropout'>;

/** What an op that takes `names` takes with these attributes; a mask may come last. */
const namesWith = (names: readonly PartName[], { biased, dropout }: Given): PartName[] => [
  ...names,
  ...(biased ? (['bias'] as const) : []),
  ...(dropout ? (['low', 'high', 'draw', 'rate'] as const) : []),
];

/** The operands of an op that takes `names`. */
export const partsOf = <T>(
  names: readonly PartName[],
  operands: readonly T[],
  given: Given,
): Parts<T> => {
  const all = namesWith(names, given);
  return Object.fromEntries(
    operands.map((x, i) => [all[i] ?? 'mask', x] as const),
  ) as unknown as Parts<T>;
};

export const operandsOf = <T>(names: readonly PartName[], parts: Parts<T>, given: Given): T[] => [
  ...namesWith(names, given).map((name) => parts[name]!),
  ...(parts.mask === undefined ? [] : [parts.mask]),
];

export interface Sizes {
  readonly lead: readonly number[];
  readonly queries: number;
  readonly keys: number;
  /** Of a query and of a key. */
  readonly depth: number;
  /** Of a value; 0 where there are none. */
  readonly width: number;
}

const SHAPES: Readonly<Record<PartName, string>> = {
  q: '[..., Tq, D]',
  k: '[..., Tk, D]',
  v: '[..., Tk, Dv]',
  dy: '[..., Tq, Dv]',
  norm: '[..., Tq]',
  delta: '[..., Tq]',
  bias: '[..., Tq, Tk]',
  low: '[]',
  high: '[]',
  draw: '[]',
  rate: '[]',
  mask: '[..., Tq, Tk]',
};

const wantedShape = (name: PartName, s: Sizes): number[] => {
  switch (name) {
    case 'q':
      return [...s.lead, s.queries, s.depth];
    case 'k':
      return [...s.lead, s.keys, s.depth];
    case 'v':
      return [...s.lead, s.keys, s.width];
    case 'dy':
      return [...s.lead, s.queries, s.width];
    case 'norm':
    case 'delta':
      return [...s.lead, s.queries];
    case 'bias':
    case 'mask':
      return [...s.lead, s.queries, s.keys];
    case 'low':
    case 'high':
    case 'draw':
    case 'rate':
      return [];
    default:
      return name satisfies never;
  }
};

export const sizesOf = ({ q, k, v, dy }: Parts<TensorType>): Sizes => ({
  lead: q.shape.slice(0, -2),
  queries: q.shape.at(-2)!,
  keys: k.shape.at(-2)!,
  depth: q.shape.at(-1)!,
  width: (v ?? dy)?.shape.at(-1) ?? 0,
});

export const typesOf = (parts: Parts<Node>): Parts<TensorType> =>
  Object.fromEntries(
    Object.entries(parts).map(([name, x]) => [name, (x as Node).type]),
  ) as unknown as Parts<TensorType>;

/** The sizes of a node of an op that takes `names`. */
export const sizesIn = (
  names: readonly PartName[],
  { inputs, attrs }: Node<AttentionAttrs>,
): Sizes => sizesOf(typesOf(partsOf(names, inputs, attrs)));

/** Checks the operands of an op that takes `names`, and perhaps a mask. */
export const checkParts = (
  op: string,
  names: readonly PartName[],
  inputs: readonly TensorType[],
  attrs: AttentionAttrs,
): { readonly parts: Parts<TensorType>; readonly sizes: Sizes } => {
  const { scale, causal, fill } = attrs;
  const own = namesWith(names, attrs);
  const all: readonly PartName[] = inputs.length > own.length ? [...own, 'mask'] : own;
  const rule = ruleFor(op, inputs, all);
  const parts = partsOf(names, inputs, attrs);
  for (const name of all)
    rule.check(
      parts[name]!.shape.length >= wantedRank(name),
      `${name} must be ${SHAPES[name]}`,
      'the last axes are positions and features; those before them are batches and heads',
    );
  const sizes = sizesOf(parts);
  for (const name of all) checkPart(rule, name, parts, sizes);
  rule.check(sizes.keys > 0, 'there are no keys', 'attend to one position at least');
  rule.check(
    Number.isFinite(scale),
    `scale is ${scale}`,
    'pass a number; 1 / sqrt(D) is customary',
    'value',
  );
  rule.check(
    fill === ABSENT || (Number.isFinite(fill) && fill > LEAST && !causal),
    `fill is ${fill}`,
    'what is hidden scores a number, or takes no part; what comes later takes none',
    'value',
  );
  return { parts, sizes };
};

/** Below any score that blocks of keys tell from what takes no part. */
export const LEAST = -1e37;

const wantedRank = (name: PartName): number => {
  switch (name) {
    case 'norm':
    case 'delta':
      return 1;
    case 'low':
    case 'high':
    case 'draw':
    case 'rate':
      return 0;
    default:
      return 2;
  }
};

const checkPart = (rule: Rule, name: PartName, parts: Parts<TensorType>, sizes: Sizes): void => {
  const type = parts[name]!;
  const shape = wantedShape(name, sizes);
  rule.check(
    sameShape(type.shape, shape),
    `${name} must be ${SHAPES[name]}, here [${shape.join(', ')}]`,
    name === 'k' && type.shape.at(-1) !== sizes.depth
      ? 'queries and keys have equally many features'
      : 'leading axes must be equal: broadcast them first',
  );
  switch (name) {
    case 'q':
      checkFloat(rule, type.dtype);
      break;
    case 'k':
    case 'v':
    case 'dy':
      rule.check(
        type.dtype === parts.q.dtype,
        `${name} is ${type.dtype} but q is ${parts.q.dtype}`,
        'convert them to one dtype with .astype(...)',
        'dtype',
      );
      break;
    case 'norm':
    case 'delta':
    case 'bias':
    case 'rate':
      rule.check(
        type.dtype === summedIn(parts.q.dtype),
        `${name} must be ${summedIn(parts.q.dtype)}`,
        'convert it',
        'dtype',
      );
      break;
    case 'low':
    case 'high':
    case 'draw':
      rule.check(type.dtype === 'uint32', `${name} must be uint32`, 'convert it', 'dtype');
      break;
    case 'mask':
      rule.check(
        type.dtype === 'bool',
        `mask must be bool (true: may attend), not ${type.dtype}`,
        'compare first, or use .astype("bool"); add a bias of -1e9 to the scores by hand instead',
        'dtype',
      );
      break;
    default:
      name satisfies never;
  }
};
