/**
 * The operands of attention and its gradients: what they are called, how long their axes are, and the checks.
 *
 * Invariant: queries are [..., Tq, D], keys [..., Tk, D], values [..., Tk, Dv]; a mask is [..., Tq, Tk] and comes last.
 */
import { summedIn } from '../../dtype.ts';
import { sameShape, type TensorType } from '../../type.ts';
import type { Node } from '../graph.ts';
import { checkFloat, type Rule, ruleFor } from './define.ts';

/** Scores are `scale · q kᵀ`; `causal`: query i attends to keys 0 to i. */
export type AttentionAttrs = { readonly scale: number; readonly causal: boolean };

export const attentionSchema = {
  scale: { kind: 'number' },
  causal: { kind: 'bool', default: false },
} as const;

/** Operands by what they are; those an op does not take are missing. */
export interface Parts<T> {
  readonly q: T;
  readonly k: T;
  readonly v?: T;
  readonly dy?: T;
  readonly norm?: T;
  readonly delta?: T;
  readonly mask?: T;
}
export type PartName = keyof Parts<unknown>;

/** The operands of an op that takes `names`, and perhaps a mask. */
export const partsOf = <T>(names: readonly PartName[], operands: readonly T[]): Parts<T> =>
  Object.fromEntries(
    operands.map((x, i) => [names[i] ?? 'mask', x] as const),
  ) as unknown as Parts<T>;

export const operandsOf = <T>(names: readonly PartName[], parts: Parts<T>): T[] => [
  ...names.map((name) => parts[name]!),
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
    case 'mask':
      return [...s.lead, s.queries, s.keys];
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
export const sizesIn = (names: readonly PartName[], { inputs }: Node): Sizes =>
  sizesOf(typesOf(partsOf(names, inputs)));

/** Checks the operands of an op that takes `names`, and perhaps a mask. */
export const checkParts = (
  op: string,
  names: readonly PartName[],
  inputs: readonly TensorType[],
  { scale }: AttentionAttrs,
): { readonly parts: Parts<TensorType>; readonly sizes: Sizes } => {
  const masked = inputs.length > names.length;
  const all: readonly PartName[] = masked ? [...names, 'mask'] : names;
  const rule = ruleFor(op, inputs, all);
  const parts = partsOf(names, inputs);
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
  return { parts, sizes };
};

const wantedRank = (name: PartName): number => (name === 'norm' || name === 'delta' ? 1 : 2);

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
      rule.check(
        type.dtype === summedIn(parts.q.dtype),
        `${name} must be ${summedIn(parts.q.dtype)}`,
        'convert it',
        'dtype',
      );
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
