/**
 * A compiled graph as a picture: nodes grouped by the kernel that computes them, in the DOT language.
 *
 * Invariant: the text is valid DOT whatever the names are; layout is left to a graph-drawing library.
 */
import { TigonError } from '../ir/errors.ts';
import { type Graph, type Node, topological } from '../ir/graph/graph.ts';
import { nameNodes } from '../ir/graph/print.ts';
import { showType } from '../ir/type.ts';

const FILL: Readonly<Record<Node['op']['kind'], string>> = {
  leaf: '#eeeeee',
  map: '#d7e8fa',
  view: '#f7f7f7',
  reduce: '#fde3c8',
  contract: '#cdeccd',
  gather: '#e6d9f2',
  scatter: '#e6d9f2',
  running: '#d9ecf2',
  composite: '#fff3b8',
  loop: '#f5c6cb',
};

const quote = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

/**
 * The DOT text of a graph.
 *
 * @throws nothing
 *
 * @example graphDot(ir.parseGraph('graph (%x: f32[4]) { %a = exp %x  return %a }')).startsWith('digraph');   // true
 */
export const graphDot = (graph: Graph): string => {
  const names = nameNodes(graph);
  const outputs = new Set(graph.outputs);
  const lines: string[] = [];
  for (const node of [...new Set([...graph.inputs, ...topological(graph)])]) {
    const isInput = node.op.name === 'input';
    const title = isInput ? `%${names.get(node)}` : node.op.name;
    const label = `${title}\n${showType(node.type)}`;
    const shape = isInput ? 'ellipse' : 'box';
    const edge = outputs.has(node) ? ', penwidth=2' : '';
    lines.push(
      `  n${node.id} [label=${quote(label).replaceAll('\n', '\\n')}, shape=${shape}, style="filled,rounded", fillcolor="${FILL[node.op.kind]}"${edge}];`,
    );
    for (const x of node.inputs) lines.push(`  n${x.id} -> n${node.id};`);
  }
  for (const { target, value } of graph.assigns)
    lines.push(`  n${value.id} -> n${target.id} [style=dashed, label="assign", constraint=false];`);
  return `digraph ${quote(graph.name)} {
  rankdir=TB;
  node [fontname="Helvetica", fontsize=10];
${lines.join('\n')}
}
`;
};

/**
 * Lays DOT text out as SVG. Needs the optional package `@hpcc-js/wasm-graphviz`.
 *
 * @throws {OptionError} without the package
 * @throws {ValueError} for what is no DOT text
 *
 * @example await dotToSvg('digraph { a -> b }');
 */
export const dotToSvg = async (dot: string): Promise<string> => {
  const { Graphviz } = await import('@hpcc-js/wasm-graphviz').catch((cause: unknown) => {
    throw new TigonError(
      'option',
      'drawing a graph as SVG needs the package @hpcc-js/wasm-graphviz',
      `npm install @hpcc-js/wasm-graphviz, or write DOT text and draw it with Graphviz (${String(cause)})`,
    );
  });
  const graphviz = await Graphviz.load();
  try {
    return graphviz.dot(dot);
  } catch (error) {
    throw new TigonError('value', `dotToSvg: ${(error as Error).message.trim()}`, 'pass DOT text');
  }
};
