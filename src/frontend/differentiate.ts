/**
 * Derives backward callables: from a graph and the gradients of its outputs to the gradients of its inputs.
 *
 * Invariant: a backward graph reads inputs, outputs and output gradients of the forward call and recomputes the rest, so
 * only values that exist anyway are kept alive by the tape.
 */
import { GraphBuilder } from '../ir/graph/builder.ts';
import { isBody, type Node } from '../ir/graph/graph.ts';
import { remember } from '../ir/remember.ts';
import { gradients } from '../passes/autodiff.ts';
import { attrsRepeated } from '../passes/repeated.ts';
import { type Callable, callableOf, inline, isScalarInput } from './callable.ts';

/** Where an operand of a backward graph comes from. */
export interface Take {
  readonly from: 'input' | 'output' | 'dy';
  readonly index: number;
}

export interface Backward {
  /** Undefined when no gradient flows. */
  readonly callable: Callable | undefined;
  readonly takes: readonly Take[];
  /** For each input of the forward graph: the output of `callable` that is its gradient, or -1. */
  readonly gives: readonly number[];
}

/**
 * The backward of `callable`. `wanted` and `given` hold a `1` for each input that wants a gradient and each output that
 * has one, `0` for the others.
 */
export const backwardOf = (callable: Callable, wanted: string, given: string): Backward => {
  const make = (): Backward => callable.differentiate?.() ?? derive(callable, wanted, given, true);
  return remember(callable.backwards, `${wanted}|${given}`, make);
};

/** `reuse`: outputs of the forward call may be read; otherwise all is computed from its inputs. */
export const derive = (
  { graph, recipe }: Pick<Callable, 'graph' | 'recipe'>,
  wanted: string,
  given: string,
  reuse: boolean,
): Backward => {
  const builder = new GraphBuilder();
  const inputs = graph.inputs.map((n) => copyInput(builder, n));
  const became = inline(graph, builder, inputs);
  const outputs = graph.outputs.map((n) => became.get(n)!);
  const from = new Map<Node, Take>();
  inputs.forEach((n, index) => {
    from.set(n, { from: 'input', index });
  });
  const present = outputs.flatMap((n, index) => {
    if (given[index] !== '1') return [];
    const dy = builder.input(n.type, { name: `d${index}` });
    from.set(dy, { from: 'dy', index });
    return [{ n, dy }];
  });
  const wrt = inputs.filter((_, i) => wanted[i] === '1');
  const grads = gradients(
    builder,
    present.map((p) => p.n),
    present.map((p) => p.dy),
    wrt,
  );
  outputs.forEach((n, index) => {
    if (reuse && n.op.kind !== 'leaf' && n.op.kind !== 'view')
      from.set(n, { from: 'output', index });
  });
  return cut({ name: graph.name, recipe }, from, new Set(became.values()), wrt, grads, inputs);
};

/**
 * The graph of `grads` (the gradients of `wrt`) alone, with every node in `from` made an input; what is left of the forward
 * graph (`copies`) is computed again.
 */
const cut = (
  { name, recipe }: Pick<Callable, 'name' | 'recipe'>,
  from: ReadonlyMap<Node, Take>,
  copies: ReadonlySet<Node>,
  wrt: readonly Node[],
  grads: readonly (Node | null)[],
  inputs: readonly Node[],
): Backward => {
  const live = grads.filter((g) => g !== null);
  if (live.length === 0) return { callable: undefined, takes: [], gives: inputs.map(() => -1) };
  const builder = new GraphBuilder();
  const takes: Take[] = [];
  const became = new Map<Node, Node>();
  const visit = (root: Node): void => {
    const stack = [root];
    while (stack.length > 0) {
      const node = stack[stack.length - 1]!;
      if (became.has(node)) {
        stack.pop();
        continue;
      }
      const take = from.get(node);
      if (take !== undefined) {
        became.set(node, copyInput(builder, node, `${take.from}${take.index}`));
        takes.push(take);
        continue;
      }
      const open = node.inputs.filter((x) => !became.has(x));
      if (open.length > 0) stack.push(...open);
      else
        became.set(
          node,
          builder.emit(
            node.op,
            node.inputs.map((x) => became.get(x)!),
            copies.has(node) || isBody(node.attrs['body']) ? attrsRepeated(node) : node.attrs,
          ),
        );
    }
  };
  live.forEach(visit);
  const outputs = live.map((g) => became.get(g)!);
  let next = 0;
  const positions = new Map(wrt.map((n, i) => [n, grads[i] === null ? -1 : next++]));
  return {
    callable: callableOf(builder.graph(`${name}.backward`, outputs), undefined, {
      ...recipe,
      held: [],
    }),
    takes,
    gives: inputs.map((n) => positions.get(n) ?? -1),
  };
};

const copyInput = (builder: GraphBuilder, node: Node, name?: string): Node =>
  builder.input(node.type, {
    name: name ?? String(node.attrs['name'] ?? ''),
    role: isScalarInput(node) ? 'scalar' : 'input',
  });
