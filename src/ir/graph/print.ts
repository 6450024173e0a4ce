/**
 * Graphs as `.tg` text: what golden tests, bug reports and `tigon compile` use.
 *
 * Invariant: equal graphs print to the same text, and `parseGraph` reads it back to an equal graph; attributes that
 * have their default value are left out.
 */
import { type DType, shortName } from '../dtype.ts';
import { Names, spellDouble, spellFloat, spellName, spellValue } from '../text/words.ts';
import { showType } from '../type.ts';
import {
  type AttrKind,
  type AttrValue,
  type Graph,
  isBody,
  type Node,
  topological,
} from './graph.ts';

export interface PrintGraphOptions {
  /** Adds where the user asked for each node, as a comment. */
  readonly origins?: boolean;
}

/**
 * The text of a graph.
 *
 * @throws nothing
 *
 * @example
 * const graph = ir.parseGraph('graph (%x: f32[4]) { %a = exp %x  return %a }');
 * ir.printGraph(graph);
 * // graph main(%x: f32[4]) {
 * //   %0: f32[4] = exp %x
 * //   return %0
 * // }
 */
export const printGraph = (graph: Graph, options: PrintGraphOptions = {}): string => {
  const names = nameNodes(graph);
  const name = (node: Node): string => spellValue(names.get(node)!);
  const lines = topological(graph)
    .filter((node) => node.op.name !== 'input')
    .map((node) => {
      const operands = node.inputs.map(name).join(', ');
      const attrs = showAttrs(node);
      const origin = options.origins && node.origin !== undefined ? `  // ${node.origin}` : '';
      const call = [node.op.name, operands, attrs].filter((part) => part !== '').join(' ');
      return `  ${name(node)}: ${showType(node.type)} = ${call}${origin}\n`;
    });
  const assigns = graph.assigns.map((a) => `  assign ${name(a.target)}, ${name(a.value)}\n`);
  const outputs = graph.outputs.map(name).join(', ');
  return `graph ${spellName(graph.name)}(${graph.inputs.map((x) => showInput(x, name(x))).join(', ')}) {
${lines.join('')}${assigns.join('')}  return${outputs === '' ? '' : ` ${outputs}`}
}
`;
};

/** Names of all nodes as the text has them (without `%`): inputs keep theirs, the others are numbered. */
export const nameNodes = (graph: Graph): ReadonlyMap<Node, string> => {
  const names = new Names<Node>();
  const result = new Map<Node, string>();
  for (const node of graph.inputs) result.set(node, names.of(node, String(node.attrs['name'])));
  let next = 0;
  for (const node of topological(graph)) {
    if (result.has(node)) continue;
    while (names.has(String(next))) next++;
    result.set(node, names.of(node, String(next)));
  }
  return result;
};

const showInput = (node: Node, name: string): string => {
  const { role, strides } = node.attrs;
  const prefix = role === 'input' ? '' : `${role} `;
  const view = Array.isArray(strides) ? ` strides ${showList(strides)}` : '';
  return `${prefix}${name}: ${showType(node.type)}${view}`;
};

const showAttrs = (node: Node): string => {
  const shown = Object.entries(node.op.schema).flatMap(([key, field]) => {
    const value = node.attrs[key];
    return value === undefined || (field.default !== undefined && sameAttr(value, field.default))
      ? []
      : [`${key}=${showAttr(node, key, field.kind, value)}`];
  });
  return shown.length === 0 ? '' : `{${shown.join(', ')}}`;
};

const showAttr = (node: Node, key: string, kind: AttrKind, value: AttrValue): string => {
  if (isBody(value)) return printGraph(value).trimEnd().replace(/\n/g, '\n  ');
  if (typeof value === 'object') return showList(value);
  if (kind === 'dtype') return shortName(value as DType);
  return typeof value === 'number' ? showNumber(node, key, value) : JSON.stringify(value);
};

/** The digits of a float32 where the op rounds what it is given to one; else all that the number has. */
const showNumber = ({ op, attrs }: Node, key: string, value: number): string => {
  if (Number.isInteger(value)) return spellDouble(value);
  const short = spellFloat(value);
  const read = { ...attrs, [key]: Number(short) };
  const meant = (op.normalize?.(read) ?? read)[key] as number;
  return Object.is(meant, value) ? short : spellDouble(value);
};

const showList = (values: readonly number[]): string => `[${values.map(spellDouble).join(', ')}]`;

/** Equality of attributes: lists by their elements, numbers by `Object.is`. */
const sameAttr = (a: AttrValue, b: AttrValue): boolean =>
  typeof a === 'object' && typeof b === 'object' && !isBody(a) && !isBody(b)
    ? a.length === b.length && a.every((x, i) => Object.is(x, b[i]))
    : Object.is(a, b);
