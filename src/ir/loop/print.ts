/**
 * Loop kernels as `.tg` text: one line a store, shared and long expressions named by `let`.
 *
 * Invariant: equal kernels print to the same text whatever the ids of their axes are, and `parseLoop` reads it back to
 * an equal kernel. A `let` only names an expression: it says nothing about when it is evaluated.
 */
import { type Atom, type Axis, type Idx, idxAxes, type Term } from '../dim.ts';
import { shortName } from '../dtype.ts';
import { INFIX } from '../text/infix.ts';
import { Names, spellName, spellNumber } from '../text/words.ts';
import { stridesOf } from '../type.ts';
import { operandsIn } from './access.ts';
import { rowNorm, scoreValues } from './expr.ts';
import type {
  Attention,
  Contraction,
  Expr,
  LoopBuffer,
  LoopKernel,
  Nest,
  ReduceOp,
  Running,
  Store,
} from './loop.ts';
import { indicesOf, operandsOf, visitExpr } from './visit.ts';

/**
 * The text of a kernel.
 *
 * @throws nothing
 *
 * @see {@link printGraph}
 */
export const printLoop = (kernel: LoopKernel): string => {
  const buffers = new Names<LoopBuffer>();
  const own = kernel.buffers.map((b) => `\n  ${showBuffer(b, buffers.of(b, b.name))},`);
  const views = reshapesIn(kernel).map((view) => {
    const of = kernel.buffers.find((b) => b.id === view.id);
    const text = showBuffer(view, buffers.of(view, view.name));
    return `\n  ${text}${of === undefined ? '' : ` = ${spellName(buffers.get(of)!)}`},`;
  });
  const list = [...own, ...views].join('');
  const origin = kernel.origin.map((line) => `  origin ${JSON.stringify(line)}\n`).join('');
  const nests = kernel.nests.map((nest) => new NestPrinter(nest, buffers).print()).join('');
  const end = list === '' ? '' : '\n';
  return `kernel ${spellName(kernel.name)}(${list}${end}) {\n${origin}${nests}}\n`;
};

/** Buffers that are used but not listed: the bytes of a listed one under another shape. */
const reshapesIn = (kernel: LoopKernel): readonly LoopBuffer[] => {
  const found = new Set<LoopBuffer>();
  const seen = new Set<Expr>();
  const expr = (e: Expr): void => {
    if (e.kind === 'load') found.add(e.buffer);
  };
  const visit = (roots: readonly Expr[], index: readonly Idx[]): void => {
    for (const e of [...roots, ...index.flatMap(opaquesOf)]) visitExpr(e, { expr }, seen);
  };
  for (const nest of kernel.nests) {
    visit(operandsIn(nest), (nest.contract ?? nest.attend)?.index ?? []);
    for (const store of nest.stores) {
      visit([store.value], store.index);
      found.add(store.buffer);
    }
  }
  return [...found].filter((b) => !kernel.buffers.includes(b));
};

const showBuffer = (b: LoopBuffer, name: string): string => {
  const view = b.strides.some((s, i) => s !== stridesOf(b.shape)[i]);
  const strides = view ? ` strides [${b.strides.join(', ')}]` : '';
  return `${spellName(name)}: ${shortName(b.dtype)}[${b.shape.join(', ')}]${strides}`;
};

/** Longer operands get a name of their own. */
const LONG = 72;

const STORES: Readonly<Record<Store['mode'], string>> = { set: '=', add: '+=', max: '>=' };

const reduceNames: Readonly<Record<ReduceOp, string>> = {
  add: 'sum',
  mul: 'product',
  max: 'max',
  min: 'min',
  argmax: 'argmax',
  argmin: 'argmin',
};

class NestPrinter {
  readonly #nest: Nest;
  readonly #buffers: Names<LoopBuffer>;
  /** Axes and named expressions share one name space, in which `acc` is taken. */
  readonly #names = new Names<Axis | Expr>();
  readonly #position = new Map<Axis, number>();
  readonly #uses = new Map<Expr, number>();
  readonly #lines: string[] = [];

  constructor(nest: Nest, buffers: Names<LoopBuffer>) {
    this.#nest = nest;
    this.#buffers = buffers;
    this.#names.fresh('acc');
    if (nest.attend !== undefined)
      for (const { name } of [rowNorm, ...scoreValues]) this.#names.fresh(name);
  }

  print(): string {
    const { axes, stores, contract, attend, running } = this.#nest;
    const inner = this.#survey().filter((axis) => !axes.includes(axis));
    const declare = (list: readonly Axis[]): string =>
      list.map((a) => `${spellName(this.#names.of(a, a.name))} < ${a.extent}`).join(', ');
    [...axes, ...inner].forEach((axis, i) => {
      this.#position.set(axis, i);
    });
    const head = ['nest', declare(axes), inner.length > 0 ? `over ${declare(inner)}` : ''];
    if (contract !== undefined) this.#contract(contract);
    if (attend !== undefined) this.#attend(attend);
    if (running !== undefined) this.#running(running);
    for (const store of stores) this.#store(store);
    const body = this.#lines.map((line) => `    ${line}\n`).join('');
    return `  ${head.filter((part) => part !== '').join(' ')} {\n${body}  }\n`;
  }

  /** Counts uses of expressions, and lists the axes in the order in which they are met. */
  #survey(): readonly Axis[] {
    const axes = new Set<Axis>();
    const seen = new Set<Expr>();
    const index = (idx: Idx): void => idxAxes(idx, (axis) => axes.add(axis));
    const expr = (e: Expr): void => {
      if (e.kind === 'reduce') for (const axis of e.axes) axes.add(axis);
      for (const operand of operandsOf(e))
        this.#uses.set(operand, (this.#uses.get(operand) ?? 0) + 1);
    };
    const root = (e: Expr): void => {
      this.#uses.set(e, (this.#uses.get(e) ?? 0) + 1);
      visitExpr(e, { expr, index }, seen);
    };
    const indices = (list: readonly Idx[]): void => {
      // As an index of a load would be, loaded positions included.
      for (const idx of list) {
        index(idx);
        for (const ref of opaquesOf(idx)) root(ref);
      }
    };
    const { contract, attend, running, stores } = this.#nest;
    const product = contract ?? attend;
    if (running !== undefined) for (const operand of operandsIn(this.#nest)) root(operand);
    if (product !== undefined) {
      for (const operand of operandsIn(this.#nest)) root(operand);
      indices(product.index);
      const summed = [...product.k, ...(attend?.scores.flatMap((s) => s.depth) ?? [])];
      for (const axis of summed) axes.add(axis);
    }
    for (const store of stores) {
      for (const axis of store.over) axes.add(axis);
      indices(store.index);
      root(store.value);
    }
    return [...axes];
  }

  #contract({ batch, m, n, k, a, b, index }: Contraction): void {
    const left = this.#operand(a, 0);
    const right = this.#operand(b, 0);
    const result = this.#index(index);
    this.#lines.push(
      `contract ${[batch, m, n].map((axes) => this.#axes(axes)).join(', ')} over ${this.#axes(k)} {`,
      `  left = ${left}`,
      `  right = ${right}`,
      `  result ${result}`,
      '}',
    );
  }

  #attend({ batch, m, n, k, fold, scores, weight, value, kept, index }: Attention): void {
    const products = scores.flatMap(({ depth, a, b }) => {
      const [left, right] = [this.#operand(a, 0), this.#operand(b, 0)];
      const head = `  contract over ${this.#axes(depth)} {`;
      return [head, `    left = ${left}`, `    right = ${right}`, '  }'];
    });
    const [left, right] = [this.#operand(weight, 0), this.#operand(value, 0)];
    const factor = kept && this.#operand(kept, 0);
    const frame = [batch, m, n].map((axes) => this.#axes(axes)).join(', ');
    this.#lines.push(
      `attend ${frame} over ${this.#axes(k)} as ${fold} {`,
      ...products,
      `  left = ${left}`,
      `  right = ${right}`,
      ...(factor === undefined ? [] : [`  kept = ${factor}`]),
      `  result ${this.#index(index)}`,
      '}',
    );
  }

  #running(running: Running): void {
    const axis = this.#axes([running.axis]);
    if (running.kind === 'prefix') {
      const values = running.values.map((v) => this.#operand(v, 0)).join(', ');
      const direction = running.backward ? 'backward' : 'forward';
      this.#lines.push(`prefix ${running.op} ${direction} ${axis} (${values})`);
      return;
    }
    const { descending, width, merge } = running;
    const key = this.#operand(running.key, 0);
    const elements =
      merge === undefined ? '' : ` from ${merge.width} (${this.#operand(merge.elements, 0)})`;
    const direction = descending ? 'descending' : 'ascending';
    this.#lines.push(`order ${direction} ${axis} in ${width} (${key})${elements}`);
  }

  #store({ buffer, index, value, axes, mode, over }: Store): void {
    const target = `${this.#buffer(buffer)}${this.#index(index)}`;
    const text = this.#operand(value, 0);
    const prefix = axes.length === this.#nest.axes.length ? '' : ` for ${this.#axes(axes)}`;
    const scatter = over.length === 0 ? '' : ` over ${this.#axes(over)}`;
    this.#lines.push(`${target} ${STORES[mode]} ${text}${prefix}${scatter}`);
  }

  #axes(axes: readonly Axis[]): string {
    return `[${axes.map((a) => this.#axis(a)).join(', ')}]`;
  }

  #axis(axis: Axis): string {
    return spellName(this.#names.get(axis) ?? axis.name);
  }

  #buffer(buffer: LoopBuffer): string {
    return spellName(this.#buffers.get(buffer) ?? buffer.name);
  }

  /** The text of `e` as an operand: its name if it has or deserves one, parentheses where `level` needs them. */
  #operand(e: Expr, level: number): string {
    const known = this.#names.get(e);
    if (known !== undefined) return spellName(known);
    const [text, own] = this.#inline(e);
    const shared = this.#uses.get(e)! > 1 && !isTrivial(e);
    if (shared || (level > 0 && text.length > LONG && !isTrivial(e))) {
      const name = this.#names.of(e, e.kind === 'reduce' ? reduceNames[e.op] : 't');
      this.#lines.push(`let ${spellName(name)} = ${text}`);
      return spellName(name);
    }
    return own < level ? `(${text})` : text;
  }

  /** The text of `e` and how tightly it binds (4: needs no parentheses anywhere). */
  #inline(e: Expr): readonly [string, number] {
    switch (e.kind) {
      case 'const':
        return [spellNumber(e.value, e.dtype), 4];
      case 'acc':
        return [e.name, 4];
      case 'index':
        return [`index(${this.#idx(e.idx, 0)})`, 4];
      case 'load':
        return [`${this.#buffer(e.buffer)}${this.#index(e.index)}`, 4];
      case 'op': {
        const row = INFIX[e.op];
        if (row === undefined)
          return [`${e.op}(${e.args.map((a) => this.#operand(a, 1)).join(', ')})`, 4];
        const [left, right] = e.args as readonly [Expr, Expr];
        const text = `${this.#operand(left, row.left)} ${row.symbol} ${this.#operand(right, row.right)}`;
        return [text, row.level];
      }
      case 'cast':
        return [`${shortName(e.dtype)}(${this.#operand(e.arg, 1)})`, 4];
      case 'guard': {
        const bounds = e.bounds.map((b) => `${b.lo} <= ${this.#idx(b.idx, 2)} < ${b.hi}`);
        const then = this.#operand(e.then, 1);
        return [`if ${bounds.join(', ')} then ${then} else ${this.#operand(e.otherwise, 1)}`, 0];
      }
      case 'reduce':
        return [`reduce ${e.op} ${this.#axes(e.axes)} (${this.#operand(e.body, 1)})`, 4];
      default:
        return e satisfies never;
    }
  }

  #index(index: readonly Idx[]): string {
    return `[${index.map((i) => this.#idx(i, 0)).join(', ')}]`;
  }

  /** Terms in the order of the nest's axes, positive ones first, the constant last. */
  #idx(idx: Idx, level: number): string {
    const terms = idx.terms
      .map((term) => ({ term, text: this.#atom(term.atom), rank: this.#rank(term) }))
      .sort((x, y) => x.rank - y.rank || (x.text < y.text ? -1 : 1));
    let text = '';
    for (const { term, text: atom } of terms) {
      const minus = text !== '' && term.coef < 0;
      const coef = minus ? -term.coef : term.coef;
      const product = coef === 1 ? atom : `${atom} * ${coef}`;
      text += text === '' ? product : `${minus ? ' - ' : ' + '}${product}`;
    }
    const { constant } = idx;
    if (text === '') return String(constant);
    if (constant !== 0) text += constant < 0 ? ` - ${-constant}` : ` + ${constant}`;
    const [first] = terms;
    const own =
      terms.length > 1 || constant !== 0
        ? 2
        : first!.term.coef === 1
          ? atomLevel(first!.term.atom)
          : 3;
    return own < level ? `(${text})` : text;
  }

  #rank({ coef, atom }: Term): number {
    const position = atom.kind === 'axis' ? this.#position.get(atom.axis)! : this.#position.size;
    return coef > 0 ? position : position + this.#position.size + 1;
  }

  #atom(atom: Atom): string {
    switch (atom.kind) {
      case 'axis':
        return this.#axis(atom.axis);
      case 'div':
      case 'mod':
        return `${this.#idx(atom.arg, 3)} ${atom.kind} ${atom.by}`;
      case 'opaque':
        return `value(${this.#operand(atom.ref as Expr, 1)}, ${atom.lo}, ${atom.hi})`;
      default:
        return atom satisfies never;
    }
  }
}

const atomLevel = (atom: Atom): number => (atom.kind === 'div' || atom.kind === 'mod' ? 3 : 4);

const opaquesOf = (idx: Idx): readonly Expr[] =>
  idx.terms.flatMap(({ atom }) => {
    if (atom.kind === 'opaque') return [atom.ref as Expr];
    return atom.kind === 'div' || atom.kind === 'mod' ? opaquesOf(atom.arg) : [];
  });

/** Short enough to be repeated: constants, positions and loads at plain indices. */
const isTrivial = (e: Expr): boolean =>
  e.kind === 'const' ||
  e.kind === 'acc' ||
  (indicesOf(e).length > 0 && e.kind !== 'guard' && operandsOf(e).length === 0) ||
  (e.kind === 'load' && e.index.length === 0);
