/**
 * What was found out about a contraction, for others that do the same: a net has many layers of few sizes, and estimating
 * every schedule of one takes longer than telling it from the others.
 *
 * Invariant: kept is what sizes and indices decide, and nothing that names axes or buffers; for one compilation.
 */
import { namelessText } from '../../ir/loop/alike.ts';
import { compilation } from '../../ir/loop/expr.ts';
import type { Contraction, Nest } from '../../ir/loop/loop.ts';
import type { Caps } from '../caps.ts';

interface Finding<T> {
  readonly nest: Nest;
  readonly caps: Caps;
  readonly found: T;
}

const texts = new WeakMap<Nest, string>();

/** Put together when there is another of its outline: most are the only one. */
const textOf = (nest: Nest): string => {
  const text = texts.get(nest) ?? namelessText(nest);
  texts.set(nest, text);
  return text;
};

const outlineOf = ({ batch, m, n, k }: Contraction, { stores }: Nest): string =>
  `${stores.length}|${[batch, m, n, k].map((axes) => axes.map((a) => a.extent)).join('|')}`;

export class AlikeNests<T> {
  readonly #findings = new Map<string, Finding<T>[]>();
  #compilation = -1;

  /** What `find` gives for the nest of a contraction, or gave for one that does the same. */
  of(nest: Nest, c: Contraction, caps: Caps, find: () => T): T {
    if (this.#compilation !== compilation()) {
      this.#compilation = compilation();
      this.#findings.clear();
    }
    const outline = outlineOf(c, nest);
    const similar = this.#findings.get(outline) ?? [];
    this.#findings.set(outline, similar);
    for (const known of similar)
      if (known.caps === caps && (known.nest === nest || textOf(known.nest) === textOf(nest)))
        return known.found;
    const found = find();
    similar.push({ nest, caps, found });
    return found;
  }
}
