/**
 * Nets converted to automatic precisions once and for all.
 *
 * Invariant: names and shapes of parameters stay; so do dtypes, unless asked otherwise and only where every use of a
 * parameter is in 16 bits anyway.
 */

import { usersOf } from '../../ir/graph/graph.ts';
import { AUTOCAST, type AutocastOptions, policyOf } from '../autocast.ts';
import { failure } from '../callsite.ts';
import { mode } from '../mode.ts';
import type { NDArray } from '../ndarray.ts';
import { checkList, checkOptions, nearest, shown } from '../options.ts';
import { trace } from '../plan.ts';
import { signature } from '../signature.ts';
import { type HybridBlock, setPrecision } from './block.ts';
import type { Parameter } from './parameter.ts';
import { blocksIn, isBlock } from './structure.ts';

export interface ConvertOptions extends AutocastOptions {
  /** Paths of blocks that stay in the precision of their operands: `['output']`. */
  readonly excluded?: readonly string[];
  /** Arguments of a call: parameters that it uses in 16 bits alone are stored in 16 bits. Default: none are. */
  readonly castParams?: readonly unknown[];
}

/**
 * Makes a block compute with automatic precisions (see `autocast`) wherever it is called, and returns it.
 *
 * Shapes of parameters and results stay.
 *
 * @throws {ValueError} for paths that the block does not have, what is no block, and `castParams` without arrays
 * @throws {OptionError} for options that {@link autocast} refuses
 *
 * @example
 * const first = new nn.Dense(8, { inUnits: 4 });
 * const net = new nn.HybridSequential(first, new nn.Dense(2, { inUnits: 8 }));
 * net.initialize();
 * amp.convertHybridBlock(net, { dtype: 'bfloat16', excluded: ['1'], castParams: [nd.ones([1, 4])] });
 * net(nd.ones([1, 4])).dtype;   // 'float32'
 * first.weight.dtype;   // 'bfloat16'
 */
export const convertHybridBlock = <B extends HybridBlock>(
  block: B,
  options: ConvertOptions = {},
): B => {
  const where = 'amp.convertHybridBlock';
  checkOptions(where, options, [...AUTOCAST, 'excluded', 'castParams']);
  const { excluded = [], castParams, ...own } = options;
  if (!isBlock(block)) throw failure('value', `${where}: ${shown(block)} is no block`);
  checkList(where, 'excluded', excluded, "pass paths in a list: { excluded: ['output'] }");
  if (castParams !== undefined)
    checkList(where, 'castParams', castParams, 'pass arguments in a list: { castParams: [x] }');
  const policy = policyOf(where, own);
  const parts = new Map(blocksIn(block).map((b) => [b.path, b.block]));
  const apart = excluded.map((path) => {
    const part = parts.get(path);
    if (part !== undefined && part !== block) return part;
    const guess = nearest(path, [...parts.keys()].slice(1));
    throw failure(
      'value',
      `${where}: there is no block ${shown(path)}`,
      guess === undefined
        ? `there are ${[...parts.keys()].slice(1).join(', ') || 'none in it'}`
        : `did you mean '${guess}'?`,
    );
  });
  setPrecision(block, policy);
  for (const part of apart) setPrecision(part, undefined);
  if (castParams !== undefined)
    for (const parameter of usedNarrow(block, castParams, policy.dtype))
      parameter.cast(policy.dtype);
  return block;
};

/** Parameters that a call uses only after casting them to `dtype`. */
const usedNarrow = (
  block: HybridBlock,
  args: readonly unknown[],
  dtype: 'float16' | 'bfloat16',
): Parameter[] => {
  const arrays: NDArray[] = [];
  for (const arg of args) signature(arg, arrays);
  const device = arrays[0]?.device;
  if (device === undefined || mode.trace !== undefined)
    throw failure(
      'value',
      'amp.convertHybridBlock: castParams has no arrays, or this is inside a program',
      'pass the arguments of a call: { castParams: [x] }',
    );
  const { callable, bounds } = trace({
    name: block.constructor.name,
    key: '',
    device,
    body: (...given) => block.invoke(given),
    args,
    arrays,
    keepGradients: false,
  });
  const users = usersOf(callable.graph);
  const narrow = new Set<NDArray>();
  callable.graph.inputs.forEach((input, i) => {
    const bound = bounds[i]!;
    const uses = users.get(input) ?? [];
    const all =
      uses.length > 0 && uses.every((x) => x.op.name === 'cast' && x.type.dtype === dtype);
    if (bound.kind === 'capture' && all) narrow.add(bound.array);
  });
  return block.parameters().filter((p) => p.listData().some((x) => narrow.has(x)));
};
