/**
 * What an einsum says, and in which order its operands are best multiplied.
 *
 * Invariant: plans depend on the text and the shapes alone. Labels are single characters; the axes of an ellipsis are
 * labelled by their distance from its end, so that they broadcast from the right.
 */
import { TigonError } from '../../ir/errors.ts';
import type { Shape } from '../../ir/type.ts';

export interface Einsum {
  /** The label of each axis of each operand. */
  readonly operands: readonly (readonly string[])[];
  readonly output: readonly string[];
  /** The size of each label. */
  readonly sizes: ReadonlyMap<string, number>;
}

const HELP =
  "write one group of letters for each array: 'ij,jk->ik'; '...' stands for axes without letters";

const show = (shapes: readonly Shape[]): string =>
  shapes.map((s) => `[${s.join(', ')}]`).join(' · ');

/** The labels of one term: `rank` axes, of which an ellipsis takes what the letters leave. */
const labelsOf = (text: string, term: string, rank: number | undefined, dots: number): string[] => {
  const [before, after, ...more] = term.split('...');
  if (more.length > 0 || !/^[A-Za-z]*$/.test(before! + (after ?? '')))
    throw new TigonError('value', `einsum: "${term}" in "${text}" is not a group of letters`, HELP);
  const letters = before!.length + (after?.length ?? 0);
  const open = after === undefined ? 0 : rank === undefined ? dots : rank - letters;
  if (rank !== undefined && (open < 0 || letters + open !== rank))
    throw new TigonError(
      'shape',
      `einsum: "${term}" in "${text}" names ${letters} axes of an array with ${rank}`,
      HELP,
    );
  const ellipsis = Array.from({ length: open }, (_, i) => `.${open - i}`);
  return [...before!, ...ellipsis, ...(after ?? '')];
};

/** Labels of the result when the text does not say: those that occur once, in the order of the alphabet. */
const implied = (operands: readonly (readonly string[])[], dots: number): string[] => {
  const all = operands.flat();
  const once = [...new Set(all)].filter(
    (l) => !l.startsWith('.') && all.filter((other) => other === l).length === 1,
  );
  return [...Array.from({ length: dots }, (_, i) => `.${dots - i}`), ...once.sort()];
};

/** Reads an einsum for operands of these shapes. */
export const parseEinsum = (text: string, shapes: readonly Shape[]): Einsum => {
  const [inputs, result, ...more] = text.replace(/\s/g, '').split('->');
  const terms = inputs!.split(',');
  if (more.length > 0 || terms.length !== shapes.length)
    throw new TigonError(
      'value',
      `einsum: "${text}" has ${terms.length} groups for ${shapes.length} arrays`,
      HELP,
    );
  const operands = terms.map((term, i) => labelsOf(text, term, shapes[i]!.length, 0));
  const dots = Math.max(0, ...operands.map((o) => o.filter((l) => l.startsWith('.')).length));
  const sizes = new Map<string, number>();
  operands.forEach((labels, i) => {
    labels.forEach((label, axis) => {
      const size = shapes[i]![axis]!;
      const known = sizes.get(label) ?? 1;
      const twin = shapes[i]![labels.indexOf(label)]!;
      if (twin !== size)
        throw new TigonError(
          'shape',
          `einsum: "${label}" in "${text}" runs along axes of ${twin} and ${size}: ${show(shapes)}`,
          'a diagonal has axes of one size',
        );
      if (size !== known && size !== 1 && known !== 1)
        throw new TigonError(
          'shape',
          `einsum: sizes of "${label.replace('.', 'ellipsis axis -')}" in "${text}" differ (${known} ≠ ${size}): ${show(shapes)}`,
          'a letter stands for axes of one size, or of size 1',
        );
      sizes.set(label, size === 1 ? known : size);
    });
  });
  const output =
    result === undefined ? implied(operands, dots) : labelsOf(text, result, undefined, dots);
  const odd = output.find((l, i) => !sizes.has(l) || output.indexOf(l) !== i);
  if (odd !== undefined)
    throw new TigonError(
      'value',
      `einsum: "${odd}" after "->" in "${text}" ${sizes.has(odd) ? 'stands there twice' : 'is in no array'}`,
      HELP,
    );
  return { operands, output, sizes };
};

/** Pairs of positions in the list of operands; the product of each goes to its end. */
export type Path = readonly (readonly [number, number])[];

/** Up to here all orders are compared. */
const SEARCHED = 8;

const union = (a: ReadonlySet<string>, b: ReadonlySet<string>): Set<string> =>
  new Set([...a, ...b]);

interface Tree {
  readonly cost: number;
  readonly left?: number;
  readonly right?: number;
}

/** The order with the fewest multiplications: the best split of every subset of the operands, smaller ones first. */
const searched = (
  count: number,
  labelsIn: (subset: number) => ReadonlySet<string>,
  size: (labels: ReadonlySet<string>) => number,
): Path => {
  const whole = (1 << count) - 1;
  const best = new Map<number, Tree>();
  for (let subset = 1; subset <= whole; subset++) {
    if ((subset & (subset - 1)) === 0) {
      best.set(subset, { cost: 0 });
      continue;
    }
    let tree: Tree | undefined;
    for (let left = (subset - 1) & subset; left > 0; left = (left - 1) & subset) {
      const right = subset ^ left;
      if (left < right) continue;
      const cost =
        best.get(left)!.cost + best.get(right)!.cost + size(union(labelsIn(left), labelsIn(right)));
      if (tree === undefined || cost < tree.cost) tree = { cost, left, right };
    }
    best.set(subset, tree!);
  }
  const list = Array.from({ length: count }, (_, i) => 1 << i);
  const path: [number, number][] = [];
  const visit = (subset: number): void => {
    const { left, right } = best.get(subset)!;
    if (left === undefined || right === undefined) return;
    visit(left);
    visit(right);
    const [i, j] = [list.indexOf(left), list.indexOf(right)].sort((a, b) => a - b) as [
      number,
      number,
    ];
    path.push([i, j]);
    list.splice(j, 1);
    list.splice(i, 1);
    list.push(subset);
  };
  visit(whole);
  return path;
};

/** With many operands: always the pair whose product is least work. */
const greedy = (
  count: number,
  labelsIn: (subset: number) => ReadonlySet<string>,
  size: (labels: ReadonlySet<string>) => number,
): Path => {
  const list = Array.from({ length: count }, (_, i) => 1 << i);
  const path: [number, number][] = [];
  while (list.length > 1) {
    let pair: [number, number] = [0, 1];
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < list.length; i++)
      for (let j = i + 1; j < list.length; j++) {
        const cost = size(union(labelsIn(list[i]!), labelsIn(list[j]!)));
        if (cost < least) [least, pair] = [cost, [i, j]];
      }
    const [i, j] = pair;
    const [q, p] = [list.splice(j, 1)[0]!, list.splice(i, 1)[0]!];
    list.push(p | q);
    path.push(pair);
  }
  return path;
};

/** The order in which the operands are multiplied. */
export const pathOf = ({ operands, output, sizes }: Einsum): Path => {
  const sets = operands.map((labels) => new Set(labels));
  const known = new Map<number, ReadonlySet<string>>();
  /** Labels of the product of a subset: those of its operands that something else still needs. */
  const labelsIn = (subset: number): ReadonlySet<string> => {
    const found = known.get(subset);
    if (found !== undefined) return found;
    const own = new Set(sets.flatMap((s, i) => ((subset >> i) & 1 ? [...s] : [])));
    const needed = new Set([
      ...output,
      ...sets.flatMap((s, i) => ((subset >> i) & 1 ? [] : [...s])),
    ]);
    const labels = new Set([...own].filter((l) => needed.has(l)));
    known.set(subset, labels);
    return labels;
  };
  const size = (labels: ReadonlySet<string>): number =>
    [...labels].reduce((n, l) => n * Math.max(1, sizes.get(l)!), 1);
  return (operands.length <= SEARCHED ? searched : greedy)(operands.length, labelsIn, size);
};
