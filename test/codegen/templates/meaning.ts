/**
 * What nests mean, as JavaScript: loops over points in double precision, written out once for each nest.
 *
 * Invariant: nothing here shares code with schedules or emitters; every index is computed as it is written, none is
 * taken from one point to the next.
 */
import type { Axis, Idx } from '../../../src/ir/dim.ts';
import type { Expr, LoopBuffer, Nest } from '../../../src/ir/loop/loop.ts';
import { scalarOps } from '../../../src/ir/scalar.ts';

export type Memory = ReadonlyMap<LoopBuffer, Float64Array>;

/** What texts name: numbers, functions and arrays, each with a name of its own. */
class Names {
  readonly #names = new Map<unknown, string>();

  of(value: unknown): string {
    const name = this.#names.get(value) ?? `n${this.#names.size}`;
    this.#names.set(value, name);
    return name;
  }

  /** Runs a text with all of them. */
  run(text: string): void {
    new Function(...this.#names.values(), `'use strict';\n${text}`)(...this.#names.keys());
  }
}

const modulo = (x: number, by: number): number => {
  const rest = x % by;
  return rest < 0 ? rest + by : rest;
};

const axisName = ({ id }: Axis): string => `i${id}`;

const loops = (axes: readonly Axis[], body: string): string =>
  axes.reduceRight((inner, axis) => {
    const i = axisName(axis);
    return `for (let ${i} = 0; ${i} < ${axis.extent}; ${i}++) {\n${inner}\n}`;
  }, body);

/** The text of one nest that reads `from` and writes `to`. */
const nestText = (nest: Nest, from: Memory, to: Memory, names: Names): string => {
  const index = ({ terms, constant }: Idx): string => {
    const parts = terms.map(({ coef, atom }) => {
      switch (atom.kind) {
        case 'axis':
          return `${coef} * ${axisName(atom.axis)}`;
        case 'div':
          return `${coef} * Math.floor(${index(atom.arg)} / ${atom.by})`;
        case 'mod':
          return `${coef} * ${names.of(modulo)}(${index(atom.arg)}, ${atom.by})`;
        case 'opaque':
          return `${coef} * ${value(atom.ref as Expr)}`;
        default:
          return atom satisfies never;
      }
    });
    return `(${[constant, ...parts].join(' + ')})`;
  };
  const place = (memory: Memory, b: LoopBuffer, at: readonly Idx[]): string => {
    const parts = at.map((i, d) => `${index(i)} * ${b.strides[d]!}`);
    return `${names.of(memory.get(b)!)}[${parts.join(' + ') || '0'}]`;
  };
  const value = (e: Expr): string => {
    switch (e.kind) {
      case 'const':
        return names.of(e.value);
      case 'index':
        return index(e.idx);
      case 'op':
        return `${names.of(scalarOps[e.op].value)}(${e.args.map(value).join(', ')})`;
      case 'cast':
        return value(e.arg);
      case 'load':
        return place(from, e.buffer, e.index);
      case 'guard': {
        const bounds = e.bounds.map(({ idx, lo, hi }) => {
          const i = index(idx);
          return `${i} >= ${lo} && ${i} < ${hi}`;
        });
        return `(${bounds.join(' && ') || 'true'} ? ${value(e.then)} : ${value(e.otherwise)})`;
      }
      case 'reduce':
        return `(() => {\nlet sum = 0;\n${loops(e.axes, `sum += ${value(e.body)};`)}\nreturn sum;\n})()`;
      case 'acc':
        return 'acc';
      default:
        return e satisfies never;
    }
  };
  const { contract } = nest;
  const sum = contract && loops(contract.k, `acc += ${value(contract.a)} * ${value(contract.b)};`);
  const stores = nest.stores.map((s) => `${place(to, s.buffer, s.index)} = ${value(s.value)};`);
  return loops(nest.axes, ['let acc = 0;', sum ?? '', ...stores].join('\n'));
};

/** Evaluates nests into copies of the memory. */
export const evaluate = (nests: readonly Nest[], memory: Memory): Memory => {
  const out = new Map([...memory].map(([b, m]) => [b, m.slice()]));
  for (const nest of nests) {
    const names = new Names();
    names.run(nestText(nest, memory, out, names));
  }
  return out;
};
