/**
 * `summary()`: layers, result shapes and parameter counts of a block, for one set of inputs; and blocks as text.
 *
 * Invariant: runs the block once, imperatively and without recording; changes nothing but deferred shapes.
 */
import { attempted } from '../attempt.ts';
import { withMode } from '../mode.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { mapArrays } from '../signature.ts';
import type { Block, HookHandle } from './block.ts';
import { blocksIn, membersOf, parametersIn } from './structure.ts';

interface Line {
  readonly layer: string;
  readonly output: string;
  readonly count: number;
}

const showShapes = (value: unknown): string => {
  const shapes: string[] = [];
  mapArrays(value, (x: NDArray) => shapes.push(`[${x.shape.join(', ')}]`));
  return shapes.join(', ');
};

export const summaryOf = (block: Block, args: readonly unknown[]): string => {
  const lines: Line[] = [];
  const handles: HookHandle[] = [];
  for (const { path, block: part } of blocksIn(block)) {
    const depth = path === '' ? 0 : path.split('.').length;
    const name = path === '' ? part.constructor.name : `${path} (${part.constructor.name})`;
    handles.push(
      part.registerForwardHook((_block, _inputs, result) => {
        let count = 0;
        for (const member of membersOf(part))
          if (member.kind === 'parameter')
            count += member.parameter.shape.reduce((n, d) => n * d, 1);
        lines.push({ layer: `${'  '.repeat(depth)}${name}`, output: showShapes(result), count });
      }),
    );
  }
  try {
    withMode({ recording: false, taping: false, training: false, imperative: true }, () =>
      attempted(() => block.run(args)),
    );
  } finally {
    for (const handle of handles) handle.detach();
  }
  const all = [...parametersIn(block).values()];
  const size = (trainable: boolean): number =>
    all
      .filter((p) => (p.gradReq !== 'null') === trainable)
      .reduce((sum, p) => sum + p.shape.reduce((n, d) => n * d, 1), 0);
  const input = args.filter(isNDArray).map((x) => `[${x.shape.join(', ')}]`);
  const rows = [
    { layer: 'Layer', output: 'Output', count: 'Parameters' },
    { layer: 'input', output: input.join(', '), count: '0' },
    ...lines.map((l) => ({ ...l, count: l.count.toLocaleString('en') })),
  ];
  const width = (key: 'layer' | 'output' | 'count'): number =>
    Math.max(...rows.map((r) => r[key].length));
  const [a, b, c] = [width('layer'), width('output'), width('count')];
  const text = rows.map(
    (r) => `${r.layer.padEnd(a)}  ${r.output.padEnd(b)}  ${r.count.padStart(c)}`,
  );
  const rule = '-'.repeat(a + b + c + 4);
  return [
    text[0],
    rule,
    ...text.slice(1),
    rule,
    `trainable ${size(true).toLocaleString('en')}, not trainable ${size(false).toLocaleString('en')}`,
  ].join('\n');
};

/** A block and what is in it, as text: `Net(\n  hidden: Dense(weight [4, 3], bias [4])\n)`. */
export const treeOf = (block: Block, indent = ''): string => {
  const members = membersOf(block);
  const own = members.flatMap((m) =>
    m.kind === 'parameter' ? [`${m.path} [${m.parameter.shape.join(', ')}]`] : [],
  );
  const inner = `${indent}  `;
  const lines = members.flatMap((m) =>
    m.kind === 'block' ? [`${inner}${m.path}: ${treeOf(m.block, inner)}`] : [],
  );
  const { name } = block.constructor;
  return lines.length === 0
    ? `${name}(${own.join(', ')})`
    : `${name}(${own.join(', ')}\n${lines.join('\n')}\n${indent})`;
};
