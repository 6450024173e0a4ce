/**
 * Sums of products in Einstein's notation, on the kernels of `dot`.
 *
 * Invariant: each product of two operands is one `dot` (or a product that fuses, where a `dot` would have one row and one
 * column); axes of one operand alone are summed before it takes part.
 */
import { countedIn, isFloat, summedIn } from '../../ir/dtype.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { shown } from '../options.ts';
import { type Einsum, type Path, parseEinsum, pathOf } from './einsum-plan.ts';
import { contract } from './products.ts';

/** An operand on its way, and the label of each of its axes. */
interface Term {
  readonly node: Node;
  readonly labels: readonly string[];
}

/** Axes with one label as one axis: the diagonal. */
const diagonal = (b: GraphBuilder, { node, labels }: Term): Term => {
  const second = labels.findIndex((l, i) => labels.indexOf(l) !== i);
  if (second < 0) return { node, labels };
  const first = labels.indexOf(labels[second]!);
  const rest = labels.map((_, i) => i).filter((i) => i !== first && i !== second);
  const { shape } = node.type;
  const size = shape[first]!;
  const lead = rest.map((i) => shape[i]!);
  const flat = b.reshape(b.transpose(node, [...rest, first, second]), [...lead, size * size]);
  const line = b.slice(
    flat,
    flat.type.shape.map(() => 0),
    flat.type.shape,
    [...lead.map(() => 1), size + 1],
  );
  return diagonal(b, { node: line, labels: [...rest.map((i) => labels[i]!), labels[first]!] });
};

/** Without axes of size 1 that other operands have more of. */
const narrowed = (b: GraphBuilder, { node, labels }: Term, einsum: Einsum): Term => {
  const { shape } = node.type;
  const kept = labels.map((_, i) => i).filter((i) => shape[i] === einsum.sizes.get(labels[i]!));
  return {
    node: b.reshape(
      node,
      kept.map((i) => shape[i]!),
    ),
    labels: kept.map((i) => labels[i]!),
  };
};

/** Without axes that nothing else needs. */
const reduced = (b: GraphBuilder, { node, labels }: Term, needed: ReadonlySet<string>): Term => {
  const lone = labels.flatMap((l, i) => (needed.has(l) ? [] : [i]));
  return { node: summed(b, node, lone), labels: labels.filter((l) => needed.has(l)) };
};

/** Sums of booleans count, those of halves are made in float32. */
const summed = (b: GraphBuilder, x: Node, axes: readonly number[]): Node => {
  if (axes.length === 0) return x;
  const { dtype } = x.type;
  if (!isFloat(dtype)) return b.sum(b.cast(x, countedIn(dtype)), axes);
  return b.cast(b.sum(b.cast(x, summedIn(dtype)), axes), dtype);
};

const product = (b: GraphBuilder, x: Term, y: Term, needed: ReadonlySet<string>): Term => {
  const shared = x.labels.filter((l) => y.labels.includes(l));
  const batch = shared.filter((l) => needed.has(l));
  const over = shared.filter((l) => !needed.has(l));
  const places = (term: Term, labels: readonly string[]): number[] =>
    labels.map((l) => term.labels.indexOf(l));
  const node = contract(b, x.node, y.node, {
    aBatch: places(x, batch),
    bBatch: places(y, batch),
    aContract: places(x, over),
    bContract: places(y, over),
  });
  const free = (term: Term): string[] => term.labels.filter((l) => !shared.includes(l));
  return { node, labels: [...batch, ...free(x), ...free(y)] };
};

const summing: Fragment<{ readonly text: string }> = fragment<{ readonly text: string }>(
  'einsum',
  (b, inputs, { text }) => {
    const einsum = parseEinsum(
      text,
      inputs.map((x) => x.type.shape),
    );
    const list = inputs
      .map((node, i) => diagonal(b, { node, labels: einsum.operands[i]! }))
      .map((term) => narrowed(b, term, einsum));
    const neededBy = (others: readonly Term[]): Set<string> =>
      new Set([...einsum.output, ...others.flatMap((t) => t.labels)]);
    let terms = list.map((term, i) => reduced(b, term, neededBy(list.toSpliced(i, 1))));
    for (const [i, j] of pathOf(einsum)) {
      const others = terms.filter((_, k) => k !== i && k !== j);
      terms = [...others, product(b, terms[i]!, terms[j]!, neededBy(others))];
    }
    const { node, labels } = terms[0]!;
    return b.transpose(
      node,
      einsum.output.map((l) => labels.indexOf(l)),
    );
  },
);

const check = (text: string, xs: readonly NDArray[]): void => {
  if (typeof text !== 'string')
    throw failure(
      'value',
      `einsum: the first argument is ${shown(text)}`,
      "write einsum('ij,jk->ik', a, b)",
    );
  for (const x of xs) checkArray('einsum', x);
  if (xs.length === 0) throw failure('value', 'einsum: needs at least one array');
};

/**
 * Sums of products: each letter names an axis; letters that the result does not have are summed over, letters that one
 * array has twice run along its diagonal, `...` stands for axes without letters, which broadcast, as axes of size 1 do.
 * Without `->` the result has the letters that occur once, in the order of the alphabet. Of several arrays, the order of
 * products with the fewest multiplications is taken.
 *
 * Dtypes promote; sums and products of booleans and of integers of 8 and 16 bits give int32.
 *
 * @throws {ShapeError} for letters that do not fit the axes, and sizes of one letter that differ
 * @throws {ValueError} for a text that is none, or has another number of groups than there are arrays
 *
 * @example
 * const [a, b] = [nd.array([[1, 2], [3, 4]]), nd.array([[5, 6], [7, 8]])];
 * nd.einsum('ij,jk->ik', a, b);   // [[19, 22], [43, 50]]
 * nd.einsum('ii', a);   // 5
 * nd.einsum('...j->...', a);   // [3, 7]
 */
export const einsum = (text: string, ...xs: readonly NDArray[]): NDArray => {
  check(text, xs);
  return call(summing, xs, { attrs: { text }, key: text });
};

/**
 * The order in which {@link einsum} multiplies arrays of these shapes (any dtype): pairs of positions in the list of
 * arrays, whose product goes to its end.
 *
 * @throws {ShapeError} for letters that do not fit the axes, and sizes of one letter that differ
 * @throws {ValueError} for a text that is none, or has another number of groups than there are arrays
 *
 * @example
 * nd.einsumPath('ij,jk,kl->il', nd.ones([9, 9]), nd.ones([9, 9]), nd.ones([9, 1]));   // [[1, 2], [0, 1]]
 */
export const einsumPath = (text: string, ...xs: readonly NDArray[]): Path => {
  check(text, xs);
  return pathOf(
    parseEinsum(
      text,
      xs.map((x) => x.shape),
    ),
  );
};
